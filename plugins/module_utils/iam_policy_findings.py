# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings of the role iam_policy, from what iam_role_access_info returns (``access``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_policy_kinds import (
    INLINE_LIMIT,
    MANAGED_LIMIT,
    characters,
    effective_kinds,
    present_kinds,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_region_locks import (
    BOUNDARY_LAYER,
    ORGANIZATIONS_LAYER,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import (
    ALLOWED,
    EXPECTED_ALLOWED,
    EXPECTED_DENIED,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import INLINE, MANAGED, PLANNED
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_guard import is_guard
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_guard_findings import (
    TOO_TIGHT,
    is_replaced_guard,
    only_by_replaced_guard,
    residency_guard_findings,
)

ITEM = "INFRA-P2-1"

Access = Mapping[str, Any]
Row = Mapping[str, Any]


def iam_policy_obstacles(access: Access, policy_name: str) -> list[Finding]:
    """Return what keeps the planned policy from having its effect, and no more, to be known before the change.

    access: simulated with the planned policy among the policy documents.
    """
    may_fail = [*_trust(access["role"]), *_controls(access["decisions"], policy_name, planned=True)]
    failing = [each for each in may_fail if each["status"] == FAIL]
    locks = [each for each in _locks(access, policy_name) if each["status"] == FAIL]
    return [*failing, *locks, *_unexplained(access)]


def iam_policy_findings(
    access: Access,
    policy_name: str,
    document: Mapping[str, Any],
    planned: bool,
    kinds: Sequence[str] = (INLINE,),
    *,
    former: Access | None = None,
) -> list[Finding]:
    """Return what was proven.

    kinds: what the policy shall be, inline or managed; the other one comes second while it is still there.
    planned: the policy is not written (check mode), and access was simulated with it among the policy documents.
    former: the access before the change, where what changed shall be in the evidence.
    """
    before = {"former_policy_document": _former_document(former, policy_name, kinds)} if former else {}
    return [
        *_trust(access["role"]),
        *_locks(access, policy_name),
        *_undecided(access["undecided_statements"]),
        _regional_allows(access, policy_name),
        *_allowed(access["decisions"], policy_name, planned),
        *_controls(access["decisions"], policy_name, planned),
        *residency_guard_findings(access, policy_name, document, planned),
        _document(access, _Wanted(policy_name, tuple(kinds), document), planned, before),
    ]


def iam_policy_absent_findings(access: Access, policy_name: str, planned: bool) -> list[Finding]:
    """Return whether the policy is gone; planned: it was not taken back, because of check mode."""
    there = present_kinds(access, policy_name)
    subject = f"{access['role']['arn']} {policy_name}"
    evidence = {"policies": _names(access), "kinds": there}
    if not there:
        detail = f"There is no inline and no managed policy {policy_name}."
        return [finding("iam_policy.policy_absent", ITEM, subject, PASS, detail, evidence=evidence)]
    status, remedy = (UNPROVEN, _RUN_IT) if planned else (FAIL, "Run the step again, and look for what writes it.")
    kinds = f"The {' and the '.join(there)} policy"
    detail = f"{kinds} would be taken back." if planned else f"{kinds} is still there after it was taken back."
    return [finding("iam_policy.policy_absent", ITEM, subject, status, detail, remedy=remedy, evidence=evidence)]


_RUN_IT = "Run without check mode."


def _trust(role: Mapping[str, Any]) -> Iterator[Finding]:
    evidence = {"trust_policy": role["trust_policy"]}
    if role["ec2_trusted"]:
        status, detail, remedy = PASS, "The trust policy lets EC2 assume the role.", ""
    elif role["ec2_trusted"] is None:
        status, detail = UNPROVEN, "Whether EC2 may assume the role depends on a condition of its trust policy."
        remedy = "Look at the trust policy, and prove it by a call from the host."
    else:
        status, detail = FAIL, "The trust policy does not let EC2 assume the role, so no host can use its permissions."
        remedy = (
            f"Allow sts:AssumeRole to the service ec2.amazonaws.com in the trust policy of {role['name']}, or name the "
            "role of the host's instance profile in iam_policy_role_name."
        )
    yield finding("iam_policy.ec2_trust", ITEM, role["arn"], status, detail, remedy=remedy, evidence=evidence)


def _lock(lock: Row) -> Iterator[Finding]:
    for region in lock["regions"]:
        yield finding(
            "iam_policy.region_lock",
            ITEM,
            _statement_name(lock),
            FAIL,
            f"{lock['explanation']} The layer is the {lock['layer']}.",
            region=region,
            remedy=TOO_TIGHT
            if lock["policy_type"] == PLANNED and is_guard(lock["sid"])
            else f"{lock['remedy']} This step changes no policy but its own.",
            evidence=dict(lock),
        )


def _unexplained(access: Access) -> Iterator[Finding]:
    """Report what IAM denies in spite of the planned policy, where no statement has been named for it."""
    rows = access["decisions"]
    denied = [row for row in rows if row["expected"] == EXPECTED_ALLOWED and row["decision"] != ALLOWED]
    for (region, action), group in _grouped(denied):
        unknown = [key for each in _about(access["undecided_statements"], region, action) for key in each["keys"]]
        known = f" Or give the host's value of {', '.join(unknown)} in iam_policy_context." if unknown else ""
        if not _about(access["region_locks"], region, action):
            yield finding(
                "iam_policy.region_lock",
                ITEM,
                action,
                FAIL,
                f"It would stay denied in spite of the planned policy: {_reasons(group)}.",
                region=region,
                remedy=_remedy_of_layer(group[0]["layer"], action, region) + known,
                evidence={"decisions": group},
            )


def _about(statements: Iterable[Row], region: str, action: str) -> list[Row]:
    return [each for each in statements if region in each["regions"] and action in each["actions"]]


def _remedy_of_layer(layer: str, action: str, region: str) -> str:
    if layer == ORGANIZATIONS_LAYER:
        return f"Ask the organization's administrator for service control policies that allow {action} in {region}."
    if layer == BOUNDARY_LAYER:
        return f"Allow {action} in {region} in the role's permissions boundary."
    return f"Look at the role's policies for what denies {action} in {region}."


def _reasons(rows: Iterable[Row]) -> str:
    return "; ".join(dict.fromkeys(_reason(row) for row in rows))


def _reason(row: Row) -> str:
    statements = ", ".join(_statement_name(each) for each in row["matched_statements"])
    by = f", {statements}" if statements else ""
    return f"{row['action']} on {row['resource']} is {row['decision']} ({row['layer']}{by})"


def _statement_name(place: Row) -> str:
    if place["index"] is None:
        return f"policy {place['policy']}"
    which = place["sid"] or f"number {place['index'] + 1}"
    return f"statement {which} of policy {place['policy']}"


def _locks(access: Access, policy_name: str) -> Iterator[Finding]:
    """Report what locks; of the guard there are findings of its own."""
    for lock in access["region_locks"]:
        if not is_replaced_guard(lock, policy_name):
            yield from _lock(lock)
    if not access["region_locks"]:
        yield _no_locks(access)


def _no_locks(access: Access) -> Finding:
    rows = [row for row in access["decisions"] if row["expected"] == EXPECTED_ALLOWED]
    regions = list(dict.fromkeys(row["region"] for row in rows))
    names = _names(access)
    detail = f"Nothing in {_counted(names, 'policy', 'policies')} locks {', '.join(regions)}."
    evidence = {"policies": names, "permissions_boundary_arn": access["role"]["permissions_boundary_arn"]}
    return finding("iam_policy.region_locks", ITEM, access["role"]["arn"], PASS, detail, evidence=evidence)


def _names(access: Access) -> list[str]:
    return [f"{each['type']} {each['name']}" for each in access["policies"]]


def _undecided(statements: Iterable[Row]) -> Iterator[Finding]:
    for each in statements:
        keys = ", ".join(each["keys"])
        for region in each["regions"]:
            yield finding(
                "iam_policy.statement_undecided",
                ITEM,
                _statement_name(each),
                UNPROVEN,
                each["explanation"],
                region=region,
                remedy=f"Give the host's value of {keys} in iam_policy_context, or prove it by a call from the host."
                if keys
                else "Prove it by a call from the host.",
                evidence=dict(each),
            )


def _regional_allows(access: Access, policy_name: str) -> Finding:
    """Record the restrictions of other policies that restrict nothing, because Allow statements add up."""
    allows = [each for each in access["regional_allows"] if each["policy"] != policy_name]
    counted = _counted(allows, "Allow statement")
    detail = (
        f"{counted} of other policies limited to regions: no restriction, since Allow statements add up."
        if allows
        else "No Allow statement of another policy is limited to regions."
    )
    evidence = {"regional_allows": allows}
    return finding("iam_policy.regional_allows", ITEM, access["role"]["arn"], PASS, detail, evidence=evidence)


def _allowed(rows: Iterable[Row], policy_name: str, planned: bool) -> Iterator[Finding]:
    for (region, action), group in _grouped(row for row in rows if row["expected"] == EXPECTED_ALLOWED):
        denied = [row for row in group if row["decision"] != ALLOWED]
        if planned:
            denied = [row for row in denied if not only_by_replaced_guard(row, policy_name)]
        on = f"on {_counted(group, 'resource')}"
        if denied:
            status, detail = FAIL, f"The simulation denies it: {_reasons(denied)}."
            remedy = _remedy_of_layer(denied[0]["layer"], action, region)
        elif planned:
            status, detail, remedy = UNPROVEN, f"It would be allowed {on}.", _RUN_IT
        else:
            status, detail, remedy = PASS, f"The simulation allows it {on}.", ""
        evidence = {"decisions": group}
        yield finding(
            "iam_policy.action_allowed", ITEM, action, status, detail, region=region, remedy=remedy, evidence=evidence
        )


def _controls(rows: Sequence[Row], policy_name: str, planned: bool) -> Iterator[Finding]:
    """A control is something that the policy must not allow; without it, "allowed" would prove little."""
    controls = [row for row in rows if row["expected"] == EXPECTED_DENIED]
    if not controls:
        detail = "No control was asked for: iam_policy_control_region and iam_policy_control_model are empty."
        yield finding("iam_policy.control_denied", ITEM, f"{policy_name} and no more", NOT_APPLICABLE, detail)
    for region in dict.fromkeys(row["region"] for row in controls):
        group = [row for row in controls if row["region"] == region]
        allowed = [row for row in group if row["decision"] == ALLOWED]
        outlasting = [row for row in allowed if not (planned and _only_by(policy_name, row))]
        what = f"{_counted(_grouped(group), 'action')} on what is not configured"
        if outlasting:
            status, detail = FAIL, f"More is allowed than configured: {_reasons(outlasting)}."
            remedy = (
                "Narrow that statement, so that the role can use the configured regions and models only, or set "
                "iam_policy_residency_guard to true where it is a region that is too much."
            )
        elif planned:
            status, detail, remedy = UNPROVEN, f"It would deny {what}.", _RUN_IT
        else:
            status, detail, remedy = PASS, f"The simulation denies {what}.", ""
        yield finding(
            "iam_policy.control_denied",
            ITEM,
            f"{policy_name} and no more",
            status,
            detail,
            region=region,
            remedy=remedy,
            evidence={"decisions": group},
        )


def _only_by(policy_name: str, row: Row) -> bool:
    """Tell whether only the policy that is about to be replaced allows something."""
    matched = row["matched_statements"]
    return bool(matched) and all(each["policy"] == policy_name and each["policy_type"] != PLANNED for each in matched)


@dataclass(frozen=True)
class _Wanted:
    """The policy as it shall be."""

    name: str
    kinds: tuple[str, ...]
    document: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What it shall be in the end."""
        return self.kinds[0]


def _document(access: Access, wanted: _Wanted, planned: bool, before: Mapping[str, Any]) -> Finding:
    present, effective = present_kinds(access, wanted.name), effective_kinds(access, wanted.name)
    own = characters([wanted.document])
    inline = [each["document"] for each in access["policies"] if each["type"] == INLINE and each["name"] != wanted.name]
    counted = own if wanted.kind == MANAGED else own + characters(inline)
    limit = MANAGED_LIMIT if wanted.kind == MANAGED else INLINE_LIMIT
    size = f"{own} characters" + (f", {counted} with the role's other inline policies" if counted > own else "")
    if planned:
        status, detail, remedy = UNPROVEN, f"The {wanted.kind} policy would be written", _RUN_IT
    elif present == effective and set(present) == set(wanted.kinds):
        status, detail, remedy = PASS, f"The {wanted.kind} policy is as configured", ""
    else:
        status, remedy = FAIL, "Run the step again, and look for what else changes the role's policies."
        detail = (
            f"The {wanted.kind} policy alone should be there; there is {' and '.join(present) or 'none'}, and for the "
            f"role counts {' and '.join(effective) or 'none'}"
        )
    return finding(
        "iam_policy.policy_document",
        ITEM,
        f"{access['role']['arn']} {wanted.name}",
        status,
        f"{detail}: {size}, of {limit} that IAM accepts.",
        remedy=remedy,
        evidence={
            "policy_name": wanted.name,
            "kind": wanted.kind,
            "managed_policy_arn": (access["managed_policy"] or {}).get("arn"),
            "characters": own,
            "characters_counted": counted,
            "characters_accepted": limit,
            "policy_document": dict(wanted.document),
            **before,
        },
    )


def _former_document(access: Access, policy_name: str, kinds: Sequence[str]) -> dict[str, Any] | None:
    """Return what the policy said before, as the kind that it shall be where it was there as both."""
    there = {each["type"]: each["document"] for each in access["policies"] if each["name"] == policy_name}
    return next((dict(there[kind]) for kind in (*kinds, INLINE, MANAGED) if kind in there), None)


def _grouped(rows: Iterable[Row]) -> list[tuple[tuple[str, str], list[Row]]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["region"], row["action"]), []).append(row)
    return list(groups.items())


def _counted(rows: Sequence[Any], noun: str, plural: str = "") -> str:
    return f"{len(rows)} {noun if len(rows) == 1 else plural or f'{noun}s'}"
