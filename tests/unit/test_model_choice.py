# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment names what was found invocable, or what the operator insists on, and says why."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import model_access_findings, model_choice

from tests.unit.bedrock_answers import HAIKU, OPUS, SONNET, availability, summary
from tests.unit.test_model_access_findings import MISSING, REGIONS, seen_models


@pytest.mark.parametrize(
    ("us", "access", "check_mode", "allowlist"),
    [
        ({}, {}, False, [HAIKU, SONNET]),
        ({"models": [summary(HAIKU), summary(SONNET), summary(OPUS)]}, {}, False, [HAIKU, SONNET, OPUS]),
        (MISSING, {}, True, []),
        ({"answer": availability("PENDING")}, {}, True, [HAIKU, SONNET]),
        ({"answer": availability("PENDING")}, {}, False, []),
        ({"form": False}, {"use_case_regions": ["us-east-1"]}, True, [HAIKU, SONNET]),
    ],
)
def test_model_ids(us: dict[str, Any], access: dict[str, Any], check_mode: bool, allowlist: list[str]) -> None:
    rows = model_access_findings.configured_models(seen_models(**us), REGIONS, access)
    assert model_choice.model_ids(rows, REGIONS, check_mode) == {
        "CA": {"default": HAIKU, "allowlist": [HAIKU]},
        "US": {"default": HAIKU, "allowlist": allowlist},
    }


def of_the_us(us: dict[str, Any], **how: Any) -> dict[str, Any]:
    rows = model_access_findings.configured_models(seen_models(**us), REGIONS, {})
    found = model_choice.model_choice_findings(rows, REGIONS, **how)
    assert [(each["id"], each["item"]) for each in found] == [("bedrock_access.model_choice", "INFRA-P2-5")] * 2
    return found[1]


def test_what_was_found_is_named_with_its_route() -> None:
    found = of_the_us({})
    assert (found["status"], found["subject"]) == ("pass", "BEDROCK_MODEL_ID_US, BEDROCK_MODEL_ALLOWLIST_US")
    assert found["detail"] == f"The default is {HAIKU}. It is called on demand."
    choices = [(each["model_id"], each["choice"]) for each in found["evidence"]["models"]]
    assert choices == [(HAIKU, "found_invocable"), (SONNET, "found_invocable"), (OPUS, "left_out")]
    assert found["evidence"]["models"][0]["route"]["kind"] == "on_demand"
    assert found["evidence"]["models"][2]["reason"] == f"Bedrock does not offer {OPUS} in us-east-1."


def test_what_the_operator_insists_on_is_named_with_a_warning() -> None:
    rows = model_access_findings.configured_models(seen_models(**MISSING), REGIONS, {})
    how = {"environment_models": "configured"}
    assert model_choice.model_ids(rows, REGIONS)["US"]["allowlist"] == []
    assert model_choice.model_ids(rows, REGIONS, **how)["US"]["allowlist"] == [HAIKU, SONNET]
    found = of_the_us(MISSING, **how)
    assert found["status"] == "unproven"
    assert f"Not found invocable, and named all the same: {HAIKU}, {SONNET}." in found["detail"]
    assert "bedrock_access_environment_models" in found["remedy"]


def test_check_mode_names_what_would_be_there() -> None:
    found = of_the_us({"answer": availability("PENDING")}, check_mode=True)
    assert (found["status"], found["remedy"]) == ("unproven", "Run without check mode.")
    assert f"Would be named once access is there: {HAIKU}, {SONNET}." in found["detail"]
