# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policy allows the four actions on what is configured and no more; the simulations ask exactly that."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import requests_of
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import INLINE, Policy, Request, applying
from hypothesis import given, settings
from hypothesis import strategies as st

INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
SPEECH = ["polly:SynthesizeSpeech", "transcribe:StartStreamTranscription"]
HAIKU, SONNET = "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-sonnet-20240229-v1:0"
OPUS = "anthropic.claude-3-opus-20240229-v1:0"
HAIKU_45 = "anthropic.claude-haiku-4-5-20251001-v1:0"
US_PROFILE, GLOBAL_PROFILE = f"us.{HAIKU_45}", f"global.{HAIKU_45}"
UNLISTED = "meta.llama3-8b-instruct-v1:0"
ACCOUNT = "111122223333"

REGIONS: dict[str, Any] = {
    "CA": {"region": "ca-central-1", "models": {"default": HAIKU, "allowlist": [HAIKU, SONNET], "optional": []}},
    "US": {"region": "us-east-1", "models": {"default": HAIKU, "allowlist": [HAIKU, SONNET], "optional": [OPUS]}},
}


def model(region: str, model_id: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def profile(region: str, profile_id: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{profile_id}"


def row(region: str, profile_id: str, destinations: list[str]) -> dict[str, Any]:
    arns = [model(destination, HAIKU_45) for destination in destinations]
    found = {"arn": profile(region, profile_id), "model_arns": arns} if destinations else None
    return {"region": region, "model_id": profile_id, "inference_profile": found}


def regions(**models: Any) -> dict[str, Any]:
    """Give the customer's regions with other models in us-east-1."""
    changed = deepcopy(REGIONS)
    changed["US"]["models"] = {"default": HAIKU, "allowlist": [HAIKU], "optional": [], **models}
    return changed


WITH_PROFILES = regions(default=US_PROFILE, allowlist=[US_PROFILE, HAIKU], optional=[GLOBAL_PROFILE])
PROFILE_ROWS = [
    row("us-east-1", US_PROFILE, ["us-east-1", "us-east-2", "us-west-2"]),
    row("us-east-1", GLOBAL_PROFILE, ["us-east-1", ""]),
]


def test_the_customer_s_policy() -> None:
    requested = {"StringEquals": {"aws:RequestedRegion": ["ca-central-1", "us-east-1"]}}
    assert iam_policy_document.multi_region_policy_document(REGIONS) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "InvokeFoundationModels",
                "Effect": "Allow",
                "Action": INVOKE,
                "Resource": [
                    model("ca-central-1", HAIKU),
                    model("ca-central-1", SONNET),
                    model("us-east-1", HAIKU),
                    model("us-east-1", SONNET),
                    model("us-east-1", OPUS),
                ],
            },
            {
                "Sid": "SynthesizeSpeech",
                "Effect": "Allow",
                "Action": "polly:SynthesizeSpeech",
                "Resource": "*",
                "Condition": requested,
            },
            {
                "Sid": "StartStreamTranscription",
                "Effect": "Allow",
                "Action": "transcribe:StartStreamTranscription",
                "Resource": "*",
                "Condition": requested,
            },
        ],
    }


def test_an_inference_profile_brings_the_models_behind_it() -> None:
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS)
    by_sid = {statement["Sid"]: statement for statement in document["Statement"]}
    assert list(by_sid) == [
        "InvokeFoundationModels",
        "InvokeInferenceProfiles",
        "InvokeModelsBehindProfilesUS1",
        "InvokeModelsBehindProfilesUS2",
        "InvokeModelsBehindProfilesUS2Global",
        "SynthesizeSpeech",
        "StartStreamTranscription",
    ]
    through_us, through_global = profile("us-east-1", US_PROFILE), profile("us-east-1", GLOBAL_PROFILE)
    assert by_sid["InvokeInferenceProfiles"]["Resource"] == [through_us, through_global]
    assert "Condition" not in by_sid["InvokeInferenceProfiles"]
    assert model("us-east-1", HAIKU) in by_sid["InvokeFoundationModels"]["Resource"]
    behind = {
        "InvokeModelsBehindProfilesUS1": (
            [model(region, HAIKU_45) for region in ("us-east-1", "us-east-2", "us-west-2")],
            {"bedrock:InferenceProfileArn": [through_us]},
        ),
        "InvokeModelsBehindProfilesUS2": (
            [model("us-east-1", HAIKU_45)],
            {"bedrock:InferenceProfileArn": [through_global]},
        ),
        "InvokeModelsBehindProfilesUS2Global": (
            [model("", HAIKU_45)],
            {"bedrock:InferenceProfileArn": [through_global], "aws:RequestedRegion": "unspecified"},
        ),
    }
    for sid, (resources, condition) in behind.items():
        assert by_sid[sid] == {
            "Sid": sid,
            "Effect": "Allow",
            "Action": INVOKE,
            "Resource": resources,
            "Condition": {"StringEquals": condition},
        }


