# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What policies permit beyond the configuration is found, and never less for a policy more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_reach import (
    permitted_model_reach,
    permitted_reach,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_reach_findings import iam_reach_findings
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    BOUNDARY,
    INLINE,
    MANAGED,
    Policy,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import REGIONS as EVERY_REGION
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_iam_policy_document import ACCOUNT, HAIKU, HAIKU_45, PROFILE_ROWS, REGIONS, WITH_PROFILES

CA, US, WEST = "ca-central-1", "us-east-1", "us-west-2"
INVOKE, SPEAK = "bedrock:InvokeModel", "polly:SynthesizeSpeech"
NAME = "SafeSecretsMultiRegion"
ANYWHERE = "global"


KNOWN = f"arn:aws:bedrock:{US}:{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6"


def allow(action: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def deny(action: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {**allow(action, resource, **condition), "Effect": "Deny"}


def policy(*statements: dict[str, Any], name: str = "Other", policy_type: str = INLINE) -> Policy:
    return Policy(name, policy_type, {"Version": "2012-10-17", "Statement": list(statements)})


def requested(*regions: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:RequestedRegion": list(regions)}}


def speech(*policies: Policy) -> set[str]:
    return {there for _here, there in permitted_reach(policies, SPEAK).legs}


def models(*policies: Policy) -> set[tuple[str, str]]:
    reach = permitted_model_reach(
        policies, INVOKE, [CA, US], partition="aws", account_id=ACCOUNT, known_profiles={KNOWN: [US]}
    )
    return set(reach.legs)


@pytest.mark.parametrize(
    ("policies", "reached"),
    [
        ([policy(allow(SPEAK, **requested(CA)))], {CA}),
        ([policy(allow(SPEAK, **requested(CA))), policy(allow("polly:*", **requested(WEST)))], {CA, WEST}),
        ([policy(allow("*"))], set(EVERY_REGION)),
        ([policy(allow("*"), deny("polly:*", StringNotEquals={"aws:RequestedRegion": CA}))], {CA}),
        ([policy(allow("*")), policy(allow("*", **requested(CA)), policy_type=BOUNDARY)], {CA}),
        ([policy(allow("*"), policy_type=BOUNDARY)], set()),  # a boundary allows nothing by itself
        ([policy(allow(SPEAK, StringEquals={"aws:SourceVpc": "vpc-1"}))], set(EVERY_REGION)),  # not known: may permit
        ([policy(allow("*"), deny("*", StringEquals={"aws:SourceVpc": "vpc-1"}))], set(EVERY_REGION)),  # may not deny
        ([policy(allow("bedrock:*"))], set()),
        ([], set()),
    ],
)
def test_speech(policies: list[Policy], reached: set[str]) -> None:
    assert speech(*policies) == reached


FOUNDATION = "arn:aws:bedrock:{}::foundation-model/{}"
US_PROFILE_IN_CANADA = f"arn:aws:bedrock:{CA}:{ACCOUNT}:inference-profile/us.{HAIKU_45}"
THROUGH = {"StringEquals": {"bedrock:InferenceProfileArn": US_PROFILE_IN_CANADA}}
DIRECT = {(region, region) for region in EVERY_REGION}


@pytest.mark.parametrize(
    ("policies", "reached"),
    [
        ([policy(allow(INVOKE, FOUNDATION.format(CA, HAIKU)))], {(CA, CA)}),
        (
            [policy(allow(INVOKE, FOUNDATION.format("*", "anthropic.*"), **requested(CA, WEST)))],
            {(CA, CA), (WEST, WEST)},
        ),
        (
            [policy(allow(INVOKE, FOUNDATION.format("us-*", HAIKU)))],
            {leg for leg in DIRECT if leg[0].startswith("us-")},
        ),
        (
            [
                policy(allow(INVOKE, US_PROFILE_IN_CANADA)),
                policy(allow(INVOKE, [FOUNDATION.format(each, HAIKU_45) for each in (CA, WEST)], **THROUGH)),
            ],
            {(CA, CA), (CA, WEST)},
        ),
        ([policy(allow(INVOKE, FOUNDATION.format(WEST, HAIKU_45), **THROUGH))], set()),  # the profile itself is missing
        (
            [policy(allow(INVOKE, [KNOWN, FOUNDATION.format(WEST, HAIKU), FOUNDATION.format(US, HAIKU)]))],
            {(WEST, WEST), (US, US)},  # the profile is known to run in us-east-1 only
        ),
        (
            [policy(allow(INVOKE, [KNOWN.replace("a1b2", "*"), FOUNDATION.format(WEST, HAIKU)]))],
            {(WEST, WEST), (US, WEST)},
        ),
        (
            [policy(allow(INVOKE, [US_PROFILE_IN_CANADA, FOUNDATION.format(WEST, HAIKU)]))],
            {(WEST, WEST)},  # another model than the profile's
        ),
        (
            [policy(allow(INVOKE, ["arn:aws:bedrock:*:*:inference-profile/us.*", FOUNDATION.format(WEST, HAIKU)]))],
            {(WEST, WEST), (CA, WEST), (US, WEST)},
        ),
        ([policy(allow(INVOKE, US_PROFILE_IN_CANADA))], set()),  # the models behind it are missing
        (
            [policy(allow("bedrock:*"))],
            DIRECT | {(source, there) for source in (CA, US) for there in (*EVERY_REGION, ANYWHERE)},
        ),
        ([policy(allow("bedrock:*"), deny("bedrock:*", Null={"bedrock:InferenceProfileArn": "false"}))], DIRECT),
        (
            [
                policy(
                    {
                        "Effect": "Allow",
                        "NotAction": "iam:*",
                        "NotResource": "arn:aws:s3:::*",
                        "Condition": requested(CA),
                    }
                )
            ],
            {(CA, CA)},
        ),
    ],
)
def test_models(policies: list[Policy], reached: set[tuple[str, str]]) -> None:
    assert models(*policies) == reached


STATEMENTS = st.builds(
    lambda action, resource, regions: allow(action, resource, **(requested(*regions) if regions else {})),
    st.sampled_from(["*", "bedrock:*", INVOKE, "polly:*", SPEAK]),
    st.sampled_from(["*", FOUNDATION.format("*", "*"), FOUNDATION.format(CA, HAIKU), US_PROFILE_IN_CANADA]),
    st.lists(st.sampled_from([CA, US, WEST, "unspecified"]), max_size=2),
)
DENIALS = st.sampled_from(
    [
        deny("polly:*", **requested(US)),
        deny("bedrock:*", StringNotEquals={"aws:RequestedRegion": [CA, US]}),
        deny("bedrock:*", Null={"bedrock:InferenceProfileArn": "false"}),
    ]
)


@settings(deadline=None, max_examples=20)
@given(st.lists(STATEMENTS | DENIALS, max_size=3), STATEMENTS)
def test_adding_a_permission_never_shrinks_a_reach(statements: list[dict[str, Any]], more: dict[str, Any]) -> None:
    before, after = [policy(*statements)], [policy(*statements), policy(more, name="More")]
    assert speech(*before) <= speech(*after)
    assert models(*before) <= models(*after)


@settings(deadline=None, max_examples=20)
@given(st.lists(STATEMENTS, min_size=1, max_size=3), DENIALS)
def test_adding_a_denial_never_grows_a_reach(statements: list[dict[str, Any]], denial: dict[str, Any]) -> None:
    before, after = [policy(*statements)], [policy(*statements, denial)]
    assert speech(*after) <= speech(*before)
    assert models(*after) <= models(*before)


# Findings


def access(*policies: Policy) -> dict[str, Any]:
    rows = [
        {"name": each.name, "type": each.policy_type, "arn": each.arn, "document": each.document} for each in policies
    ]
    role = {"arn": f"arn:aws:iam::{ACCOUNT}:role/Host", "partition": "aws", "account_id": ACCOUNT}
    return {"role": role, "policies": rows}


def found(*policies: Policy, guard: bool = False, profiles: bool = False) -> dict[str, dict[str, Any]]:
    regions, rows = (WITH_PROFILES, PROFILE_ROWS) if profiles else (REGIONS, [])
    document = iam_policy_document.multi_region_policy_document(regions, rows, residency_guard=guard)
    findings = iam_reach_findings(regions, access(*policies), document, NAME, models=rows)
    return {each["evidence"]["service"]: each for each in checked(findings)}


@pytest.mark.parametrize("profiles", [False, True])
@pytest.mark.parametrize("guard", [False, True])
def test_the_generated_policy_permits_no_more_than_configured(guard: bool, profiles: bool) -> None:
    statuses = {service: each["status"] for service, each in found(guard=guard, profiles=profiles).items()}
    assert statuses == {"Bedrock": "pass", "Polly": "pass", "Transcribe": "pass"}


WIDE = policy(allow("bedrock:*"), name="Wide", policy_type=MANAGED)


@pytest.mark.parametrize("profiles", [False, True])
def test_a_wider_policy_is_found_and_the_guard_closes_it(profiles: bool) -> None:
    bedrock = found(WIDE, profiles=profiles)["Bedrock"]
    assert bedrock["status"] == "unproven"
    assert "calls in every other region" in bedrock["detail"]
    assert f"calls from {CA} through inference profiles to any commercial region" in bedrock["detail"]
    assert "statement number 1 of the managed policy Wide" in bedrock["detail"]
    assert "iam_policy_residency_guard" in bedrock["remedy"]
    legs = [(each["from"], each["to"], each["jurisdiction"]) for each in bedrock["evidence"]["beyond"]]
    assert (CA, WEST, "us") in legs
    assert found(WIDE, profiles=profiles)["Polly"]["status"] == "pass"
    assert found(WIDE, profiles=profiles, guard=True)["Bedrock"]["status"] == "pass"


def test_a_profile_of_another_policy_is_named() -> None:
    other = policy(
        allow(INVOKE, US_PROFILE_IN_CANADA),
        allow(INVOKE, FOUNDATION.format(WEST, HAIKU_45), **THROUGH),
        name="Experiment",
    )
    bedrock = found(other)["Bedrock"]
    assert bedrock["status"] == "unproven"
    assert f"calls from {CA} through inference profiles to {WEST} (by the statement number 2" in bedrock["detail"]


def test_what_stands_under_the_policy_s_name_is_replaced() -> None:
    assert found(policy(allow("*"), name=NAME))["Polly"]["status"] == "pass"
    assert found(policy(allow("*"), name="Another"))["Polly"]["status"] == "unproven"
    boundary = policy(allow("*", **requested(CA)), name=NAME, policy_type=BOUNDARY)
    assert json.dumps(found(boundary)["Polly"]["evidence"]["permitted"]).count("jurisdiction") == 1
