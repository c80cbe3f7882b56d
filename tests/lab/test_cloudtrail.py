"""CloudTrail in the lab: what is recorded of a call, when it arrives, and how it is looked up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from lab import accounts
from lab.accounts import PastEvent, Timing
from tests.lab.direct_lab import allow, error
from tests.lab.raw_stream import RawStream, audio_event
from tests.lab.signed_lab import ADDRESS, INSTANCE_ID, SignedLab

HAIKU, SONNET_4_6 = "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-sonnet-4-6"
PROFILE = f"us.{SONNET_4_6}"
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "My"}]}
SPEECH = {"Text": "My secret words", "VoiceId": "Joanna", "Engine": "neural", "OutputFormat": "mp3"}
ROLE = "MM-KA-SceneBeat-SafeSecretsEC2Role"
ACCOUNT = "210987654321"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE_ID}"
DELIVERY = timedelta(seconds=Timing().trail_delivery)


@pytest.fixture
def lab() -> SignedLab:
    return SignedLab("converged")


def events(lab: SignedLab, region: str = "us-east-1", **query: Any) -> list[dict[str, Any]]:
    """What CloudTrail shows once everything has arrived, oldest first."""
    lab.now += max(DELIVERY, timedelta(seconds=1))
    found = lab.signed("cloudtrail", region).lookup_events(**query)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in reversed(found)]


def last(lab: SignedLab, region: str = "us-east-1") -> dict[str, Any]:
    return events(lab, region)[-1]


def instance_identity(issuer: str, key: str, issued_at: str) -> dict[str, Any]:
    role = {"type": "Role", "principalId": issuer, "arn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"}
    return {
        "type": "AssumedRole",
        "principalId": f"{issuer}:{INSTANCE_ID}",
        "arn": SESSION,
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {**role, "accountId": ACCOUNT, "userName": ROLE},
            "attributes": {"creationDate": issued_at, "mfaAuthenticated": "false"},
            "ec2RoleDelivery": "2.0",
        },
    }


def test_the_event_of_an_instances_call_is_awss(lab: SignedLab) -> None:
    credentials = lab.role()
    called_at = lab.now
    answer = lab.signed("polly", "ca-central-1", credentials).synthesize_speech(**SPEECH)
    event = last(lab, "ca-central-1")
    issuer = event["userIdentity"]["sessionContext"]["sessionIssuer"]["principalId"]
    assert issuer.startswith("AROA")
    assert len(event.pop("eventID")) == 36
    assert "Botocore" in event.pop("userAgent")
    stamp = called_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event == {
        "eventVersion": "1.11",
        "userIdentity": instance_identity(issuer, credentials["aws_access_key_id"], stamp),
        "eventTime": stamp,
        "eventSource": "polly.amazonaws.com",
        "eventName": "SynthesizeSpeech",
        "awsRegion": "ca-central-1",
        "sourceIPAddress": ADDRESS,
        "requestParameters": {"text": "**********", "voiceId": "Joanna", "engine": "neural", "outputFormat": "mp3"},
        "responseElements": None,
        "requestID": answer["ResponseMetadata"]["RequestId"],
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def test_a_user_is_named_and_has_no_session(lab: SignedLab) -> None:
    lab.signed("sts").get_caller_identity()
    identity = last(lab)["userIdentity"]
    assert identity.pop("principalId").startswith("AIDA")
    assert identity == {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/admin",
        "accountId": ACCOUNT,
        "accessKeyId": lab.operator["aws_access_key_id"],
        "userName": "admin",
    }


def test_a_denied_call_is_recorded_with_the_denial() -> None:
    lab = SignedLab("today")
    with pytest.raises(ClientError) as caught:
        lab.signed("bedrock-runtime", "us-east-1", lab.role()).invoke_model(modelId=HAIKU, body=json.dumps(CLAUDE))
    event = last(lab)
    assert (event["eventName"], event["errorCode"]) == ("InvokeModel", "AccessDenied")
    assert event["errorMessage"] == caught.value.response["Error"]["Message"]
    assert event["errorMessage"].startswith(f"User: {SESSION} is not authorized to perform: bedrock:InvokeModel")
    assert event["requestID"] == caught.value.response["ResponseMetadata"]["RequestId"]
    assert event["requestParameters"] is None


#: Service, call, region of the call; then name, source, region, error and parameters of its event.
CALLS: dict[str, tuple[Any, ...]] = {
    "invoke": (
        ("bedrock-runtime", "invoke_model", {"modelId": HAIKU, "body": json.dumps(CLAUDE)}, "us-east-1"),
        ("InvokeModel", "bedrock", "us-east-1", None, {"modelId": HAIKU}),
    ),
    "invoke stream": (
        ("bedrock-runtime", "invoke_model_with_response_stream", {"modelId": HAIKU, "body": "{"}, "us-east-1"),
        ("InvokeModelWithResponseStream", "bedrock", "us-east-1", "ValidationException", {"modelId": HAIKU}),
    ),
    "list models": (
        ("bedrock", "list_foundation_models", {"byProvider": "Anthropic"}, "ca-central-1"),
        ("ListFoundationModels", "bedrock", "ca-central-1", None, {"byProvider": "Anthropic"}),
    ),
    "profile": (
        ("bedrock", "get_inference_profile", {"inferenceProfileIdentifier": PROFILE}, "us-east-1"),
        ("GetInferenceProfile", "bedrock", "us-east-1", None, {"inferenceProfileIdentifier": PROFILE}),
    ),
    "voices": (
        ("polly", "describe_voices", {"Engine": "generative"}, "us-east-1"),
        ("DescribeVoices", "polly", "us-east-1", None, {"engine": "generative"}),
    ),
    "role, asked from Canada": (
        ("iam", "get_role", {"RoleName": ROLE}, "ca-central-1"),
        ("GetRole", "iam", "us-east-1", None, {"roleName": ROLE}),
    ),
    "no such role": (
        ("iam", "get_role", {"RoleName": "Nobody"}, "us-east-1"),
        ("GetRole", "iam", "us-east-1", "NoSuchEntityException", {"roleName": "Nobody"}),
    ),
    "simulation": (
        (
            "iam",
            "simulate_principal_policy",
            {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "ActionNames": ["polly:SynthesizeSpeech"]},
            "us-east-1",
        ),
        (
            "SimulatePrincipalPolicy",
            "iam",
            "us-east-1",
            None,
            {"policySourceArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"},
        ),
    ),
    "identity, asked in Canada": (
        ("sts", "get_caller_identity", {}, "ca-central-1"),
        ("GetCallerIdentity", "sts", "ca-central-1", None, None),
    ),
    "no such secret": (
        ("secretsmanager", "get_secret_value", {"SecretId": "mine"}, "ca-central-1"),
        ("GetSecretValue", "secretsmanager", "ca-central-1", "ResourceNotFoundException", {"secretId": "mine"}),
    ),
    "malformed group": (
        ("ec2", "describe_security_groups", {"GroupIds": ["sg-1"]}, "ca-central-1"),
        ("DescribeSecurityGroups", "ec2", "ca-central-1", "Client.InvalidGroupId.Malformed", None),
    ),
    "trails": (
        ("cloudtrail", "describe_trails", {}, "us-west-2"),
        ("DescribeTrails", "cloudtrail", "us-west-2", None, None),
    ),
}


@pytest.mark.parametrize(("call", "recorded"), CALLS.values(), ids=CALLS)
def test_every_service_has_its_names(lab: SignedLab, call: tuple[Any, ...], recorded: tuple[Any, ...]) -> None:
    service, operation, parameters, region = call
    with suppress(ClientError):
        getattr(lab.signed(service, region), operation)(**parameters)
    event = last(lab, recorded[2])
    source = event["eventSource"].removesuffix(".amazonaws.com")
    where = event["awsRegion"]
    assert (event["eventName"], source, where, event.get("errorCode"), event["requestParameters"]) == recorded
    assert event["readOnly"] is True


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("ec2", "describe_instances", {}, "Client.UnauthorizedOperation"),
        ("iam", "get_role", {"RoleName": ROLE}, "AccessDenied"),
        ("secretsmanager", "get_secret_value", {"SecretId": "mine"}, "AccessDenied"),
        ("cloudtrail", "lookup_events", {}, "AccessDenied"),
    ],
)
def test_denials_have_cloudtrails_code(
    lab: SignedLab, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    nobody = lab.user("nobody", allow("polly:DescribeVoices"))
    answered, message, _status = error(getattr(lab.signed(service, "us-east-1", nobody), operation), **parameters)
    event = last(lab)
    assert (event["errorCode"], event["errorMessage"]) == (code, message)
    assert answered in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def test_writes_are_no_reads(lab: SignedLab) -> None:
    document = json.dumps(allow("polly:*"))
    lab.signed("iam").put_role_policy(RoleName=ROLE, PolicyName="More", PolicyDocument=document)
    event = last(lab)
    assert (event["eventName"], event["readOnly"]) == ("PutRolePolicy", False)
    assert event["requestParameters"] == {"roleName": ROLE, "policyName": "More"}
    entry = lab.signed("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": event["eventID"]}]
    )["Events"][0]
    assert entry["ReadOnly"] == "false"
    assert entry["Resources"] == [
        {"ResourceType": "AWS::IAM::Policy", "ResourceName": "More"},
        {"ResourceType": "AWS::IAM::Role", "ResourceName": ROLE},
    ]


def test_contents_are_never_recorded(lab: SignedLab) -> None:
    body = json.dumps(CLAUDE | {"name": "canary", "messages": [{"role": "user", "content": "canary"}]})
    lab.signed("bedrock-runtime").invoke_model(modelId=HAIKU, body=body)
    lab.signed("polly").synthesize_speech(**SPEECH | {"Text": "canary"})
    lab.signed("secretsmanager").create_secret(Name="mine", SecretString="canary")
    lab.signed("iam").put_role_policy(RoleName=ROLE, PolicyName="P", PolicyDocument=json.dumps(allow("canary:*")))
    form = json.dumps({"companyName": "canary", "companyWebsite": "https://canary.example", "intendedUsers": "0"})
    with suppress(ClientError):
        lab.signed("bedrock").put_use_case_for_model_access(formData=form)
    assert len(events(lab)) == 5
    assert "canary" not in json.dumps([event.content for event in lab.state.trail])


def test_a_profiles_call_tells_where_it_ran() -> None:
    lab = SignedLab("converged")
    lab.state.agreements[("us-east-1", SONNET_4_6)] = lab.state.agreements[("us-east-1", HAIKU)]
    for _ in range(4):
        lab.signed("bedrock-runtime").invoke_model(modelId=PROFILE, body=json.dumps(CLAUDE))
    found = events(lab)
    assert {event["awsRegion"] for event in found} == {"us-east-1"}
    regions = [event["additionalEventData"]["inferenceRegion"] for event in found]
    assert regions == ["us-east-1", "us-east-2", "us-west-2", "us-east-1"]


def test_a_profiles_call_that_is_denied_ran_nowhere(lab: SignedLab) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{PROFILE}"
    home = f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4_6}"
    caller = lab.user("caller", allow("bedrock:InvokeModel", resource=[arn, home]))
    lab.state.agreements[("us-east-1", SONNET_4_6)] = lab.state.agreements[("us-east-1", HAIKU)]
    for _ in range(2):
        with suppress(ClientError):
            lab.signed("bedrock-runtime", credentials=caller).invoke_model(modelId=PROFILE, body=json.dumps(CLAUDE))
    served, denied = events(lab)
    assert served["additionalEventData"] == {"inferenceRegion": "us-east-1"}
    assert "additionalEventData" not in denied
    assert f"arn:aws:bedrock:us-east-2::foundation-model/{SONNET_4_6}" in denied["errorMessage"]


def test_a_global_profiles_call_tells_its_region_too(lab: SignedLab) -> None:
    lab.state.agreements[("us-east-1", SONNET_4_6)] = lab.state.agreements[("us-east-1", HAIKU)]
    for _ in range(4):
        lab.signed("bedrock-runtime").invoke_model(modelId=f"global.{SONNET_4_6}", body=json.dumps(CLAUDE))
    regions = [event["additionalEventData"]["inferenceRegion"] for event in events(lab)]
    assert regions[::2] == ["us-east-1", "us-east-1"]
    assert not {"us-east-1", ""} & set(regions[1::2])


def test_what_is_nobodys_or_no_management_event_is_not_recorded(lab: SignedLab) -> None:
    stranger = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}
    wrong = lab.operator | {"aws_secret_access_key": "x"}
    for credentials in (stranger, wrong):
        assert error(lab.signed("polly", credentials=credentials).describe_voices)[2] == 403
    logs = lab.signed("logs")
    with suppress(ClientError):
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[])
    assert events(lab) == []


def test_an_event_takes_its_time(lab: SignedLab) -> None:
    lab.signed("polly").describe_voices()
    trail = lab.signed("cloudtrail")
    lab.now += DELIVERY - timedelta(milliseconds=1)
    assert trail.lookup_events()["Events"] == []
    lab.now += timedelta(milliseconds=1)
    assert [event["EventName"] for event in trail.lookup_events()["Events"]] == ["DescribeVoices"]


@pytest.mark.parametrize("name", ["iam_propagation", "trail_delivery", "instance_session"])
@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_nothing_takes_no_time(name: str, seconds: float) -> None:
    with pytest.raises(
        ValidationError, match=rf"{name}\n  Input should be (greater than 0|less than or equal to 21600)"
    ):
        Timing(**{name: seconds})


def test_what_was_before_the_lab_is_there_at_once() -> None:
    account = accounts.load("today")
    past = [
        PastEvent("InvokeModel", "bedrock.amazonaws.com", "us-east-1", 30, "AccessDenied", "User: {arn} is denied"),
        PastEvent("SynthesizeSpeech", "polly.amazonaws.com", "us-east-1", 80, session="someone"),
        PastEvent("InvokeModel", "bedrock.amazonaws.com", "us-east-1", 50, inference_region="us-west-2"),
    ]
    lab = SignedLab(replace(account, trail=past))
    entries = lab.signed("cloudtrail").lookup_events()["Events"]
    assert [(lab.now - entry["EventTime"]) // timedelta(hours=1) for entry in entries] == [30, 50, 80]
    assert [entry["Username"] for entry in entries] == [INSTANCE_ID, INSTANCE_ID, "someone"]
    denial = json.loads(entries[0]["CloudTrailEvent"])
    assert (denial["errorCode"], denial["errorMessage"]) == ("AccessDenied", f"User: {SESSION} is denied")
    assert denial["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    assert json.loads(entries[1]["CloudTrailEvent"])["additionalEventData"] == {"inferenceRegion": "us-west-2"}


def test_an_old_denial_is_the_accounts() -> None:
    (entry,) = SignedLab("old_denial").signed("cloudtrail").lookup_events()["Events"]
    assert json.loads(entry["CloudTrailEvent"])["errorCode"] == "AccessDenied"


@pytest.mark.parametrize("hours", [-1, 90 * 24 + 1])
def test_an_age_that_cloudtrail_would_not_show_is_refused(hours: float) -> None:
    with pytest.raises(
        ValidationError, match=r"3\n  Input should be (greater than or equal to 0|less than or equal to 2160)"
    ):
        PastEvent("InvokeModel", "bedrock.amazonaws.com", "us-east-1", hours)


def test_events_are_kept_for_90_days(lab: SignedLab) -> None:
    lab.signed("polly").describe_voices()
    lab.now += timedelta(days=90)
    assert len(lab.signed("cloudtrail").lookup_events()["Events"]) == 1
    lab.now += timedelta(seconds=1)
    assert lab.signed("cloudtrail", "ca-central-1").lookup_events()["Events"] == []
    assert "DescribeVoices" not in [event["eventName"] for event in events(lab)]


def looked_up(lab: SignedLab, key: str, value: str) -> set[str]:
    lab.now += DELIVERY
    query = [{"AttributeKey": key, "AttributeValue": value}]
    return {entry["EventName"] for entry in lab.signed("cloudtrail").lookup_events(LookupAttributes=query)["Events"]}


def test_events_are_looked_up_by_one_attribute(lab: SignedLab) -> None:
    role = lab.role()
    with suppress(ClientError):
        lab.signed("polly", credentials=role).synthesize_speech(**SPEECH)
    lab.signed("iam").put_role_policy(RoleName=ROLE, PolicyName="More", PolicyDocument=json.dumps(allow("polly:*")))
    lab.signed("sts").get_caller_identity()
    lab.now += DELIVERY
    identifier = lab.signed("cloudtrail").lookup_events()["Events"][0]["EventId"]
    assert looked_up(lab, "EventId", identifier) == {"GetCallerIdentity"}
    assert looked_up(lab, "EventName", "SynthesizeSpeech") == {"SynthesizeSpeech"}
    assert looked_up(lab, "EventSource", "polly.amazonaws.com") == {"SynthesizeSpeech"}
    assert looked_up(lab, "Username", INSTANCE_ID) == {"SynthesizeSpeech"}
    assert looked_up(lab, "Username", ROLE) == set(), "a role's name is no user name"
    assert looked_up(lab, "Username", "admin") == {"PutRolePolicy", "GetCallerIdentity", "LookupEvents"}
    assert looked_up(lab, "AccessKeyId", role["aws_access_key_id"]) == {"SynthesizeSpeech"}
    assert looked_up(lab, "ReadOnly", "false") == {"PutRolePolicy"}
    assert looked_up(lab, "ResourceName", ROLE) == {"PutRolePolicy"}
    assert looked_up(lab, "ResourceType", "AWS::IAM::Policy") == {"PutRolePolicy"}


def test_regions_are_apart(lab: SignedLab) -> None:
    lab.signed("polly", "ca-central-1").describe_voices()
    lab.signed("polly", "us-east-1").synthesize_speech(**SPEECH)
    assert [event["eventName"] for event in events(lab, "ca-central-1")] == ["DescribeVoices"]
    assert [event["eventName"] for event in events(lab, "us-east-1")] == ["SynthesizeSpeech"]


def test_a_time_is_of_whole_seconds_and_both_ends_count(lab: SignedLab) -> None:
    lab.now = lab.now.replace(microsecond=600_000)
    called_at = lab.now
    lab.signed("polly").describe_voices()
    second = called_at.replace(microsecond=0)
    assert len(events(lab, StartTime=second, EndTime=second)) == 1
    assert events(lab, StartTime=second + timedelta(seconds=1), EndTime=second + timedelta(seconds=1)) == []
    assert events(lab, StartTime=called_at, EndTime=called_at) == [], "the event is of the beginning of its second"


NAMED = {"AttributeKey": "EventName", "AttributeValue": "X"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two attributes": ({"LookupAttributes": [NAMED, NAMED]}, "InvalidLookupAttributesException"),
    "unknown attribute": (
        {"LookupAttributes": [{"AttributeKey": "ErrorCode", "AttributeValue": "AccessDenied"}]},
        "InvalidLookupAttributesException",
    ),
    "empty value": (
        {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": ""}]},
        "InvalidLookupAttributesException",
    ),
    "no result": ({"MaxResults": 0}, "InvalidMaxResultsException"),
    "too many results": ({"MaxResults": 51}, "InvalidMaxResultsException"),
    "end before start": ({"StartTime": 1_800_000_000, "EndTime": 1_700_000_000}, "InvalidTimeRangeException"),
    "made-up token": ({"NextToken": "made-up"}, "InvalidNextTokenException"),
    "unknown category": ({"EventCategory": "management"}, "InvalidEventCategoryException"),
}


@pytest.mark.parametrize(("query", "code"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused(lab: SignedLab, query: dict[str, Any], code: str) -> None:
    refused, message, status = error(lab.signed("cloudtrail").lookup_events, **query)
    assert (refused, status) == (code, 400)
    assert message


def test_insights_are_none(lab: SignedLab) -> None:
    lab.signed("polly").describe_voices()
    assert events(lab, EventCategory="insight") == []


def test_pages_are_newest_first_and_stay_while_events_arrive(lab: SignedLab) -> None:
    engines = ["neural", "standard", "generative", "neural", "standard"]
    for engine in engines:
        lab.now += timedelta(seconds=1)
        lab.signed("polly").describe_voices(Engine=engine)
    lab.now += DELIVERY
    lab.signed("iam").get_role(RoleName=ROLE)
    query: dict[str, Any] = {"MaxResults": 2}
    seen = []
    while True:
        page = lab.signed("cloudtrail").lookup_events(**query)
        seen += [json.loads(entry["CloudTrailEvent"])["requestParameters"]["engine"] for entry in page["Events"]]
        assert len(page["Events"]) <= 2
        if "NextToken" not in page:
            break
        query["NextToken"] = page["NextToken"]
        lab.now += DELIVERY  # now the call of IAM has arrived
    assert seen == engines[::-1]


def test_a_page_holds_up_to_50(lab: SignedLab) -> None:
    for _ in range(51):
        lab.signed("sts").get_caller_identity()
    lab.now += DELIVERY
    page = lab.signed("cloudtrail").lookup_events()
    assert len(page["Events"]) == 50
    assert page["NextToken"]


def test_a_token_is_for_its_query(lab: SignedLab) -> None:
    for _ in range(3):
        lab.signed("sts").get_caller_identity()
    lab.now += DELIVERY
    token = lab.signed("cloudtrail").lookup_events(MaxResults=1)["NextToken"]
    other = {"NextToken": token, "LookupAttributes": [NAMED]}
    assert error(lab.signed("cloudtrail").lookup_events, **other)[0] == "InvalidNextTokenException"


def test_two_requests_a_second_and_region(lab: SignedLab) -> None:
    client = lab.signed("cloudtrail")
    client.lookup_events()
    lab.now += timedelta(milliseconds=400)
    client.lookup_events()
    assert error(client.lookup_events) == ("ThrottlingException", "Rate exceeded", 400)
    lab.signed("cloudtrail", "ca-central-1").lookup_events()
    lab.now += timedelta(milliseconds=600)
    client.lookup_events()
    assert error(client.lookup_events)[0] == "ThrottlingException"


def test_looking_up_needs_its_permission(lab: SignedLab) -> None:
    nobody = lab.user("nobody", allow("cloudtrail:DescribeTrails"))
    code, message, status = error(lab.signed("cloudtrail", credentials=nobody).lookup_events)
    assert (code, status) == ("AccessDeniedException", 400)
    assert "is not authorized to perform: cloudtrail:LookupEvents because no identity-based policy" in message


def test_streams_are_recorded_by_the_server(lab_factory: Callable[[str], Any]) -> None:
    """The role may look, so that its own streams are seen, the one that was served and the one that was denied."""
    lab = lab_factory("today")
    credentials = lab.role_credentials()
    for region in ("ca-central-1", "us-east-1"):
        with RawStream(lab, credentials, region) as stream:
            stream.send(stream.signer.sign(audio_event(b"\0" * 3200)))
            stream.send(stream.signer.sign(b""), end=True)
            stream.finish()
    document = json.dumps(allow("cloudtrail:LookupEvents"))
    role = {"RoleName": lab.facts["role_name"], "PolicyName": "Look"}
    lab.client("iam").put_role_policy(**role, PolicyDocument=document)
    timing = Timing()
    time.sleep(max(timing.iam_propagation, timing.trail_delivery) + 0.2)
    query = [{"AttributeKey": "EventName", "AttributeValue": "StartStreamTranscription"}]
    outcomes = {}
    for region in ("ca-central-1", "us-east-1"):
        client = lab.client("cloudtrail", region, credentials)
        (entry,) = client.lookup_events(LookupAttributes=query)["Events"]
        event = json.loads(entry["CloudTrailEvent"])
        assert (entry["Username"], entry["EventSource"]) == (
            lab.facts["instance_id"],
            "transcribestreaming.amazonaws.com",
        )
        assert event["readOnly"] is False
        outcomes[region] = event.get("errorCode"), event["requestParameters"]
    settings = {"languageCode": "en-US", "mediaEncoding": "pcm", "mediaSampleRateHertz": 16000}
    assert outcomes == {"ca-central-1": (None, settings), "us-east-1": ("AccessDenied", None)}
