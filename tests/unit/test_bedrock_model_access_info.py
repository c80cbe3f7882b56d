# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module asks each region once, in AWS's own words, and a denial is never "nothing there"."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.modules import bedrock_model_access_info

from tests.unit.bedrock_answers import (
    HAIKU,
    HAIKU_4_5,
    NOVA_LITE,
    SONNET,
    TERMS,
    US_HAIKU_4_5,
    answer_bedrock,
    availability,
    no_form,
    profile,
    summary,
)
from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error


def request(model_id: str = HAIKU, region: str = "us-east-1") -> dict[str, str]:
    return {"region": region, "model_id": model_id}


def test_a_row_per_request_and_each_region_asked_once(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws)
    aws.answer("bedrock", "list_foundation_models", {"modelSummaries": [summary(HAIKU)]}, region="ca-central-1")
    requests = [request(SONNET, "ca-central-1"), request(HAIKU, "ca-central-1"), request(HAIKU), request(SONNET)]

    result = run_module(bedrock_model_access_info, {"requests": requests})

    assert not result.failed, result.values
    assert not result.changed
    assert [(row["region"], row["model_id"], row["state"]) for row in result["models"]] == [
        ("ca-central-1", SONNET, "listed"),
        ("ca-central-1", HAIKU, "ready"),
        ("us-east-1", HAIKU, "ready"),
        ("us-east-1", SONNET, "ready"),
    ]
    for operation in ("list_foundation_models", "list_inference_profiles", "get_use_case_for_model_access"):
        assert [len(aws.calls("bedrock", operation, region)) for region in ("ca-central-1", "us-east-1")] == [1, 1]
    assert [call.parameters for call in aws.calls("bedrock", "get_foundation_model_availability", "ca-central-1")] == [
        {"modelId": HAIKU}
    ]
    assert not aws.calls("bedrock", "get_inference_profile")
    assert not aws.calls("bedrock", "list_foundation_model_agreement_offers")


def stage(state: str, reason: str = "") -> dict[str, Any]:
    return {"state": state, "owner": None, "reason": reason, "next_step": ""}


def test_returns_what_its_documentation_says(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(
        aws,
        list_foundation_models={"modelSummaries": [summary(legacyTime="2020-01-30")]},
        get_foundation_model_availability=availability("NOT_AVAILABLE"),
    )
    row = run_module(bedrock_model_access_info, {"requests": [request()]})["models"][0]
    assert row == {
        "region": "us-east-1",
        "model_id": HAIKU,
        "kind": "foundation_model",
        "foundation_model_id": HAIKU,
        "model_arn": f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}",
        "model_name": f"Name of {HAIKU}",
        "provider_name": "Anthropic",
        "requires_use_case": True,
        "listed": True,
        "lifecycle": {
            "status": "LEGACY",
            "start_of_life_time": None,
            "legacy_time": "2020-01-30T00:00:00Z",
            "public_extended_access_time": None,
            "end_of_life_time": None,
            "phase": "legacy",
            "days_left": None,
        },
        "inference_types_supported": ["ON_DEMAND"],
        "agreement_availability": {"status": "NOT_AVAILABLE", "error_message": None},
        "authorization_status": "AUTHORIZED",
        "entitlement_availability": "NOT_AVAILABLE",
        "region_availability": "AVAILABLE",
        "use_case_submitted": True,
        "inference_profile": None,
        "inference_profiles": [],
        "agreement_offered": True,
        "legal_terms_url": TERMS,
        "state": "agreement",
        "reason": f"There is no agreement for {HAIKU} in us-east-1.",
        "remedy": "Accept its terms: safesecrets.infra.bedrock_model_access with accept_agreement.",
        "owner": "account owner",
        "stages": [
            {"stage": "listed", **stage("met")},
            {"stage": "lifecycle", **stage("met")},
            {"stage": "region_and_authorization", **stage("met")},
            {
                "stage": "agreement_and_use_case_form",
                "state": "not_met",
                "owner": "account owner",
                "reason": f"There is no agreement for {HAIKU} in us-east-1.",
                "next_step": "Accept its terms: safesecrets.infra.bedrock_model_access with accept_agreement.",
            },
            {
                "stage": "invocable",
                **stage("unknown", reason="It is not known before agreement_and_use_case_form is met."),
            },
        ],
        "route": {
            "kind": "on_demand",
            "id": HAIKU,
            "arn": f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}",
            "destinations": ["us-east-1"],
            "model_arns": [f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"],
        },
        "problems": [
            {
                "state": "agreement",
                "reason": f"There is no agreement for {HAIKU} in us-east-1.",
                "remedy": "Accept its terms: safesecrets.infra.bedrock_model_access with accept_agreement.",
                "owner": "account owner",
            }
        ],
        "successors": [],
    }


def test_a_profile_is_asked_for_the_model_behind_it(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws)
    row = run_module(bedrock_model_access_info, {"requests": [request(US_HAIKU_4_5)]})["models"][0]
    assert (row["state"], row["foundation_model_id"]) == ("ready", HAIKU_4_5)
    asked = aws.calls("bedrock", "get_foundation_model_availability")
    assert [call.parameters for call in asked] == [{"modelId": HAIKU_4_5}]


