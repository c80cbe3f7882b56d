# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers of SimulatePrincipalPolicy become one row per action and resource, none of them invented."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_simulation
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import BOUNDARY, INLINE, MANAGED, Policy

ROLE_ARN, ROLE = "arn:aws:iam::111122223333:role/app/Host", "Host"
SPEAK = "polly:SynthesizeSpeech"
SIMULATION = {"region": "us-east-1", "actions": [SPEAK], "resources": ["*"], "context": {}, "expected": "allowed"}
ALLOW = {"Sid": "Speak", "Effect": "Allow", "Action": "polly:*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
POLICIES = [
    Policy("Speech", INLINE, {"Statement": [{**ALLOW, "Action": "s3:*"}, ALLOW]}),
    Policy("Guard", MANAGED, {"Statement": [DENY]}, "arn:aws:iam::111122223333:policy/Guard"),
    Policy(
        "Limit", BOUNDARY, {"Statement": [ALLOW, {**DENY, "Sid": "Never"}]}, "arn:aws:iam::111122223333:policy/Limit"
    ),
    *iam_simulation.planned_policies([{"Statement": ALLOW}]),
]


def result(decision: str = "allowed", sources: tuple[str, ...] = (), **others: Any) -> dict[str, Any]:
    matched = [{"SourcePolicyId": source, "SourcePolicyType": "IAM Policy"} for source in sources]
    return {
        "EvalActionName": SPEAK,
        "EvalResourceName": "*",
        "EvalDecision": decision,
        "MatchedStatements": matched,
        "MissingContextValues": [],
        **others,
    }


def rows(*results: dict[str, Any], **simulation: Any) -> list[dict[str, Any]]:
    return iam_simulation.decision_rows(ROLE, {**SIMULATION, **simulation}, results, POLICIES)


def place(policy: str, policy_type: str | None, sid: str | None, index: int | None) -> dict[str, Any]:
    return {"policy": policy, "policy_type": policy_type, "sid": sid, "index": index}


def test_the_region_is_always_given() -> None:
    assert iam_simulation.api_parameters(ROLE_ARN, SIMULATION, []) == {
        "PolicySourceArn": ROLE_ARN,
        "ActionNames": [SPEAK],
        "ResourceArns": ["*"],
        "ContextEntries": [
            {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}
        ],
    }


INVOKE = {**SIMULATION, "actions": ["bedrock:InvokeModel"], "resources": ["arn:a", "arn:b"]}
CONTROL = {**INVOKE, "resources": ["arn:c", "arn:a"], "expected": "denied"}
THROUGH = {**CONTROL, "context": {"bedrock:InferenceProfileArn": "arn:p"}}
MERGED: dict[str, tuple[list[Any], dict[tuple[int, ...], list[str]]]] = {
    "none": ([], {}),
    "what differs in resources and expectation": ([INVOKE, CONTROL], {(0, 1): ["arn:a", "arn:b", "arn:c"]}),
    "not next to each other": ([INVOKE, SIMULATION, CONTROL], {(0, 2): ["arn:a", "arn:b", "arn:c"], (1,): ["*"]}),
    "another context": ([INVOKE, THROUGH], {(0,): ["arn:a", "arn:b"], (1,): ["arn:c", "arn:a"]}),
    "another region": (
        [INVOKE, {**CONTROL, "region": "eu-west-1"}],
        {(0,): INVOKE["resources"], (1,): ["arn:c", "arn:a"]},
    ),
    "other actions": ([INVOKE, {**CONTROL, "actions": [SPEAK]}], {(0,): INVOKE["resources"], (1,): ["arn:c", "arn:a"]}),
    "no resource and a resource": (
        [SIMULATION, {**INVOKE, "actions": [SPEAK]}],
        {(0,): ["*"], (1,): INVOKE["resources"]},
    ),
    "no resource twice": ([SIMULATION, {**SIMULATION, "expected": "denied"}], {(0, 1): ["*"]}),
}


@pytest.mark.parametrize(("simulations", "expected"), MERGED.values(), ids=MERGED)
def test_what_is_alike_is_one_question(simulations: list[Any], expected: dict[tuple[int, ...], list[str]]) -> None:
    merged = iam_simulation.merged_questions(simulations)
    assert {positions: each["resources"] for positions, each in merged.items()} == expected
    asked = [request for each in merged.values() for request in iam_simulation.requests_of(each)]
    wanted = [request for each in simulations for request in iam_simulation.requests_of(each)]
    assert len(asked) == len(set(map(str, asked)))
    assert set(map(str, asked)) == set(map(str, wanted))  # nothing less, and nothing that nobody wants


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ([], False),
        ([None, {}], False),
        ([{"AllowedByOrganizations": True}], False),
        ([{"AllowedByOrganizations": True}, {"AllowedByOrganizations": False}], True),
    ],
)
def test_what_organizations_deny(details: list[Any], expected: bool) -> None:
    results = [{"OrganizationsDecisionDetail": each} for each in details]
    assert iam_simulation.is_denied_by_organizations(results) is expected


@pytest.mark.parametrize(
    ("value", "values", "kind"),
    [
        ("vpc-1", ["vpc-1"], "string"),
        ("true", ["true"], "boolean"),
        (False, ["false"], "boolean"),
        (["a", "b"], ["a", "b"], "stringList"),
    ],
)
def test_further_context(value: Any, values: list[str], kind: str) -> None:
    parameters = iam_simulation.api_parameters(
        ROLE_ARN, {**SIMULATION, "context": {"a:key": value}}, [{"Statement": []}]
    )
    assert parameters["ContextEntries"][1] == {
        "ContextKeyName": "a:key",
        "ContextKeyValues": values,
        "ContextKeyType": kind,
    }
    assert parameters["PolicyInputList"] == ['{"Statement": []}']


