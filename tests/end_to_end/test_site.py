"""The whole chain on the account that the requirements describe, from its first refusal to its last repeat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from dotenv import dotenv_values

from tests.end_to_end.playbook_run import REPOSITORY, Lab, Run, running_lab

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
CHAIN = ["INFRA-P2-2", "INFRA-P2-1", "INFRA-P2-3", "INFRA-P2-5", "INFRA-P2-6", "INFRA-P2-4"]
VARIABLES = {
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
}


@dataclass(frozen=True)
class Chain:
    """The runs on one lab, in their order, and the environment file between them."""

    lab: Lab
    before: str
    refused: dict[str, Run]
    predicted: Run
    untouched: str
    first: Run
    after: str
    second: Run
    last: str


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Refusals, check mode, the first run and the second; they are long, so the file's tests share them."""
    with running_lab("today", tmp_path_factory.mktemp("site") / "lab") as lab:
        before = lab.environment_file.read_text()
        refused = {
            "environment alone": lab.play(playbook="environment.yml", variables={"bedrock_access_wait_minutes": 0}),
            "without localhost": lab.play("--limit", "safesecrets-app"),
        }
        predicted = lab.play("--check", "--diff")
        untouched = lab.environment_file.read_text()
        first = lab.play()
        after = lab.environment_file.read_text()
        second = lab.play("--diff")
        yield Chain(lab, before, refused, predicted, untouched, first, after, second, lab.environment_file.read_text())


@pytest.mark.parametrize("name", ["environment alone", "without localhost"])
def test_nothing_is_written_before_the_models_are_known(chain: Chain, name: str) -> None:
    assert chain.refused[name].returncode != 0, chain.refused[name].output
    assert not any(chain.refused[name].changed.values())
    assert chain.untouched == chain.before


def test_limit_without_localhost_names_the_remedy(chain: Chain) -> None:
    assert "--limit 'localhost,safesecrets-app'" in chain.refused["without localhost"].output


def test_check_mode_predicts_what_the_first_run_changes(chain: Chain) -> None:
    assert chain.predicted.returncode == 0, chain.predicted.output
    assert chain.predicted.report["check_mode"] is True
    assert chain.predicted.changed["localhost"] > 0
    assert chain.predicted.changed["safesecrets-app"] > 0
    assert chain.first.changed == chain.predicted.changed


def test_first_run_proves_everything(chain: Chain) -> None:
    assert chain.first.returncode == 0, chain.first.output
    assert not chain.first.findings(status="fail")
    assert not chain.first.findings(status="unproven")
    assert {each["item"] for each in chain.first.findings(status="pass")} == {"prerequisites", *CHAIN, "validation"}


def test_file_keeps_what_it_had_and_gets_the_variables(chain: Chain) -> None:
    assert chain.after.startswith(chain.before)
    assert dotenv_values(chain.lab.environment_file).items() >= VARIABLES.items()


def test_second_run_changes_nothing(chain: Chain) -> None:
    assert chain.second.returncode == 0, chain.second.output
    assert set(chain.second.changed.values()) == {0}, chain.second.output
    assert chain.last == chain.after


def test_report_follows_its_schema_and_the_order_of_the_chain(chain: Chain) -> None:
    schema = json.loads((REPOSITORY / "docs/schemas/report.schema.json").read_text())
    for run in (chain.predicted, chain.first, *chain.refused.values()):
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(run.report)
    assert chain.first.report["account_id"] == chain.lab.facts["account_id"]
    printed = [chain.first.output.rindex(item) for item in CHAIN]
    assert printed == sorted(printed)


def test_the_last_step_proves_it_by_calls_and_by_cloudtrail(chain: Chain) -> None:
    for run in (chain.first, chain.second):
        assert {each["region"] for each in run.findings("validation.denials", status="pass")} == {
            "ca-central-1",
            "us-east-1",
        }, "the refused calls of an earlier run are taken for denials of the application"
    called = chain.first.findings("validation.call")
    assert all(each["evidence"]["host_call"]["request_id"] for each in called if each["region"])
    assert {each["evidence"]["expectation"] for each in called if each["region"] == "us-west-2"} == {"refused"}


