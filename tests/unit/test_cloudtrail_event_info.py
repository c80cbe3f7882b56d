# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every page of every look-up, at AWS's pace, and a denial is never an empty list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import cloudtrail, trail_events
from ansible_collections.safesecrets.infra.plugins.modules import cloudtrail_event_info

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

ROLE = "arn:aws:iam::111122223333:role/app"


def event(number: int, **content: Any) -> dict[str, Any]:
    issuer = {"sessionContext": {"sessionIssuer": {"arn": ROLE}}}
    described = {"userIdentity": {"arn": "arn:x", **issuer}, "requestID": f"request-{number}", **content}
    return {
        "EventId": f"event-{number}",
        "EventName": "InvokeModel",
        "EventSource": "bedrock.amazonaws.com",
        "EventTime": datetime(2026, 11, 24, 20, number, tzinfo=UTC),
        "Username": "i-0abc",
        "CloudTrailEvent": json.dumps(described),
    }


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudtrail, "SECONDS", 0.0)


def test_every_page_of_every_look_up_once_and_the_newest_first(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("cloudtrail", "lookup_events", {"Events": []})
    pages = [{"Events": [event(2)], "NextToken": "more"}, {"Events": [event(1)]}, {"Events": [event(3), event(2)]}]
    aws.answer("cloudtrail", "lookup_events", pages, region="us-east-1")
    attributes = [{"key": "EventName", "value": name} for name in ("InvokeModel", "SynthesizeSpeech")]
    arguments = {"regions": ["ca-central-1", "us-east-1"], "attributes": attributes}

    result = run_module(cloudtrail_event_info, {**arguments, "start_time": "2026-11-24T20:00:00Z"})

    assert not result.failed, result.values
    assert [each["request_id"] for each in result["events"]] == ["request-3", "request-2", "request-1"]
    asked = [call.parameters for call in aws.calls("cloudtrail", "lookup_events", region="us-east-1")]
    assert [each["LookupAttributes"][0]["AttributeValue"] for each in asked] == [
        "InvokeModel",
        "InvokeModel",
        "SynthesizeSpeech",
    ]
    assert [each.get("NextToken") for each in asked] == [None, "more", None]
    assert {each["StartTime"] for each in asked} == {datetime(2026, 11, 24, 20, tzinfo=UTC)}
    assert [(each["region"], each["value"], each["events"], each["complete"]) for each in result["lookups"]] == [
        ("ca-central-1", "InvokeModel", 0, True),
        ("ca-central-1", "SynthesizeSpeech", 0, True),
        ("us-east-1", "InvokeModel", 2, True),
        ("us-east-1", "SynthesizeSpeech", 2, True),
    ]


def test_a_look_up_that_was_cut_says_so(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("cloudtrail", "lookup_events", {"Events": [event(4)], "NextToken": "more"})
    result = run_module(cloudtrail_event_info, {"regions": ["us-east-1"], "max_pages": 2})
    assert len(aws.calls("cloudtrail", "lookup_events")) == 2
    lookup = result["lookups"][0]
    assert (lookup["complete"], lookup["oldest_event_time"]) == (False, "2026-11-24T20:04:00Z")


def test_a_denial_is_named(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("cloudtrail", "lookup_events", aws_error("AccessDeniedException", "LookupEvents", "no"))
    result = run_module(cloudtrail_event_info, {"regions": ["us-east-1"]})
    assert result.failed
    assert "in us-east-1 (IAM action cloudtrail:LookupEvents)" in result["msg"]


def test_a_moment_that_is_none_is_refused(aws: StubbedClients, run_module: ModuleRunner) -> None:
    result = run_module(cloudtrail_event_info, {"regions": ["us-east-1"], "start_time": "yesterday"})
    assert result.failed
    assert "start_time is 'yesterday': write it as" in result["msg"]


def test_a_region_gets_two_requests_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudtrail, "SECONDS", 1.0)
    now, sent, answered = [100.0], list[float](), list[float]()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def request(taken: float) -> float:
        sent.append(now[0])
        now[0] += taken
        answered.append(now[0])
        return taken

    pace = cloudtrail.Pace(lambda: now[0], sleep)
    taken = [0.25, 0.5, 0.0, 2.0, 0.125, 0.125, 0.125]
    assert [pace.make(partial(request, each)) for each in taken] == taken
    # Whenever a request arrives between its two moments, the second before it had one at most.
    assert all(later - earlier >= 1.0 for earlier, later in zip(answered, sent[2:], strict=False))
    # And nobody waits for longer than that.
    assert [round(each - 100.0, 3) for each in sent] == [0.0, 0.25, 1.25, 1.75, 3.75, 4.75, 4.875]


def test_a_request_that_failed_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudtrail, "SECONDS", 1.0)
    slept: list[float] = []
    pace = cloudtrail.Pace(lambda: 5.0, slept.append)
    for _number in range(2):
        with pytest.raises(ZeroDivisionError):
            pace.make(lambda: 1 // 0)
    pace.make(lambda: 1)
    assert slept == [1.0]


# Denials

USER = "User: arn:aws:sts::111122223333:assumed-role/app/i-0abc is not authorized to perform: "
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            f"{USER}bedrock:InvokeModel on resource: {MODEL} because no identity-based policy allows the "
            "bedrock:InvokeModel action",
            {
                "action": "bedrock:InvokeModel",
                "resource": MODEL,
                "layer": "identity policy",
                "explicit_deny": False,
                "statement": {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": MODEL},
            },
        ),
        (
            f"{USER}polly:SynthesizeSpeech because no permissions boundary allows the polly:SynthesizeSpeech action",
            {
                "action": "polly:SynthesizeSpeech",
                "resource": "*",
                "layer": "permissions boundary",
                "explicit_deny": False,
                "statement": {
                    "Effect": "Allow",
                    "Action": "polly:SynthesizeSpeech",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
                },
            },
        ),
        (
            f"{USER}transcribe:StartStreamTranscription on resource: * with an explicit deny in a service control "
            "policy",
            {
                "action": "transcribe:StartStreamTranscription",
                "resource": "*",
                "layer": "service control policy",
                "explicit_deny": True,
                "statement": None,
            },
        ),
        (
            f"{USER}bedrock:InvokeModel on resource: {MODEL} because no VPC endpoint policy allows the "
            "bedrock:InvokeModel action",
            {"layer": "VPC endpoint policy", "statement": None, "explicit_deny": False},
        ),
        ("Access denied.", {"action": "bedrock:InvokeModel", "resource": "*", "layer": None, "statement": None}),
    ],
)
def test_a_denial_is_explained(message: str, expected: Mapping[str, Any]) -> None:
    explained = trail_events.explained("us-east-1", message, "InvokeModel")
    assert {key: explained[key] for key in expected} == expected
    assert trail_events.remedy_of(explained)
    assert "was denied" in trail_events.sentence_of(explained)


@pytest.mark.parametrize(
    ("code", "denied"),
    [
        ("AccessDenied", True),
        ("AccessDeniedException", True),
        ("Client.UnauthorizedOperation", True),
        ("VpceAccessDenied", True),
        ("ThrottlingException", False),
        ("ValidationException", False),
        (None, False),
    ],
)
def test_what_is_a_denial(code: str | None, denied: bool) -> None:
    assert trail_events.is_denial({"error_code": code}) is denied


def test_denials_are_those_of_the_roles_sessions_whatever_their_names() -> None:
    other = event(2, errorCode="AccessDenied", userIdentity={"arn": "arn:aws:iam::111122223333:user/app"})
    rows = [
        trail_events.describe("us-east-1", each)
        for each in (event(1, errorCode="AccessDenied"), other, event(3), event(4, errorCode="AccessDenied"))
    ]
    assert [each["event_id"] for each in trail_events.denials_of(rows, ROLE)] == ["event-1", "event-4"]
