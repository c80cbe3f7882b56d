# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Conditions are judged as IAM judges them, and left undecided where a key is not known."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_conditions
from hypothesis import given, settings
from hypothesis import strategies as st

REGION, PROFILE = "aws:RequestedRegion", "bedrock:InferenceProfileArn"
US, CANADA = "us-east-1", "ca-central-1"
ARN = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude"
#: A call in us-east-1 without an inference profile, with two tag keys.
CONTEXT = {"aws:requestedregion": [US], "bedrock:inferenceprofilearn": [], "aws:tagkeys": ["Owner", "Team"]}


def verdict(operator: str, key: str, values: Any, context: dict[str, list[str]] | None = None) -> bool | None:
    found = iam_conditions.condition_verdicts({operator: {key: values}}, context or CONTEXT)
    return iam_conditions.all_of(each for _operator, _key, each in found)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", REGION, US, True),
        ("StringEquals", REGION, [CANADA, US], True),
        ("StringEquals", REGION, CANADA, False),
        ("StringEquals", REGION, "US-EAST-1", False),
        ("StringEquals", REGION, "us-*", False),
        ("StringEquals", "AWS:requestedregion", US, True),
        ("stringequals", REGION, US, True),
        ("StringNotEquals", REGION, CANADA, True),
        ("StringNotEquals", REGION, [CANADA, US], False),
        ("StringEqualsIgnoreCase", REGION, "US-East-1", True),
        ("StringNotEqualsIgnoreCase", REGION, "US-East-1", False),
        ("StringLike", REGION, "us-*", True),
        ("StringLike", REGION, "us-east-?", True),
        ("StringLike", REGION, "ca-*", False),
        ("StringNotLike", REGION, ["ca-*", "eu-*"], True),
        ("StringNotLike", REGION, ["ca-*", "us-*"], False),
        ("StringEqualsIfExists", REGION, CANADA, False),
        ("StringNotEqualsIfExists", REGION, CANADA, True),
        ("Null", REGION, "false", True),
        ("Null", REGION, True, False),
        ("ForAnyValue:StringEquals", REGION, [US, CANADA], True),
        ("ForAnyValue:StringNotEquals", REGION, [US], False),
        ("ForAllValues:StringEquals", REGION, [US], True),
        ("ForAllValues:StringLike", REGION, ["ca-*"], False),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "Team", True),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", "Team", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", "Team", False),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", "Team", False),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", "Cost", True),
    ],
)
def test_known_key(operator: str, key: str, values: Any, expected: bool) -> None:
    assert verdict(operator, key, values) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("ArnEquals", False),
        ("StringNotEquals", True),
        ("ArnNotLike", True),
        ("StringEqualsIfExists", True),
        ("ArnNotLikeIfExists", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAnyValue:StringEqualsIfExists", False),
        ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True),
    ],
)
def test_absent_key(operator: str, expected: bool) -> None:
    assert verdict(operator, PROFILE, ARN) is expected


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False)])
def test_null_asks_whether_the_key_is_absent(value: str, expected: bool) -> None:
    assert verdict("Null", PROFILE, value) is expected


@pytest.mark.parametrize(
    ("operator", "pattern", "expected"),
    [
        ("ArnEquals", ARN, True),
        ("ArnLike", "arn:aws:bedrock:*:*:inference-profile/us.*", True),
        ("ArnLike", "*", True),
        ("ArnLike", "arn:aws:bedrock:ca-central-1:*:inference-profile/*", False),
        ("ArnNotLike", "arn:aws:bedrock:*:*:inference-profile/*", False),
        ("ArnNotLike", "arn:aws:bedrock:*:*:application-inference-profile/*", True),
        ("StringEquals", "arn:aws:bedrock:*", False),
    ],
)
def test_inference_profile(operator: str, pattern: str, expected: bool) -> None:
    assert verdict(operator, PROFILE, pattern, {"bedrock:inferenceprofilearn": [ARN]}) is expected


