# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The seven items of the requirements pass only when every proof that each needs was observed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import finding
from ansible_collections.safesecrets.infra.plugins.module_utils.requirements_checklist import requirements_checklist

Row = dict[str, Any]

CA, US = "ca-central-1", "us-east-1"
ACTIONS = (
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
    "polly:SynthesizeSpeech",
    "transcribe:StartStreamTranscription",
)


def seen(identifier: str, item: str, subject: str = "x", region: str | None = None, **more: Any) -> Row:
    status = more.pop("status", "pass")
    return finding(identifier, item, subject, status, "Seen.", region=region, remedy="Mend it.", **more)


def call(action: str, region: str, expectation: str = "allowed", status: str = "pass") -> Row:
    evidence = {"action": action, "service": "bedrock-runtime", "expectation": expectation}
    return seen("validation.call", "validation", action, region, evidence=evidence, status=status)


def everything() -> list[Row]:
    """A run that proved all."""
    regions = {"CA": CA, "US": US}
    return [
        seen("prerequisites.configuration", "prerequisites", evidence={"regions": regions, "default_region": "CA"}),
        *(seen("iam_policy.action_allowed", "INFRA-P2-1", action, r) for r in (CA, US) for action in ACTIONS),
        *(seen("bedrock_access.model_ready", "INFRA-P2-2", "model", region) for region in (CA, US)),
        seen("polly_voices.voice_available", "INFRA-P2-3", "Ruth", US),
        *(seen("environment.variables", "INFRA-P2-5", "file", region) for region in (CA, US)),
        seen("smartest_ai.configured", "INFRA-P2-6", "file"),
        *(call(action, region) for region in (CA, US) for action in ACTIONS),
        call("bedrock:InvokeModel", "us-west-2", "refused"),
        *(seen("validation.denials", "validation", "CloudTrail", region) for region in (CA, US)),
    ]


def verdicts(findings: list[Row], failed: tuple[Row, ...] = ()) -> list[str]:
    return [each["verdict"] for each in requirements_checklist(findings, failed)]


def without(drop: Callable[[Row], bool]) -> list[Row]:
    found = everything()
    kept = [each for each in found if not drop(each)]
    assert kept != found, "the control drops something"
    return kept


def test_a_run_that_proved_all_passes_all_seven() -> None:
    rows = requirements_checklist(everything())
    assert [each["number"] for each in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert {each["verdict"] for each in rows} == {"pass"}
    assert rows[0]["text"] == f"IAM role permits Bedrock, Transcribe, Polly in {CA} and {US}"
    assert rows[0]["detail"] == "8 proofs: Permission by simulation (8)."
    assert all(each["checks"] for each in rows)


@pytest.mark.parametrize(
    ("number", "missing"),
    [
        (1, lambda each: each["subject"] == "polly:SynthesizeSpeech" and each["region"] == US and "iam" in each["id"]),
        (1, lambda each: each["id"] == "iam_policy.action_allowed" and each["region"] == CA),
        (2, lambda each: each["id"] == "bedrock_access.model_ready" and each["region"] == US),
        (2, lambda each: each["id"] == "validation.call" and "bedrock" in each["subject"] and each["region"] == US),
        (4, lambda each: each["id"] == "environment.variables" and each["region"] == US),
        (6, lambda each: each["id"] == "validation.call" and "transcribe" in each["subject"] and each["region"] == US),
        (7, lambda each: each["id"] == "validation.denials" and each["region"] == US),
    ],
)
def test_a_proof_that_is_missing_leaves_its_item_unproven_and_is_named(
    number: int, missing: Callable[[Row], bool]
) -> None:
    row = requirements_checklist(without(missing))[number - 1]
    assert row["verdict"] == "unproven"
    assert row["detail"].startswith("Not looked at: ")
    assert row["remedy"]


@pytest.mark.parametrize(
    ("number", "identifier"),
    [
        (3, "polly_voices.voice_available"),
        (4, "environment.variables"),
        (5, "smartest_ai.configured"),
        (7, "validation.denials"),
    ],
)
def test_an_item_of_which_nothing_was_looked_at_did_not_run(number: int, identifier: str) -> None:
    assert verdicts(without(lambda each: each["id"] == identifier))[number - 1] == "not_run"


@pytest.mark.parametrize("status", ["fail", "unproven"])
@pytest.mark.parametrize(
    ("numbers", "spoilt"),
    [
        ({1}, seen("iam_policy.action_allowed", "INFRA-P2-1", ACTIONS[0], US)),
        ({1}, seen("iam_policy.region_lock", "INFRA-P2-1", "statement Deny", US)),
        ({1}, seen("iam_policy.statement_undecided", "INFRA-P2-1", "statement Maybe", US)),
        ({2}, seen("bedrock_access.model_ready", "INFRA-P2-2", "another model", US)),
        (set(), seen("bedrock_access.model_ready", "INFRA-P2-2", "another model", CA)),
        ({3}, seen("polly_voices.voice_available", "INFRA-P2-3", "Matthew", US)),
        ({4}, seen("environment.variables", "INFRA-P2-5", "file on another host", CA)),
        ({5}, seen("smartest_ai.key_taken", "INFRA-P2-6", "endpoint")),
        ({2, 6}, call("bedrock:InvokeModel", US)),
        ({6}, call("polly:SynthesizeSpeech", US)),
        (set(), call("bedrock:InvokeModel", US, "refused")),
        ({7}, seen("validation.denials", "validation", "another session", US)),
    ],
)
def test_what_went_wrong_spoils_its_item_and_no_other(numbers: set[int], spoilt: Row, status: str) -> None:
    found = verdicts([*everything(), {**spoilt, "status": status}])
    assert {number for number, verdict in enumerate(found, 1) if verdict == status} == numbers
    assert set(found) <= {"pass", status}


@pytest.mark.parametrize(
    ("item", "numbers"),
    [("INFRA-P2-1", {1}), ("INFRA-P2-2", {2}), ("validation", {2, 6, 7}), ("INFRA-P2-4", set()), (None, set())],
)
def test_a_task_that_failed_fails_the_items_that_it_proves(item: str | None, numbers: set[int]) -> None:
    found = verdicts(everything(), ({"item": item, "message": "No space left"},))
    assert {number for number, verdict in enumerate(found, 1) if verdict == "fail"} == numbers


def test_what_is_not_wanted_is_not_applicable() -> None:
    found = without(lambda each: each["id"] == "smartest_ai.configured")
    unwanted = seen("smartest_ai.configured", "INFRA-P2-6", "smartest_ai_enabled", status="not_applicable")
    assert verdicts([*found, unwanted])[4] == "not_applicable"


def test_an_optional_model_that_is_not_offered_spoils_nothing() -> None:
    optional = seen("bedrock_access.model_ready", "INFRA-P2-2", "opus", US, status="not_applicable")
    assert verdicts([*everything(), optional])[1] == "pass"


def test_without_a_sound_configuration_nothing_was_run() -> None:
    rows = requirements_checklist(without(lambda each: each["item"] == "prerequisites"))
    assert {each["verdict"] for each in rows} == {"not_run"}
    assert {each["detail"] for each in rows} == {"The configuration was not found sound."}


def test_a_third_region_is_asked_for_too() -> None:
    found = everything()
    found[0]["evidence"]["regions"]["EU"] = "eu-central-1"
    rows = requirements_checklist(found)
    assert rows[2]["text"].endswith("us-east-1 and eu-central-1")
    assert [each["verdict"] for each in rows] == ["unproven"] * 4 + ["pass"] + ["unproven"] * 2
