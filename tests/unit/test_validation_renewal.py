# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which proofs of a host are made again: only what is stale, and no call that is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter import validation as filters
from ansible_collections.safesecrets.infra.plugins.module_utils import shards
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked, timestamp
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_calls import probe_calls
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_denials import trail_digest
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_renewal import renewal, trail_look

HAIKU, LLAMA = "anthropic.claude-3-haiku-20240307-v1:0", "meta.llama3-8b-instruct-v1:0"
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ROLE = "arn:aws:iam::111122223333:role/app"
REGIONS = {
    "US": {
        "region": "us-east-1",
        "name": "USA",
        "models": {"default": HAIKU, "allowlist": [HAIKU, PROFILE]},
        "voices": {"engine": "generative", "required": ["Ruth"]},
    }
}
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FIRST = "6a4ba836-a642-46d7-9db9-9974a6e5a274"
ORIGIN: dict[str, Any] = {
    "account_id": "111122223333",
    "collection_version": "0.1.0",
    "configuration": {"chain": "00112233445566ff", "host": "8899aabbccddeeff"},
}
URL = "https://api.smallest.ai/voices"
PLANNED = [
    *probe_calls(REGIONS, {}, {"region": "us-west-2", "model": LLAMA, "language_code": "en-US"}),
    {"service": "provider", "url": URL, "expectation": "allowed"},
]
CALLS, WITNESSES, DENIALS, KEYS = (f"validation.{name}" for name in ("call", "witnesses", "denials", "static_keys"))
Change = Callable[[dict[str, Any]], dict[str, Any]]


def answered(call: dict[str, Any], hours: float = 1, run: str = "first") -> dict[str, Any]:
    """What service_probe gives for a call that went as it should, so many hours ago."""
    good = call["expectation"] == "allowed"
    told = {
        "status": "ok" if good else "refused",
        "http_status": 200 if good else 403,
        "error_code": None if good else "AccessDeniedException",
        "message": None if good else "is not authorized to perform: it",
        "request_id": f"{run}-{PLANNED.index(call)}" if call["service"] != "provider" else None,
        "latency_ms": 100,
        "attempted_at": timestamp(NOW - timedelta(hours=hours)),
        "answer": {},
    }
    return {**call, **told}


def probe(*results: dict[str, Any]) -> dict[str, Any]:
    static = {"found": [], "unreadable": []}
    return {"results": list(results), "static_keys": static, "timing": {"slowest_call_ms": 100, "total_ms": 300}}


def event(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "region": result["region"],
        "event_id": result["request_id"],
        "event_time": result["attempted_at"],
        "event_name": result["operation"],
        "username": "i-0abc",
        "session_issuer_arn": ROLE,
        "user_agent": "safesecrets-service-probe",
        "request_id": result["request_id"],
        "error_code": result["error_code"],
        "error_message": result["message"],
    }


def trail(*results: dict[str, Any]) -> dict[str, Any]:
    return {"events": [event(each) for each in results if each.get("region")], "lookups": []}


def judged(renewed: dict[str, Any], results: list[dict[str, Any]], seen: dict[str, Any]) -> list[dict[str, Any]]:
    judge = filters.validation_findings_of
    told = trail_digest(seen, [*results, *renewed["earlier"]], ROLE)
    return judge(probe(*results), renewed, REGIONS, trail=told, witnesses={}, role_arn=ROLE, window_hours=24)


def earlier_run(hours: float = 1) -> list[dict[str, Any]]:
    """All findings of a run so many hours ago in which everything passed."""
    results = [answered(call, hours) for call in PLANNED]
    found = judged(renewal([], {}, PLANNED), results, trail(*results))
    then = NOW - timedelta(hours=hours)
    lifetimes = {DENIALS: 6}
    return [
        {
            **each,
            "run_id": FIRST,
            "observed_at": timestamp(then),
            "expires_at": timestamp(then + timedelta(hours=lifetimes.get(each["id"], 24))),
        }
        for each in found
    ]


def renewed(found: list[dict[str, Any]], planned: list[dict[str, Any]] = PLANNED) -> dict[str, Any]:
    """What is renewed after a run that left these findings."""
    shard = shards.updated(None, "app-1", origin=ORIGIN, run_id=FIRST, findings=found, failed_tasks=[])
    holding = shards.holding_proofs(shard, "app-1", ORIGIN, NOW)
    return renewal(holding, shards.fresh_proofs(shard, "app-1", ORIGIN, NOW), planned)


