# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the readiness of models means for the chain: verdicts, what to wait for, the IDs for the environment."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter.model_access import FilterModule
from ansible_collections.safesecrets.infra.plugins.module_utils import model_access_findings

from tests.unit.bedrock_answers import HAIKU, HAIKU_4_5, OPUS, SONNET, TERMS, availability, profile, summary
from tests.unit.test_model_access import ended, row

REGIONS = {
    "CA": {"region": "ca-central-1", "models": {"default": HAIKU, "allowlist": [HAIKU], "optional": []}},
    "US": {"region": "us-east-1", "models": {"default": HAIKU, "allowlist": [HAIKU, SONNET], "optional": [OPUS]}},
}
MISSING = {"answer": availability("NOT_AVAILABLE"), "offered": True}


def configured(required: bool = True, requested: bool = False, **of_row: Any) -> dict[str, Any]:
    """Build a row of ``safesecrets_models`` in us-east-1."""
    return {**row(**of_row), "code": "US", "required": required, "requested": requested}


def judge(of_row: dict[str, Any], **how: Any) -> dict[str, Any]:
    (found,) = model_access_findings.findings_of_models([of_row], **how)
    return found


def test_names_of_the_filters() -> None:
    assert set(FilterModule().filters()) == {
        "bedrock_access_faults",
        "awaited_models",
        "configured_models",
        "model_access_findings",
        "model_choice_findings",
        "model_ids",
        "model_lifecycle_findings",
        "model_requests",
        "models_lack_form",
        "requestable_models",
    }


def test_requests_name_each_model_of_each_region_once() -> None:
    again = {**REGIONS, "NA": REGIONS["US"]}
    assert model_access_findings.model_requests(again) == [
        {"region": "ca-central-1", "model_id": HAIKU},
        {"region": "us-east-1", "model_id": HAIKU},
        {"region": "us-east-1", "model_id": SONNET},
        {"region": "us-east-1", "model_id": OPUS},
    ]


def seen_models(**us: Any) -> list[dict[str, Any]]:
    canada = {**row(), "region": "ca-central-1"}
    return [canada, row(**us), row(SONNET, **us), row(OPUS, **us)]


def test_configured_models_carry_code_need_and_request() -> None:
    agreements = [{"region": "us-east-1", "model_id": each, "requested": each == SONNET} for each in (HAIKU, SONNET)]
    access = {"agreements": agreements, "use_case_regions": []}
    rows = model_access_findings.configured_models(seen_models(**MISSING), REGIONS, access)
    assert [(each["code"], each["model_id"], each["required"], each["requested"]) for each in rows] == [
        ("CA", HAIKU, True, False),
        ("US", HAIKU, True, False),
        ("US", SONNET, True, True),
        ("US", OPUS, False, False),
    ]


def test_a_form_submitted_in_one_region_counts_for_all() -> None:
    seen = seen_models(form=False)
    rows = model_access_findings.configured_models(seen, REGIONS, {"use_case_regions": ["ca-central-1"]})
    assert [each["requested"] for each in rows] == [False, True, True, False]  # Opus is not listed


