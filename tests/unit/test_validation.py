# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What calls from a host prove, what their witnesses say, and when CloudTrail's silence counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter import validation as filters
from ansible_collections.safesecrets.infra.plugins.module_utils import (
    validation_calls,
    validation_denials,
    validation_findings,
    validation_renewal,
    validation_witnesses,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_witnesses import Seen

HAIKU, SONNET = "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-sonnet-20240229-v1:0"
PROFILE, LLAMA = "us.anthropic.claude-haiku-4-5-20251001-v1:0", "meta.llama3-8b-instruct-v1:0"
ROLE = "arn:aws:iam::111122223333:role/app"
REGIONS = {
    "CA": {
        "region": "ca-central-1",
        "name": "CANADA",
        "models": {"default": HAIKU, "allowlist": [HAIKU], "optional": []},
        "voices": {"engine": "neural", "required": []},
    },
    "US": {
        "region": "us-east-1",
        "name": "USA",
        "models": {"default": PROFILE, "allowlist": [PROFILE], "optional": [SONNET]},
        "voices": {"engine": "generative", "required": ["Ruth", "Matthew"]},
    },
}
CONTROLS = {"region": "us-west-2", "model": LLAMA, "language_code": "en-US"}
DENIED = "User: arn:x is not authorized to perform: bedrock:InvokeModel on resource: "
MODEL_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"
NO_POLICY = f"{DENIED}{MODEL_ARN} because no identity-based policy allows the bedrock:InvokeModel action"


def planned(calls: list[dict[str, Any]], **fields: Any) -> list[tuple[Any, ...]]:
    return [
        (call["operation"], call.get("model_id") or call.get("voice"), call.get("engine"))
        for call in calls
        if fields.items() <= call.items()
    ]


# Which calls


def test_everything_that_is_configured_is_called() -> None:
    calls = validation_calls.probe_calls(REGIONS, {}, CONTROLS)
    assert planned(calls, region="ca-central-1", expectation="allowed") == [
        ("InvokeModel", HAIKU, None),
        ("InvokeModelWithResponseStream", HAIKU, None),
        ("SynthesizeSpeech", "Joanna", "neural"),
        ("StartStreamTranscription", None, None),
    ]
    assert planned(calls, region="us-east-1", expectation="allowed") == [
        ("InvokeModel", PROFILE, None),
        ("InvokeModelWithResponseStream", PROFILE, None),
        ("SynthesizeSpeech", "Ruth", "generative"),
        ("SynthesizeSpeech", "Matthew", "generative"),
        ("StartStreamTranscription", None, None),
    ]


def test_a_third_region_and_another_model_must_be_refused() -> None:
    calls = validation_calls.probe_calls(REGIONS, {}, CONTROLS)
    assert planned(calls, region="us-west-2") == planned(calls, region="us-west-2", expectation="refused")
    assert len(planned(calls, region="us-west-2")) == 4
    for region in ("ca-central-1", "us-east-1"):
        assert planned(calls, region=region, expectation="refused") == [("InvokeModel", LLAMA, None)]


@pytest.mark.parametrize(
    ("controls", "regions"),
    [({"model": ""}, {"us-west-2"}), ({"region": ""}, {"ca-central-1", "us-east-1"}), ({"region": "us-east-1"}, None)],
)
def test_controls_that_are_not_wanted_are_left_out(controls: dict[str, str], regions: set[str] | None) -> None:
    calls = validation_calls.probe_calls(REGIONS, {}, CONTROLS | controls)
    refused = {call["region"] for call in calls if call["expectation"] == "refused"}
    assert refused == (regions or {"ca-central-1", "us-east-1"})


def test_optional_models_modes_and_voices_that_are_there_count() -> None:
    facts = {
        "models": [{"region": "us-east-1", "model_id": SONNET, "state": "ready"}],
        "voices": [{"region": "ca-central-1", "engine": "long-form", "id": "Gregory"}],
        "modes": {"1": {"speech": {"region": "CA", "engine": "long-form"}}, "4": {"speech": {"provider": "x"}}},
    }
    calls = validation_calls.probe_calls(REGIONS, facts, CONTROLS)
    assert ("InvokeModel", SONNET, None) in planned(calls, region="us-east-1")
    assert ("SynthesizeSpeech", "Gregory", "long-form") in planned(calls, region="ca-central-1")
    facts["models"][0]["state"] = "agreement"
    calls = validation_calls.probe_calls(REGIONS, facts, CONTROLS)
    assert ("InvokeModel", SONNET, None) not in planned(calls, region="us-east-1")


# One call


def call(status: str = "ok", **fields: Any) -> dict[str, Any]:
    base = {
        "service": "bedrock",
        "operation": "InvokeModel",
        "region": "us-east-1",
        "model_id": HAIKU,
        "expectation": "allowed",
        "status": status,
        "http_status": 200,
        "error_code": None,
        "message": None,
        "request_id": "id-1",
        "latency_ms": 210,
        "attempted_at": "2026-11-24T20:00:00Z",
        "answer": {},
    }
    return base | fields


def refused(**fields: Any) -> dict[str, Any]:
    return call("refused", **{"error_code": "AccessDeniedException", "message": NO_POLICY, **fields})


LEGACY = call("failed", error_code="ResourceNotFoundException", message="Access denied. This Model is marked as Legacy")
SUBSCRIBING = refused(message="Model access is denied due to IAM user ... aws-marketplace:Subscribe")
SPEECH = {
    "service": "polly",
    "operation": "SynthesizeSpeech",
    "model_id": None,
    "voice": "Ruth",
    "engine": "generative",
}


def probe(*results: dict[str, Any], **keys: Any) -> dict[str, Any]:
    static = {"found": [], "unreadable": []}
    return {"results": list(results), "static_keys": static | keys, "timing": {"slowest_call_ms": 210, "total_ms": 700}}


def judged(result: dict[str, Any], seen: Seen | None = None) -> dict[str, Any]:
    found = checked(validation_findings.findings_of_calls(probe(result), [result], seen or Seen()))
    (finding,) = [each for each in found if each["id"] == "validation.call"]
    return finding


@pytest.mark.parametrize(
    ("result", "status", "says"),
    [
        (call(), "pass", "succeeded"),
        (refused(), "fail", "no identity policy allows it"),
        (LEGACY, "fail", "marked as Legacy"),
        (SUBSCRIBING, "fail", "aws-marketplace"),
        (call("wrong_answer", message="6 bytes that are no MP3 audio", **SPEECH), "fail", "no MP3 audio"),
        (call("unanswered", error_code="ConnectTimeoutError", message="timed out"), "fail", "got no answer"),
        (call("failed", error_code="ThrottlingException", message="slow down"), "unproven", "just now"),
        (refused(expectation="refused"), "pass", "as it must be"),
        (call(expectation="refused"), "fail", "succeeded, though the role must not"),
        (call("failed", error_code="ValidationException", expectation="refused"), "unproven", "no refusal"),
        (call("unanswered", expectation="refused"), "unproven", "no refusal"),
        (SUBSCRIBING | {"expectation": "refused"}, "unproven", "no refusal"),
    ],
)
def test_a_call_is_judged_by_what_was_expected(result: dict[str, Any], status: str, says: str) -> None:
    finding = judged(result)
    assert finding["status"] == status
    assert says in finding["detail"]
    assert finding["evidence"]["host_call"]["request_id"] == "id-1"
    assert finding["observed_at"] == "2026-11-24T20:00:00Z"


def test_a_refusal_names_the_smallest_statement() -> None:
    assert f'"Action": "bedrock:InvokeModel", "Resource": "{MODEL_ARN}"' in judged(refused())["remedy"]


@pytest.mark.parametrize(
    ("result", "route"),
    [
        (call(), {"kind": "on_demand", "model_id": HAIKU}),
        (call(model_id=PROFILE), {"kind": "inference_profile", "inference_profile": PROFILE}),
        (call(**SPEECH), {"kind": "none", "voice": "Ruth", "engine": "generative"}),
    ],
)
def test_the_route_is_in_the_evidence(result: dict[str, Any], route: dict[str, str]) -> None:
    assert judged(result)["evidence"]["route"] == route


@pytest.mark.parametrize(
    ("status", "fields", "verdict", "says"),
    [
        ("ok", {}, "pass", "takes the key"),
        ("refused", {"error_code": "HTTP401"}, "fail", "refuses the key"),
        (
            "unanswered",
            {"error_code": "NoKey", "message": "/etc/x sets no KEY"},
            "fail",
            "there is no key to call with",
        ),
        ("failed", {"error_code": "HTTP302"}, "fail", "did not answer the call as it should: HTTP302"),
    ],
)
def test_the_providers_call(status: str, fields: dict[str, Any], verdict: str, says: str) -> None:
    result = {"service": "provider", "url": "https://provider.example", "latency_ms": 9, "status": status}
    finding = judged(result | {"attempted_at": "2026-11-24T20:00:00Z"} | fields)
    assert (finding["status"], finding["region"]) == (verdict, None)
    assert says in finding["detail"]


def test_static_keys_are_named_and_nothing_was_called() -> None:
    keys = {"found": [{"place": "/home/x/.aws/credentials", "name": "aws_access_key_id of [default]"}]}
    keys["unreadable"] = [{"place": "/root/.aws/config", "reason": "Permission denied"}]
    found = checked(validation_findings.findings_of_calls(probe(**keys), [call()], Seen()))
    assert [(each["id"], each["status"]) for each in found] == [
        ("validation.static_keys", "fail"),
        ("validation.static_keys", "unproven"),
        ("validation.call", "unproven"),
    ]
    assert "aws_access_key_id of [default]" in found[0]["detail"]


def test_check_mode_says_what_is_lacking() -> None:
    found = checked(validation_findings.findings_of_calls(probe(), [call()], Seen()))
    assert [each["status"] for each in found] == ["pass", "unproven"]
    assert "check mode" in found[1]["detail"]


# Witnesses


def decision(decision: str = "allowed", **fields: Any) -> dict[str, Any]:
    row = {"action": "bedrock:InvokeModel", "resource": MODEL_ARN, "region": "us-east-1", "context": {}}
    return row | {"decision": decision, "layer": "identity policy"} | fields


def event(request_id: str = "id-1", error_code: str | None = None, **fields: Any) -> dict[str, Any]:
    row = {
        "region": "us-east-1",
        "event_id": "event-1",
        "event_name": "InvokeModel",
        "event_time": "2026-11-24T19:00:00Z",
        "username": "i-0abc",
        "session_issuer_arn": ROLE,
        "request_id": request_id,
        "user_agent": "aws-sdk-js/3.800.0",
        "error_code": error_code,
        "error_message": NO_POLICY if error_code else None,
    }
    return row | fields


MODEL = {"region": "us-east-1", "model_id": HAIKU, "state": "ready", "reason": ""}


@pytest.mark.parametrize(
    ("result", "seen", "says"),
    [
        (call(), Seen(), ["unknown", "unknown", "allowed", "unknown"]),
        (
            call(),
            Seen(decisions=[decision()], models=[MODEL], events={"id-1": event()}),
            ["allowed", "ready", "allowed", "allowed"],
        ),
        (
            refused(),
            Seen(decisions=[decision("implicitDeny")], events={"id-1": event(error_code="AccessDenied")}),
            ["denied", "unknown", "denied", "denied"],
        ),
        (
            LEGACY,
            Seen(events={"id-1": event(error_code="ResourceNotFoundException")}),
            ["unknown", "unknown", "not_ready", "not_ready"],
        ),
        (SUBSCRIBING, Seen(), ["unknown", "unknown", "not_ready", "unknown"]),
        (
            call("unanswered"),
            Seen(models=[MODEL | {"state": "agreement"}]),
            ["unknown", "not_ready", "unknown", "unknown"],
        ),
        (refused(expectation="refused"), Seen(decisions=[decision("implicitDeny")]), ["denied", "denied", "unknown"]),
        (
            call(**SPEECH),
            Seen(voices=[{"region": "us-east-1", "engine": "generative", "id": "Ruth"}]),
            ["unknown", "ready", "allowed", "unknown"],
        ),
        (
            call(**SPEECH),
            Seen(voices=[{"region": "us-east-1", "engine": "generative", "id": "Joanna"}]),
            ["unknown", "not_ready", "allowed", "unknown"],
        ),
        (
            call(model_id=PROFILE),
            Seen(
                decisions=[
                    decision(
                        "implicitDeny",
                        region="us-east-2",
                        context={
                            "bedrock:InferenceProfileArn": f"arn:aws:bedrock:us-east-1:1:inference-profile/{PROFILE}"
                        },
                    )
                ]
            ),
            ["denied", "unknown", "allowed", "unknown"],
        ),
    ],
)
def test_what_the_witnesses_say(result: dict[str, Any], seen: Seen, says: list[str]) -> None:
    assert [each["says"] for each in validation_witnesses.witnesses(result, seen)] == says


def test_what_could_not_be_had_is_said_and_is_no_agreement() -> None:
    lacking = {"simulation": "iam denied", "readiness": "bedrock denied", "cloudtrail": "trail denied"}
    said = validation_witnesses.witnesses(call(), Seen(lacking=lacking))
    assert [(each["says"], each["detail"]) for each in said if each["witness"] != "host_call"] == [
        ("unknown", reason) for reason in lacking.values()
    ]


RCP = f"{DENIED}{MODEL_ARN} with an explicit deny in a resource control policy"


@pytest.mark.parametrize(
    ("result", "seen", "reason"),
    [
        (call(), Seen(decisions=[decision()], models=[MODEL], events={"id-1": event()}), None),
        (refused(), Seen(decisions=[decision("implicitDeny")]), None),
        (refused(), Seen(decisions=[decision()]), "a change of IAM has not reached this region"),
        (refused(message=RCP), Seen(decisions=[decision()]), "SimulatePrincipalPolicy does not evaluate"),
        (call(), Seen(decisions=[decision("explicitDeny")]), "another value for the host"),
        (LEGACY, Seen(models=[MODEL]), "the model is in legacy"),
        (LEGACY | {"message": "has reached the end of its life"}, Seen(models=[MODEL]), "end of life since"),
        (SUBSCRIBING, Seen(models=[MODEL]), "first subscription of the model is not complete"),
        (LEGACY | {"message": "else"}, Seen(models=[MODEL]), "only a call tells"),
        (call(), Seen(models=[MODEL | {"state": "agreement"}]), "subscription of a first call is on its way"),
        (call(), Seen(events={"id-1": event(error_code="AccessDenied")}), "same request ID"),
    ],
)
def test_a_disagreement_is_a_finding_with_its_likely_reason(
    result: dict[str, Any], seen: Seen, reason: str | None
) -> None:
    (finding,) = checked(list(validation_findings.findings_of_witnesses([result], seen)))
    assert finding["status"] == ("pass" if reason is None else "unproven")
    if reason:
        assert reason in finding["detail"]
        assert finding["evidence"]["witnesses"]


def test_decisions_are_taken_from_findings() -> None:
    findings = [
        {"id": "iam_policy.action_allowed", "evidence": {"decisions": [decision()]}},
        {"id": "iam_policy.region_locks", "evidence": {"decisions": ["other"]}},
    ]
    assert validation_witnesses.simulated_decisions(findings) == [decision()]


# CloudTrail

OWN = [call(request_id="served"), refused(request_id="on-purpose", expectation="refused", model_id=LLAMA)]
OWN_EVENTS = [event("served", event_time="2026-11-24T20:00:00Z"), event("on-purpose", "AccessDenied")]


EARLIER_PROBE = event("earlier", "AccessDenied", user_agent="Boto3 x safesecrets-service-probe") | {
    "error_message": NO_POLICY.replace(HAIKU, LLAMA)
}


def trail(*events: dict[str, Any], complete: bool = True) -> dict[str, Any]:
    lookup = {"region": "us-east-1", "complete": complete, "oldest_event_time": "2026-11-24T18:00:00Z"}
    return {"events": [*events], "lookups": [lookup]}


def denials(
    results: list[dict[str, Any]], seen: dict[str, Any], others: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Judge a host by its results; others: results of the other hosts of the run."""
    told = validation_denials.trail_digest(seen, [*results, *others], ROLE)
    (finding,) = checked(validation_denials.findings_of_denials(["us-east-1"], results, told, ROLE, 24))
    return finding


@pytest.mark.parametrize(
    ("results", "seen", "status", "says"),
    [
        (OWN, trail(*OWN_EVENTS), "pass", "no denial of the role but the 1 that the probe made on purpose"),
        (OWN, trail(), "unproven", "has not shown 2 of the probe's 2 calls yet"),
        (OWN, trail(OWN_EVENTS[0]), "unproven", "has not shown 1 of the probe's 2 calls yet"),
        (OWN, trail(OWN_EVENTS[1]), "unproven", "has not shown 1 of the probe's 2 calls yet"),
        (OWN, trail(*OWN_EVENTS, complete=False), "unproven", "only back to 2026-11-24T18:00:00Z"),
        (OWN, {"failed": True, "msg": "AccessDenied"}, "unproven", "could not be looked at: AccessDenied"),
        (OWN[:1], trail(*OWN_EVENTS), "unproven", "No call was refused here on purpose"),
        (OWN[1:], trail(*OWN_EVENTS), "unproven", "No call from the host succeeded here"),
        ([], trail(), "unproven", "No call from the host succeeded here"),
        (OWN, trail(*OWN_EVENTS, event("other", "AccessDenied", username="i-0def")), "unproven", "succeeded since"),
        (
            OWN,
            trail(*OWN_EVENTS, event("other", "AccessDenied", event_time="2026-11-24T20:00:30Z")),
            "fail",
            f"bedrock:InvokeModel on {MODEL_ARN} in us-east-1 was denied: no identity policy allows it, 1 time",
        ),
        (
            OWN,
            trail(*OWN_EVENTS, event("other", "AccessDenied", error_message=NO_POLICY.replace(HAIKU, SONNET))),
            "fail",
            SONNET,
        ),
        (OWN, trail(*OWN_EVENTS, event("x", "AccessDenied", session_issuer_arn="arn:other")), "pass", "no denial"),
        (OWN, trail(*OWN_EVENTS, event("x", "ThrottlingException")), "pass", "no denial"),
        (OWN, trail(*OWN_EVENTS, EARLIER_PROBE), "pass", "no denial"),
        (OWN, trail(*OWN_EVENTS, EARLIER_PROBE | {"user_agent": "aws-sdk-js/3.800.0"}), "fail", LLAMA),
        (OWN, trail(*OWN_EVENTS, EARLIER_PROBE | {"error_message": NO_POLICY.replace(HAIKU, SONNET)}), "fail", SONNET),
        (
            [*OWN, refused(request_id="own")],
            trail(*OWN_EVENTS, event("own", "AccessDenied", event_time="2026-11-24T20:00:01Z")),
            "fail",
            "no identity policy",
        ),
    ],
)
def test_silence_counts_only_after_the_probes_own_calls(
    results: list[dict[str, Any]], seen: dict[str, Any], status: str, says: str
) -> None:
    finding = denials(results, seen)
    assert finding["status"] == status, finding["detail"]
    assert says in finding["detail"]


OTHER = [each | {"request_id": f"{each['request_id']} there"} for each in OWN]
OTHER_EVENTS = [
    {
        **each,
        "request_id": f"{each['request_id']} there",
        "event_id": "there",
        "user_agent": EARLIER_PROBE["user_agent"],
    }
    for each in (OWN_EVENTS[0], EARLIER_PROBE | {"request_id": "on-purpose"})
]
PROVIDERS = {
    "service": "provider",
    "url": "https://provider.example",
    "status": "ok",
    "attempted_at": "2026-11-24T20:00:00Z",
}
#: A host that expects what the others make to be refused, and whose probe was denied it.
EXPECTANT = [*OTHER[:1], refused(request_id="on-purpose there", model_id=LLAMA)]


def test_the_judgement_of_a_host_does_not_depend_on_how_many_others_there_are() -> None:
    seen = trail(*OWN_EVENTS, *OTHER_EVENTS, EARLIER_PROBE)
    among = denials(OWN, seen, [*OTHER, PROVIDERS])
    assert among == denials(OWN, seen)
    assert (among["status"], among["evidence"]["events"]) == ("pass", 5)


def test_what_is_kept_of_cloudtrail_are_the_events_of_the_calls_and_no_denial_of_a_probe() -> None:
    older = event("served", event_id="older")
    seen = trail(*OWN_EVENTS, *OTHER_EVENTS, EARLIER_PROBE, older)
    told = validation_denials.trail_digest(seen, [*OWN, *OTHER], ROLE)
    assert list(told["calls"]) == ["served", "on-purpose", "served there", "on-purpose there"]
    assert told["calls"]["served"] == OWN_EVENTS[0]
    assert (told["denials"], told["events"]) == ([], {"us-east-1": 6})


@pytest.mark.parametrize(
    "denied",
    [
        event("x", "AccessDenied", event_time="2026-11-24T20:00:30Z"),
        EARLIER_PROBE | {"region": "us-east-2"},
        EARLIER_PROBE | {"user_agent": "aws-sdk-js/3.800.0"},
    ],
)
def test_a_denial_that_no_probe_made_stays_for_every_host(denied: dict[str, Any]) -> None:
    assert validation_denials.trail_digest(trail(denied), [*OWN, *OTHER], ROLE)["denials"] == [denied]


def test_a_denial_that_a_host_did_not_expect_stays_whatever_others_make_to_be_refused() -> None:
    seen = trail(*OWN_EVENTS, *OTHER_EVENTS)
    expectant = denials(EXPECTANT, seen, OWN)
    assert (expectant["status"], expectant["evidence"]["denials"][0]["request_id"]) == ("fail", "on-purpose there")
    assert denials(OWN, seen, EXPECTANT)["status"] == "pass"


def test_where_cloudtrail_could_not_be_looked_at_it_stays_so() -> None:
    assert validation_denials.trail_digest({"failed": True, "msg": "no"}, OWN, ROLE) == {
        "calls": {},
        "denials": [],
        "events": {},
        "lookups": [],
        "failed": True,
        "msg": "no",
    }


def test_the_time_to_look_again_is_said() -> None:
    remedy = denials(OWN, trail())["remedy"]
    assert "Look again after 2026-11-24T20:15:00Z with safesecrets_refresh: stale, which repeats no call" in remedy


def test_a_denial_is_explained_in_the_evidence() -> None:
    planted = event("other", "AccessDenied", event_time="2026-11-24T20:00:30Z")
    (explained,) = denials(OWN, trail(*OWN_EVENTS, planted))["evidence"]["denials"]
    assert explained["statement"] == {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": MODEL_ARN}
    assert (explained["layer"], explained["region"], explained["username"]) == (
        "identity policy",
        "us-east-1",
        "i-0abc",
    )


def test_only_answered_calls_are_awaited() -> None:
    results = [*OWN, LEGACY | {"request_id": "legacy"}, call("unanswered", request_id=None)]
    assert filters.trail_awaited(trail(OWN_EVENTS[0]), results) == [OWN[1]]


def test_the_filter_judges_everything() -> None:
    found = filters.validation_findings_of(
        probe(*OWN),
        validation_renewal.renewal([], {}, OWN),
        {"US": REGIONS["US"]},
        trail={"failed": True, "msg": "no"},
        witnesses={"lacking": {}},
        role_arn=ROLE,
        window_hours="24",
    )
    assert [each["id"] for each in checked(found)] == [
        "validation.static_keys",
        "validation.call",
        "validation.call",
        "validation.witnesses",
        "validation.denials",
    ]
    assert found[1]["evidence"]["witnesses"][-1]["detail"] == "CloudTrail could not be looked at: no"


# The residency guard


def test_a_profile_that_the_guard_must_refuse_is_called_in_every_region() -> None:
    foreign = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
    calls = validation_calls.probe_calls(REGIONS, {}, CONTROLS | {"profile": foreign})
    for region in ("ca-central-1", "us-east-1"):
        assert ("InvokeModel", foreign, None) in planned(calls, region=region, expectation="refused")
    without = validation_calls.probe_calls(REGIONS, {}, CONTROLS)
    assert [each for each in without if each.get("model_id") == foreign] == []


@pytest.mark.parametrize(("expectation", "says"), [("refused", "denied"), ("allowed", "unknown")])
def test_what_the_guard_denies_beyond_a_profile_s_destinations_denies_no_call_of_it(
    expectation: str, says: str
) -> None:
    arn = f"arn:aws:bedrock:us-east-1:1:inference-profile/{PROFILE}"
    beyond = decision(
        "explicitDeny",
        region="us-west-1",
        expected="explicitDeny",
        context={"bedrock:InferenceProfileArn": arn},
    )
    statements = validation_witnesses.witnesses(call(model_id=PROFILE, expectation=expectation), Seen([beyond]))
    assert statements[0]["says"] == says


def test_decisions_on_the_guard_are_heard() -> None:
    finding = {"id": "iam_policy.residency_guard", "evidence": {"decisions": [decision("explicitDeny")]}}
    assert len(validation_witnesses.simulated_decisions([finding])) == 1
