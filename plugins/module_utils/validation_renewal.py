# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which proofs of a host by calls and by CloudTrail are made again, and which are taken over from an earlier run.

Calls are billed: one whose proof holds is not made again. What CloudTrail and the other witnesses say is asked anew of
the calls that were made then; their request IDs are in the evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from math import ceil
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import Finding, moment, timestamp
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_calls import PROVIDER
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_denials import DENIALS
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_findings import (
    CALL,
    ITEM,
    STATIC_KEYS,
    WITNESSES,
    subject_of,
)

Row = Mapping[str, Any]
Key = tuple[str, Any]
HOUR = timedelta(hours=1)

#: The checks that are renewed as a whole; a call is one for itself.
OF_THE_WHOLE = (STATIC_KEYS, WITNESSES, DENIALS)


def renewal(
    holding: Iterable[Finding], fresh: Mapping[str, Sequence[Finding]], planned: Sequence[Row]
) -> dict[str, Any]:
    """Return what of the host is proven again.

    holding: the findings of earlier runs that hold, each for itself. fresh: those of them that hold as a whole, by item
    and by check. planned: the calls, the provider's among them.

    ``planned`` (of AWS alone ``calls``, and ``provider``) is to be called, ``earlier`` are the results of those that
    are not, ``kept`` the findings that are taken over as they are. ``probe``, ``witnesses`` and ``trail`` tell who is
    asked.
    """
    if ITEM in fresh:  # the prerequisites took it over, as they do every item
        return _told([], [], [], ())
    held = {_key_of(each): each for each in holding if each["id"] == CALL and _is_usable(each)}
    if len(held) == len(fresh.get(CALL, ())) > 0:
        calls, earlier = [], list(held.values())
    else:
        calls = [call for call in planned if _key(call) not in held]
        earlier = [held[_key(call)] for call in planned if _key(call) in held]
    of_aws = [call for call in calls if call["service"] != PROVIDER]
    resting = {STATIC_KEYS: calls, WITNESSES: of_aws, DENIALS: of_aws}
    anew = {check for check in OF_THE_WHOLE if resting[check] or check not in fresh}
    if WITNESSES in anew:
        anew.add(DENIALS)  # LookupEvents answers both
    return _told(calls, earlier, [each for check in OF_THE_WHOLE if check not in anew for each in fresh[check]], anew)


def _told(
    calls: Sequence[Row], earlier: Sequence[Finding], others: Sequence[Finding], anew: Collection[str]
) -> dict[str, Any]:
    return {
        "planned": calls,
        "calls": [call for call in calls if call["service"] != PROVIDER],
        "provider": any(call["service"] == PROVIDER for call in calls),
        "earlier": [_result(each) for each in earlier if each["region"]],
        "kept": [*earlier, *others],
        "probe": STATIC_KEYS in anew,
        "witnesses": WITNESSES in anew,
        "trail": DENIALS in anew,
    }


def _key(call: Row) -> Key:
    return subject_of(call), call.get("region")


def _key_of(finding: Finding) -> Key:
    return finding["subject"], finding["region"]


def _is_usable(call: Finding) -> bool:
    """Tell whether the evidence has what CloudTrail is asked for."""
    try:
        return not call["region"] or bool(moment(_result(call)["attempted_at"]) and _result(call)["request_id"])
    except (KeyError, TypeError, ValueError):
        return False


def _result(call: Finding) -> dict[str, Any]:
    """Return an earlier call in the form in which service_probe gives its results."""
    evidence = call["evidence"]
    route = {key: value for key, value in evidence["route"].items() if key in ("model_id", "voice", "engine")}
    if "inference_profile" in evidence["route"]:
        route["model_id"] = evidence["route"]["inference_profile"]
    told = {name: evidence[name] for name in ("service", "operation", "region", "expectation")}
    return {**told, **route, **evidence["host_call"]}


def trail_look(
    made: Sequence[Row], renewals: Sequence[Row], now: float, window_hours: float, wait_minutes: float
) -> dict[str, Any]:
    """Return how CloudTrail is looked at for all hosts.

    made: results of this run's calls. renewals: of the hosts, as :func:`renewal` gives them.

    ``wanted``: whether a host needs it. ``calls``: how many were made, now or earlier. ``hours``: how far to look back,
    so that all of them are in the window, and ``start_time`` as a moment. ``until``: when to end waiting for them; what
    was made earlier has been awaited since then.
    """
    earlier = [call for each in renewals if each["trail"] for call in each["earlier"]]
    attempts = [moment(each["attempted_at"]) for each in [*made, *earlier]]
    today = datetime.fromtimestamp(now, timezone.utc)
    hours = max([float(window_hours), *(float(ceil((today - each) / HOUR)) for each in attempts)])
    since = now if made or not attempts else min(now, max(attempts).timestamp())
    return {
        "wanted": any(each["trail"] for each in renewals),
        "calls": len(attempts),
        "hours": hours,
        "start_time": timestamp(today - hours * HOUR),
        "until": max(now, since + float(wait_minutes) * 60),
    }
