# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the residency guard denies what it must, and nothing more, from what iam_role_access_info returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import FAIL, PASS, UNPROVEN, Finding, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import EXPLICIT_DENY
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import BOUNDARY, PLANNED
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_guard import is_guard

Access = Mapping[str, Any]
Row = Mapping[str, Any]

ITEM = "INFRA-P2-1"
IDENTIFIER = "iam_policy.residency_guard"
TOO_TIGHT = (
    "The residency guard is too tight. Run the step again, so that the destinations of the inference profiles are read "
    "anew, or set iam_policy_residency_guard to false."
)


def is_replaced_guard(place: Row, policy_name: str) -> bool:
    """Tell whether a statement is of the guard as it stands there, which the next change replaces."""
    return place["policy"] == policy_name and place["policy_type"] not in (PLANNED, BOUNDARY) and is_guard(place["sid"])


def only_by_replaced_guard(row: Row, policy_name: str) -> bool:
    """Tell whether nothing but the guard as it stands there denies something."""
    matched = row["matched_statements"]
    return (
        row["decision"] == EXPLICIT_DENY
        and bool(matched)
        and all(is_replaced_guard(each, policy_name) for each in matched)
    )


def residency_guard_findings(
    access: Access, policy_name: str, document: Mapping[str, Any], planned: bool
) -> list[Finding]:
    """Return what was proven of the guard, nothing where the policy shall have none."""
    if not any(is_guard(statement.get("Sid")) for statement in document["Statement"]):
        return []
    rows = [row for row in access["decisions"] if row["expected"] == EXPLICIT_DENY]
    tight = [] if planned else [lock for lock in access["region_locks"] if is_replaced_guard(lock, policy_name)]
    return [*_too_tight(tight), *(_denied(rows, policy_name, planned) if rows else [_not_asked(policy_name)])]


def _too_tight(locks: Iterable[Row]) -> Iterator[Finding]:
    for lock in locks:
        for region in lock["regions"]:
            yield finding(
                IDENTIFIER,
                ITEM,
                f"statement {lock['sid']} of policy {lock['policy']}",
                FAIL,
                lock["explanation"],
                region=region,
                remedy=TOO_TIGHT,
                evidence=dict(lock),
            )


def _not_asked(policy_name: str) -> Finding:
    return finding(
        IDENTIFIER,
        ITEM,
        f"residency guard of {policy_name}",
        UNPROVEN,
        "Nothing was asked for that the guard must deny.",
        remedy="Name iam_policy_control_region and iam_policy_control_profile.",
    )


def _denied(rows: Sequence[Row], policy_name: str, planned: bool) -> Iterator[Finding]:
    for region in dict.fromkeys(row["region"] for row in rows):
        group = [row for row in rows if row["region"] == region]
        passing = [row for row in group if row["decision"] != EXPLICIT_DENY]
        by = ", ".join(dict.fromkeys(each["sid"] for row in group for each in row["matched_statements"] if each["sid"]))
        what = f"explicitly {len(group)} calls that nothing configured takes" + (f" ({by})" if by else "")
        if passing:
            reasons = (f"{row['action']} on {row['resource']} is {row['decision']}" for row in passing)
            status, detail = FAIL, f"The guard does not deny {'; '.join(dict.fromkeys(reasons))}."
            remedy = "Run the step again, and look for what else changes the role's policies."
        elif planned:
            status, detail, remedy = UNPROVEN, f"The simulation would deny {what}.", "Run without check mode."
        else:
            status, detail, remedy = PASS, f"The simulation denies {what}.", ""
        subject, evidence = f"residency guard of {policy_name}", {"decisions": group}
        yield finding(IDENTIFIER, ITEM, subject, status, detail, region=region, remedy=remedy, evidence=evidence)
