# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a role out of a region: explicit Deny and permissions boundary do, a regional Allow never does."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_region_locks import (
    LockSearch,
    region_locks,
    regional_allows,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    BOUNDARY,
    INLINE,
    MANAGED,
    Policy,
    Request,
    parse_document,
)
from hypothesis import given, settings
from hypothesis import strategies as st

INVOKE, STREAM = "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"
SPEAK, TRANSCRIBE = "polly:SynthesizeSpeech", "transcribe:StartStreamTranscription"
REGION = "aws:RequestedRegion"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def model(region: str, model_id: str = HAIKU) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


REQUESTS = [
    request
    for region in ("ca-central-1", "us-east-1")
    for request in (
        Request.of(INVOKE, model(region), region),
        Request.of(STREAM, model(region), region),
        Request.of(SPEAK, "*", region),
        Request.of(TRANSCRIBE, "*", region),
    )
]


def policy(*statements: Any, kind: str = INLINE, name: str = "Guard") -> Policy:
    return Policy(name, kind, {"Version": "2012-10-17", "Statement": list(statements)})


def deny(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "*", "Resource": "*", **elements}


def without(statement: dict[str, Any], element: str) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key != element}


def search(*policies: Policy) -> LockSearch:
    return region_locks(policies, REQUESTS)


ALL = [INVOKE, STREAM, SPEAK, TRANSCRIBE]
BOTH, US = ["ca-central-1", "us-east-1"], ["us-east-1"]
LOCKS = {
    "StringNotEquals": (
        deny(Condition={"StringNotEquals": {REGION: "ca-central-1"}}),
        ("Condition.StringNotEquals.aws:RequestedRegion", US, ALL),
    ),
    "StringNotEquals with a list": (
        deny(Condition={"StringNotEquals": {REGION: ["ca-central-1", "eu-west-1"]}}),
        ("Condition.StringNotEquals.aws:RequestedRegion", US, ALL),
    ),
    "key in another case": (
        deny(Condition={"StringNotEquals": {"AWS:requestedregion": "ca-central-1"}}),
        ("Condition.StringNotEquals.AWS:requestedregion", US, ALL),
    ),
    "StringEquals": (
        deny(Condition={"StringEquals": {REGION: "us-east-1"}}),
        ("Condition.StringEquals.aws:RequestedRegion", US, ALL),
    ),
    "StringLike": (
        deny(Condition={"StringLike": {REGION: "us-*"}}),
        ("Condition.StringLike.aws:RequestedRegion", US, ALL),
    ),
    "StringNotLike": (
        deny(Condition={"StringNotLike": {REGION: ["ca-*"]}}),
        ("Condition.StringNotLike.aws:RequestedRegion", US, ALL),
    ),
    "IgnoreCase": (
        deny(Condition={"StringNotEqualsIgnoreCase": {REGION: "CA-CENTRAL-1"}}),
        ("Condition.StringNotEqualsIgnoreCase.aws:RequestedRegion", US, ALL),
    ),
    "IfExists": (
        deny(Condition={"StringNotEqualsIfExists": {REGION: "ca-central-1"}}),
        ("Condition.StringNotEqualsIfExists.aws:RequestedRegion", US, ALL),
    ),
    "ForAnyValue": (
        deny(Condition={"ForAnyValue:StringNotEquals": {REGION: ["ca-central-1"]}}),
        ("Condition.ForAnyValue:StringNotEquals.aws:RequestedRegion", US, ALL),
    ),
    "ForAllValues": (
        deny(Condition={"ForAllValues:StringLike": {REGION: ["us-*"]}}),
        ("Condition.ForAllValues:StringLike.aws:RequestedRegion", US, ALL),
    ),
    "two conditions that both hold": (
        deny(Condition={"StringNotEquals": {REGION: "ca-central-1"}, "Null": {"bedrock:InferenceProfileArn": "true"}}),
        ("Condition.StringNotEquals.aws:RequestedRegion", US, ALL),
    ),
    "Null that always holds": (deny(Condition={"Null": {REGION: "false"}}), ("Condition.Null." + REGION, BOTH, ALL)),
    "NotAction and region": (
        {**without(deny(), "Action"), "NotAction": "iam:*", "Condition": {"StringNotEquals": {REGION: "ca-central-1"}}},
        ("Condition.StringNotEquals.aws:RequestedRegion", US, ALL),
    ),
    "NotAction": (
        {**without(deny(), "Action"), "NotAction": ["polly:*", "transcribe:*"]},
        ("NotAction", BOTH, [INVOKE, STREAM]),
    ),
    "Resource of a region": (
        deny(Resource="arn:aws:bedrock:us-east-1::foundation-model/*"),
        ("Resource", US, [INVOKE, STREAM]),
    ),
    "Resource with wildcards": (deny(Resource=["arn:aws:bedrock:us-*::*"]), ("Resource", US, [INVOKE, STREAM])),
    "incomplete Resource": (deny(Resource="arn:aws:bedrock:us-east-1"), ("Resource", US, [INVOKE, STREAM])),
    "NotResource": (
        {
            "Effect": "Deny",
            "Action": "bedrock:*",
            "NotResource": "arn:aws:bedrock:ca-central-1::foundation-model/*",
        },
        ("NotResource", US, [INVOKE, STREAM]),
    ),
    "Action in another case": (deny(Action="POLLY:synthesize*"), ("Action", BOTH, [SPEAK])),
    "one action in one region": (
        deny(Action=[TRANSCRIBE], Condition={"StringEquals": {REGION: ["us-east-1"]}}),
        ("Condition.StringEquals.aws:RequestedRegion", US, [TRANSCRIBE]),
    ),
    "no call without a profile": (
        deny(Action="bedrock:*", Condition={"ArnNotLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*"}}),
        ("Condition.ArnNotLike.bedrock:InferenceProfileArn", BOTH, [INVOKE, STREAM]),
    ),
}


