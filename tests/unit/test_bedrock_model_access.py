# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Terms are accepted with consent only, once, and only where they make a model usable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.modules import bedrock_model_access

from tests.unit.bedrock_answers import (
    HAIKU,
    HAIKU_4_5,
    SONNET,
    TERMS,
    USE_CASE,
    answer_bedrock,
    availability,
    no_form,
    offers,
    summary,
)
from tests.unit.module_runner import ModuleRunner, Result, StubbedClients, aws_error

CHANGES = ("create_foundation_model_agreement", "put_use_case_for_model_access")
NOT_AVAILABLE = {"get_foundation_model_availability": availability("NOT_AVAILABLE")}
FORM_MISSING = {"get_use_case_for_model_access": no_form()}


def requests(*model_ids: str, regions: tuple[str, ...] = ("us-east-1",)) -> list[dict[str, str]]:
    return [{"region": region, "model_id": model_id} for region in regions for model_id in model_ids or (HAIKU,)]


def changes(aws: StubbedClients) -> list[tuple[str, str]]:
    return [(call.operation, call.region) for call in aws.recorded if call.operation in CHANGES]


def consent(**arguments: Any) -> dict[str, Any]:
    return {"requests": requests(), "accept_agreement": True, "use_case": USE_CASE, **arguments}


def test_makes_a_missing_agreement(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, **NOT_AVAILABLE)
    result = run_module(bedrock_model_access, consent(use_case=None), diff=True)
    assert result.changed, result.values
    assert result["agreements"] == [
        {
            "region": "us-east-1",
            "model_id": HAIKU,
            "foundation_model_id": HAIKU,
            "status_before": "NOT_AVAILABLE",
            "requested": True,
            "legal_terms_url": TERMS,
        }
    ]
    assert result["use_case_regions"] == []
    assert aws.calls("bedrock", "create_foundation_model_agreement")[0].parameters == {
        "modelId": HAIKU,
        "offerToken": "token",
    }
    assert result["diff"] == {
        "before": {f"us-east-1 {HAIKU}": "NOT_AVAILABLE"},
        "after": {f"us-east-1 {HAIKU}": f"PENDING, terms accepted: {TERMS}"},
    }


@pytest.mark.parametrize("status", ["AVAILABLE", "PENDING", "ERROR"])
def test_an_agreement_that_is_there_is_left_alone(aws: StubbedClients, run_module: ModuleRunner, status: str) -> None:
    answer_bedrock(aws, get_foundation_model_availability=availability(status))
    result = run_module(bedrock_model_access, consent())
    assert not result.failed
    assert not result.changed
    assert (result["agreements"][0]["status_before"], result["agreements"][0]["requested"]) == (status, False)
    assert changes(aws) == []


def test_an_agreement_that_came_meanwhile_is_no_change(aws: StubbedClients, run_module: ModuleRunner) -> None:
    conflict = aws_error("ConflictException", "CreateFoundationModelAgreement")
    answer_bedrock(aws, **NOT_AVAILABLE, create_foundation_model_agreement=conflict)
    result = run_module(bedrock_model_access, consent())
    assert (result.failed, result.changed, result["agreements"][0]["requested"]) == (False, False, False)


def test_check_mode_predicts_and_changes_nothing(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, **NOT_AVAILABLE, **FORM_MISSING)
    arguments = consent(requests=requests(regions=("ca-central-1", "us-east-1")))
    result = run_module(bedrock_model_access, arguments, check_mode=True)
    assert result.changed
    assert [row["requested"] for row in result["agreements"]] == [True, True]
    assert result["use_case_regions"] == ["ca-central-1"]
    assert changes(aws) == []


def test_the_form_is_submitted_once_for_the_account(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, **FORM_MISSING)
    aws.answer("bedrock", "get_use_case_for_model_access", [no_form(), {"formData": b"0123456789"}], "us-east-1")
    result = run_module(bedrock_model_access, consent(requests=requests(regions=("ca-central-1", "us-east-1"))))
    assert result.changed
    assert changes(aws) == [("put_use_case_for_model_access", "ca-central-1")]
    assert json.loads(aws.calls("bedrock", "put_use_case_for_model_access")[0].parameters["formData"]) == {
        "companyName": "SafeSecrets",
        "companyWebsite": "https://safesecrets.example",
        "intendedUsers": "1",
        "industryOption": "Technology",
        "otherIndustryOption": "",
        "useCases": "Voice assistant for the customers of SafeSecrets.",
    }


def test_a_region_that_does_not_share_the_form_gets_its_own(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, **FORM_MISSING)
    result = run_module(bedrock_model_access, consent(requests=requests(regions=("ca-central-1", "me-south-1"))))
    assert result["use_case_regions"] == ["ca-central-1", "me-south-1"]


def test_a_form_that_is_there_is_never_submitted_again(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, **NOT_AVAILABLE)
    run_module(bedrock_model_access, consent(use_case={**USE_CASE, "company_name": "Another"}))
    assert changes(aws) == [("create_foundation_model_agreement", "us-east-1")]


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_consent_nothing_is_requested(aws: StubbedClients, run_module: ModuleRunner, check_mode: bool) -> None:
    answer_bedrock(aws, **NOT_AVAILABLE, **FORM_MISSING)
    arguments = {"requests": requests(HAIKU, SONNET), "use_case": USE_CASE}
    result = run_module(bedrock_model_access, arguments, check_mode=check_mode)
    assert result.failed
    assert result["msg"] == (
        "Missing, and not requested because accept_agreement is false: "
        f"{HAIKU} in us-east-1 (terms: {TERMS}); {SONNET} in us-east-1 (terms: {TERMS}); the use-case form, in "
        "us-east-1. Read the terms and set accept_agreement to true to accept them for this account."
    )
    assert changes(aws) == []


