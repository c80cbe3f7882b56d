# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cheap authenticated GET to the speech provider; the key is never in what comes back."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.outcome import (
    FAILED,
    OK,
    REFUSED,
    UNANSWERED,
    Outcome,
    outcome,
)

SHOWN_CHARACTERS = 300
REFUSALS = (401, 403)
REQUEST_ID_HEADERS = ("x-request-id", "x-amzn-requestid", "cf-ray")


def call(plan: Mapping[str, Any], url: str, key: str) -> Outcome:
    """Ask the provider with the key; redirects are not followed, so that the key goes nowhere else."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=plan["ca_bundle"])
    connection = HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=plan["timeout"], context=context)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}", "Accept": "application/json"})
        response = connection.getresponse()
        text = response.read(65_536).decode(errors="replace").replace(key, "***")
    except (OSError, HTTPException) as error:
        return outcome(UNANSWERED, error_code=type(error).__name__, message=str(error) or "no answer in time")
    finally:
        connection.close()
    request_id = next((value for name in REQUEST_ID_HEADERS if (value := response.getheader(name))), None)
    known: dict[str, Any] = {"http_status": response.status, "request_id": request_id}
    if 200 <= response.status < 300:  # noqa: PLR2004
        return outcome(OK, **known, answer={"bytes": len(text)})
    status = REFUSED if response.status in REFUSALS else FAILED
    return outcome(
        status, **known, error_code=f"HTTP{response.status}", message=" ".join(text[:SHOWN_CHARACTERS].split())
    )
