# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings of a run that only looks: what a change would bring, and what could not be looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import FAIL, UNPROVEN, Finding, finding

#: What a finding says to do where check mode held a change back.
_PLAN_REMEDIES = ("Run without check mode.", "Run without --check.")

#: How AWS, botocore and Ansible word that somebody may not look, or cannot.
_NOT_SEEN = re.compile(
    r"AccessDenied|UnauthorizedOperation|not authorized|[Uu]nable to locate credentials|ExpiredToken"
    r"|InvalidClientTokenId|UnrecognizedClient|Could not connect|EndpointConnectionError|timed out"
    r"|[Uu]nreachable|[Pp]ermission denied|password is required|[Mm]issing sudo|could not be (?:read|looked up|assumed)"
)


def preview_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of a look with the remedy that fits where there is no check mode to leave out."""
    return [
        {**each, "remedy": "Run playbooks/site.yml."} if each["remedy"] in _PLAN_REMEDIES else each for each in findings
    ]


def unseen_findings(item: str, subject: str, message: Any) -> list[Finding]:
    """Return what it means that a look ended with an error.

    A denial, a host or an endpoint that does not answer leave the item unproven; anything else is a fault that the
    chain would stop at, too.
    """
    said = " ".join(str(message or "the task gave no reason").split())
    if _NOT_SEEN.search(said):
        remedy = (
            "Give the credentials the actions of docs/preflight-policy.json, or the host's user its rights, and look "
            "again; or run playbooks/site.yml as the operator."
        )
        detail = f"It could not be looked at, so nothing is known of it: {said}"
        return [finding("preflight.look", item, subject, UNPROVEN, detail, remedy=remedy)]
    remedy = "Mend what is named here: playbooks/site.yml would stop at it."
    return [finding("preflight.look", item, subject, FAIL, said, remedy=remedy)]
