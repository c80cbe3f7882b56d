# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings: what a step looked at, what it saw, and what follows.

Every step of the chain appends findings to one list. Their form is the ``finding`` definition of
``docs/schemas/report.schema.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

Finding = Dict[str, Any]

PASS = "pass"  # noqa: S105 - a status, not a password
FAIL = "fail"
UNPROVEN = "unproven"
NOT_APPLICABLE = "not_applicable"
STATUSES = (PASS, FAIL, UNPROVEN, NOT_APPLICABLE)

#: The order of the chain (requirements.md, Execution Order); ``prerequisites`` are what preflight checks.
ITEMS = {
    "prerequisites": "Inputs, credentials, role and hosts",
    "INFRA-P2-2": "Bedrock model access",
    "INFRA-P2-1": "IAM role permissions",
    "INFRA-P2-3": "Polly voices",
    "INFRA-P2-5": "Environment configuration",
    "INFRA-P2-6": "Smartest.ai integration",
    "INFRA-P2-4": "Security group egress",
}

#: How long a proof holds before it has to be looked at again, in hours.
DEFAULT_VALID_HOURS = 24


def timestamp(moment: datetime) -> str:
    """Format a moment as the schema wants it: UTC, seconds, ``Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def finding(
    identifier: str,
    item: str,
    subject: str,
    status: str,
    detail: str,
    *,
    region: Optional[str] = None,
    remedy: str = "",
    evidence: Optional[Mapping[str, Any]] = None,
    observed_at: Optional[datetime] = None,
    valid_hours: int = DEFAULT_VALID_HOURS,
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
        "expires_at": timestamp(seen + timedelta(hours=valid_hours)),
    }


def with_status(findings: Iterable[Finding], *statuses: str) -> List[Finding]:
    """Return the findings that have one of the statuses, in order."""
    return [each for each in findings if each["status"] in statuses]


def explain(findings: Iterable[Finding]) -> str:
    """Say what was found wrong and what to do, a paragraph a finding, for an error message."""
    paragraphs = []
    for each in findings:
        where = f" in {each['region']}" if each["region"] else ""
        remedy = f" Remedy: {each['remedy']}" if each["remedy"] else ""
        paragraphs.append(f"{each['item']} {each['subject']}{where}: {each['detail']}{remedy}")
    return "\n".join(paragraphs)
