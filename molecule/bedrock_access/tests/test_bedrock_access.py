# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configured models have their agreements and the account its form, and no other model has one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
REGIONS = ("ca-central-1", "us-east-1")


def agreement(bedrock: Any, model_id: str) -> str:
    """Return the status of a model's agreement, when it is no longer pending."""
    for _attempt in range(40):
        answer = bedrock.get_foundation_model_availability(modelId=model_id)
        status = str(answer["agreementAvailability"]["status"])
        if status != "PENDING":
            return status
        time.sleep(0.25)
    return "PENDING"


@pytest.mark.parametrize("region", REGIONS)
def test_exactly_the_configured_models_have_agreements(aws: Callable[..., Any], region: str) -> None:
    bedrock = aws("bedrock", region)
    listed = [model["modelId"] for model in bedrock.list_foundation_models(byProvider="Anthropic")["modelSummaries"]]
    agreed = {model_id for model_id in listed if agreement(bedrock, model_id) == "AVAILABLE"}
    assert len(listed) > len(agreed), "every model has an agreement: this proves nothing"
    assert agreed == {HAIKU, SONNET}


def test_the_form_was_submitted_as_configured(aws: Callable[..., Any]) -> None:
    form = json.loads(aws("bedrock", "us-east-1").get_use_case_for_model_access()["formData"])
    assert form == {
        "companyName": "SafeSecrets",
        "companyWebsite": "https://safesecrets.example",
        "intendedUsers": "0",
        "industryOption": "Technology",
        "otherIndustryOption": "",
        "useCases": "A voice assistant that answers its users in the region of their choice.",
    }
