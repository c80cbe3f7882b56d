"""The whole chain on the account that the requirements describe."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from dotenv import dotenv_values

from tests.end_to_end.playbook_run import REPOSITORY, Lab

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
CHAIN = ["INFRA-P2-2", "INFRA-P2-1", "INFRA-P2-3", "INFRA-P2-5", "INFRA-P2-6", "INFRA-P2-4"]


def test_chain_converges_and_a_second_run_changes_nothing(lab: Lab) -> None:
    before = lab.environment_file.read_text()

    predicted = lab.play("--check", "--diff")
    assert predicted.returncode == 0, predicted.output
    assert lab.environment_file.read_text() == before, "check mode wrote the file"
    assert predicted.changed["localhost"] > 0
    assert predicted.report["check_mode"] is True

    first = lab.play()
    assert first.returncode == 0, first.output
    assert first.changed == predicted.changed, "check mode predicted another number of changes"
    assert not first.findings(status="fail")
    assert not first.findings(status="unproven")

    after = lab.environment_file.read_text()
    assert after.startswith(before), "what stood in the file before was touched"
    assert (
        dotenv_values(lab.environment_file).items()
        >= {
            "AWS_REGION_DEFAULT": "ca-central-1",
            "AWS_REGION_CANADA": "ca-central-1",
            "AWS_REGION_USA": "us-east-1",
            "BEDROCK_MODEL_ID_CA": HAIKU,
            "BEDROCK_MODEL_ID_US": HAIKU,
            "BEDROCK_MODEL_ALLOWLIST_CA": f"{HAIKU},{SONNET}",
            "BEDROCK_MODEL_ALLOWLIST_US": f"{HAIKU},{SONNET}",
            "POLLY_REGION_CA": "ca-central-1",
            "POLLY_REGION_US": "us-east-1",
            "TRANSCRIBE_REGION_CA": "ca-central-1",
            "TRANSCRIBE_REGION_US": "us-east-1",
        }.items()
    )

    second = lab.play("--diff")
    assert second.returncode == 0, second.output
    assert set(second.changed.values()) == {0}, second.output
    assert lab.environment_file.read_text() == after
    assert set(lab.play("--check").changed.values()) == {0}


def test_report_follows_its_schema_and_the_order_of_the_chain(lab: Lab) -> None:
    run = lab.play()
    schema = json.loads((REPOSITORY / "docs/schemas/report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(run.report)
    assert run.report["account_id"] == lab.facts["account_id"]
    printed = [run.output.rindex(item) for item in CHAIN]
    assert printed == sorted(printed), "the checklist is not in the documented order"


@pytest.mark.parametrize(
    "playbook", ["preflight", "bedrock_access", "iam_policy", "polly_voices", "smartest_ai", "egress"]
)
def test_each_step_runs_alone(lab: Lab, playbook: str) -> None:
    run = lab.play(playbook=f"{playbook}.yml")
    assert run.returncode == 0, run.output


def test_environment_alone_waits_for_the_models_that_another_run_requested(lab: Lab) -> None:
    refused = lab.play(playbook="environment.yml", variables={"bedrock_access_wait_minutes": 0})
    assert refused.returncode != 0, "the environment was written though us-east-1 has no model"
    assert "BEDROCK_MODEL_ID_US" not in lab.environment_file.read_text()
    assert lab.play(playbook="bedrock_access.yml").returncode == 0
    assert lab.play(playbook="environment.yml").returncode == 0
    assert dotenv_values(lab.environment_file)["BEDROCK_MODEL_ID_US"] == HAIKU


def test_tags_select_steps(lab: Lab) -> None:
    run = lab.play("--tags", "INFRA-P2-3")
    assert run.returncode == 0, run.output
    assert {each["item"] for each in run.report["findings"]} == {"prerequisites", "INFRA-P2-3"}
    assert set(run.changed.values()) == {0}


def test_limit_to_a_host_names_the_controller_part_that_is_missing(lab: Lab) -> None:
    run = lab.play("--limit", "safesecrets-app")
    assert run.returncode != 0
    assert "--limit 'localhost,safesecrets-app'" in run.output
    assert "BEDROCK_MODEL_ID_US" not in lab.environment_file.read_text()
    assert lab.play("--limit", "localhost,safesecrets-app").returncode == 0


def test_key_is_shown_nowhere(lab: Lab, tmp_path: Path) -> None:
    key = "canary-" + "f00dcafe" * 4
    log = tmp_path / "ansible.log"
    run = lab.play(
        "-vvvv",
        "--diff",
        "--extra-vars",
        f"@{_canary_file(tmp_path, key)}",
        ANSIBLE_LOG_PATH=str(log),
        ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"),
        ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote"),
    )
    assert run.returncode == 0, run.output[-4000:]
    assert dotenv_values(lab.environment_file)["SMARTEST_AI_API_KEY"] == key
    assert key not in run.output
    places = {path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()}
    assert places == {tmp_path / "canary.yml", lab.environment_file}, (
        "the search must find the key where it belongs, and only there"
    )


def _canary_file(directory: Path, key: str) -> Path:
    path = directory / "canary.yml"
    path.write_text(json.dumps({"smartest_ai_api_key": key, "smartest_ai_api_key_secret_id": ""}))
    return path