VERDICTS = {
    "ready": (configured(), {}, "pass", ["The account has access; the model is called on demand."]),
    "ready through a profile": (
        configured(given=f"us.{HAIKU_4_5}", found_profile=profile()),
        {},
        "pass",
        [f"called through inference profile us.{HAIKU_4_5} (may run in us-east-1, us-west-2)"],
    ),
    "active with an end": (
        configured(models=[summary(endOfLifeTime="2027-01-01")]),
        {},
        "pass",
        ["Its life ends on 2027-01-01, in 39 days."],
    ),
    "would be requested, form too": (
        configured(**MISSING, form=False, requested=True),
        {"check_mode": True},
        "unproven",
        [TERMS, "and submitting the use-case form."],
    ),
    "still pending, but the environment names it": (
        configured(answer=availability("PENDING")),
        {"waited_minutes": 15, "environment_models": "configured"},
        "unproven",
        ["Not ready after waiting 15 minutes. The agreement"],
    ),
    "legacy": (
        configured(models=[summary(legacyTime="2026-01-30", endOfLifeTime="2027-01-01")]),
        {},
        "unproven",
        ["It is in legacy, and its life ends in 39 days, on 2027-01-01: AWS refuses", "Prove it by a call"],
    ),
    "extended access without an end": (
        configured(models=[summary(legacyTime="2026-01-30", publicExtendedAccessTime="2026-06-01")]),
        {},
        "unproven",
        [
            "It is in extended access, and its life has no date for its end yet",
            "sets the price since 2026-06-01",
            "safesecrets_regions.US.models",
        ],
    ),
    "no agreement, no consent": (
        configured(**MISSING),
        {},
        "fail",
        [HAIKU, "us-east-1", TERMS, "bedrock_access_accept_agreement to true", "playbooks/bedrock_access.yml"],
    ),
    "no agreement, no consent, check mode": (configured(**MISSING), {"check_mode": True}, "fail", [TERMS]),
    "no agreement, no consent, after the wait": (configured(**MISSING), {"waited_minutes": 15}, "fail", [TERMS]),
    "neither form nor agreement": (
        configured(**MISSING, form=False),
        {},
        "fail",
        ["wants a use-case form", "There is no agreement", "bedrock_access_use_case", TERMS],
    ),
    "no agreement is offered": (
        configured(answer=availability("NOT_AVAILABLE"), offered=False),
        {},
        "fail",
        ["AWS offers none", "Ask AWS Support"],
    ),
    "would be requested": (
        configured(**MISSING, requested=True),
        {"check_mode": True},
        "unproven",
        [f"Access would be requested, accepting its terms ({TERMS}).", "Run without check mode."],
    ),
    "requested, not yet to be seen": (
        configured(**MISSING, requested=True),
        {},
        "unproven",
        ["Access was requested.", "INFRA-P2-5"],
    ),
    "pending": (configured(answer=availability("PENDING")), {}, "unproven", ["PENDING"]),
    "pending, check mode after the wait": (
        configured(answer=availability("PENDING")),
        {"check_mode": True, "waited_minutes": 15},
        "unproven",
        ["Access is on its way."],
    ),
    "still pending": (
        configured(answer=availability("PENDING")),
        {"waited_minutes": 0.5},
        "unproven",
        ["Not ready after waiting 0.5 minutes, and nothing of the environment was changed.", "PENDING", "Run again"],
    ),
    "entitlement lags": (
        configured(answer=availability(entitlementAvailability="NOT_AVAILABLE")),
        {},
        "unproven",
        ["not yet entitled"],
    ),
    "failed": (
        configured(answer=availability("ERROR", "INVALID_PAYMENT_INSTRUMENT")),
        {},
        "fail",
        ["INVALID_PAYMENT_INSTRUMENT", "delete-foundation-model-agreement"],
    ),
    "failed after a request": (
        configured(answer=availability("ERROR", "INVALID_PAYMENT_INSTRUMENT"), requested=True),
        {"waited_minutes": 15},
        "fail",
        ["INVALID_PAYMENT_INSTRUMENT"],
    ),
    "end of life": (
        configured(models=[ended(), summary(HAIKU_4_5)], **MISSING, requested=True),
        {},
        "fail",
        ["reached the end of its life on 2026-09-10.", f"us.{HAIKU_4_5}", "safesecrets_regions.US.models"],
    ),
    "needs a profile": (configured(given=HAIKU_4_5), {}, "fail", [f"Configure one of: us.{HAIKU_4_5}"]),
    "needs a profile, and no request would mend that": (
        configured(given=HAIKU_4_5, **MISSING),
        {},
        "fail",
        ["cannot be called on demand", f"Configure one of: us.{HAIKU_4_5}"],
    ),
    "not authorized": (
        configured(answer=availability(authorizationStatus="NOT_AUTHORIZED")),
        {},
        "fail",
        ["not authorized", "service control policy"],
    ),
    "optional and ready": (configured(required=False), {}, "pass", ["The account has access"]),
    "optional and not listed": (
        configured(given=OPUS, required=False),
        {},
        "not_applicable",
        [f"Optional, and not used: Bedrock does not offer {OPUS} in us-east-1."],
    ),
    "optional and still pending": (
        configured(answer=availability("PENDING"), required=False),
        {"waited_minutes": 15},
        "not_applicable",
        ["Optional, and not used", "PENDING"],
    ),
}


@pytest.mark.parametrize(("of_row", "how", "status", "said"), VERDICTS.values(), ids=VERDICTS)
def test_verdict(of_row: dict[str, Any], how: dict[str, Any], status: str, said: list[str]) -> None:
    found = judge(of_row, **how)
    text = f"{found['detail']} {found['remedy']}"
    assert found["status"] == status, text
    assert [each for each in said if each not in text] == [], text
    assert (found["id"], found["item"], found["subject"], found["region"]) == (
        "bedrock_access.model_ready",
        "INFRA-P2-2",
        of_row["model_id"],
        "us-east-1",
    )
    assert found["evidence"]["state"] == of_row["state"]


