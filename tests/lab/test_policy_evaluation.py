"""The lab's IAM: each element of a policy, the layers together, and the words of a denial."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from lab.policy_documents import parse
from lab.policy_evaluation import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, decide
from tests.lab.direct_lab import DirectLab, allow, changed, error

HAIKU = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
SPEAK = {"Text": "Hello", "VoiceId": "Joanna", "OutputFormat": "pcm", "Engine": "neural"}
US_ONLY = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
CANADA_ONLY = {"StringEquals": {"aws:RequestedRegion": "ca-central-1"}}
DENY_OUTSIDE_CANADA = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:RequestedRegion": "ca-central-1"}},
}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}


ELEMENTS = {
    "action": ({"Action": "bedrock:InvokeModel", "Resource": "*"}, True),
    "another action": ({"Action": "bedrock:InvokeModelWithResponseStream", "Resource": "*"}, False),
    "action in another case": ({"Action": "BEDROCK:invokemodel", "Resource": "*"}, True),
    "action with star": ({"Action": ["polly:*", "bedrock:Invoke*"], "Resource": "*"}, True),
    "action with question mark": ({"Action": "bedrock:InvokeMode?", "Resource": "*"}, True),
    "every action": ({"Action": "*", "Resource": "*"}, True),
    "no action": ({"Action": [], "Resource": "*"}, False),
    "not action": ({"NotAction": ["bedrock:Invoke*"], "Resource": "*"}, False),
    "not another action": ({"NotAction": ["polly:*", "iam:*"], "Resource": "*"}, True),
    "resource": ({"Action": "*", "Resource": ["arn:aws:polly:*", HAIKU]}, True),
    "resource in another case": ({"Action": "*", "Resource": HAIKU.upper()}, False),
    "resource with star": ({"Action": "*", "Resource": "arn:aws:bedrock:*::foundation-model/anthropic.*"}, True),
    "resource of another region": ({"Action": "*", "Resource": HAIKU.replace("us-east-1", "ca-central-1")}, False),
    "not resource": ({"Action": "*", "NotResource": "arn:aws:bedrock:*"}, False),
    "not another resource": ({"Action": "*", "NotResource": "arn:aws:bedrock:ca-central-1:*"}, True),
    "no resource": ({"Action": "*"}, False),
    "variable in resource": ({"Action": "*", "Resource": "arn:aws:bedrock:${aws:RequestedRegion}::*"}, True),
    "variable without value": ({"Action": "*", "Resource": "arn:aws:bedrock:${aws:username}::*"}, False),
    "variable with default": ({"Action": "*", "Resource": "arn:aws:bedrock:${aws:username, 'us-east-1'}::*"}, True),
}
CONTEXT = {
    "aws:requestedregion": ["us-east-1"],
    "aws:principalarn": ["arn:aws:iam::123456789012:role/Application"],
    "aws:sourceip": ["203.0.113.7"],
    "aws:multifactorauthage": ["300"],
    "aws:currenttime": ["2026-11-22T12:00:00Z"],
    "aws:securetransport": ["true"],
    "aws:tagkeys": ["team", "cost"],
}
CONDITIONS = {
    "equal": ("StringEquals", "aws:RequestedRegion", "us-east-1", True),
    "key in another case": ("StringEquals", "AWS:requestedREGION", "us-east-1", True),
    "operator in another case": ("stringequals", "aws:RequestedRegion", "us-east-1", True),
    "one of several": ("StringEquals", "aws:RequestedRegion", ["ca-central-1", "us-east-1"], True),
    "none of several": ("StringEquals", "aws:RequestedRegion", ["ca-central-1", "us-west-2"], False),
    "value in another case": ("StringEquals", "aws:RequestedRegion", "US-EAST-1", False),
    "value in any case": ("StringEqualsIgnoreCase", "aws:RequestedRegion", "US-EAST-1", True),
    "not equal": ("StringNotEquals", "aws:RequestedRegion", "ca-central-1", True),
    "not equal to all": ("StringNotEquals", "aws:RequestedRegion", ["ca-central-1", "us-east-1"], False),
    "like": ("StringLike", "aws:RequestedRegion", "us-*", True),
    "not like": ("StringNotLike", "aws:RequestedRegion", "us-*", False),
    "absent, equal": ("StringEquals", "aws:PrincipalOrgID", "o-1", False),
    "absent, not equal": ("StringNotEquals", "aws:PrincipalOrgID", "o-1", True),
    "absent, equal if it exists": ("StringEqualsIfExists", "aws:PrincipalOrgID", "o-1", True),
    "there, equal if it exists": ("StringEqualsIfExists", "aws:RequestedRegion", "eu-west-1", False),
    "absent, null": ("Null", "aws:PrincipalOrgID", "true", True),
    "absent, not null": ("Null", "aws:PrincipalOrgID", False, False),
    "there, null": ("Null", "aws:RequestedRegion", True, False),
    "there, not null": ("Null", "aws:RequestedRegion", "false", True),
    "two values, not null": ("Null", "aws:TagKeys", "false", True),
    "arn": ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/App*", True),
    "not arn": ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/Application", False),
    "in network": ("IpAddress", "aws:SourceIp", "203.0.113.0/24", True),
    "not in network": ("NotIpAddress", "aws:SourceIp", ["203.0.113.0/24", "10.0.0.0/8"], False),
    "number": ("NumericLessThan", "aws:MultiFactorAuthAge", 3600, True),
    "date": ("DateGreaterThan", "aws:CurrentTime", "2027-01-01T00:00:00Z", False),
    "boolean": ("Bool", "aws:SecureTransport", True, True),
    "boolean as string": ("StringEquals", "aws:SecureTransport", True, True),
    "any of the values": ("ForAnyValue:StringEquals", "aws:TagKeys", ["cost", "owner"], True),
    "none of the values": ("ForAnyValue:StringEquals", "aws:TagKeys", ["owner"], False),
    "some other value": ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["cost"], True),
    "all of the values": ("ForAllValues:StringEquals", "aws:TagKeys", ["cost", "team", "owner"], True),
    "not all of the values": ("ForAllValues:StringLike", "aws:TagKeys", ["c*"], False),
    "all of one value": ("ForAllValues:StringEquals", "aws:RequestedRegion", ["us-east-1", "ca-central-1"], True),
    "absent, all": ("ForAllValues:StringEquals", "aws:PrincipalOrgID", ["o-1"], True),
    "absent, any": ("ForAnyValue:StringEquals", "aws:PrincipalOrgID", ["o-1"], False),
    "two values without quantifier": ("StringEquals", "aws:TagKeys", "cost", True),
    "two values, not equal": ("StringNotEquals", "aws:TagKeys", "cost", False),
    "variable": ("StringLike", "aws:PrincipalArn", "*${aws:RequestedRegion}*", False),
    "no operator of IAM": ("StringAlmostEquals", "aws:RequestedRegion", "us-east-1", False),
}


@pytest.mark.parametrize(("statement", "matches"), ELEMENTS.values(), ids=ELEMENTS)
def test_action_and_resource(statement: dict[str, Any], matches: bool) -> None:
    verdict = decide(parse(document(statement)), "bedrock:InvokeModel", HAIKU, CONTEXT)
    assert verdict.decision == (ALLOWED if matches else IMPLICIT_DENY)


@pytest.mark.parametrize(("operator", "key", "value", "met"), CONDITIONS.values(), ids=CONDITIONS)
def test_condition(operator: str, key: str, value: Any, met: bool) -> None:
    statement = {"Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    verdict = decide(parse(document(statement)), "polly:SynthesizeSpeech", "*", CONTEXT)
    assert verdict.decision == (ALLOWED if met else IMPLICIT_DENY)


@pytest.mark.parametrize("block", ["operators", "keys"])
def test_every_condition_must_be_met(block: str) -> None:
    second = {"aws:SecureTransport": "false"}
    condition: dict[str, Any] = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    condition |= {"Bool": second} if block == "operators" else {"StringEquals": {**condition["StringEquals"], **second}}
    statement = {"Action": "*", "Resource": "*", "Condition": condition}
    assert decide(parse(document(statement)), "a:B", "*", CONTEXT).decision == IMPLICIT_DENY


def test_a_deny_wins_and_is_the_only_statement_named() -> None:
    everything = {"Action": "*", "Resource": "*"}
    statements = parse(document(everything, {**everything, "Effect": "Deny", "Sid": "No"}, everything))
    verdict = decide(statements, "a:B", "*", CONTEXT)
    assert (verdict.decision, [s.parsed.sid for s in verdict.statements]) == (EXPLICIT_DENY, ["No"])


@pytest.mark.parametrize("text", ["", "[]", '"a"', "{", '{"Statement": []}', '{"Version": "2012-10-17"}'])
def test_a_document_without_statements_allows_nothing(text: str) -> None:
    assert parse(text) == []


LAYERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "identity": ({}, "us-east-1", "because no identity-based policy allows the polly:SynthesizeSpeech action"),
    "identity denies": (
        {"inline_policies": {"A": document({"Action": "*", "Resource": "*"}, DENY_OUTSIDE_CANADA)}},
        "us-east-1",
        "with an explicit deny in an identity-based policy",
    ),
    "boundary": (
        {"inline_policies": {"A": allow("*")}, "permissions_boundary": {"B": allow("*", **CANADA_ONLY)}},
        "us-east-1",
        "because no permissions boundary allows the polly:SynthesizeSpeech action",
    ),
    "boundary denies": (
        {
            "inline_policies": {"A": allow("*")},
            "permissions_boundary": {"B": document({"Action": "*", "Resource": "*"}, DENY_OUTSIDE_CANADA)},
        },
        "us-east-1",
        "with an explicit deny in a permissions boundary",
    ),
    "managed policy denies": (
        {"inline_policies": {"A": allow("*")}, "managed_policies": {"M": document(DENY_OUTSIDE_CANADA)}},
        "us-east-1",
        "with an explicit deny in an identity-based policy",
    ),
}


@pytest.mark.parametrize(("role", "region", "reason"), LAYERS.values(), ids=LAYERS)
def test_a_denial_names_the_layer(role: dict[str, Any], region: str, reason: str) -> None:
    lab = DirectLab(changed("today", role=role))
    name, account_id = lab.account.role.name, lab.account.account_id
    assert error(lab.client("polly", region, lab.session_key()).synthesize_speech, **SPEAK) == (
        "AccessDeniedException",
        f"User: arn:aws:sts::{account_id}:assumed-role/{name}/i-0123456789abcdef0 is not authorized to perform: "
        f"polly:SynthesizeSpeech {reason}",
        403,
    )
    lab.client("polly", "ca-central-1", lab.session_key()).synthesize_speech(**SPEAK)


def test_the_organization_denies_and_full_access_stands_beside_its_policies() -> None:
    account = dataclasses.replace(
        changed("today", role={"inline_policies": {"A": allow("*")}}),
        service_control_policies={"Canada": document(DENY_OUTSIDE_CANADA)},
    )
    lab = DirectLab(account)
    denial = error(lab.client("polly", "us-east-1", lab.session_key()).synthesize_speech, **SPEAK)
    assert denial[1].endswith("with an explicit deny in a service control policy")
    lab.client("polly", "ca-central-1", lab.session_key()).synthesize_speech(**SPEAK)


def test_the_principal_of_a_session_is_its_role() -> None:
    arn = "arn:aws:iam::210987654321:role/MM-KA-SceneBeat-SafeSecretsEC2Role"
    policy = allow("*", ArnEquals={"aws:PrincipalArn": arn}, StringEquals={"aws:PrincipalType": "AssumedRole"})
    lab = DirectLab(changed("today", role={"inline_policies": {"A": policy}}))
    lab.client("polly", "us-east-1", lab.session_key()).synthesize_speech(**SPEAK)


POLICIES = {
    "everything": allow("*"),
    "nothing": allow("iam:GetRole"),
    "the action": allow("polly:SynthesizeSpeech"),
    "one region": allow("polly:*", **US_ONLY),
    "all but a region": document({"Action": "*", "Resource": "*"}, DENY_OUTSIDE_CANADA),
    "all but an action": document({"NotAction": "polly:SynthesizeSpeech", "Resource": "*"}),
    "if it exists": allow("*", StringEqualsIfExists={"aws:RequestedRegion": "us-east-1"}),
    "any of": allow("*", **{"ForAnyValue:StringLike": {"aws:RequestedRegion": ["us-*"]}}),
}


@pytest.mark.parametrize("boundary", [None, "one region"])
@pytest.mark.parametrize("policy", POLICIES)
def test_enforcement_and_simulation_agree(policy: str, boundary: str | None) -> None:
    limit = {"Boundary": POLICIES[boundary]} if boundary else {}
    role = {"inline_policies": {"A": POLICIES[policy]}, "permissions_boundary": limit}
    lab = DirectLab(changed("today", role=role))
    iam, arn = lab.client("iam"), f"arn:aws:iam::{lab.account.account_id}:role/{lab.account.role.name}"
    for region in ("us-east-1", "ca-central-1"):
        entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [region], "ContextKeyType": "string"}
        answer = iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=["polly:SynthesizeSpeech"], ContextEntries=[entry]
        )
        simulated = answer["EvaluationResults"][0]["EvalDecision"]
        polly = lab.client("polly", region, lab.session_key())
        if simulated == ALLOWED:
            polly.synthesize_speech(**SPEAK)
        else:
            explicit = "explicit deny" in error(polly.synthesize_speech, **SPEAK)[1]
            assert explicit == (simulated == EXPLICIT_DENY), json.dumps(answer["EvaluationResults"])
