# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a model identifier names, where a model stands in its life, and what keeps it from being used."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import (
    model_access,
    model_identifiers,
    model_lifecycle,
    model_readiness,
)

from tests.unit.bedrock_answers import (
    HAIKU,
    HAIKU_4_5,
    NOVA_LITE,
    SONNET,
    US_HAIKU_4_5,
    availability,
    moment,
    offers,
    profile,
    summary,
)

NOW = moment("2026-11-23")
MODEL_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"
PROFILE_ARN = f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{US_HAIKU_4_5}"
APPLICATION_ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456"


@pytest.mark.parametrize(
    ("given", "kind", "foundation_model_id"),
    [
        (HAIKU, "foundation_model", HAIKU),
        ("deepseek.v3.2", "foundation_model", "deepseek.v3.2"),
        ("anthropic.claude-3-haiku-20240307-v1:0:200k", "foundation_model", f"{HAIKU}:200k"),
        (MODEL_ARN, "foundation_model", HAIKU),
        (US_HAIKU_4_5, "inference_profile", HAIKU_4_5),
        (f"global.{HAIKU_4_5}", "inference_profile", HAIKU_4_5),
        (f"ca.{NOVA_LITE}", "inference_profile", NOVA_LITE),
        (PROFILE_ARN, "inference_profile", HAIKU_4_5),
        (APPLICATION_ARN, "inference_profile", None),
    ],
)
def test_identifier(given: str, kind: str, foundation_model_id: str | None) -> None:
    parsed = model_identifiers.parse(given, "us-east-1")
    assert (parsed.given, parsed.kind, parsed.foundation_model_id) == (given, kind, foundation_model_id)


@pytest.mark.parametrize(
    "given",
    ["", "claude", "Claude 3 Haiku", "anthropic.", ".claude", "arn:aws:bedrock:us-east-1::model/x.y"],
)
def test_identifier_that_is_none(given: str) -> None:
    with pytest.raises(ValueError, match="is no model identifier: give a foundation model ID"):
        model_identifiers.parse(given, "us-east-1")


