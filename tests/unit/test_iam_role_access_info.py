# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module reads everything that has a say, asks IAM with the region, and never takes a denial for an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_trust_policy
from ansible_collections.safesecrets.infra.plugins.modules import iam_role_access_info

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

ACCOUNT, NAME = "111122223333", "MM-KA-SceneBeat-SafeSecretsEC2Role"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/app/{NAME}"
GUARD_ARN, LIMIT_ARN = f"arn:aws:iam::{ACCOUNT}:policy/Guard", f"arn:aws:iam::{ACCOUNT}:policy/Limit"
SPEAK, INVOKE = "polly:SynthesizeSpeech", "bedrock:InvokeModel"
HAIKU = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
SONNET = HAIKU.replace("haiku", "sonnet")
REGION = "aws:RequestedRegion"

EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = {"Version": "2012-10-17", "Statement": [EC2]}
CANADA = {
    "Sid": "Canada",
    "Effect": "Allow",
    "Action": "polly:*",
    "Resource": "*",
    "Condition": {"StringEquals": {REGION: "ca-central-1"}},
}
STAY = {
    "Sid": "Stay",
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringNotEquals": {REGION: ["ca-central-1"]}},
}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SPEECH_US = {"region": "us-east-1", "actions": [SPEAK]}


def document(*statements: dict[str, Any]) -> str:
    """Give a document as IAM sends it."""
    return quote(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def simulated(
    decision: str = "allowed", sources: tuple[str, ...] = ()
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Answer every action and resource with one decision, as IAM does: resources one by one unless it is *."""
    matched = [{"SourcePolicyId": source} for source in sources]

    def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
        specific = [
            {"EvalResourceName": each, "EvalResourceDecision": decision, "MatchedStatements": matched}
            for each in asked["ResourceArns"]
        ]
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": "*",
                "EvalDecision": decision,
                "MatchedStatements": matched,
                **({} if asked["ResourceArns"] == ["*"] else {"ResourceSpecificResults": specific}),
            }
            for action in asked["ActionNames"]
        ]
        return {"EvaluationResults": results, "IsTruncated": False}

    return answer


def role(**others: Any) -> dict[str, Any]:
    return {
        "Role": {
            "Path": "/app/",
            "RoleName": NAME,
            "RoleId": "AROAUNITTESTUNITTEST",
            "Arn": ROLE_ARN,
            "CreateDate": "2026-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": json.dumps(TRUST),
            **others,
        }
    }


@pytest.fixture
def iam(aws: StubbedClients) -> StubbedClients:
    """Give a role with an inline policy, a managed policy and a boundary, none of which locks anything."""
    managed = {GUARD_ARN: ("Guard", "v3"), LIMIT_ARN: ("Limit", "v1")}

    def get_policy(asked: Mapping[str, Any]) -> dict[str, Any]:
        name, version = managed[asked["PolicyArn"]]
        described = {"PolicyName": name, "Arn": asked["PolicyArn"], "DefaultVersionId": version}
        return {"Policy": {**described, "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0}}

    def get_policy_version(asked: Mapping[str, Any]) -> dict[str, Any]:
        assert managed[asked["PolicyArn"]][1] == asked["VersionId"]
        return {"PolicyVersion": {"Document": document(EVERYTHING), "VersionId": asked["VersionId"]}}

    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": LIMIT_ARN}
    aws.answer("iam", "get_role", role(PermissionsBoundary=boundary))
    aws.answer("iam", "list_role_policies", {"PolicyNames": ["Speech"]})
    speech = {"RoleName": NAME, "PolicyName": "Speech", "PolicyDocument": document(CANADA)}
    aws.answer("iam", "get_role_policy", speech)
    attached = {"AttachedPolicies": [{"PolicyName": "Guard", "PolicyArn": GUARD_ARN}]}
    aws.answer("iam", "list_attached_role_policies", attached)
    aws.answer("iam", "get_policy", get_policy)
    aws.answer("iam", "get_policy_version", get_policy_version)
    aws.answer("iam", "simulate_principal_policy", simulated())
    aws.answer(
        "sts", "get_caller_identity", {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me", "UserId": "A"}
    )
    return aws


@pytest.mark.parametrize(("name", "version", "attached"), [("Guard", "v3", True), ("Limit", "v1", False)])
def test_a_managed_policy_is_looked_up_by_name(
    iam: StubbedClients, run_module: ModuleRunner, name: str, version: str, attached: bool
) -> None:
    found = run_module(iam_role_access_info, {"role_name": NAME, "managed_policy_name": name})["managed_policy"]
    assert found == {
        "arn": f"arn:aws:iam::{ACCOUNT}:policy/{name}",
        "name": name,
        "document": {"Version": "2012-10-17", "Statement": [EVERYTHING]},
        "default_version_id": version,
        "attached": attached,
        "attachment_count": 1,
        "permissions_boundary_usage_count": 0,
    }


def test_a_managed_policy_that_is_not_there_or_not_asked_for(iam: StubbedClients, run_module: ModuleRunner) -> None:
    assert run_module(iam_role_access_info, {"role_name": NAME})["managed_policy"] is None
    iam.answer("iam", "list_attached_role_policies", {"AttachedPolicies": []})
    iam.answer("iam", "get_role", lambda _asked: role())  # boto3 decodes an answer in its place
    iam.answer("iam", "get_policy", aws_error("NoSuchEntity", "GetPolicy", status=404))
    asked = {"role_name": NAME, "managed_policy_name": "Nothing"}
    assert run_module(iam_role_access_info, asked)["managed_policy"] is None
    iam.answer("iam", "get_policy", aws_error("AccessDenied", "GetPolicy", status=403))
    denied = run_module(iam_role_access_info, asked)
    assert denied.failed
    assert "iam:GetPolicy" in denied["msg"]


def test_returns_the_role_and_every_policy_that_has_a_say(iam: StubbedClients, run_module: ModuleRunner) -> None:
    result = run_module(iam_role_access_info, {"role_name": NAME}, check_mode=True)
    assert (result.failed, result.changed) == (False, False)
    assert result["role"] == {
        "arn": ROLE_ARN,
        "name": NAME,
        "path": "/app/",
        "account_id": ACCOUNT,
        "partition": "aws",
        "permissions_boundary_arn": LIMIT_ARN,
        "trust_policy": TRUST,
        "ec2_trusted": True,
    }
    assert [(each["name"], each["type"], each["arn"]) for each in result["policies"]] == [
        ("Speech", "inline", None),
        ("Guard", "managed", GUARD_ARN),
        ("Limit", "boundary", LIMIT_ARN),
    ]
    assert result["policies"][0]["document"] == {"Version": "2012-10-17", "Statement": [CANADA]}
    assert [each["sid"] for each in result["regional_allows"]] == ["Canada"]
    assert (result["decisions"], result["region_locks"], result["undecided_statements"]) == ([], [], [])
    assert not iam.calls("iam", "simulate_principal_policy")
    assert not iam.calls("sts", "get_caller_identity")


def test_lists_are_read_to_the_end(iam: StubbedClients, run_module: ModuleRunner) -> None:
    more = {"IsTruncated": True, "Marker": "more"}
    iam.answer("iam", "list_role_policies", [{"PolicyNames": ["Speech"], **more}, {"PolicyNames": ["Second"]}])
    first = {"AttachedPolicies": [{"PolicyName": "Guard", "PolicyArn": GUARD_ARN}], **more}
    second = {"AttachedPolicies": [{"PolicyName": "Limit", "PolicyArn": LIMIT_ARN}]}
    iam.answer("iam", "list_attached_role_policies", [first, second])
    iam.answer("iam", "get_role", role())
    result = run_module(iam_role_access_info, {"role_name": NAME})
    assert [each["name"] for each in result["policies"]] == ["Speech", "Second", "Guard", "Limit"]
    assert result["role"]["permissions_boundary_arn"] is None


def test_simulates_with_region_context_and_planned_documents(iam: StubbedClients, run_module: ModuleRunner) -> None:
    iam.answer("iam", "simulate_principal_policy", simulated(sources=("PolicyInputList.1",)))
    planned = {"Version": "2012-10-17", "Statement": [{**EVERYTHING, "Sid": "Planned"}]}
    invoke = {
        "region": "us-east-1",
        "actions": [INVOKE, f"{INVOKE}WithResponseStream"],
        "resources": [HAIKU, SONNET],
        "context": {"aws:SecureTransport": "true"},
        "expected": "denied",
    }
    arguments = {"role_name": NAME, "simulations": [SPEECH_US, invoke], "policy_documents": [planned]}
    result = run_module(iam_role_access_info, arguments)
    assert [(row["action"], row["resource"], row["expected"]) for row in result["decisions"]] == [
        (SPEAK, "*", "allowed"),
        (INVOKE, HAIKU, "denied"),
        (INVOKE, SONNET, "denied"),
        (f"{INVOKE}WithResponseStream", HAIKU, "denied"),
        (f"{INVOKE}WithResponseStream", SONNET, "denied"),
    ]
    place = {"policy": "PolicyInputList.1", "policy_type": "planned", "sid": "Planned", "index": 0}
    assert all(row["matched_statements"] == [place] for row in result["decisions"])
    asked = {
        call.parameters["ActionNames"][0]: call.parameters for call in iam.calls("iam", "simulate_principal_policy")
    }
    assert asked[SPEAK]["PolicySourceArn"] == ROLE_ARN
    assert [json.loads(each) for each in asked[SPEAK]["PolicyInputList"]] == [planned]
    assert asked[INVOKE]["ContextEntries"] == [
        {"ContextKeyName": REGION, "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"},
        {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
    ]
    assert [each["name"] for each in result["policies"]] == ["Speech", "Guard", "Limit"]


@pytest.mark.parametrize(
    ("planned", "added"),
    [
        ([CANADA], []),
        ([{**CANADA, "Sid": "Other"}], [{**CANADA, "Sid": "Other"}]),
        ([CANADA, EVERYTHING], [EVERYTHING]),
    ],
    ids=["the inline policy", "another word", "a boundary grants nothing"],
)
def test_a_planned_document_that_the_role_has_is_not_added_again(
    iam: StubbedClients, run_module: ModuleRunner, planned: list[Any], added: list[Any]
) -> None:
    iam.answer("iam", "list_attached_role_policies", {"AttachedPolicies": []})
    documents = [{"Version": "2012-10-17", "Statement": [each]} for each in planned]
    run_module(iam_role_access_info, {"role_name": NAME, "simulations": [SPEECH_US], "policy_documents": documents})
    (asked,) = iam.calls("iam", "simulate_principal_policy")
    sent = [json.loads(each) for each in asked.parameters.get("PolicyInputList", [])]
    assert [each["Statement"] for each in sent] == [[each] for each in added]


def as_organizations_say(denied: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Answer as where IAM itself denies everything, and the organization one resource; IAM says it of the whole."""

    def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
        answered = simulated("implicitDeny")(asked)
        for result in answered["EvaluationResults"]:
            result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": denied not in asked["ResourceArns"]}
        return answered

    return answer


@pytest.mark.parametrize(
    ("denied", "calls", "layers"),
    [
        ("no resource", [[HAIKU, SONNET]], ["identity policy", "identity policy"]),
        (SONNET, [[HAIKU, SONNET], [HAIKU], [SONNET]], ["identity policy", "organizations"]),
    ],
    ids=["one call for both", "asked again where the organization denies one"],
)
def test_what_is_wanted_and_its_control_are_one_call(
    iam: StubbedClients, run_module: ModuleRunner, denied: str, calls: list[list[str]], layers: list[str]
) -> None:
    iam.answer("iam", "simulate_principal_policy", as_organizations_say(denied))
    wanted = {"region": "us-east-1", "actions": [INVOKE], "resources": [HAIKU]}
    control = {**wanted, "resources": [SONNET], "expected": "denied"}
    rows = run_module(iam_role_access_info, {"role_name": NAME, "simulations": [wanted, control]})["decisions"]
    made = [call.parameters["ResourceArns"] for call in iam.calls("iam", "simulate_principal_policy")]
    assert sorted(made, key=lambda arns: (-len(arns), arns)) == calls
    assert [(row["resource"], row["expected"]) for row in rows] == [(HAIKU, "allowed"), (SONNET, "denied")]
    assert [row["layer"] for row in rows] == layers


def test_simulations_are_read_to_the_end(iam: StubbedClients, run_module: ModuleRunner) -> None:
    pages = []
    for action, end in ((SPEAK, {"IsTruncated": True, "Marker": "more"}), (INVOKE, {"IsTruncated": False})):
        result = {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": "implicitDeny"}
        pages.append({"EvaluationResults": [result], **end})
    iam.answer("iam", "simulate_principal_policy", pages)
    simulation = {"region": "us-east-1", "actions": [SPEAK, INVOKE]}
    found = run_module(iam_role_access_info, {"role_name": NAME, "simulations": [simulation]})["decisions"]
    assert [(row["action"], row["decision"], row["layer"]) for row in found] == [
        (SPEAK, "implicitDeny", "identity policy"),
        (INVOKE, "implicitDeny", "identity policy"),
    ]


@pytest.mark.parametrize(
    ("arguments", "regions"),
    [
        ({"simulations": [SPEECH_US]}, [["us-east-1"]]),
        ({"simulations": [{**SPEECH_US, "expected": "denied"}]}, []),
        ({"simulations": [{**SPEECH_US, "region": "ca-central-1"}]}, []),
        ({"regions": ["ca-central-1", "us-east-1", "eu-west-1"]}, [["us-east-1", "eu-west-1"]]),
        ({"regions": ["us-east-1"], "actions": []}, []),
        ({}, []),
    ],
)
def test_locks_are_looked_for_where_it_was_asked(
    iam: StubbedClients, run_module: ModuleRunner, arguments: dict[str, Any], regions: list[list[str]]
) -> None:
    speech = {"RoleName": NAME, "PolicyName": "Speech", "PolicyDocument": document(CANADA, STAY)}
    iam.answer("iam", "get_role_policy", speech)
    result = run_module(iam_role_access_info, {"role_name": NAME, **arguments})
    assert [lock["regions"] for lock in result["region_locks"]] == regions
    assert {(lock["policy"], lock["sid"], lock["index"]) for lock in result["region_locks"]} <= {("Speech", "Stay", 1)}


def test_a_lock_in_a_planned_document_is_found(iam: StubbedClients, run_module: ModuleRunner) -> None:
    arguments = {"role_name": NAME, "simulations": [SPEECH_US], "policy_documents": [{"Statement": STAY}]}
    (lock,) = run_module(iam_role_access_info, arguments)["region_locks"]
    assert (lock["policy"], lock["policy_type"]) == ("PolicyInputList.1", "planned")


DENIED = {
    "get_role": ("GetRole", f"read the role {NAME}", "iam:GetRole"),
    "list_role_policies": ("ListRolePolicies", f"list the inline policies of the role {NAME}", "iam:ListRolePolicies"),
    "get_role_policy": (
        "GetRolePolicy",
        f"read the inline policy Speech of the role {NAME}",
        "iam:GetRolePolicy",
    ),
    "list_attached_role_policies": (
        "ListAttachedRolePolicies",
        f"list the managed policies attached to the role {NAME}",
        "iam:ListAttachedRolePolicies",
    ),
    "get_policy": ("GetPolicy", f"look up the managed policy {GUARD_ARN}", "iam:GetPolicy"),
    "get_policy_version": (
        "GetPolicyVersion",
        f"read version v3 of the managed policy {GUARD_ARN}",
        "iam:GetPolicyVersion",
    ),
    "simulate_principal_policy": (
        "SimulatePrincipalPolicy",
        "simulate the policies of the role for us-east-1",
        "iam:SimulatePrincipalPolicy",
    ),
}


@pytest.mark.parametrize("operation", DENIED)
def test_a_denial_names_what_was_looked_at_and_the_missing_action(
    iam: StubbedClients, run_module: ModuleRunner, operation: str
) -> None:
    api_name, doing, action = DENIED[operation]
    iam.answer("iam", operation, aws_error("AccessDenied", api_name, "not authorized"))
    result = run_module(iam_role_access_info, {"role_name": NAME, "simulations": [SPEECH_US]})
    assert result.failed
    assert result["msg"].startswith(f"Failed to {doing} in ")
    assert f"(IAM action {action}): An error occurred (AccessDenied)" in result["msg"]
    assert "policies" not in result.values


def test_a_denied_boundary_is_not_taken_for_no_boundary(iam: StubbedClients, run_module: ModuleRunner) -> None:
    iam.answer("iam", "list_attached_role_policies", {"AttachedPolicies": []})
    iam.answer("iam", "get_policy", aws_error("AccessDenied", "GetPolicy"))
    result = run_module(iam_role_access_info, {"role_name": NAME})
    assert result.failed
    assert LIMIT_ARN in result["msg"]


def test_a_role_that_does_not_exist(iam: StubbedClients, run_module: ModuleRunner) -> None:
    iam.answer("iam", "get_role", aws_error("NoSuchEntity", "GetRole", status=404))
    result = run_module(iam_role_access_info, {"role_name": NAME})
    assert result.failed
    assert result["msg"].startswith(f"role_name: there is no role {NAME} in the account {ACCOUNT}.")


def test_the_account_of_a_missing_role_may_be_hidden_too(iam: StubbedClients, run_module: ModuleRunner) -> None:
    iam.answer("iam", "get_role", aws_error("NoSuchEntity", "GetRole", status=404))
    iam.answer("sts", "get_caller_identity", aws_error("AccessDenied", "GetCallerIdentity"))
    result = run_module(iam_role_access_info, {"role_name": NAME})
    assert "(IAM action sts:GetCallerIdentity)" in result["msg"]


@pytest.mark.parametrize("name", ["", "app/Role", ROLE_ARN, "a" * 65, "Rôle", "two words"])
def test_a_name_that_is_none_is_refused_before_any_call(
    iam: StubbedClients, run_module: ModuleRunner, name: str
) -> None:
    result = run_module(iam_role_access_info, {"role_name": name})
    assert result.failed
    assert result["msg"].startswith(f"role_name: {name!r} is no name of a role.")
    assert not iam.recorded


def test_an_answer_that_leaves_something_out_fails(iam: StubbedClients, run_module: ModuleRunner) -> None:
    iam.answer("iam", "simulate_principal_policy", {"EvaluationResults": []})
    result = run_module(iam_role_access_info, {"role_name": NAME, "simulations": [SPEECH_US]})
    assert result.failed
    assert "gave no decision for polly:SynthesizeSpeech on * in us-east-1" in result["msg"]


def test_throttling_is_waited_for(iam: StubbedClients, run_module: ModuleRunner) -> None:
    throttled = aws_error("Throttling", "SimulatePrincipalPolicy")
    iam.answer("iam", "simulate_principal_policy", [throttled, throttled, simulated()])
    assert not run_module(iam_role_access_info, {"role_name": NAME, "simulations": [SPEECH_US]}).failed


IF_MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
TRUSTS: dict[str, tuple[Any, bool | None]] = {
    "EC2": ([EC2], True),
    "a single statement": (EC2, True),
    "EC2 among others": ([{**EC2, "Principal": {"Service": ["ssm.amazonaws.com", "ec2.amazonaws.com"]}}], True),
    "EC2 in China": ([{**EC2, "Principal": {"Service": "ec2.amazonaws.com.cn"}}], True),
    "all actions of STS": ([{**EC2, "Action": ["sts:*"]}], True),
    "everyone": ([{**EC2, "Principal": "*"}], True),
    "another service": ([{**EC2, "Principal": {"Service": "lambda.amazonaws.com"}}], False),
    "an account": ([{**EC2, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}], False),
    "another action": ([{**EC2, "Action": "sts:TagSession"}], False),
    "nobody": ([], False),
    "a condition": ([{**EC2, **IF_MFA}], None),
    "a Deny": ([EC2, {**EC2, "Effect": "Deny"}], False),
    "a Deny on a condition": ([EC2, {**EC2, "Effect": "Deny", **IF_MFA}], None),
    "a Deny of another service": (
        [EC2, {**EC2, "Effect": "Deny", "Principal": {"Service": "lambda.amazonaws.com"}}],
        True,
    ),
}


@pytest.mark.parametrize(("statements", "expected"), TRUSTS.values(), ids=TRUSTS)
def test_trust_in_ec2(statements: Any, expected: bool | None) -> None:
    assert iam_trust_policy.trusts_ec2({"Version": "2012-10-17", "Statement": statements}) is expected