def asked(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "calls": len(found["calls"]),
        "provider": found["provider"],
        "asked": {name for name in ("probe", "witnesses", "trail") if found[name]},
    }


def changed(identifier: str, number: int | None = None, **fields: Any) -> Change:
    def change(each: dict[str, Any]) -> dict[str, Any]:
        return {**each, **fields} if each["id"] == identifier else each

    def change_one(each: dict[str, Any]) -> dict[str, Any]:
        wanted = [call for call in PLANNED if call.get("region")][number or 0]
        return change(each) if each["evidence"].get("route", {}).get("kind") and of(wanted, each) else each

    return change if number is None else change_one


def of(call: dict[str, Any], each: dict[str, Any]) -> bool:
    return bool(each["evidence"].get("host_call", {}).get("request_id") == answered(call)["request_id"])


STALE = {"status": "unproven", "remedy": "Look again."}
ANEW = {"calls": len(PLANNED) - 1, "provider": True, "asked": {"probe", "witnesses", "trail"}}
NOTHING: dict[str, Any] = {"calls": 0, "provider": False, "asked": set()}


@pytest.mark.parametrize(
    ("hours", "change", "expected"),
    [
        (1, None, NOTHING),
        (7, None, NOTHING | {"asked": {"trail"}}),
        (23, None, NOTHING | {"asked": {"trail"}}),
        (25, None, ANEW),
        (1, changed(DENIALS, **STALE), NOTHING | {"asked": {"trail"}}),
        (1, changed(DENIALS, status="fail", remedy="Mend."), NOTHING | {"asked": {"trail"}}),
        (1, changed(WITNESSES, **STALE), NOTHING | {"asked": {"witnesses", "trail"}}),
        (1, changed(KEYS, **STALE), NOTHING | {"asked": {"probe"}}),
        (1, changed(CALLS, **STALE), ANEW),
        (1, changed(CALLS, 0, **STALE), ANEW | {"calls": 1, "provider": False}),
        (1, changed(CALLS, 0, status="fail", remedy="Mend."), ANEW | {"calls": 1, "provider": False}),
        (1, changed(CALLS, 0, expires_at="2026-11-25T11:59:59Z"), ANEW | {"calls": 1, "provider": False}),
        (1, changed(CALLS, 0, evidence={"route": {"kind": "none"}}), NOTHING),
    ],
    ids=[
        "all hold",
        "the denials have expired",
        "the denials long since",
        "all have expired",
        "denials unproven",
        "a denial",
        "witnesses disagreed",
        "a file was not readable",
        "no call passed",
        "a call was not decided",
        "a call failed",
        "a call has expired",
        "the whole item holds, whatever its evidence",
    ],
)
def test_only_what_is_stale_is_renewed(hours: float, change: Change | None, expected: dict[str, Any]) -> None:
    found = earlier_run(hours)
    assert asked(renewed([change(each) for each in found] if change else found)) == expected


def test_what_is_not_renewed_stays_as_it_was_observed() -> None:
    found = earlier_run(7)
    what = renewed(found)
    assert what["kept"] == sorted(
        (each for each in found if each["id"] != DENIALS), key=lambda each: [CALLS, KEYS, WITNESSES].index(each["id"])
    )
    results = [answered(call, 7) for call in PLANNED]
    after = checked(judged(what, [], trail(*results)))
    assert [each for each in after if each["id"] != DENIALS] == [each for each in found if each["id"] != DENIALS]
    (anew,) = [each for each in after if each["id"] == DENIALS]
    assert (anew["status"], anew["evidence"]["request_ids"]) == (
        "pass",
        [each["request_id"] for each in results if each.get("region") == "us-east-1"],
    )
    assert "run_id" not in anew


def test_earlier_calls_are_told_as_the_probe_tells_them() -> None:
    results = [answered(call, 7) for call in PLANNED if call["service"] != "provider"]
    for told, result in zip(renewed(earlier_run(7))["earlier"], results, strict=True):
        assert told == {key: value for key, value in result.items() if key != "language_code"}


def test_a_denial_that_appeared_since_is_found_without_a_call() -> None:
    results = [answered(call, 7) for call in PLANNED]
    seen = trail(*results)
    seen["events"].insert(
        0,
        event(results[0])
        | {
            "event_id": "since",
            "request_id": "of the application",
            "event_time": timestamp(NOW - timedelta(hours=2)),
            "user_agent": "aws-sdk-js/3.800.0",
            "error_code": "AccessDenied",
            "error_message": f"is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:x::m/{HAIKU}",
        },
    )
    what = renewed(earlier_run(7))
    (denials,) = [each for each in judged(what, [], seen) if each["id"] == DENIALS]
    assert (what["calls"], denials["status"]) == ([], "fail")
    assert "was denied" in denials["detail"]