def test_what_is_at_the_end_of_its_life_is_not_told_to_accept_terms() -> None:
    found = judge(configured(models=[ended()], **MISSING, form=False))
    assert "accept" not in found["detail"] + found["remedy"]


AWAITED = {
    "ready": (configured(), False, False),
    "pending": (configured(answer=availability("PENDING")), True, False),
    "optional and pending": (configured(answer=availability("PENDING"), required=False), True, False),
    "missing": (configured(**MISSING), False, True),
    "missing, not offered": (configured(answer=availability("NOT_AVAILABLE"), offered=False), False, False),
    "requested": (configured(**MISSING, requested=True), True, True),
    "form missing": (configured(form=False), False, True),
    "form missing, agreement pending": (configured(form=False, answer=availability("PENDING")), False, True),
    "form submitted": (configured(form=False, requested=True), True, True),
    "failed": (configured(answer=availability("ERROR")), False, False),
    "end of life": (configured(models=[ended()], **MISSING), False, False),
    "needs a profile": (configured(given=HAIKU_4_5, **MISSING), False, False),
    "not listed": (configured(given=OPUS), False, False),
}


@pytest.mark.parametrize(("of_row", "is_awaited", "is_requestable"), AWAITED.values(), ids=AWAITED)
def test_what_to_wait_for_and_what_to_request(of_row: dict[str, Any], is_awaited: bool, is_requestable: bool) -> None:
    assert model_access_findings.awaited([of_row]) == [of_row] * is_awaited
    request = {"region": "us-east-1", "model_id": of_row["model_id"]}
    assert model_access_findings.requestable([of_row]) == [request] * is_requestable


@pytest.mark.parametrize(
    ("of_row", "lacks"),
    [
        (configured(form=False), True),
        (configured(**MISSING, form=False), True),
        (configured(**MISSING), False),
        (configured(models=[ended()], form=False), False),
    ],
)
def test_form_is_asked_for_where_it_helps(of_row: dict[str, Any], lacks: bool) -> None:
    assert model_access_findings.form_is_missing([of_row]) is lacks


@pytest.mark.parametrize(
    ("life", "state", "warned"),
    [
        ({"endOfLifeTime": "2027-01-01"}, "ready", True),
        ({"endOfLifeTime": "2027-02-21"}, "ready", True),
        ({"endOfLifeTime": "2027-02-22"}, "ready", False),
        ({}, "ready", False),
        ({"legacyTime": "2026-01-30", "endOfLifeTime": "2027-01-01"}, "ready", False),
        ({"endOfLifeTime": "2026-07-30"}, "lifecycle", False),
    ],
)
def test_what_ends_soon_is_warned_of(life: dict[str, str], state: str, warned: bool) -> None:
    of_row = configured(models=[summary(**life), summary(HAIKU_4_5)])
    assert of_row["state"] == state
    found = model_access_findings.lifecycle_findings([of_row], 90)
    assert [(each["id"], each["status"]) for each in found] == [("bedrock_access.model_lifecycle", "unproven")] * warned
    for each in found:
        assert f"{of_row['lifecycle']['days_left']} days are left" in each["detail"]
        assert f"us.{HAIKU_4_5} (may run in us-east-1, us-west-2)" in each["remedy"]


@pytest.mark.parametrize("of_row", [configured(**MISSING), configured(given=OPUS), configured(models=[ended()])])
def test_what_the_operator_configures_all_the_same_is_unproven(of_row: dict[str, Any]) -> None:
    found = judge(of_row, environment_models="configured")
    assert (found["status"], judge(of_row)["status"]) == ("unproven", "fail")
    assert "bedrock_access_environment_models is configured" in found["detail"]
    assert found["remedy"] == judge(of_row)["remedy"]


def test_evidence_tells_owner_stages_and_route() -> None:
    evidence = judge(configured(**MISSING))["evidence"]
    assert evidence["owner"] == "account owner"
    assert [each["stage"] for each in evidence["stages"] if each["state"] == "not_met"] == [
        "agreement_and_use_case_form"
    ]
    assert (evidence["route"]["kind"], evidence["route"]["destinations"]) == ("on_demand", ["us-east-1"])