@pytest.mark.parametrize("kind", [INLINE, MANAGED, BOUNDARY])
@pytest.mark.parametrize(("statement", "expected"), LOCKS.values(), ids=LOCKS)
def test_explicit_deny_locks(statement: dict[str, Any], expected: tuple[str, list[str], list[str]], kind: str) -> None:
    found = search(policy(EVERYTHING, statement, kind=kind))
    assert [(lock["element"], lock["regions"], lock["actions"]) for lock in found.locks] == [expected]
    assert not found.undecided
    (lock,) = found.locks
    assert (lock["policy"], lock["policy_type"], lock["sid"], lock["index"]) == ("Guard", kind, None, 1)
    assert lock["layer"] == ("permissions boundary" if kind == BOUNDARY else "identity policy")
    assert lock["statement"] == statement


HARMLESS = {
    "Deny of another service": deny(Action="s3:*"),
    "Deny of another action": deny(Action=["polly:DescribeVoices", "bedrock:List*"]),
    "Deny of another region": deny(Condition={"StringEquals": {REGION: ["eu-west-1", "us-west-2"]}}),
    "Deny outside both regions": deny(Condition={"StringNotEquals": {REGION: ["us-east-1", "ca-central-1"]}}),
    "Deny of another model": deny(Action="bedrock:*", Resource=model("us-east-1", "meta.llama3-8b-instruct-v1:0")),
    "Deny of a model in another region": deny(Action="bedrock:*", Resource=model("us-west-2")),
    "Deny of a lexicon": deny(Action="polly:*", Resource="arn:aws:polly:us-east-1:*:lexicon/*"),
    "Deny with NotAction of all": {**without(deny(), "Action"), "NotAction": ["bedrock:*", "polly:*", "transcribe:*"]},
    "Deny with NotResource of all": {**without(deny(), "Resource"), "NotResource": "*"},
    "Deny through profiles only": deny(
        Action="bedrock:*", Condition={"ArnLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*"}}
    ),
    "Deny that never holds": deny(Condition={"StringEquals": {REGION: "us-east-1"}, "StringLike": {REGION: "ca-*"}}),
    "unknown key beside a region that does not hold": deny(
        Condition={"StringEquals": {REGION: "us-west-2", "aws:SourceVpc": "vpc-1"}}
    ),
    "regional Allow": {**EVERYTHING, "Condition": {"StringEquals": {REGION: "ca-central-1"}}},
}


