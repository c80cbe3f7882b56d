# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard denies all that is not configured and nothing that is, whatever another policy allows."""

from __future__ import annotations

from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_region_locks import region_locks
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import requests_of
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import PLANNED, Policy, Request, applying
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import ModelRoute
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_guard import guard_statements, is_guard
from hypothesis import given, settings

from tests.unit.residency_guard_cases import ROUTES, GuardedCall, calls, configured, guarded
from tests.unit.test_iam_policy_document import (
    ACCOUNT,
    GLOBAL_PROFILE,
    PROFILE_ROWS,
    REGIONS,
    US_PROFILE,
    WITH_PROFILES,
    profile,
    row,
)

CONTROLS: dict[str, Any] = {"control_region": "eu-west-1", "control_profile": "eu.b", "account_id": ACCOUNT}


def is_allowed(document: dict[str, Any], request: Request) -> bool:
    policies = [Policy("one", PLANNED, document)]
    assert all(verdict is not None for _, verdict in applying(policies, request, denies=True)), "not decided"
    return bool(applying(policies, request, denies=False)) and not applying(policies, request, denies=True)


def request(call: GuardedCall) -> Request:
    context = {"bedrock:InferenceProfileArn": call.profile} if call.profile else {}
    return Request.of(call.action, call.resource, call.region, context)


def test_the_customer_s_guard() -> None:
    regions = {"aws:RequestedRegion": ["ca-central-1", "us-east-1"]}
    statements = iam_policy_document.multi_region_policy_document(REGIONS, residency_guard=True)["Statement"]
    assert [each for each in statements if each["Effect"] == "Deny"] == [
        {
            "Sid": "ResidencyGuardSpeech",
            "Effect": "Deny",
            "Action": ["polly:*", "transcribe:*"],
            "Resource": "*",
            "Condition": {"StringNotEquals": regions},
        },
        {
            "Sid": "ResidencyGuardModels",
            "Effect": "Deny",
            "Action": "bedrock:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": regions},
        },
        {
            "Sid": "ResidencyGuardProfiles",
            "Effect": "Deny",
            "Action": "bedrock:*",
            "Resource": "*",
            "Condition": {"Null": {"bedrock:InferenceProfileArn": "false"}},
        },
    ]


def test_profiles_are_held_to_their_destinations() -> None:
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS, residency_guard=True)
    conditions = {each["Sid"]: each["Condition"] for each in document["Statement"] if is_guard(each["Sid"])}
    us, anywhere = profile("us-east-1", US_PROFILE), profile("us-east-1", GLOBAL_PROFILE)
    assert conditions["ResidencyGuardDestinations1"] == {
        "StringEquals": {"bedrock:InferenceProfileArn": [us]},
        "StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-east-2", "us-west-2"]},
    }
    assert conditions["ResidencyGuardDestinations2"] == {
        "StringEquals": {"bedrock:InferenceProfileArn": [anywhere]},
        "StringNotEquals": {"aws:RequestedRegion": ["unspecified", "us-east-1"]},
    }
    assert conditions["ResidencyGuardModels"]["StringNotEquals"]["bedrock:InferenceProfileArn"] == [us, anywhere]


def test_without_the_choice_there_is_no_guard() -> None:
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS)
    assert {each["Effect"] for each in document["Statement"]} == {"Allow"}
    simulations = iam_policy_document.multi_region_simulations(WITH_PROFILES, PROFILE_ROWS, **CONTROLS)
    assert "explicitDeny" not in {each["expected"] for each in simulations}


@settings(deadline=None, max_examples=30)
@given(ROUTES)
def test_the_guard_denies_what_is_not_configured_and_nothing_else(routes: list[ModelRoute]) -> None:
    document = guarded(routes)
    for call in calls(routes):
        assert is_allowed(document, request(call)) == call.permitted, call


@settings(deadline=None, max_examples=30)
@given(ROUTES)
def test_the_guard_never_permits_more(routes: list[ModelRoute]) -> None:
    statements = guard_statements(routes, configured(routes))
    assert {each["Effect"] for each in statements} == {"Deny"}
    assert all(each["Sid"].isalnum() and is_guard(each["Sid"]) for each in statements)
    assert len({each["Sid"] for each in statements}) == len(statements)


def test_both_directions_are_asked_for() -> None:
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS, residency_guard=True)
    simulations = iam_policy_document.multi_region_simulations(
        WITH_PROFILES, PROFILE_ROWS, residency_guard=True, **CONTROLS
    )
    wide = {**document, "Statement": [guarded([])["Statement"][0], *document["Statement"]]}
    expected = {"allowed": 0, "denied": 0, "explicitDeny": 0}
    for each in simulations:
        for asked in requests_of(each):
            expected[each["expected"]] += 1
            if each["expected"] == "allowed":
                assert is_allowed(document, asked), asked
            if each["expected"] == "explicitDeny":
                assert not is_allowed(wide, asked), asked
    assert min(expected.values()) > 0
    explicit = [each for each in simulations if each["expected"] == "explicitDeny"]
    asked_profiles = {each["context"].get("bedrock:InferenceProfileArn") for each in explicit}
    assert asked_profiles == {
        None,
        profile("ca-central-1", "eu.b"),
        profile("us-east-1", "eu.b"),
        profile("us-east-1", US_PROFILE),  # beyond its destinations
        profile("us-east-1", GLOBAL_PROFILE),
    }
    assert {each["region"] for each in explicit if not each["context"]} == {"eu-west-1"}


def test_without_controls_only_destinations_are_asked_for() -> None:
    simulations = iam_policy_document.multi_region_simulations(WITH_PROFILES, PROFILE_ROWS, residency_guard=True)
    explicit = [each for each in simulations if each["expected"] == "explicitDeny"]
    assert all(
        each["context"]["bedrock:InferenceProfileArn"].endswith((US_PROFILE, GLOBAL_PROFILE)) for each in explicit
    )


def test_a_sound_guard_is_no_region_lock_and_a_tight_one_is() -> None:
    simulations = iam_policy_document.multi_region_simulations(
        WITH_PROFILES, PROFILE_ROWS, residency_guard=True, **CONTROLS
    )
    wanted = [asked for each in simulations if each["expected"] == "allowed" for asked in requests_of(each)]
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS, residency_guard=True)
    search = region_locks([Policy("ours", PLANNED, document)], wanted)
    assert (search.locks, search.undecided) == ([], [])
    fewer = [row("us-east-1", profile_id, ["us-east-1"]) for profile_id in (US_PROFILE, GLOBAL_PROFILE)]
    tight = iam_policy_document.multi_region_policy_document(WITH_PROFILES, fewer, residency_guard=True)
    locks = region_locks([Policy("ours", PLANNED, tight)], wanted).locks
    assert {lock["sid"] for lock in locks} == {"ResidencyGuardDestinations1"}
    assert {region for lock in locks for region in lock["regions"]} == {"us-east-2", "us-west-2", "unspecified"}


def test_the_guard_s_statements_are_known_as_ours() -> None:
    document = iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS, residency_guard=True)
    policies = [{"name": "ours", "type": "inline", "document": document}]
    assert iam_policy_document.foreign_statements(policies, "ours") == []
