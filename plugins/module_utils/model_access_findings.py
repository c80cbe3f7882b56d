# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the readiness of the configured models means for the chain (INFRA-P2-2): findings, what to wait for, IDs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import model_lifecycle
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_access_request import MENDABLE
from ansible_collections.safesecrets.infra.plugins.module_utils.model_readiness import (
    READY,
    name_route,
    name_successors,
    unmet,
)

Row = dict[str, Any]
Regions = Mapping[str, Mapping[str, Any]]

ITEM = "INFRA-P2-2"
IDENTIFIER = "bedrock_access.model_ready"
LIFECYCLE_IDENTIFIER = "bedrock_access.model_lifecycle"

#: What the environment may name: models that were found invocable, or whatever is configured.
INVOCABLE, CONFIGURED = "invocable", "configured"

TERMS_ELSEWHERE = "in the model catalog of the Bedrock console"

#: Row keys that stand behind a verdict.
EVIDENCE = (
    "code",
    "required",
    "state",
    "owner",
    "reason",
    "stages",
    "route",
    "foundation_model_id",
    "model_arn",
    "model_name",
    "lifecycle",
    "inference_types_supported",
    "inference_profile",
    "inference_profiles",
    "agreement_availability",
    "authorization_status",
    "entitlement_availability",
    "region_availability",
    "use_case_submitted",
    "legal_terms_url",
    "successors",
)


@dataclass(frozen=True)
class Verdict:
    """Status, sentence and remedy of a finding."""

    status: str
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class _Run:
    """What the verdicts depend on besides the model: the arguments of :func:`findings_of_models`."""

    check_mode: bool
    waited_minutes: float | None
    environment_models: str


def model_requests(regions: Regions) -> list[Row]:
    """Return region and model ID of each configured model, once."""
    wanted = {(row["region"], row["model_id"]): None for row in configured(regions)}
    return [{"region": region, "model_id": model_id} for region, model_id in wanted]


def configured(regions: Regions) -> list[Row]:
    """Return one row per configured model and region code: code, region, model_id, required."""
    return [
        {"code": code, "region": region["region"], "model_id": model_id, "required": required}
        for code, region in regions.items()
        for key, required in (("allowlist", True), ("optional", False))
        for model_id in region["models"].get(key, [])
    ]


def configured_models(models: Iterable[Row], regions: Regions, access: Mapping[str, Any]) -> list[Row]:
    """Return ``safesecrets_models``: the row of each configured model with code, required and requested.

    models: rows of ``bedrock_model_access_info``.
    access: the result of ``bedrock_model_access``, empty when nothing was requested.
    """
    seen = {(row["region"], row["model_id"]): row for row in models}
    agreements = {(row["region"], row["model_id"]) for row in access.get("agreements", []) if row["requested"]}
    form_submitted = bool(access.get("use_case_regions"))
    rows = []
    for request in configured(regions):
        key = (request["region"], request["model_id"])
        row = seen[key]
        form = form_submitted and "use_case_form" in unmet(row)
        rows.append({**row, **request, "requested": key in agreements or form})
    return rows


def requestable(rows: Iterable[Row]) -> list[Row]:
    """Return region and model ID of the models that a request would bring nearer."""
    return [
        {"region": row["region"], "model_id": row["model_id"]}
        for row in rows
        if _needs_consent(row)
        and ("use_case_form" in unmet(row) or row["agreement_availability"]["status"] == "NOT_AVAILABLE")
    ]


def form_is_missing(rows: Iterable[Row]) -> bool:
    """Tell whether a model waits for the use-case form."""
    return any(_needs_consent(row) and "use_case_form" in unmet(row) for row in rows)


def awaited(rows: Iterable[Row]) -> list[Row]:
    """Return the models that become ready by themselves, if only one waits."""
    return [row for row in rows if is_awaited(row)]


def _mendable(row: Row) -> bool:
    """Tell whether nothing stands in the way but the use-case form and an agreement that has not failed."""
    missing = unmet(row)
    return bool(missing) and missing <= MENDABLE and row["agreement_availability"]["status"] != "ERROR"


def is_awaited(row: Row) -> bool:
    requested = row.get("requested", False)
    started = unmet(row) == {"agreement"} and row["agreement_availability"]["status"] != "NOT_AVAILABLE"
    return _mendable(row) and (requested or started)


def findings_of_models(
    rows: Iterable[Row],
    check_mode: bool = False,
    waited_minutes: float | None = None,
    environment_models: str = INVOCABLE,
) -> list[Finding]:
    """Judge each configured model in each region.

    rows: ``safesecrets_models``.
    waited_minutes: how long the run has waited; None before the wait.
    environment_models: ``configured`` where the environment names required models that were not found invocable.
    """
    found = []
    run = _Run(check_mode, waited_minutes, environment_models)
    for row in rows:
        verdict = _required(row, run) if row["required"] else _optional(row)
        found.append(
            finding(
                IDENTIFIER,
                ITEM,
                row["model_id"],
                verdict.status,
                verdict.detail,
                region=row["region"],
                remedy=verdict.remedy,
                evidence={key: row[key] for key in EVIDENCE},
            )
        )
    return found


def _optional(row: Row) -> Verdict:
    if row["state"] == READY:
        return _ready(row)
    return Verdict(NOT_APPLICABLE, f"Optional, and not used: {_obstacle(row)['reason']}")