@pytest.mark.parametrize("statement", HARMLESS.values(), ids=HARMLESS)
def test_what_does_not_apply_is_harmless(statement: dict[str, Any]) -> None:
    found = search(policy(statement))
    assert (found.locks, found.undecided) == ([], [])


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "Effect": st.just("Allow"),
                "Action": st.sampled_from(["*", "polly:*", [INVOKE, STREAM]]),
                "Resource": st.sampled_from(["*", model("ca-central-1"), [model("us-west-2")]]),
                "Condition": st.dictionaries(
                    st.sampled_from(
                        ["StringEquals", "StringNotEquals", "StringLikeIfExists", "ForAllValues:StringLike"]
                    ),
                    st.dictionaries(st.sampled_from([REGION, "aws:SourceVpc"]), st.sampled_from(["ca-*", "us-east-1"])),
                    max_size=2,
                ),
            }
        ),
        max_size=4,
    )
)
def test_an_allow_never_makes_a_lock(statements: list[dict[str, Any]]) -> None:
    found = search(policy(*statements), policy(*statements, kind=MANAGED))
    assert (found.locks, found.undecided) == ([], [])


UNDECIDED = {
    "key of another kind": (
        deny(Condition={"StringNotEquals": {REGION: "ca-central-1"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}),
        ("Condition.StringEquals.aws:SourceVpc", US, ["aws:SourceVpc"]),
    ),
    "unknown key alone": (
        deny(Condition={"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}),
        ("Condition.ArnNotLike.aws:PrincipalArn", BOTH, ["aws:PrincipalArn"]),
    ),
    "unknown policy variable": (
        deny(Resource="arn:aws:bedrock:${aws:PrincipalTag/region}::foundation-model/*"),
        ("Resource", BOTH, []),
    ),
}


@pytest.mark.parametrize("kind", [INLINE, BOUNDARY])
@pytest.mark.parametrize(("statement", "expected"), UNDECIDED.values(), ids=UNDECIDED)
def test_what_cannot_be_decided_is_neither_lock_nor_harmless(
    statement: dict[str, Any], expected: tuple[str, list[str], list[str]], kind: str
) -> None:
    found = search(policy(EVERYTHING, statement, kind=kind))
    assert not found.locks
    assert [(each["element"], each["regions"], each["keys"]) for each in found.undecided] == [expected]
    assert found.undecided[0]["explanation"].startswith("Whether the statement number 2 of the ")


ONLY_CANADA = {**EVERYTHING, "Sid": "OnlyCanada", "Condition": {"StringEquals": {REGION: "ca-central-1"}}}
BOUNDARIES = {
    "regional Allow": ([ONLY_CANADA], ("OnlyCanada", 0, "Condition.StringEquals.aws:RequestedRegion", US, ALL)),
    "nothing of Bedrock": (
        [{"Sid": "Speech", "Effect": "Allow", "Action": ["polly:*", "transcribe:*"], "Resource": "*"}],
        (None, None, "Action", BOTH, [INVOKE, STREAM]),
    ),
    "models of one region": (
        [{"Effect": "Allow", "Action": "*", "Resource": ["*:ca-central-1:*"]}, {**EVERYTHING, "Action": ["p*", "t*"]}],
        (None, 0, "Resource", US, [INVOKE, STREAM]),
    ),
    "the nearest of two": (
        [
            {"Sid": "Far", "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::x", "Condition": {
                "StringEquals": {REGION: "eu-west-1"}}},
            ONLY_CANADA,
        ],
        ("OnlyCanada", 1, "Condition.StringEquals.aws:RequestedRegion", US, ALL),
    ),
    "empty": ([], (None, None, "Action", BOTH, ALL)),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "expected"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_a_boundary_locks_what_it_does_not_allow(statements: list[Any], expected: tuple[Any, ...]) -> None:
    found = search(policy(EVERYTHING), policy(*statements, kind=BOUNDARY, name="Limit"))
    rows = [tuple(lock[key] for key in ("sid", "index", "element", "regions", "actions")) for lock in found.locks]
    assert rows == [expected]
    assert {(lock["layer"], lock["policy"]) for lock in found.locks} == {("permissions boundary", "Limit")}


def test_a_boundary_that_allows_locks_nothing() -> None:
    both = {**EVERYTHING, "Condition": {"StringEquals": {REGION: ["us-east-1", "ca-central-1"]}}}
    assert search(policy(both, kind=BOUNDARY)) == LockSearch([], [])


def test_a_boundary_whose_only_allow_is_undecided() -> None:
    found = search(policy({**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, kind=BOUNDARY))
    assert (len(found.locks), [each["keys"] for each in found.undecided]) == (0, [["aws:SourceVpc"]])


def test_a_boundary_s_deny_is_named_once() -> None:
    found = search(policy(deny(Sid="Never"), kind=BOUNDARY))
    assert [(lock["sid"], lock["element"], lock["actions"]) for lock in found.locks] == [("Never", "Action", ALL)]


@pytest.mark.parametrize(
    ("statement", "kind", "explanation", "remedy"),
    [
        (
            deny(Sid="Stay", Condition={"StringNotEquals": {REGION: ["ca-central-1", "eu-west-1"]}}, Action=SPEAK),
            MANAGED,
            "The statement Stay of the managed policy Guard denies polly:SynthesizeSpeech in us-east-1 by its "
            "Condition.StringNotEquals.aws:RequestedRegion, which is ca-central-1, eu-west-1.",
            "Add us-east-1 to Condition.StringNotEquals.aws:RequestedRegion of the statement Stay of the managed "
            "policy Guard.",
        ),
        (
            deny(Condition={"StringLike": {REGION: "us-*"}}, Action=SPEAK),
            INLINE,
            "The statement number 1 of the inline policy Guard denies polly:SynthesizeSpeech in us-east-1 by its "
            "Condition.StringLike.aws:RequestedRegion, which is us-*.",
            "Change Condition.StringLike.aws:RequestedRegion of the statement number 1 of the inline policy Guard so "
            "that it leaves out us-east-1.",
        ),
        (
            {"Effect": "Deny", "NotAction": ["bedrock:*", "transcribe:*"], "Resource": "*"},
            INLINE,
            "The statement number 1 of the inline policy Guard denies polly:SynthesizeSpeech in ca-central-1, "
            "us-east-1 by its NotAction, which is bedrock:*, transcribe:*.",
            "Add polly:SynthesizeSpeech to NotAction of the statement number 1 of the inline policy Guard.",
        ),
        (
            {"Effect": "Deny", "Action": "polly:*", "NotResource": "arn:aws:polly:*"},
            INLINE,
            "The statement number 1 of the inline policy Guard denies polly:SynthesizeSpeech in ca-central-1, "
            "us-east-1 by its NotResource, which is arn:aws:polly:*.",
            "Add * to NotResource of the statement number 1 of the inline policy Guard.",
        ),
        (
            deny(Action="bedrock:InvokeModel", Condition={"Null": {"bedrock:InferenceProfileArn": "true"}}),
            INLINE,
            "The statement number 1 of the inline policy Guard denies bedrock:InvokeModel in ca-central-1, us-east-1 "
            "by its Condition.Null.bedrock:InferenceProfileArn, which is true.",
            "Change Condition.Null.bedrock:InferenceProfileArn of the statement number 1 of the inline policy Guard so "
            "that it leaves out bedrock:InvokeModel in ca-central-1, us-east-1.",
        ),
        (
            {**EVERYTHING, "Sid": "Canada", "Condition": {"StringNotEquals": {REGION: "us-east-1"}}},
            BOUNDARY,
            "The statement Canada of the permissions boundary Guard would allow bedrock:InvokeModel, "
            "bedrock:InvokeModelWithResponseStream, polly:SynthesizeSpeech, transcribe:StartStreamTranscription in "
            "us-east-1, but its Condition.StringNotEquals.aws:RequestedRegion is us-east-1.",
            "Change Condition.StringNotEquals.aws:RequestedRegion of the statement Canada of the permissions boundary "
            "Guard so that it takes in us-east-1.",
        ),
        (
            {**EVERYTHING, "Sid": "Canada", "Condition": {"StringEquals": {REGION: "ca-central-1"}}},
            BOUNDARY,
            "The statement Canada of the permissions boundary Guard would allow bedrock:InvokeModel, "
            "bedrock:InvokeModelWithResponseStream, polly:SynthesizeSpeech, transcribe:StartStreamTranscription in "
            "us-east-1, but its Condition.StringEquals.aws:RequestedRegion is ca-central-1.",
            "Add us-east-1 to Condition.StringEquals.aws:RequestedRegion of the statement Canada of the permissions "
            "boundary Guard.",
        ),
        (
            {"Effect": "Allow", "NotAction": "polly:*", "Resource": "*"},
            BOUNDARY,
            "No statement of the permissions boundary Guard allows polly:SynthesizeSpeech in ca-central-1, us-east-1.",
            "Add a statement to the permissions boundary Guard that allows polly:SynthesizeSpeech in ca-central-1, "
            "us-east-1.",
        ),
    ],
)
def test_says_what_blocks_and_what_to_change(
    statement: dict[str, Any], kind: str, explanation: str, remedy: str
) -> None:
    (lock,) = search(policy(statement, kind=kind)).locks
    assert (lock["explanation"], lock["remedy"]) == (explanation, remedy)


def test_a_single_statement_needs_no_list() -> None:
    guard = Policy("Guard", INLINE, {"Statement": deny(Condition={"StringEquals": {REGION: "us-east-1"}})})
    assert [lock["index"] for lock in search(guard).locks] == [0]


@pytest.mark.parametrize("encode", [json.dumps, lambda document: quote(json.dumps(document)), dict])
def test_documents_come_as_json_url_encoded_or_decoded(encode: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": [deny(Sid="Ün/ter%20s")]}
    assert parse_document(encode(document)) == document


def test_a_document_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="is an object, not list"):
        parse_document("%5B%5D")


def test_a_profile_is_known_to_a_request() -> None:
    """The Deny that AWS itself proposes: no direct call outside Canada, profiles excepted."""
    statement = deny(
        Action="bedrock:InvokeModel*",
        Resource="arn:aws:bedrock:*::foundation-model/*",
        Condition={
            "StringNotEquals": {REGION: "ca-central-1"},
            "ArnNotLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*:*:inference-profile/*"},
        },
    )
    profile = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-haiku-4-5"
    through = Request.of(INVOKE, model("us-east-1"), "us-east-1", {"bedrock:InferenceProfileArn": profile})
    direct = Request.of(INVOKE, model("us-east-1"), "us-east-1")
    assert not region_locks([policy(statement)], [through]).locks
    assert len(region_locks([policy(statement)], [direct]).locks) == 1


ALLOWS = [
    {"Sid": "Canada", "Effect": "Allow", "Action": SPEAK, "Resource": "*",
     "Condition": {"StringEquals": {REGION: "ca-central-1"}}},
    {"Sid": "Models", "Effect": "Allow", "Action": INVOKE, "Resource": [model("ca-central-1"), model("us-west-2")]},
    {"Sid": "AnyRegion", "Effect": "Allow", "Action": INVOKE, "Resource": "arn:aws:bedrock:*::foundation-model/*"},
    {"Sid": "OtherService", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:us-east-1:1:accesspoint/a"},
    {"Sid": "AllButS3", "Effect": "Allow", "NotAction": "s3:*", "Resource": "*",
     "Condition": {"StringLike": {REGION: ["ca-*"]}}},
    {"Sid": "NoElement", "Effect": "Allow", "Resource": "arn:aws:bedrock:us-east-1"},
    deny(Sid="Deny", Condition={"StringEquals": {REGION: "eu-west-1"}}),
]  # fmt: skip


def test_regional_allows_are_recorded() -> None:
    found = regional_allows([policy(*ALLOWS), policy(*ALLOWS, kind=BOUNDARY)], ALL)
    assert [(each["sid"], each["element"], each["regions"], each["actions"]) for each in found] == [
        ("Canada", "Condition.StringEquals.aws:RequestedRegion", ["ca-central-1"], [SPEAK]),
        ("Models", "Resource", ["ca-central-1", "us-west-2"], [INVOKE]),
        ("AllButS3", "Condition.StringLike.aws:RequestedRegion", ["ca-*"], ALL),
    ]