def test_without_consent_nothing_missing_is_no_failure(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws)
    result = run_module(bedrock_model_access, {"requests": requests()})
    assert (result.failed, result.changed) == (False, False)


def test_a_missing_form_needs_its_fields(aws: StubbedClients, run_module: ModuleRunner) -> None:
    answer_bedrock(aws, **NOT_AVAILABLE, **FORM_MISSING)
    result = run_module(bedrock_model_access, consent(use_case=None))
    assert result.failed
    assert "No use-case form has been submitted (looked in us-east-1), and use_case is not set." in result["msg"]
    assert "company_name, company_website, intended_users" in result["msg"]
    assert changes(aws) == []


def test_no_terms_are_accepted_for_a_model_that_stays_unusable(aws: StubbedClients, run_module: ModuleRunner) -> None:
    ended = summary(HAIKU, legacyTime="2020-01-01", endOfLifeTime="2020-06-01")
    answer_bedrock(
        aws, **NOT_AVAILABLE, **FORM_MISSING, list_foundation_models={"modelSummaries": [ended, summary(HAIKU_4_5)]}
    )
    result = run_module(bedrock_model_access, consent(requests=requests(HAIKU, HAIKU_4_5, SONNET)))
    assert not result.failed
    assert [row["requested"] for row in result["agreements"]] == [False, False, False]
    assert changes(aws) == []


def test_a_model_without_an_offer_fails_before_anything_is_requested(
    aws: StubbedClients, run_module: ModuleRunner
) -> None:
    def answer(asked: Any) -> Any:
        return offers() if asked["modelId"] == HAIKU else {"modelId": SONNET, "offers": []}

    answer_bedrock(aws, **NOT_AVAILABLE, **FORM_MISSING, list_foundation_model_agreement_offers=answer)
    result = run_module(bedrock_model_access, consent(requests=requests(HAIKU, SONNET)))
    assert result.failed
    assert f"There is no agreement for {SONNET} in us-east-1, and AWS offers none." in result["msg"]
    assert changes(aws) == []


DENIALS: dict[str, tuple[str, str]] = {
    "create_foundation_model_agreement": (
        f"create the agreement for {HAIKU} in us-east-1",
        "bedrock:CreateFoundationModelAgreement, aws-marketplace:Subscribe and ViewSubscriptions",
    ),
    "put_use_case_for_model_access": ("submit the use-case form in us-east-1", "bedrock:PutUseCaseForModelAccess"),
    "list_foundation_model_agreement_offers": (
        f"list the agreement offers for {HAIKU} in us-east-1",
        "bedrock:ListFoundationModelAgreementOffers",
    ),
    "get_foundation_model_availability": (
        f"look at the availability of {HAIKU} in us-east-1",
        "bedrock:GetFoundationModelAvailability",
    ),
    "list_foundation_models": ("list the foundation models in us-east-1", "bedrock:ListFoundationModels"),
    "list_inference_profiles": ("list the inference profiles in us-east-1", "bedrock:ListInferenceProfiles"),
    "get_use_case_for_model_access": ("look for the use-case form in us-east-1", "bedrock:GetUseCaseForModelAccess"),
}


@pytest.mark.parametrize(("operation", "doing", "action"), [(name, *case) for name, case in DENIALS.items()])
def test_a_denial_is_named(
    aws: StubbedClients, run_module: ModuleRunner, operation: str, doing: str, action: str
) -> None:
    denied = aws_error("AccessDeniedException", operation, "not allowed")
    answer_bedrock(aws, **{**NOT_AVAILABLE, **FORM_MISSING, operation: denied})
    result = run_module(bedrock_model_access, consent())
    assert result.failed
    assert result["msg"].startswith(f"Failed to {doing} (IAM action {action}): An error occurred (AccessDenied")


def test_a_denial_in_the_middle_tells_what_was_requested_before(aws: StubbedClients, run_module: ModuleRunner) -> None:
    denied = aws_error("AccessDeniedException", "CreateFoundationModelAgreement")
    answer_bedrock(aws, **NOT_AVAILABLE, create_foundation_model_agreement=[{"modelId": HAIKU}, denied])
    result = run_module(bedrock_model_access, consent(requests=requests(HAIKU, SONNET)))
    assert result.failed
    assert result.changed
    assert [row["requested"] for row in result["agreements"]] == [True, False]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"company_name": " "}, "use_case.company_name is empty: fill it in"),
        ({"company_name": "x" * 129}, "use_case.company_name has 129 characters: shorten it to 128"),
        ({"use_cases": "x" * 8193}, "use_case.use_cases has 8193 characters: shorten it to 8192"),
        ({"company_website": "www.safesecrets.example"}, "is no web address: write it as https://example.com"),
        ({"company_website": "https://localhost"}, "is no web address"),
        ({"intended_users": "3"}, "value of intended_users must be one of: 0, 1, 2"),
        ({"industry_option": None}, "use_case.industry_option is empty"),
    ],
)
def test_a_wrong_form_is_refused_before_aws_is_asked(
    aws: StubbedClients, run_module: ModuleRunner, changed: dict[str, Any], fault: str
) -> None:
    result = run_module(bedrock_model_access, consent(use_case={**USE_CASE, **changed}))
    assert result.failed
    assert fault in result["msg"]
    assert aws.recorded == []


def test_a_wrong_model_is_refused_before_aws_is_asked(aws: StubbedClients, run_module: ModuleRunner) -> None:
    result: Result = run_module(bedrock_model_access, consent(requests=requests("claude")))
    assert result.failed
    assert "requests[0].model_id: 'claude' is no model identifier" in result["msg"]
    assert aws.recorded == []
