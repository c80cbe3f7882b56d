# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What came of one call, in the same form whatever was called."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

Call = Mapping[str, Any]
Outcome = dict[str, Any]

#: How the calls name themselves, so that their events can be told from the application's.
USER_AGENT = "safesecrets-service-probe"

OK = "ok"
REFUSED = "refused"
FAILED = "failed"
UNANSWERED = "unanswered"
WRONG_ANSWER = "wrong_answer"


class WrongAnswerError(Exception):
    """An answer that says success and is not what was asked for."""


def is_denial(error_code: str) -> bool:
    """Tell whether an error is AWS's refusal, and not some other fault."""
    return error_code.startswith("AccessDenied") or error_code in ("UnauthorizedOperation", "VpceAccessDenied")


def outcome(status: str, **known: Any) -> Outcome:
    """Build what came of a call; what is not known is null."""
    fields = ("http_status", "error_code", "message", "request_id", "answer")
    return {"status": status, **{name: known.get(name) for name in fields}}


def answered_error(error_code: str, message: str, http_status: int | None, request_id: str | None) -> Outcome:
    """Build the outcome of a call that AWS answered with an error."""
    status = REFUSED if is_denial(error_code) else FAILED
    return outcome(status, error_code=error_code, message=message, http_status=http_status, request_id=request_id)


def timed(call: Call, make: Callable[[], Outcome]) -> Outcome:
    """Make a call and add what was called, when, and how long it took."""
    attempted_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    began = time.perf_counter()
    result = make()
    latency = round((time.perf_counter() - began) * 1000)
    return {**call, **result, "latency_ms": latency, "attempted_at": attempted_at}