@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "ForAnyValue:StringLike", "Null", "Bool"]
)
def test_unknown_key_is_undecided(operator: str) -> None:
    assert verdict(operator, "aws:SourceVpc", "vpc-1") is None


@pytest.mark.parametrize("operator", ["NumericLessThan", "DateGreaterThan", "IpAddress", "BinaryEquals"])
def test_operator_that_is_not_judged_is_undecided(operator: str) -> None:
    assert verdict(operator, REGION, "1") is None


@pytest.mark.parametrize(("given_value", "expected"), [("true", True), (True, True), ("false", False)])
def test_bool(given_value: Any, expected: bool) -> None:
    assert verdict("Bool", "aws:SecureTransport", given_value, {"aws:securetransport": ["true"]}) is expected


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        (US, "${aws:RequestedRegion}", True),
        (CANADA, "${aws:RequestedRegion}", False),
        (US, "${aws:PrincipalTag/region}", None),
        ("none", "${bedrock:InferenceProfileArn, 'none'}", True),
        ("none", "${bedrock:InferenceProfileArn}", False),
        ("*", "${*}", True),
        (US, "${*}", False),
        (US, "${aws:TagKeys}", None),
        ("a.b", "a?b", True),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("line\nline", "*", True),
    ],
)
def test_patterns_and_their_variables(value: str, pattern: str, expected: bool | None) -> None:
    assert iam_conditions.matches(value, pattern, CONTEXT) is expected


MODEL = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (MODEL, True),
        ("arn:aws:bedrock:*::foundation-model/*", True),
        ("arn:aws:bedrock:us-*::foundation-model/anthropic.*", True),
        ("arn:aws:bedrock", True),
        ("arn:aws:bedrock:us-east-1", True),
        ("arn:aws:bedrock:ca-central-1", False),
        ("arn:aws:bedrock:ca-central-1::foundation-model/*", False),
        ("arn:aws:bedrock:us-east-1:111122223333:*", False),
        ("arn:aws:bedrock:us-*haiku*", None),
        ("arn:aws:bedrock:${aws:RequestedRegion}::foundation-model/*", True),
        ("arn:aws:bedrock:${aws:PrincipalTag/region}::foundation-model/*", None),
    ],
)
def test_arns(pattern: str, expected: bool | None) -> None:
    assert iam_conditions.arn_matches(MODEL, pattern, CONTEXT) is expected


def test_every_entry_of_a_condition_is_judged() -> None:
    condition = {"StringEquals": {REGION: US, "aws:SourceVpc": "vpc-1"}, "Null": {PROFILE: "true"}}
    assert list(iam_conditions.condition_verdicts(condition, CONTEXT)) == [
        ("StringEquals", REGION, True),
        ("StringEquals", "aws:SourceVpc", None),
        ("Null", PROFILE, True),
    ]


VERDICTS = st.lists(st.sampled_from([True, False, None]))


@settings(deadline=None)
@given(VERDICTS)
def test_what_is_undecided_never_passes_for_decided(verdicts: list[bool | None]) -> None:
    """Whatever the undecided ones turn out to be, a verdict that was given stays right."""
    for outcome in (True, False):
        decided = [outcome if each is None else each for each in verdicts]
        assert iam_conditions.all_of(verdicts) in (None, all(decided))
        assert iam_conditions.any_of(verdicts) in (None, any(decided))


@settings(deadline=None)
@given(
    st.sampled_from(["StringEquals", "StringLike"]), st.lists(st.sampled_from([US, CANADA, "us-*", "*"]), min_size=1)
)
def test_a_negated_operator_is_the_opposite(operator: str, values: list[str]) -> None:
    negated = operator.replace("String", "StringNot")
    assert verdict(operator, REGION, values) is (not verdict(negated, REGION, values))
    assert (iam_conditions.is_negated(operator), iam_conditions.is_negated(negated)) == (False, True)
