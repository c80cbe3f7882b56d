# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings: what a step looked at, what it saw, and what follows.

Every step of the chain appends findings to one list. Their form is the ``finding`` definition of
``docs/schemas/report.schema.json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.checks import valid_hours

Finding = dict[str, Any]

PASS = "pass"  # noqa: S105 - a status, not a password
FAIL = "fail"
UNPROVEN = "unproven"
NOT_APPLICABLE = "not_applicable"
STATUSES = (PASS, FAIL, UNPROVEN, NOT_APPLICABLE)
#: The verdict on what has no finding: never the status of a finding.
NOT_RUN = "not_run"

#: The fields of a finding, in the order in which they are written.
FIELDS = ("id", "item", "subject", "region", "status", "detail", "remedy", "evidence", "observed_at", "expires_at")
#: What a finding of an earlier run carries too.
TAKEN_OVER_FIELDS = ("run_id",)

#: The order of the chain (requirements.md, Execution Order); ``prerequisites`` are what preflight checks, and
#: ``validation`` is what real calls and CloudTrail prove at its end.
ITEMS = {
    "prerequisites": "Inputs, credentials, role and hosts",
    "INFRA-P2-2": "Bedrock model access",
    "INFRA-P2-1": "IAM role permissions",
    "INFRA-P2-3": "Polly voices",
    "INFRA-P2-5": "Environment configuration",
    "INFRA-P2-6": "Smartest.ai integration",
    "INFRA-P2-4": "Security group egress",
    "validation": "Calls from the host and CloudTrail",
}


def timestamp(when: datetime) -> str:
    """Format a moment as the schema wants it: UTC, seconds, ``Z``."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def finding(
    identifier: str,
    item: str,
    subject: str,
    status: str,
    detail: str,
    *,
    region: str | None = None,
    remedy: str = "",
    evidence: Mapping[str, Any] | None = None,
    observed_at: datetime | None = None,
) -> Finding:
    """Build one finding.

    identifier: stable dotted name of the check, ``iam_policy.action_allowed``.
    item: a key of :data:`ITEMS`.
    subject: what was looked at, in AWS's own terms (an ARN, a model ID, a variable's name).
    status: one of :data:`STATUSES`. ``fail`` and ``unproven`` need a remedy.
    detail: one sentence for a person: what was seen.
    evidence: JSON-serialisable facts behind the sentence; never a secret.
    Raises ValueError when the finding would be meaningless.
    """
    if item not in ITEMS:
        raise ValueError(f"{item!r} is no item of the chain: {', '.join(ITEMS)}")
    if status not in STATUSES:
        raise ValueError(f"{status!r} is no status: {', '.join(STATUSES)}")
    if status in (FAIL, UNPROVEN) and not remedy:
        raise ValueError(f"{identifier} is {status} and names no remedy")
    seen = observed_at or datetime.now(timezone.utc)
    return {
        "id": identifier,
        "item": item,
        "subject": subject,
        "region": region,
        "status": status,
        "detail": detail,
        "remedy": remedy,
        "evidence": dict(evidence or {}),
        "observed_at": timestamp(seen),
        "expires_at": timestamp(seen + timedelta(hours=valid_hours(identifier))),
    }


def moment(text: str) -> datetime:
    """Read what :func:`timestamp` wrote; raise ValueError for another form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def with_status(findings: Iterable[Finding], *statuses: str) -> list[Finding]:
    """Return the findings that have one of the statuses, in order."""
    return [each for each in findings if each["status"] in statuses]


def checked(findings: Any) -> list[Finding]:
    """Return the findings as they are, or raise ValueError naming each that is not in the form of :func:`finding`."""
    if not isinstance(findings, list) or not findings:
        raise ValueError(
            "a list with at least one finding is wanted: "
            "a step that had nothing to look at says so with the status not_applicable"
        )
    faults = [f"finding {index}: {fault}" for index, each in enumerate(findings) for fault in _faults(each)]
    if faults:
        raise ValueError("; ".join(faults))
    return findings


def _faults(each: Any) -> list[str]:
    if not isinstance(each, Mapping):
        return [f"it is a {type(each).__name__}, not a mapping"]
    missing = [name for name in FIELDS if name not in each]
    unknown = [str(name) for name in each if name not in (*FIELDS, *TAKEN_OVER_FIELDS)]
    if missing or unknown:
        return [
            f"{fault}: {', '.join(names)}" for fault, names in (("missing", missing), ("unknown", unknown)) if names
        ]
    return [f"{name} is {each.get(name)!r}, not {wanted}" for name, (wanted, holds) in _FORM.items() if not holds(each)]


def _is_moment(text: Any) -> bool:
    return isinstance(text, str) and _MOMENT.match(text) is not None


def _is_text(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip())


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

#: For each field what it should be, and whether it is.
_FORM: dict[str, tuple[str, Callable[[Mapping[str, Any]], bool]]] = {
    "id": ("the name of a check", lambda each: _is_text(each["id"])),
    "item": (f"one of {', '.join(ITEMS)}", lambda each: _is_text(each["item"]) and each["item"] in ITEMS),
    "subject": ("what was looked at", lambda each: _is_text(each["subject"])),
    "region": ("a region or null", lambda each: each["region"] is None or _is_text(each["region"])),
    "status": (f"one of {', '.join(STATUSES)}", lambda each: each["status"] in STATUSES),
    "detail": ("a sentence", lambda each: _is_text(each["detail"])),
    "remedy": (
        "what to do, which fail and unproven need",
        lambda each: (
            isinstance(each["remedy"], str) and (each["status"] not in (FAIL, UNPROVEN) or _is_text(each["remedy"]))
        ),
    ),
    "evidence": ("a mapping", lambda each: isinstance(each["evidence"], Mapping)),
    "observed_at": ("a moment like 2026-11-23T06:00:00Z", lambda each: _is_moment(each["observed_at"])),
    "expires_at": ("a moment like 2026-11-23T06:00:00Z", lambda each: _is_moment(each["expires_at"])),
    "run_id": ("the run that observed it", lambda each: "run_id" not in each or _is_text(each["run_id"])),
}


def stopping(findings: Iterable[Finding], strict: bool = False) -> list[Finding]:
    """Return the findings that end a run: the failures, and with ``strict`` what is unproven, too."""
    return with_status(findings, FAIL, *((UNPROVEN,) if strict else ()))


def alike(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Group the findings that say the same of different subjects and ask for the same, in the order of the first."""
    groups: dict[tuple[Any, ...], list[Finding]] = {}
    for each in findings:
        groups.setdefault(tuple(each[name] for name in ("item", "status", "detail", "remedy")), []).append(each)
    return list(groups.values())


def subjects(findings: Iterable[Finding]) -> str:
    """Name the subjects of findings, each with its region."""
    return ", ".join(each["subject"] + (f" in {each['region']}" if each["region"] else "") for each in findings)


def explain(findings: Iterable[Finding]) -> str:
    """Say what was found wrong and what to do, a paragraph for findings that are alike, for an error message."""
    paragraphs = []
    for group in alike(findings):
        first = group[0]
        remedy = f" Remedy: {first['remedy']}" if first["remedy"] else ""
        paragraphs.append(f"{first['item']} {subjects(group)}: {first['detail']}{remedy}")
    return "\n".join(paragraphs)