def test_check_mode_makes_no_call_and_says_what_it_lacks(chain: Chain) -> None:
    assert chain.predicted.findings("validation.call")
    for each in [*chain.predicted.findings("validation.call"), *chain.predicted.findings("validation.denials")]:
        assert each["status"] == "unproven"
        assert not each["evidence"].get("host_call")


@pytest.mark.parametrize(
    "playbook",
    [
        "prerequisites",
        "bedrock_access",
        "iam_policy",
        "polly_voices",
        "environment",
        "smartest_ai",
        "egress",
        "validate",
    ],
)
def test_each_step_runs_alone_and_changes_nothing_more(chain: Chain, playbook: str) -> None:
    run = chain.lab.play(playbook=f"{playbook}.yml")
    assert run.returncode == 0, run.output
    assert set(run.changed.values()) == {0}, run.output


def test_check_mode_says_which_proofs_it_lacks(chain: Chain) -> None:
    (note,) = [each for each in chain.predicted.report["notes"] if each.startswith("Proofs that --check")]
    for check in ("Permission by simulation", "Variables of the environment file", "No denials in CloudTrail"):
        assert f"{check} in ca-central-1, us-east-1" in note
    assert "Call from the host in " in note
    assert " ".join(note.split())[:60] in " ".join(chain.predicted.output.split())


def test_only_what_is_stale_is_renewed(chain: Chain) -> None:
    run = chain.lab.play(variables={"safesecrets_refresh": "stale"})
    assert run.returncode == 0, run.output
    assert set(run.changed.values()) == {0}, run.output
    renewed = {each["item"] for each in run.report["findings"] if each["run_id"] == run.report["run_id"]}
    assert renewed.isdisjoint(CHAIN), "its proofs all hold"
    assert "prerequisites" in renewed, "what everything rests on is looked at in every run"
    assert set(CHAIN) <= {each["item"] for each in run.findings(status="pass")}


def test_nothing_of_another_configuration_is_taken_over(chain: Chain) -> None:
    changed = {"safesecrets_refresh": "stale", "polly_voices_regions": "{{ safesecrets_regions }}"}
    run = chain.lab.play("--tags", "INFRA-P2-3", variables=changed)
    assert run.returncode == 0, run.output
    assert {each["run_id"] for each in run.report["findings"]} == {run.report["run_id"]}


def test_tags_select_steps(chain: Chain) -> None:
    run = chain.lab.play("--tags", "INFRA-P2-3")
    assert run.returncode == 0, run.output
    assert {each["item"] for each in run.report["findings"]} == {"prerequisites", "INFRA-P2-3"}


def test_limit_with_localhost_runs_the_chain(chain: Chain) -> None:
    run = chain.lab.play("--limit", "localhost,safesecrets-app", "--check")
    assert run.returncode == 0, run.output
    assert set(run.changed.values()) == {0}, run.output


def test_key_is_shown_nowhere(chain: Chain, tmp_path: Path) -> None:
    key = chain.lab.facts["provider_next_key"]
    given = tmp_path / "canary.json"
    given.write_text(json.dumps({"smartest_ai_api_key": key, "smartest_ai_api_key_secret_id": ""}))
    run = chain.lab.play(
        "-vvvv",
        "--diff",
        f"--extra-vars=@{given}",
        ANSIBLE_LOG_PATH=str(tmp_path / "ansible.log"),
        ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"),
        ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote"),
    )
    assert run.returncode == 0, run.output[-4000:]
    assert dotenv_values(chain.lab.environment_file)["SMARTEST_AI_API_KEY"] == key
    assert key not in run.output
    places = {
        path
        for directory in (tmp_path, chain.lab.directory)
        for path in directory.rglob("*")
        if path.is_file() and key.encode() in path.read_bytes()
    }
    forms = {path.name for path in (chain.lab.directory / "handover/latest").iterdir()}
    assert {"report.json", "report.html", "report.md", "junit.xml", "safesecrets.env"} == forms, "they are searched too"
    assert places == {given, chain.lab.directory / "lab.json", chain.lab.environment_file}, (
        "the search must find the key where it belongs, and only there"
    )
