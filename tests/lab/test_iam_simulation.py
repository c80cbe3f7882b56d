"""The policy simulator in the lab."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tests.lab.direct_lab import DirectLab, allow, changed, error

ROLE = "arn:aws:iam::210987654321:role/MM-KA-SceneBeat-SafeSecretsEC2Role"
BARE = "arn:aws:iam::210987654321:user/bare"  # its own policy allows nothing
INVOKE, SPEAK = "bedrock:InvokeModel", "polly:SynthesizeSpeech"
CANADA, US = (
    f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
    for region in ("ca-central-1", "us-east-1")
)
OUTSIDE_CANADA = {"StringNotEquals": {"aws:RequestedRegion": "ca-central-1"}}
IN_CANADA = {"StringEquals": {"aws:RequestedRegion": "ca-central-1"}}


def deny(**conditions: Any) -> dict[str, Any]:
    document = allow("*")
    document["Statement"].append({"Effect": "Deny", "Action": "polly:*", "Resource": "*", "Condition": conditions})
    return document


def entry(name: str, *values: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": kind}


def region(name: str) -> list[dict[str, Any]]:
    return [entry("aws:RequestedRegion", name)]


@pytest.fixture
def lab() -> DirectLab:
    started = DirectLab()
    started.add_user("bare", allow("none:Nothing"))
    return started


def simulate(lab: DirectLab, **parameters: Any) -> list[dict[str, Any]]:
    query = {"PolicySourceArn": ROLE, "ActionNames": [SPEAK], **parameters}
    results = lab.client("iam").simulate_principal_policy(**query)["EvaluationResults"]
    return list(results)


def custom(lab: DirectLab, *documents: Any, **parameters: Any) -> dict[str, Any]:
    policies = [document if isinstance(document, str) else json.dumps(document) for document in documents]
    query = {"PolicyInputList": policies, "ActionNames": [SPEAK], **parameters}
    (result,) = simulate(lab, PolicySourceArn=BARE, **query)
    return result


def test_one_result_per_action_and_one_decision_per_resource(lab: DirectLab) -> None:
    invoke, speak = simulate(
        lab, ActionNames=[INVOKE, SPEAK], ResourceArns=[CANADA, US], ContextEntries=region("ca-central-1")
    )
    assert (invoke["EvalActionName"], speak["EvalActionName"]) == (INVOKE, SPEAK)
    assert invoke["EvalDecision"] == "implicitDeny"
    assert invoke["EvalResourceName"] == "arn:${Partition}:bedrock:${Region}::foundation-model/${ResourceId}"
    decisions = {row["EvalResourceName"]: row["EvalResourceDecision"] for row in invoke["ResourceSpecificResults"]}
    assert decisions == {CANADA: "allowed", US: "implicitDeny"}
    assert invoke["MatchedStatements"] == []
    assert invoke["EvalDecisionDetails"] == {}
    assert speak["EvalDecision"] == "allowed"


def test_all_resources_have_one_decision_of_their_own(lab: DirectLab) -> None:
    (result,) = simulate(lab, ContextEntries=region("ca-central-1"))
    assert (result["EvalResourceName"], result["EvalDecision"]) == ("*", "allowed")
    assert not {"ResourceSpecificResults", "EvalDecisionDetails"} & set(result)


def test_a_profiles_template_is_the_profiles(lab: DirectLab) -> None:
    profile = "arn:aws:bedrock:ca-central-1:210987654321:inference-profile/us.anthropic.claude-sonnet-4-6"
    (result,) = simulate(lab, ActionNames=[INVOKE], ResourceArns=[profile])
    assert result["EvalResourceName"] == (
        "arn:${Partition}:bedrock:${Region}:${Account}:inference-profile/${ResourceId}"
    )


@pytest.mark.parametrize(("name", "decision"), [("ca-central-1", "allowed"), ("us-east-1", "implicitDeny")])
def test_context_entries_decide(lab: DirectLab, name: str, decision: str) -> None:
    (result,) = simulate(lab, ContextEntries=region(name))
    assert result["EvalDecision"] == decision
    assert result["MissingContextValues"] == []


def test_a_key_that_the_identity_policies_need_is_reported_missing(lab: DirectLab) -> None:
    (result,) = simulate(lab, ActionNames=[INVOKE], ResourceArns=[CANADA])
    assert result["EvalDecision"] == "allowed"
    assert result["MissingContextValues"] == ["aws:RequestedRegion"]  # another statement's, as AWS does
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:RequestedRegion"]


def test_the_boundary_denies_without_a_word_about_the_missing_key() -> None:
    role = {"inline_policies": {"A": allow("*")}, "permissions_boundary": {"Boundary": allow("*", **IN_CANADA)}}
    lab = DirectLab(changed("today", role=role))
    (result,) = simulate(lab)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", [])
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert result["MatchedStatements"] == []
    (result,) = simulate(lab, ContextEntries=region("ca-central-1"))
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}


def test_the_boundary_is_reported_for_each_resource() -> None:
    role = {"inline_policies": {"A": allow("*")}, "permissions_boundary": {"Boundary": allow("*", resource=CANADA)}}
    (result,) = simulate(DirectLab(changed("today", role=role)), ActionNames=[INVOKE], ResourceArns=[CANADA, US])
    details = [row["PermissionsBoundaryDecisionDetail"] for row in result["ResourceSpecificResults"]]
    assert details == [{"AllowedByPermissionsBoundary": True}, {"AllowedByPermissionsBoundary": False}]
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_a_boundary_in_the_request_takes_the_attached_ones_place() -> None:
    role = {"inline_policies": {"A": allow("*")}, "permissions_boundary": {"Boundary": allow("iam:*")}}
    lab = DirectLab(changed("today", role=role))
    assert simulate(lab)[0]["EvalDecision"] == "implicitDeny"
    instead = [json.dumps(allow("polly:*"))]
    assert simulate(lab, PermissionsBoundaryPolicyInputList=instead)[0]["EvalDecision"] == "allowed"


def test_the_organization_is_reported_and_its_missing_key_is_not() -> None:
    account = changed("today", role={"inline_policies": {"A": allow("*")}})
    lab = DirectLab(dataclasses.replace(account, service_control_policies={"Canada": deny(**OUTSIDE_CANADA)}))
    (result,) = simulate(lab)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("explicitDeny", [])
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    (result,) = simulate(lab, ContextEntries=region("ca-central-1"), ResourceArns=[CANADA])
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    assert "OrganizationsDecisionDetail" not in result["ResourceSpecificResults"][0]
    assert "OrganizationsDecisionDetail" not in simulate(DirectLab())[0]


@pytest.mark.parametrize(
    ("conditions", "without", "with_region"),
    [(IN_CANADA, "implicitDeny", "allowed"), (OUTSIDE_CANADA, "allowed", "implicitDeny")],
)
def test_an_absent_key_is_unequal_to_everything(
    lab: DirectLab, conditions: dict[str, Any], without: str, with_region: str
) -> None:
    document = allow("*", **conditions)
    assert custom(lab, document)["EvalDecision"] == without
    assert custom(lab, document)["MissingContextValues"] == ["aws:RequestedRegion"]
    assert custom(lab, document, ContextEntries=region("ca-central-1"))["EvalDecision"] == with_region


ENTRIES = {
    "string": ("StringEquals", "o-1", ["o-1"]),
    "stringList": ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"]),
    "numeric": ("NumericLessThan", "10", ["9.5"]),
    "numericList": ("ForAnyValue:NumericEquals", "3", ["1", "3"]),
    "boolean": ("Bool", "true", ["true"]),
    "booleanList": ("ForAnyValue:Bool", "true", ["false", "true"]),
    "ip": ("IpAddress", "203.0.113.0/24", ["203.0.113.9"]),
    "ipList": ("ForAllValues:IpAddress", "203.0.113.0/24", ["203.0.113.9", "203.0.113.1"]),
    "binary": ("BinaryEquals", "QUFB", ["QUFB"]),
    "binaryList": ("ForAnyValue:BinaryEquals", "QUFB", ["QkJC", "QUFB"]),
    "date": ("DateLessThan", "2027-01-01T00:00:00Z", ["2026-11-22T12:00:00Z"]),
    "dateList": ("ForAllValues:DateLessThan", "2027-01-01T00:00:00Z", ["2026-11-22T12:00:00Z", "1700000000"]),
}


@pytest.mark.parametrize(("kind", "operator", "expected", "values"), [(k, *rest) for k, rest in ENTRIES.items()])
def test_every_type_of_context_entry(
    lab: DirectLab, kind: str, operator: str, expected: Any, values: list[str]
) -> None:
    document = allow("*", **{operator: {"custom:Key": expected}})
    entries = [entry("Custom:KEY", *values, kind=kind)]
    assert custom(lab, document, ContextEntries=entries)["EvalDecision"] == "allowed"
    null = allow("*", Null={"custom:Key": "false"})
    assert custom(lab, null, ContextEntries=entries)["EvalDecision"] == "allowed"
    assert custom(lab, null)["EvalDecision"] == "implicitDeny"


@pytest.mark.parametrize(
    "bad",
    [
        entry("aws:MultiFactorAuthAge", "many", kind="numeric"),
        entry("aws:SecureTransport", "yes", kind="boolean"),
        entry("aws:SourceIp", "here", kind="ip"),
        entry("aws:CurrentTime", "today", kind="date"),
        entry("aws:RequestedRegion", "us-east-1", "ca-central-1"),
        entry("aws:RequestedRegion"),
    ],
)
def test_a_wrong_context_entry_is_an_invalid_input(lab: DirectLab, bad: dict[str, Any]) -> None:
    refusal = error(simulate, lab, ContextEntries=[bad])
    assert refusal[::2] == ("InvalidInput", 400)
    assert bad["ContextKeyName"] in refusal[1]


def test_a_kind_that_there_is_not_breaks_the_model(lab: DirectLab) -> None:
    bad = entry("aws:RequestedRegion", "us-east-1", kind="text")
    code, message, status = error(simulate, lab, ContextEntries=[bad])
    assert (code, status) == ("ValidationError", 400)
    assert "Member must satisfy enum value set: [string, stringList, numeric, " in message


def test_matched_statements_name_inline_managed_and_given_policies() -> None:
    lab = DirectLab(changed("today", role={"managed_policies": {"Voice": allow("polly:*")}}))
    (result,) = simulate(lab, ContextEntries=region("ca-central-1"), PolicyInputList=[json.dumps(allow("*"))])
    assert [statement["SourcePolicyId"] for statement in result["MatchedStatements"]] == [
        "role_MM-KA-SceneBeat-SafeSecretsEC2Role_SafeSecretsServices",
        "Voice",
        "PolicyInputList.1",
    ]


def test_an_explicit_deny_is_the_only_statement(lab: DirectLab) -> None:
    result = custom(lab, allow("*"), deny(), allow("polly:*"))
    assert result["EvalDecision"] == "explicitDeny"
    assert [statement["SourcePolicyId"] for statement in result["MatchedStatements"]] == ["PolicyInputList.2"]


def test_users_have_their_groups_policies_and_their_name(lab: DirectLab) -> None:
    lab.add_user("alice", allow("iam:ChangePassword", resource="arn:aws:iam::*:user/${aws:username}"))
    lab.iam("CreateGroup", GroupName="speakers")
    document = json.dumps(allow("polly:*"))
    lab.iam("PutGroupPolicy", GroupName="speakers", PolicyName="Speak", PolicyDocument=document)
    lab.iam("AddUserToGroup", GroupName="speakers", UserName="alice")
    alice = "arn:aws:iam::210987654321:user/alice"
    (speak,) = simulate(lab, PolicySourceArn=alice)
    assert [statement["SourcePolicyId"] for statement in speak["MatchedStatements"]] == ["group_speakers_Speak"]
    query = {"ActionNames": ["iam:ChangePassword"], "PolicySourceArn": alice}
    assert simulate(lab, **query, ResourceArns=[alice])[0]["EvalDecision"] == "allowed"
    assert simulate(lab, **query, ResourceArns=[f"{alice}2"])[0]["EvalDecision"] == "implicitDeny"


def test_pages(lab: DirectLab) -> None:
    actions = [f"polly:Action{number}" for number in range(7)]
    paginator = lab.client("iam").get_paginator("simulate_principal_policy")
    pages = list(paginator.paginate(PolicySourceArn=ROLE, ActionNames=actions, PaginationConfig={"PageSize": 3}))
    assert [len(page["EvaluationResults"]) for page in pages] == [3, 3, 1]
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    assert [result["EvalActionName"] for page in pages for result in page["EvaluationResults"]] == actions


REFUSALS: dict[str, tuple[dict[str, Any], str, str, int]] = {
    "role that is not there": (
        {"PolicySourceArn": "arn:aws:iam::210987654321:role/Nobody"},
        "NoSuchEntity",
        "The role with name Nobody cannot be found.",
        404,
    ),
    "session": (
        {"PolicySourceArn": "arn:aws:sts::210987654321:assumed-role/A/session"},
        "InvalidInput",
        "Invalid Entity Arn: arn:aws:sts::210987654321:assumed-role/A/session does not clearly define entity type and "
        "name.",
        400,
    ),
    "another account": (
        {"PolicySourceArn": "arn:aws:iam::123456789012:role/A"},
        "InvalidInput",
        "Invalid Policy Source Arn: caller's account 210987654321 does not have access to policies in account "
        "123456789012",
        400,
    ),
    "wildcard action": ({"ActionNames": ["polly:*"]}, "InvalidInput", "Invalid action name: polly:*", 400),
    "no arn": ({"ResourceArns": ["haiku"]}, "InvalidInput", "ResourceNames are not in a valid ARN format: haiku", 400),
    "bad policy": (
        {"PolicyInputList": ['{"Version": "2012-10-17"}']},
        "InvalidInput",
        "Syntax errors in policy 1 of PolicyInputList: Policy document must contain a Statement element",
        400,
    ),
    "resource policy of a role": (
        {"ResourcePolicy": "{}"},
        "InvalidInput",
        "Invalid caller - Caller must be an IAM user in this context.",
        400,
    ),
    "bad marker": ({"Marker": "?"}, "ValidationError", "Invalid Marker.", 400),
}


@pytest.mark.parametrize(("parameters", "code", "message", "status"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(lab: DirectLab, parameters: dict[str, Any], code: str, message: str, status: int) -> None:
    assert error(simulate, lab, **parameters) == (code, message, status)


def test_the_caller_needs_the_permission_on_that_very_role() -> None:
    lab = DirectLab(operator=allow("iam:SimulatePrincipalPolicy", resource=ROLE))
    simulate(lab)
    denied = error(simulate, lab, PolicySourceArn="arn:aws:iam::210987654321:user/operator")
    assert denied[::2] == ("AccessDenied", 403)
    assert "iam:SimulatePrincipalPolicy on resource: user operator" in denied[1]