def test_request_ids_that_cloudtrail_does_not_know_prove_nothing() -> None:
    forged = [
        {
            **each,
            "evidence": {**each["evidence"], "host_call": {**each["evidence"]["host_call"], "request_id": "forged"}},
        }
        if each["id"] == CALLS and each["region"]
        else each
        for each in earlier_run(7)
    ]
    seen = trail(*(answered(call, 7) for call in PLANNED))
    (denials,) = [each for each in judged(renewed(forged), [], seen) if each["id"] == DENIALS]
    assert denials["status"] == "unproven"


@pytest.mark.parametrize("lost", [{}, {"host_call": {}}, {"host_call": {"request_id": None}}, {"host_call": None}])
def test_a_call_without_what_cloudtrail_is_asked_for_is_made_again(lost: dict[str, Any]) -> None:
    found = [
        {**each, "evidence": {**{key: value for key, value in each["evidence"].items() if key != "host_call"}, **lost}}
        if each["region"] == "us-west-2" and each["id"] == CALLS
        else each
        for each in earlier_run(7)
    ]
    what = renewed(found)
    assert {call["region"] for call in what["calls"]} == {"us-west-2"}
    assert what["trail"]


def test_a_call_that_is_made_again_is_awaited_with_those_that_are_not() -> None:
    found = [changed(CALLS, 0, **STALE)(each) for each in earlier_run(1)]
    what = renewed(found)
    (again,) = what["calls"]
    results = [answered(again, 0, "second")]
    after = judged(what, results, trail(*results))
    (denials,) = [each for each in after if each["id"] == DENIALS]
    assert "has not shown" in denials["detail"], "the calls of the earlier run are not in CloudTrail"
    calls = {each["evidence"]["host_call"]["request_id"]: each.get("run_id") for each in after if each["id"] == CALLS}
    assert calls["second-0"] is None
    assert set(calls.values()) == {None, FIRST}


def test_the_provider_is_called_alone() -> None:
    found = [
        {**each, "status": "fail", "remedy": "Store a key."} if each["id"] == CALLS and not each["region"] else each
        for each in earlier_run(1)
    ]
    assert asked(renewed(found)) == {"calls": 0, "provider": True, "asked": {"probe"}}


def test_a_call_that_is_no_longer_planned_is_not_taken_over() -> None:
    found = [changed(CALLS, 0, **STALE)(each) for each in earlier_run(1)]
    what = renewed(found, [call for call in PLANNED if call.get("region") != "us-west-2"])
    assert "us-west-2" not in {each["region"] for each in what["kept"]}


def look(made: list[float], earlier: list[float], hours: float = 24, wait: float = 15) -> dict[str, Any]:
    calls = [call for call in PLANNED if call.get("region")]
    renewals = [
        {"trail": True, "earlier": [answered(calls[0], age) for age in earlier]},
        {"trail": False, "earlier": [answered(calls[0], 1000)]},
    ]
    return trail_look([answered(calls[0], age) for age in made], renewals, NOW.timestamp(), hours, wait)


@pytest.mark.parametrize(
    ("made", "earlier", "hours", "wanted"),
    [
        ([0], [], 24, (1, 24, 15)),
        ([0], [], 1, (1, 1, 15)),
        ([], [6.5], 24, (1, 24, 0)),
        ([], [6.5], 1, (1, 7, 0)),
        ([], [0.1, 6.5], 1, (2, 7, 9)),
        ([0], [6.5], 1, (2, 7, 15)),
        ([], [], 1, (0, 1, 15)),
        ([-1], [], 1, (1, 1, 15)),
    ],
    ids=[
        "new calls",
        "a short window",
        "earlier calls are not waited for again",
        "the window reaches back to them",
        "those of some minutes ago are",
        "new ones and earlier ones",
        "no call",
        "a host whose clock is ahead",
    ],
)
def test_how_cloudtrail_is_looked_at(
    made: list[float], earlier: list[float], hours: float, wanted: tuple[int, int, int]
) -> None:
    found = look(made, earlier, hours)
    calls, back, minutes = wanted
    assert (found["wanted"], found["calls"], found["hours"]) == (True, calls, back)
    assert found["start_time"] == timestamp(NOW - timedelta(hours=back))
    assert found["until"] == pytest.approx(NOW.timestamp() + minutes * 60)