@pytest.mark.parametrize("given", [MODEL_ARN, PROFILE_ARN, APPLICATION_ARN])
def test_arn_of_another_region(given: str) -> None:
    with pytest.raises(ValueError, match="is of us-east-1, but it is used in ca-central-1"):
        model_identifiers.parse(given, "ca-central-1")


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        ({"region": "us_east_1", "model_id": HAIKU}, r"requests\[1\].region: 'us_east_1' is no region"),
        ({"region": "us-east-1", "model_id": "claude"}, r"requests\[1\].model_id: 'claude' is no model identifier"),
    ],
)
def test_a_wrong_request_is_named(request_: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        model_identifiers.parse_requests([{"region": "us-east-1", "model_id": HAIKU}, request_])


@pytest.mark.parametrize(
    ("one", "other", "related"),
    [
        (HAIKU, HAIKU_4_5, True),
        (HAIKU, "anthropic.claude-haiku-5-5", True),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", SONNET, True),
        (NOVA_LITE, "amazon.nova-2-lite-v1:0", True),
        ("meta.llama3-1-8b-instruct-v1:0", "meta.llama3-1-70b-instruct-v1:0", True),
        (HAIKU, SONNET, False),
        (HAIKU, "other.claude-haiku-5-5", False),
        (NOVA_LITE, "amazon.nova-pro-v1:0", False),
    ],
)
def test_family(one: str, other: str, related: bool) -> None:
    assert (model_identifiers.family(one) == model_identifiers.family(other)) is related


@pytest.mark.parametrize(
    ("life", "phase", "days_left"),
    [
        ({}, "active", None),
        ({"endOfLifeTime": "2027-01-01"}, "active", 39),
        ({"legacyTime": "2026-11-23", "endOfLifeTime": "2026-11-24"}, "legacy", 1),
        ({"legacyTime": "2026-01-30"}, "legacy", None),
        ({"legacyTime": "2026-01-01", "publicExtendedAccessTime": "2026-06-01"}, "extended_access", None),
        ({"legacyTime": "2026-01-01", "publicExtendedAccessTime": "2027-06-01"}, "legacy", None),
        ({"legacyTime": "2026-01-01", "endOfLifeTime": "2026-11-23"}, "end_of_life", 0),
        ({"endOfLifeTime": "2026-07-30"}, "end_of_life", 0),
    ],
)
def test_lifecycle(life: dict[str, str], phase: str, days_left: int | None) -> None:
    seen = model_lifecycle.lifecycle(summary(**life)["modelLifecycle"], NOW)
    assert (seen["phase"], seen["days_left"]) == (phase, days_left)
    assert [seen[name] for name in model_lifecycle.DATES.values() if seen[name]] == [
        f"{life[name]}T00:00:00Z" for name in model_lifecycle.DATES if name in life
    ]


def test_lifecycle_follows_the_dates_where_the_status_lags() -> None:
    active = {"status": "ACTIVE", "legacyTime": moment("2026-01-01")}
    assert model_lifecycle.lifecycle(active, NOW)["phase"] == "legacy"
    legacy = {"status": "LEGACY", "legacyTime": moment("2027-01-01")}
    assert model_lifecycle.lifecycle(legacy, NOW)["phase"] == "legacy"


def row(
    given: str = HAIKU,
    *,
    models: list[dict[str, Any]] | None = None,
    answer: dict[str, Any] | None = None,
    found_profile: dict[str, Any] | None = None,
    form: bool = True,
    offered: bool | None = None,
) -> dict[str, Any]:
    """Build and judge the row of one model in us-east-1."""
    summaries = [summary(HAIKU), summary(SONNET), summary(HAIKU_4_5)] if models is None else models
    listed = {each["modelId"]: each for each in summaries}
    catalogue = model_access.RegionCatalogue("us-east-1", listed, [profile()], form)
    identifier = model_identifiers.parse(given, "us-east-1")
    known = model_access.foundation_model_id(identifier, found_profile) in listed
    described = model_access.describe(
        identifier, catalogue, found_profile, (answer or availability()) if known else None, NOW
    )
    if offered is not None:
        described = model_access.with_offers(described, offers()["offers"] if offered else [])
    return {**described, **model_readiness.judge(described)}


def ended(model_id: str = HAIKU) -> dict[str, Any]:
    return summary(model_id, legacyTime="2026-03-10", endOfLifeTime="2026-09-10")


READINESS = {
    "ready": (row(), "ready", ""),
    "ready through a profile": (row(US_HAIKU_4_5, found_profile=profile()), "ready", ""),
    "legacy is still ready": (row(models=[summary(legacyTime="2026-03-10")]), "ready", ""),
    "a model that AWS sells needs neither agreement nor form": (
        row(NOVA_LITE, models=[summary(NOVA_LITE)], answer=availability("NOT_AVAILABLE"), form=False),
        "ready",
        "",
    ),
    "not listed": (row(models=[]), "listed", f"Bedrock does not offer {HAIKU} in us-east-1."),
    "profile that is not there": (
        row(US_HAIKU_4_5),
        "listed",
        f"There is no inference profile {US_HAIKU_4_5} in us-east-1.",
    ),
    "profile to a model that is not listed": (
        row(US_HAIKU_4_5, models=[], found_profile=profile()),
        "listed",
        f"Bedrock does not offer {HAIKU_4_5} in us-east-1.",
    ),
    "end of life": (row(models=[ended()]), "lifecycle", f"{HAIKU} reached the end of its life on 2026-09-10."),
    "end of life counts before what else is missing": (
        row(models=[ended()], answer=availability("NOT_AVAILABLE"), form=False),
        "lifecycle",
        f"{HAIKU} reached the end of its life on 2026-09-10.",
    ),
    "not in the region": (
        row(answer=availability(regionAvailability="NOT_AVAILABLE")),
        "region",
        f"{HAIKU} is listed in us-east-1, but not available there to this account.",
    ),
    "not authorized": (
        row(answer=availability(authorizationStatus="NOT_AUTHORIZED")),
        "authorization",
        f"The account is not authorized to use {HAIKU} in us-east-1.",
    ),
    "no form": (row(form=False), "use_case_form", "Anthropic wants a use-case form"),
    "no agreement": (
        row(answer=availability("NOT_AVAILABLE"), offered=True),
        "agreement",
        f"There is no agreement for {HAIKU} in us-east-1.",
    ),
    "no agreement is offered": (
        row(answer=availability("NOT_AVAILABLE"), offered=False),
        "agreement",
        f"There is no agreement for {HAIKU} in us-east-1, and AWS offers none.",
    ),
    "pending": (row(answer=availability("PENDING")), "agreement", f"The agreement for {HAIKU} is PENDING."),
    "failed": (
        row(answer=availability("ERROR", "INVALID_PAYMENT_INSTRUMENT: none is valid.")),
        "agreement",
        f"The agreement for {HAIKU} failed: INVALID_PAYMENT_INSTRUMENT: none is valid.",
    ),
    "agreed, not entitled yet": (
        row(answer=availability(entitlementAvailability="NOT_AVAILABLE")),
        "agreement",
        f"The agreement for {HAIKU} exists, but the account is not yet entitled to the model.",
    ),
    "needs a profile": (
        row(HAIKU_4_5),
        "route",
        f"{HAIKU_4_5} cannot be called on demand in us-east-1, only through an inference profile.",
    ),
    "needs provisioned throughput": (
        row(models=[{**summary(), "inferenceTypesSupported": ["PROVISIONED"]}]),
        "route",
        f"{HAIKU} cannot be called on demand in us-east-1, and no inference profile leads to it.",
    ),
    "profile that is not active": (
        row(US_HAIKU_4_5, found_profile=profile(status="CREATING")),
        "route",
        f"The inference profile {US_HAIKU_4_5} is CREATING.",
    ),
}


@pytest.mark.parametrize(("seen", "state", "reason"), READINESS.values(), ids=READINESS)
def test_readiness(seen: dict[str, Any], state: str, reason: str) -> None:
    assert seen["state"] == state
    assert seen["reason"].startswith(reason)
    assert (seen["remedy"] == "", seen["owner"] is None, seen["problems"] == []) == (state == "ready",) * 3


def test_a_profile_tells_which_model_it_leads_to_and_where_it_may_run() -> None:
    seen = row(US_HAIKU_4_5, found_profile=profile())
    assert seen["foundation_model_id"] == HAIKU_4_5
    assert seen["inference_profile"] == {
        "id": US_HAIKU_4_5,
        "arn": PROFILE_ARN,
        "type": "SYSTEM_DEFINED",
        "status": "ACTIVE",
        "model_arns": [
            f"arn:aws:bedrock:{region}::foundation-model/{HAIKU_4_5}" for region in ("us-east-1", "us-west-2")
        ],
    }


STAGES = {
    "ready": (row(), "met met met met met"),
    "not listed": (row(models=[]), "not_met unknown unknown unknown unknown"),
    "end of life": (row(models=[ended()]), "met not_met met met unknown"),
    "not authorized": (row(answer=availability(authorizationStatus="NOT_AUTHORIZED")), "met met not_met met unknown"),
    "no form": (row(form=False), "met met met not_met unknown"),
    "needs a profile": (row(HAIKU_4_5), "met met met met not_met"),
    "needs a profile and form": (row(HAIKU_4_5, form=False), "met met met not_met not_met"),
}


@pytest.mark.parametrize(("seen", "states"), STAGES.values(), ids=STAGES)
def test_five_stages(seen: dict[str, Any], states: str) -> None:
    assert [each["stage"] for each in seen["stages"]] == list(model_readiness.STAGES)
    assert " ".join(each["state"] for each in seen["stages"]) == states
    for each in seen["stages"]:
        told = (each["owner"] is not None, bool(each["next_step"]))
        assert told == ((each["state"] == "not_met"),) * 2
        assert bool(each["reason"]) == (each["state"] != "met")


def test_every_check_belongs_to_one_stage() -> None:
    checks = [check for checks in model_readiness.STAGES.values() for check in checks]
    assert checks == list(model_readiness.CHECKS)


@pytest.mark.parametrize(
    ("seen", "kind", "destinations"),
    [
        (row(), "on_demand", ["us-east-1"]),
        (row(US_HAIKU_4_5, found_profile=profile()), "geographic_profile", ["us-east-1", "us-west-2"]),
        (
            row(APPLICATION_ARN, found_profile=profile(inferenceProfileArn=APPLICATION_ARN, type="APPLICATION")),
            "application_profile",
            ["us-east-1", "us-west-2"],
        ),
        (row(HAIKU_4_5), None, []),
        (row(US_HAIKU_4_5), None, []),
        (row(models=[]), None, []),
    ],
)
def test_the_route_of_a_model(seen: dict[str, Any], kind: str | None, destinations: list[str]) -> None:
    route = seen["route"] or {"kind": None, "destinations": []}
    assert (route["kind"], route["destinations"]) == (kind, destinations)


def test_all_problems_are_kept() -> None:
    seen = row(answer=availability("NOT_AVAILABLE"), form=False, offered=True)
    assert [problem["state"] for problem in seen["problems"]] == ["use_case_form", "agreement"]
    assert model_readiness.unmet(seen) == {"use_case_form", "agreement"}


def test_successors_are_active_related_and_reachable() -> None:
    models = [
        ended(),
        summary(HAIKU_4_5, startOfLifeTime="2025-10-15"),
        summary("anthropic.claude-haiku-5-5", startOfLifeTime="2026-08-01"),
        summary("anthropic.claude-3-5-haiku-20241022-v1:0", legacyTime="2026-01-01"),
        {**summary("anthropic.claude-haiku-9"), "inferenceTypesSupported": ["PROVISIONED"]},
        summary(SONNET),
        summary("anthropic.claude-2-haiku", startOfLifeTime="2023-01-01"),
    ]
    models[0]["modelLifecycle"]["startOfLifeTime"] = moment("2024-03-13")
    seen = row(models=models)
    assert [(each["model_id"], each["route"]) for each in seen["successors"]] == [
        ("anthropic.claude-haiku-5-5", "on_demand"),
        (HAIKU_4_5, "inference_profile"),
    ]
    assert seen["successors"][1]["inference_profiles"] == [
        {"id": US_HAIKU_4_5, "arn": PROFILE_ARN, "regions": ["us-east-1", "us-west-2"]}
    ]
    assert "anthropic.claude-haiku-5-5 (on demand)" in seen["remedy"]
    assert f"{US_HAIKU_4_5} (may run in us-east-1, us-west-2)" in seen["remedy"]


def test_without_successors_the_remedy_says_so() -> None:
    assert row(models=[])["remedy"] == ("Choose another model: no active one of this family is offered in us-east-1.")


def test_a_global_profile_may_run_anywhere() -> None:
    anywhere = profile(f"global.{HAIKU_4_5}", models=[{"modelArn": f"arn:aws:bedrock:::foundation-model/{HAIKU_4_5}"}])
    found = model_access.profiles_of(HAIKU_4_5, [anywhere])
    assert found[0]["regions"] == ["global"]
    seen = {**row(HAIKU_4_5), "inference_profiles": found}
    assert (
        f"Configure one of: global.{HAIKU_4_5} (may run in any commercial region)."
        in (model_readiness.judge(seen)["remedy"])
    )
