# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Bedrock answers, in the forms of its API, for the tests of the modules and of the logic behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.unit.module_runner import StubbedClients, aws_error

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
OPUS = "anthropic.claude-3-opus-20240229-v1:0"
HAIKU_4_5 = "anthropic.claude-haiku-4-5-20251001-v1:0"
US_HAIKU_4_5 = f"us.{HAIKU_4_5}"
NOVA_LITE = "amazon.nova-lite-v1:0"
TERMS = "https://aws.amazon.com/legal/bedrock/third-party-models/"

USE_CASE = {
    "company_name": "SafeSecrets",
    "company_website": "https://safesecrets.example",
    "intended_users": "1",
    "industry_option": "Technology",
    "use_cases": "Voice assistant for the customers of SafeSecrets.",
}


def moment(text: str) -> datetime:
    """Return midnight UTC of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def summary(model_id: str = HAIKU, region: str = "us-east-1", **life: str) -> dict[str, Any]:
    """Return ListFoundationModels' summary of a model; ``life`` are dates of its lifecycle."""
    status = "LEGACY" if "legacyTime" in life else "ACTIVE"
    return {
        "modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model_id}",
        "modelId": model_id,
        "modelName": f"Name of {model_id}",
        "providerName": "Anthropic" if model_id.startswith("anthropic") else "Amazon",
        "inferenceTypesSupported": ["INFERENCE_PROFILE"] if model_id == HAIKU_4_5 else ["ON_DEMAND"],
        "modelLifecycle": {"status": status, **{name: moment(date) for name, date in life.items()}},
    }


def profile(profile_id: str = US_HAIKU_4_5, region: str = "us-east-1", **changed: Any) -> dict[str, Any]:
    """Return GetInferenceProfile's answer, which is a summary of ListInferenceProfiles too."""
    model_id = profile_id.partition(".")[2]
    return {
        "inferenceProfileName": "US Anthropic",
        "inferenceProfileId": profile_id,
        "inferenceProfileArn": f"arn:aws:bedrock:{region}:111122223333:inference-profile/{profile_id}",
        "models": [
            {"modelArn": f"arn:aws:bedrock:{each}::foundation-model/{model_id}"} for each in ("us-east-1", "us-west-2")
        ],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        **changed,
    }


def availability(agreement: str = "AVAILABLE", error_message: str | None = None, **changed: str) -> dict[str, Any]:
    """Return GetFoundationModelAvailability's answer."""
    return {
        "modelId": HAIKU,
        "agreementAvailability": {"status": agreement, **({"errorMessage": error_message} if error_message else {})},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE" if agreement == "AVAILABLE" else "NOT_AVAILABLE",
        "regionAvailability": "AVAILABLE",
        **changed,
    }


def offers(token: str = "token") -> dict[str, Any]:  # noqa: S107 - an offer's token is no secret
    """Return ListFoundationModelAgreementOffers' answer."""
    terms = {"usageBasedPricingTerm": {"rateCard": []}, "legalTerm": {"url": TERMS}, "supportTerm": {}}
    return {"modelId": HAIKU, "offers": [{"offerToken": token, "termDetails": terms}]}


def answer_bedrock(aws: StubbedClients, **answers: Any) -> None:
    """Let Bedrock answer as in an account where Claude 3 Haiku is ready, apart from ``answers`` by operation."""
    usual: Mapping[str, Any] = {
        "list_foundation_models": {"modelSummaries": [summary(HAIKU), summary(SONNET), summary(HAIKU_4_5)]},
        "list_inference_profiles": {"inferenceProfileSummaries": [profile()]},
        "get_inference_profile": profile(),
        "get_foundation_model_availability": availability(),
        "get_use_case_for_model_access": {"formData": b'{"companyName": "SafeSecrets"}'},
        "list_foundation_model_agreement_offers": offers(),
        "create_foundation_model_agreement": {"modelId": HAIKU},
        "put_use_case_for_model_access": {},
    }
    for operation, answer in {**usual, **answers}.items():
        aws.answer("bedrock", operation, answer)


def no_form() -> Exception:
    """Return what GetUseCaseForModelAccess raises where no form was submitted."""
    return aws_error("ResourceNotFoundException", "GetUseCaseForModelAccess", status=404)
