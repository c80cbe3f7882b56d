# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the witnesses of one call say: the simulation, the service's own readiness, the call from the host, CloudTrail.

Their statements are about two things: whether it is permitted (allowed, denied), and whether what is called is there
(ready, not_ready). Unknown is a statement about neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import EXPLICIT_DENY
from ansible_collections.safesecrets.infra.plugins.module_utils.model_readiness import READY
from ansible_collections.safesecrets.infra.plugins.module_utils.trail_events import (
    ACTIONS,
    OUTSIDE_THE_SIMULATION,
    explained,
    is_denial,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_calls import REFUSED

Row = Mapping[str, Any]

ALLOWED, DENIED, IS_READY, NOT_READY, UNKNOWN = "allowed", "denied", "ready", "not_ready", "unknown"
NOT_IAM = ("Model access is denied", "use case details", "aws-marketplace", "INVALID_PAYMENT_INSTRUMENT")


@dataclass(frozen=True)
class Seen:
    """What there is to judge a call by.

    decisions: rows of iam_role_access_info. models, voices: rows of the steps that look at them. events: rows of
    cloudtrail_event_info, by request ID. lacking: for each of these that could not be had, why.
    """

    decisions: Sequence[Row] = ()
    models: Sequence[Row] = ()
    voices: Sequence[Row] = ()
    events: Mapping[str, Row] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)


def simulated_decisions(findings: Iterable[Row]) -> list[Row]:
    """Return the decisions of the simulation that findings of INFRA-P2-1 have as their evidence."""
    simulated = ("iam_policy.action_allowed", "iam_policy.control_denied", "iam_policy.residency_guard")
    return [row for each in findings if each["id"] in simulated for row in each["evidence"].get("decisions", [])]


def action_of(call: Row) -> str:
    """Return the IAM action of a call, nothing for the provider's."""
    return ACTIONS.get(str(call.get("operation")), "")


def is_iam_denial(result: Row) -> bool:
    """Tell whether a policy refused the call, and not the model's subscription."""
    text = str(result.get("message") or "")
    return result["status"] == "refused" and not any(words in text for words in NOT_IAM)


def witnesses(result: Row, seen: Seen) -> list[dict[str, str]]:
    """Return the statements on one call, in the order in which they were made."""
    statements = [("simulation", _simulation(result, seen))]
    if result["service"] in ("bedrock", "polly") and result["expectation"] != REFUSED:
        statements.append(("readiness", _readiness(result, seen)))
    statements += [("host_call", _host_call(result)), ("cloudtrail", _trail(result, seen))]
    return [{"witness": name, "says": says, "detail": detail} for name, (says, detail) in statements]


def _simulation(call: Row, seen: Seen) -> tuple[str, str]:
    if "simulation" in seen.lacking:
        return UNKNOWN, seen.lacking["simulation"]
    rows = [row for row in seen.decisions if row["action"] == action_of(call) and _is_about(row, call)]
    if not rows:
        return UNKNOWN, "Nobody simulated it."
    denied = [row for row in rows if row["decision"] != ALLOWED]
    if denied:
        return DENIED, f"{denied[0]['decision']} on {denied[0]['resource']} ({denied[0]['layer']})"
    return ALLOWED, f"on {len(rows)} {'resource' if len(rows) == 1 else 'resources'}"


def _is_about(row: Row, call: Row) -> bool:
    """Tell whether a decision bears on a call; one through a profile bears on the regions where it may run, too."""
    if call["service"] != "bedrock":
        return bool(row["region"] == call["region"])
    if row.get("expected") == EXPLICIT_DENY and call["expectation"] != REFUSED:
        return False  # the residency guard's control of a configured profile, beyond its destinations
    model_id = str(call["model_id"]).rpartition("/")[2]
    named = [str(value) for value in (row.get("context") or {}).values()]
    if any(value.rpartition("/")[2] == model_id and f":{call['region']}:" in value for value in named):
        return True
    return bool(row["region"] == call["region"] and str(row["resource"]).rpartition("/")[2] == model_id)


def _readiness(call: Row, seen: Seen) -> tuple[str, str]:
    if "readiness" in seen.lacking:
        return UNKNOWN, seen.lacking["readiness"]
    if call["service"] == "polly":
        there = [row for row in seen.voices if (row["region"], row["engine"]) == (call["region"], call["engine"])]
        if not there:
            return UNKNOWN, "Nobody listed the voices of this engine."
        offered = call["voice"] in [row["id"] for row in there]
        return (IS_READY, "Polly offers it.") if offered else (NOT_READY, "Polly does not offer it.")
    for row in seen.models:
        if (row["region"], row["model_id"]) == (call["region"], call["model_id"]):
            return (IS_READY if row["state"] == READY else NOT_READY), str(row.get("reason") or row["state"])
    return UNKNOWN, "Nobody looked at this model."