def test_profiles_with_the_same_models_share_a_statement() -> None:
    twin = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
    rows = [
        *PROFILE_ROWS,
        {
            **PROFILE_ROWS[0],
            "model_id": twin,
            "inference_profile": {
                "arn": twin,
                "type": "APPLICATION",
                "model_arns": PROFILE_ROWS[0]["inference_profile"]["model_arns"],
            },
        },
    ]
    document = iam_policy_document.multi_region_policy_document(regions(allowlist=[US_PROFILE, twin]), rows)
    (behind,) = [each for each in document["Statement"] if "Behind" in each["Sid"]]
    bound = [profile("us-east-1", US_PROFILE), twin]
    assert behind["Condition"]["StringEquals"]["bedrock:InferenceProfileArn"] == bound


def test_the_model_in_the_source_region_is_granted_where_the_profile_does_not_run_there() -> None:
    rows = [row("us-east-1", US_PROFILE, ["us-east-2", "us-west-2"])]
    document = iam_policy_document.multi_region_policy_document(regions(allowlist=[US_PROFILE]), rows)
    (behind,) = [each for each in document["Statement"] if "Behind" in each["Sid"]]
    assert behind["Resource"] == [model(region, HAIKU_45) for region in ("us-east-1", "us-east-2", "us-west-2")]


def test_profiles_only() -> None:
    only = {"US": {"region": "us-east-1", "models": {"default": US_PROFILE, "allowlist": [US_PROFILE]}}}
    document = iam_policy_document.multi_region_policy_document(only, PROFILE_ROWS)
    assert document["Statement"][0]["Sid"] == "InvokeInferenceProfiles"


def test_an_optional_profile_that_is_not_offered_is_left_out() -> None:
    configured = regions(optional=[US_PROFILE])
    document = iam_policy_document.multi_region_policy_document(configured, [row("us-east-1", US_PROFILE, [])])
    assert document == iam_policy_document.multi_region_policy_document(regions())


@pytest.mark.parametrize("rows", [[], [row("us-east-1", US_PROFILE, [])], [row("ca-central-1", US_PROFILE, ["x"])]])
def test_a_profile_without_known_arns_is_an_error(rows: list[Any]) -> None:
    configured = regions(default=US_PROFILE, allowlist=[US_PROFILE])
    with pytest.raises(ValueError, match=r"safesecrets_regions\.US\.models: us\.anthropic.* is an inference profile"):
        iam_policy_document.multi_region_policy_document(configured, rows)


def test_what_is_no_model_is_an_error() -> None:
    with pytest.raises(ValueError, match="'claude' is no model identifier"):
        iam_policy_document.multi_region_policy_document(regions(default="claude"))


def test_another_partition_and_an_arn_as_model() -> None:
    china = {"CN": {"region": "cn-north-1", "models": {"default": HAIKU, "allowlist": [HAIKU]}}}
    (models, *_others) = iam_policy_document.multi_region_policy_document(china, partition="aws-cn")["Statement"]
    assert models["Resource"] == [f"arn:aws-cn:bedrock:cn-north-1::foundation-model/{HAIKU}"]
    given_arn = regions(default=model("us-east-1", OPUS), allowlist=[])
    assert (
        model("us-east-1", OPUS)
        in iam_policy_document.multi_region_policy_document(given_arn)["Statement"][0]["Resource"]
    )


def test_simulations_of_the_customer_s_policy() -> None:
    simulations = iam_policy_document.multi_region_simulations(
        REGIONS, control_region="us-west-2", control_model=UNLISTED, context={"aws:SecureTransport": "true"}
    )
    assert [(each["region"], each["actions"], each["expected"], len(each["resources"])) for each in simulations] == [
        ("ca-central-1", INVOKE, "allowed", 2),
        ("us-east-1", INVOKE, "allowed", 3),
        ("ca-central-1", SPEECH, "allowed", 1),
        ("us-east-1", SPEECH, "allowed", 1),
        ("us-west-2", INVOKE, "denied", 3),
        ("us-west-2", SPEECH, "denied", 1),
        ("ca-central-1", INVOKE, "denied", 1),
        ("us-east-1", INVOKE, "denied", 1),
    ]
    assert all(each["context"] == {"aws:SecureTransport": "true"} for each in simulations)
    assert simulations[4]["resources"] == [model("us-west-2", each) for each in (HAIKU, SONNET, OPUS)]
    assert simulations[-1]["resources"] == [model("us-east-1", UNLISTED)]


def test_each_model_behind_a_profile_is_simulated_where_it_would_run() -> None:
    simulations = iam_policy_document.multi_region_simulations(WITH_PROFILES, PROFILE_ROWS)
    through = [
        (each["region"], each["resources"], each["context"]["bedrock:InferenceProfileArn"])
        for each in simulations
        if each["context"] and each["expected"] == "allowed"
    ]
    assert through == [
        *[(r, [model(r, HAIKU_45)], profile("us-east-1", US_PROFILE)) for r in ("us-east-1", "us-east-2", "us-west-2")],
        ("us-east-1", [model("us-east-1", HAIKU_45)], profile("us-east-1", GLOBAL_PROFILE)),
        ("unspecified", [model("", HAIKU_45)], profile("us-east-1", GLOBAL_PROFILE)),
    ]
    past = [
        (each["region"], each["resources"], each["context"]) for each in simulations if each["expected"] == "denied"
    ]
    assert past == [
        *[(region, [model(region, HAIKU_45)], {}) for region in ("us-east-1", "us-east-2", "us-west-2")],
        ("unspecified", [model("", HAIKU_45)], {}),
    ]


