# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters hand over what the functions refuse as an error that a person can read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.filter import iam_policy

FILTERS = iam_policy.FilterModule().filters()
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def regions(model_id: str) -> dict[str, Any]:
    return {"US": {"region": "us-east-1", "models": {"default": model_id, "allowlist": [model_id], "optional": []}}}


@pytest.mark.parametrize("name", ["multi_region_policy_document", "multi_region_simulations"])
@pytest.mark.parametrize(
    ("model_id", "fault"),
    [("claude", "'claude' is no model identifier"), (PROFILE, "its ARNs in us-east-1 are not known")],
)
def test_a_refusal_is_an_error_of_the_filter(name: str, model_id: str, fault: str) -> None:
    with pytest.raises(AnsibleFilterError, match=fault):
        FILTERS[name](regions(model_id))


def test_what_is_no_model_is_refused_by_every_filter_that_reads_models() -> None:
    with pytest.raises(AnsibleFilterError, match="is no model identifier"):
        FILTERS["configured_inference_profiles"](regions("claude"))


def test_the_rest_is_handed_through() -> None:
    assert FILTERS["configured_inference_profiles"](regions(PROFILE)) == [{"region": "us-east-1", "model_id": PROFILE}]
    document = FILTERS["multi_region_policy_document"](regions("anthropic.claude-3-haiku-20240307-v1:0"))
    assert document["Statement"][0]["Sid"] == "InvokeFoundationModels"