def _host_call(result: Row) -> tuple[str, str]:
    if result["status"] == "ok":
        return ALLOWED, f"{result['latency_ms']} ms"
    told = f"{result.get('error_code') or result['status']}: {result.get('message') or ''}".strip(": ")
    if is_iam_denial(result):
        return DENIED, told
    return (NOT_READY if result["status"] in ("failed", "refused") else UNKNOWN), told


def _trail(result: Row, seen: Seen) -> tuple[str, str]:
    event = seen.events.get(str(result.get("request_id") or ""))
    if event is None:
        return UNKNOWN, seen.lacking.get("cloudtrail") or "CloudTrail has not shown the call yet."
    at = f"event {event['event_id']}"
    if is_denial(event):
        told = str(event["error_message"] or "")
        return (NOT_READY if any(words in told for words in NOT_IAM) else DENIED), at
    return (NOT_READY, f"{event['error_code']}, {at}") if event["error_code"] else (ALLOWED, at)


def disagreement(result: Row, statements: Sequence[Row]) -> dict[str, str] | None:
    """Return what the witnesses do not agree on, with the likely reason and what to do; None where they agree."""
    says = {each["witness"]: each["says"] for each in statements}
    host, simulated, ready, trail = (
        says.get(name, UNKNOWN) for name in ("host_call", "simulation", "readiness", "cloudtrail")
    )
    message = str(result.get("message") or "")
    if UNKNOWN not in (host, trail) and host != trail:
        return _reason(f"the host's call says {host}, CloudTrail {trail}", *_TRAIL)
    if (simulated, host) == (ALLOWED, DENIED):
        outside = explained(result["region"], message)["layer"] in OUTSIDE_THE_SIMULATION
        return _reason("the simulation allows it, the host's call was denied", *(_LIMITS if outside else _PROPAGATION))
    if (simulated, host) == (DENIED, ALLOWED):
        return _reason("the simulation denies it, the host's call succeeded", *_LATE)
    if (ready, host) == (IS_READY, NOT_READY):
        return _reason("the service calls it ready, the host's call was not served", *_unserved(message))
    if (ready, host) == (NOT_READY, ALLOWED):
        return _reason("the service calls it not ready, the host's call was served", *_SUBSCRIBING)
    return None


_TRAIL = ("another call has the same request ID, or an answer was lost on its way", "Run playbooks/validate.yml again.")
_LIMITS = (
    "the denying layer is one that SimulatePrincipalPolicy does not evaluate",
    "Mend the policy of the layer that AWS's text names.",
)
_PROPAGATION = (
    "a change of IAM has not reached this region yet; if it stays so, a layer denies that the simulation does not "
    "evaluate (resource control, session or endpoint policy)",
    "Run playbooks/validate.yml again in some minutes; then look for such a policy.",
)
_LATE = (
    "a change of IAM has not reached the service yet, or a condition has another value for the host than in the "
    "simulation (iam_policy_context)",
    "Run playbooks/validate.yml again in some minutes; then compare the conditions of the denying statement.",
)
_SUBSCRIBING = (
    "the subscription of a first call is on its way, during which calls may succeed and then fail",
    "Run playbooks/validate.yml again in 15 minutes.",
)


def _unserved(message: str) -> tuple[str, str]:
    """Return the likely reason and the remedy for what is ready and is not served."""
    if "Legacy" in message:
        return "the model is in legacy, and AWS refuses it to an account that has not been using it", _SUCCESSOR
    if "end of its life" in message:
        return "the model has reached its end of life since it was looked at", _SUCCESSOR
    if any(words in message for words in NOT_IAM):
        return (
            "the first subscription of the model is not complete",
            "Run playbooks/bedrock_access.yml, and this again in 15 minutes.",
        )
    return "only a call tells all of it", "Do what AWS's text asks for."


_SUCCESSOR = "Configure a successor in safesecrets_regions: playbooks/bedrock_access.yml names some."


def _reason(what: str, reason: str, remedy: str) -> dict[str, str]:
    return {"what": what, "reason": reason, "remedy": remedy}