def test_a_model_that_is_called_on_demand_too_is_no_control() -> None:
    both = regions(allowlist=[US_PROFILE, HAIKU_45])
    simulations = iam_policy_document.multi_region_simulations(both, PROFILE_ROWS)
    past = [each["resources"] for each in simulations if each["expected"] == "denied"]
    assert past == [[model("us-east-2", HAIKU_45)], [model("us-west-2", HAIKU_45)]]


def decided(document: dict[str, Any], request: Request) -> bool:
    policy = Policy("Planned", INLINE, document)
    return any(verdict for _statement, verdict in applying([policy], request, denies=False))


@pytest.mark.parametrize(("configured", "rows"), [(REGIONS, []), (WITH_PROFILES, PROFILE_ROWS)])
def test_the_document_answers_its_simulations_as_expected(configured: dict[str, Any], rows: list[Any]) -> None:
    document = iam_policy_document.multi_region_policy_document(configured, rows)
    for simulation in iam_policy_document.multi_region_simulations(
        configured, rows, control_region="eu-west-1", control_model=UNLISTED
    ):
        for request in requests_of(simulation):
            assert decided(document, request) is (simulation["expected"] == "allowed"), request


@pytest.mark.parametrize(
    ("action", "resource", "region", "context"),
    [
        ("polly:SynthesizeSpeech", "*", "us-west-2", {}),
        ("polly:DescribeVoices", "*", "us-east-1", {}),
        ("transcribe:StartStreamTranscriptionWebSocket", "*", "us-east-1", {}),
        ("bedrock:InvokeModel", model("us-east-1", UNLISTED), "us-east-1", {}),
        ("bedrock:InvokeModel", model("ca-central-1", OPUS), "ca-central-1", {}),
        ("bedrock:ListFoundationModels", model("us-east-1", HAIKU), "us-east-1", {}),
        ("bedrock:InvokeModel", model("us-east-2", HAIKU_45), "us-east-2", {}),
        ("bedrock:InvokeModel", model("us-east-2", HAIKU_45), "us-east-2",
         {"bedrock:InferenceProfileArn": profile("us-west-2", US_PROFILE)}),
        ("bedrock:InvokeModel", profile("us-west-2", US_PROFILE), "us-west-2", {}),
        ("bedrock:InvokeModel", model("", HAIKU_45), "unspecified",
         {"bedrock:InferenceProfileArn": profile("us-east-1", US_PROFILE)}),
        ("bedrock:InvokeModel", model("", HAIKU_45), "eu-west-1",
         {"bedrock:InferenceProfileArn": profile("us-east-1", GLOBAL_PROFILE)}),
        ("bedrock:InvokeModel", model("us-east-2", HAIKU_45), "us-east-2",
         {"bedrock:InferenceProfileArn": profile("us-east-1", GLOBAL_PROFILE)}),
    ],
)  # fmt: skip
def test_nothing_more_is_allowed(action: str, resource: str, region: str, context: dict[str, str]) -> None:
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS)
    assert not decided(document, Request.of(action, resource, region, context))


CODES = st.sampled_from(["CA", "US", "EU"])
REGION_NAMES = st.sampled_from(["ca-central-1", "us-east-1", "eu-west-1"])
MODELS = st.lists(st.sampled_from([HAIKU, SONNET, OPUS]), min_size=1)


@settings(deadline=None)
@given(st.dictionaries(CODES, st.tuples(REGION_NAMES, MODELS), min_size=1))
def test_whatever_is_configured_is_allowed_and_stable(configured: dict[str, Any]) -> None:
    given_regions = {
        code: {"region": region, "models": {"default": models[0], "allowlist": models}}
        for code, (region, models) in configured.items()
    }
    document = iam_policy_document.multi_region_policy_document(given_regions)
    assert document == iam_policy_document.multi_region_policy_document(deepcopy(given_regions))
    assert all(statement["Sid"].isalnum() for statement in document["Statement"])
    for region, models in configured.values():
        assert all(decided(document, Request.of(INVOKE[0], model(region, each), region)) for each in models)


def test_statements_that_are_not_ours() -> None:
    ours = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS)
    theirs = {"Statement": [{"Sid": "Theirs"}, {"Effect": "Deny"}, ours["Statement"][0]]}
    policies = [
        {"name": "Ours", "type": "inline", "document": ours},
        {"name": "Theirs", "type": "managed", "document": theirs},
    ]
    assert iam_policy_document.foreign_statements(policies, "Ours") == []
    assert iam_policy_document.foreign_statements(policies, "Theirs") == ["Theirs", "number 2"]
    assert iam_policy_document.foreign_statements(policies, "NotThere") == []