MATCHES = {
    "inline policy": (("role_Host_Speech",), [place("Speech", "inline", "Speak", 1)]),
    "inline policy by its bare name": (("Speech",), [place("Speech", "inline", "Speak", 1)]),
    "planned policy": (("PolicyInputList.1",), [place("PolicyInputList.1", "planned", "Speak", 0)]),
    "two statements of one policy": (("Speech", "Speech"), [place("Speech", "inline", "Speak", 1)]),
    "two policies": (
        ("PolicyInputList.1", "role_Host_Speech"),
        [place("PolicyInputList.1", "planned", "Speak", 0), place("Speech", "inline", "Speak", 1)],
    ),
    "policy that was not read": (("Elsewhere",), [place("Elsewhere", None, None, None)]),
    "policy without a statement that fits": (("Guard",), [place("Guard", "managed", None, None)]),
    "the boundary is never a source": (("Limit",), [place("Limit", None, None, None)]),
    "none": ((), []),
}


@pytest.mark.parametrize(("sources", "expected"), MATCHES.values(), ids=MATCHES)
def test_matched_statements_are_named(sources: tuple[str, ...], expected: list[dict[str, Any]]) -> None:
    (row,) = rows(result(sources=sources))
    assert (row["decision"], row["layer"], row["matched_statements"]) == ("allowed", "identity policy", expected)


BY_BOUNDARY = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}
BY_ORGANIZATIONS = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
NEVER = [place("Limit", "boundary", "Never", 1)]
LAYERS: dict[str, tuple[dict[str, Any], str, list[Any]]] = {
    "no Allow": (result("implicitDeny"), "identity policy", []),
    "Deny of a policy": (
        result("explicitDeny", ("arn:aws:iam::111122223333:policy/Guard",)),
        "identity policy",
        [place("Guard", "managed", None, 0)],
    ),
    "boundary": (result("implicitDeny", ("Speech",), **BY_BOUNDARY), "permissions boundary", NEVER),
    "Deny of the boundary": (result("explicitDeny", **BY_BOUNDARY), "permissions boundary", NEVER),
    "organizations": (result("explicitDeny", **BY_ORGANIZATIONS), "organizations", []),
    "organizations before boundary": (result("implicitDeny", **BY_BOUNDARY, **BY_ORGANIZATIONS), "organizations", []),
    "Deny of a policy within a boundary": (
        result("explicitDeny", ("Guard",), **BY_BOUNDARY),
        "identity policy",
        [place("Guard", "managed", None, 0)],
    ),
}


@pytest.mark.parametrize(("answer", "layer", "matched"), LAYERS.values(), ids=LAYERS)
def test_the_layer_that_decided(answer: dict[str, Any], layer: str, matched: list[Any]) -> None:
    (row,) = rows(answer)
    assert (row["layer"], row["matched_statements"]) == (layer, matched)


def test_each_resource_has_its_own_decision() -> None:
    specific = [
        {"EvalResourceName": "arn:b", "EvalResourceDecision": "implicitDeny", "MissingContextValues": ["a:key"]},
        {"EvalResourceName": "arn:a", "EvalResourceDecision": "allowed", **BY_BOUNDARY},
    ]
    found = rows(
        result("implicitDeny", **BY_ORGANIZATIONS, EvalResourceName="arn:${Name}", ResourceSpecificResults=specific),
        resources=["arn:a", "arn:b"],
        expected="denied",
        context={"a:other": "value"},
    )
    assert [(row["resource"], row["decision"], row["missing_context_values"]) for row in found] == [
        ("arn:a", "allowed", []),
        ("arn:b", "implicitDeny", ["a:key"]),
    ]
    assert [row["allowed_by_permissions_boundary"] for row in found] == [False, None]
    assert {row["allowed_by_organizations"] for row in found} == {False}
    assert {(row["expected"], row["region"], str(row["context"])) for row in found} == {
        ("denied", "us-east-1", "{'a:other': 'value'}")
    }


@pytest.mark.parametrize(
    "results",
    [
        [],
        [result(EvalActionName="polly:DescribeVoices")],
        [result(ResourceSpecificResults=[{"EvalResourceName": "arn:a", "EvalResourceDecision": "allowed"}])],
    ],
)
def test_a_question_without_answer_is_an_error(results: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match=r"gave no decision for polly:SynthesizeSpeech on \* in us-east-1"):
        rows(*results)


def test_locks_are_looked_for_where_it_should_be_allowed_and_in_further_regions() -> None:
    invoke, region = "bedrock:InvokeModel", "us-east-1"
    control = {**SIMULATION, "region": "us-west-2", "expected": "denied"}
    found = iam_simulation.lock_requests([SIMULATION, control], [region, "eu-west-1"], [SPEAK, invoke], "aws")
    assert [(each.action, each.resource, each.region) for each in found] == [
        (SPEAK, "*", region),
        (invoke, "arn:aws:bedrock:us-east-1::foundation-model/*", region),
        (SPEAK, "*", "eu-west-1"),
        (invoke, "arn:aws:bedrock:eu-west-1::foundation-model/*", "eu-west-1"),
    ]