def test_a_profile_that_is_not_there_is_a_state_not_an_error(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, get_inference_profile=aws_error("ResourceNotFoundException", "GetInferenceProfile"))
    row = run_module(bedrock_model_access_info, {"requests": [request(US_HAIKU_4_5)]})["models"][0]
    assert row["state"] == "listed"
    assert row["inference_profile"] is None


def test_a_form_that_is_not_there_is_a_state_not_an_error(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, get_use_case_for_model_access=no_form())
    row = run_module(bedrock_model_access_info, {"requests": [request()]})["models"][0]
    assert (row["state"], row["use_case_submitted"]) == ("use_case_form", False)


def test_an_application_profile_that_is_not_there_leads_nowhere(aws: StubbedClients, run_module: ModuleRunner) -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456"
    answer_bedrock(aws, get_inference_profile=aws_error("ResourceNotFoundException", "GetInferenceProfile"))
    row = run_module(bedrock_model_access_info, {"requests": [request(arn)]})["models"][0]
    assert (row["state"], row["foundation_model_id"], row["successors"]) == ("listed", None, [])


def test_offers_that_are_not_there_are_a_fact_not_an_error(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(
        aws,
        get_foundation_model_availability=availability("NOT_AVAILABLE"),
        list_foundation_model_agreement_offers=aws_error("ResourceNotFoundException", "ListOffers"),
    )
    row = run_module(bedrock_model_access_info, {"requests": [request()]})["models"][0]
    assert (row["state"], row["agreement_offered"], row["owner"]) == ("agreement", False, "AWS")


def test_no_offers_are_asked_for_a_model_that_aws_sells(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(
        aws,
        list_foundation_models={"modelSummaries": [summary(NOVA_LITE)]},
        get_foundation_model_availability=availability("NOT_AVAILABLE"),
    )
    assert run_module(bedrock_model_access_info, {"requests": [request(NOVA_LITE)]})["models"][0]["state"] == "ready"
    assert not aws.calls("bedrock", "list_foundation_model_agreement_offers")


def test_all_profiles_are_read(aws: StubbedClients, run_module: ModuleRunner) -> None:
    first = {"inferenceProfileSummaries": [], "nextToken": "more"}
    answer_bedrock(aws, list_inference_profiles=[first, {"inferenceProfileSummaries": [profile()]}])
    row = run_module(bedrock_model_access_info, {"requests": [request(HAIKU_4_5)]})["models"][0]
    assert (row["state"], [each["id"] for each in row["inference_profiles"]]) == ("route", [US_HAIKU_4_5])
    largest = {"typeEquals": "SYSTEM_DEFINED", "maxResults": 1000}
    asked = [call.parameters for call in aws.calls("bedrock", "list_inference_profiles")]
    assert asked == [largest, {**largest, "nextToken": "more"}]


DENIALS: dict[str, tuple[str, dict[str, Any]]] = {
    "list_foundation_models": ("list the foundation models in us-east-1", {}),
    "list_inference_profiles": ("list the inference profiles in us-east-1", {}),
    "get_inference_profile": (f"look up the inference profile {US_HAIKU_4_5} in us-east-1", {}),
    "get_foundation_model_availability": (f"look at the availability of {HAIKU_4_5} in us-east-1", {}),
    "get_use_case_for_model_access": ("look for the use-case form in us-east-1", {}),
    "list_foundation_model_agreement_offers": (
        f"list the agreement offers for {HAIKU_4_5} in us-east-1",
        {"get_foundation_model_availability": availability("NOT_AVAILABLE")},
    ),
}


@pytest.mark.parametrize(("operation", "doing", "answers"), [(name, *case) for name, case in DENIALS.items()])
def test_a_denial_is_named(
    aws: StubbedClients, run_module: ModuleRunner, operation: str, doing: str, answers: dict[str, Any]
) -> None:
    api_name = "".join(map(str.capitalize, operation.split("_")))
    answer_bedrock(aws, **answers, **{operation: aws_error("AccessDeniedException", api_name, "not allowed")})
    result = run_module(bedrock_model_access_info, {"requests": [request(US_HAIKU_4_5)]})
    assert result.failed
    assert result["msg"] == (
        f"Failed to {doing} (IAM action bedrock:{api_name}): An error occurred (AccessDeniedException) when calling "
        f"the {api_name} operation: not allowed"
    )


def test_throttling_is_waited_out(aws: StubbedClients, run_module: ModuleRunner) -> None:
    throttled = aws_error("ThrottlingException", "GetFoundationModelAvailability")
    answer_bedrock(aws, get_foundation_model_availability=[throttled, throttled, availability()])
    assert run_module(bedrock_model_access_info, {"requests": [request()]})["models"][0]["state"] == "ready"


@pytest.mark.parametrize("wrong", [request("claude"), request(region="us_east_1")])
def test_a_wrong_argument_is_refused_before_aws_is_asked(
    aws: StubbedClients, run_module: ModuleRunner, wrong: dict[str, str]
) -> None:
    result = run_module(bedrock_model_access_info, {"requests": [request(), wrong]})
    assert result.failed
    assert result["msg"].startswith("requests[1].")
    assert aws.recorded == []