def _required(row: Row, run: _Run) -> Verdict:
    if row["state"] == READY:
        return _ready(row)
    verdict = _on_its_way(row, run) if is_awaited(row) else _not_ready(row)
    if run.environment_models == CONFIGURED and verdict.status == FAIL:
        named = "The environment names it all the same: bedrock_access_environment_models is configured."
        return Verdict(UNPROVEN, f"{verdict.detail} {named}", verdict.remedy)
    return verdict


def _on_its_way(row: Row, run: _Run) -> Verdict:
    if run.check_mode:
        return Verdict(UNPROVEN, f"{row['reason']} {_planned_access(row)}", "Run without check mode.")
    if run.waited_minutes is None:
        return Verdict(
            UNPROVEN,
            f"Access was requested. {row['reason']}",
            "Nothing to do: the step that needs the model (INFRA-P2-5) waits for it.",
        )
    kept = "" if run.environment_models == CONFIGURED else ", and nothing of the environment was changed"
    return Verdict(
        UNPROVEN,
        f"Not ready after waiting {run.waited_minutes:g} minutes{kept}. {row['reason']}",
        "Run again later, and it takes this up: access can take 15 minutes. bedrock_access_wait_minutes sets how "
        "long a run waits.",
    )


def _planned_access(row: Row) -> str:
    """Say in check mode what the run itself would accept, and where its terms can be read."""
    if not row.get("requested"):
        return "Access is on its way."
    what = [f"accepting its terms ({row['legal_terms_url'] or TERMS_ELSEWHERE})"] if row["agreement_offered"] else []
    what += ["submitting the use-case form"] if "use_case_form" in unmet(row) else []
    return f"Access would be requested, {' and '.join(what)}." if what else "Access would be requested."


def _not_ready(row: Row) -> Verdict:
    if _needs_consent(row):
        return Verdict(FAIL, " ".join(problem["reason"] for problem in row["problems"]), _how_to_consent(row))
    obstacle = _obstacle(row)
    return Verdict(FAIL, obstacle["reason"], _remedy(obstacle, row))


def _obstacle(row: Row) -> Row:
    """Return the problem to mend first: one that no request mends, if there is one."""
    others = [problem for problem in row["problems"] if problem["state"] not in MENDABLE]
    return dict((others or row["problems"])[0])


def _needs_consent(row: Row) -> bool:
    return _mendable(row) and row["agreement_offered"] is not False


def _how_to_consent(row: Row) -> str:
    steps = []
    if row["agreement_offered"]:
        steps.append(f"read the terms ({row['legal_terms_url'] or TERMS_ELSEWHERE})")
    if "use_case_form" in unmet(row):
        steps.append("set bedrock_access_use_case to the fields of the form")
    steps.append("set bedrock_access_accept_agreement to true")
    return f"To consent for this account, {', '.join(steps)}, and run playbooks/bedrock_access.yml."


def _remedy(problem: Row, row: Row) -> str:
    if problem["state"] in ("listed", "lifecycle", "region", "route"):
        return f"{problem['remedy']} {_where_the_ids_are(row)}"
    return str(problem["remedy"])


def _where_the_ids_are(row: Row) -> str:
    return f"The IDs are in safesecrets_regions.{row['code']}.models."


def _ready(row: Row) -> Verdict:
    life = row["lifecycle"] or {}
    detail = f"The account has access; the model is called {name_route(row['route'])}."
    if life.get("phase") in (model_lifecycle.LEGACY, model_lifecycle.EXTENDED_ACCESS):
        end = life["end_of_life_time"]
        when = f"ends in {life['days_left']} days, on {end[:10]}" if end else "has no date for its end yet"
        since = (life["public_extended_access_time"] or "")[:10]
        billed = (
            f" Its provider sets the price since {since}." if life["phase"] == model_lifecycle.EXTENDED_ACCESS else ""
        )
        detail += (
            f" It is in {life['phase'].replace('_', ' ')}, and its life {when}: AWS refuses it to an account that has "
            f"not been using it, and only a call tells.{billed}"
        )
        remedy = f"Prove it by a call from the host. {name_successors(row)} {_where_the_ids_are(row)}"
        return Verdict(UNPROVEN, detail, remedy)
    if life.get("end_of_life_time"):
        detail += f" Its life ends on {life['end_of_life_time'][:10]}, in {life['days_left']} days."
    return Verdict(PASS, detail)


def lifecycle_findings(rows: Iterable[Row], warning_days: int) -> list[Finding]:
    """Warn of models that are active and ready, and will not be so for long.

    What is in legacy or beyond has its warning in the finding on its readiness.
    """
    found = []
    for row in rows:
        life = row["lifecycle"] or {}
        near = life.get("days_left") is not None and life["days_left"] <= warning_days
        if not (near and row["state"] == READY and life["phase"] == model_lifecycle.ACTIVE):
            continue
        detail = (
            f"{row['foundation_model_id']} ends on {life['end_of_life_time'][:10]}: {life['days_left']} days are left, "
            f"and bedrock_access_lifecycle_warning_days is {warning_days}."
        )
        found.append(
            finding(
                LIFECYCLE_IDENTIFIER,
                ITEM,
                row["model_id"],
                UNPROVEN,
                detail,
                region=row["region"],
                remedy=f"{name_successors(row)} {_where_the_ids_are(row)}",
                evidence={key: row[key] for key in ("code", "required", "lifecycle", "route", "successors")},
            )
        )
    return found
