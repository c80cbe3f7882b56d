"""A module within the worker answers what it answers as a process: to success, refusal, check mode and masking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.playbook_run import Lab, running_lab

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
CONNECTION = {"group/safesecrets.infra.aws": "{{ safesecrets_aws }}"}
WITHIN, AS_PROCESS = "runs within the worker", "runs as a process: the task sets environment variables"
#: What is asked, by name: the module, its options, and what makes its answer worth a comparison.
ASKED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a list": ("polly_voice_info", {"regions": ["us-east-1"], "engines": ["generative"]}, {"failed": False}),
    "many calls": (
        "bedrock_model_access_info",
        {"requests": [{"region": "us-east-1", "model_id": HAIKU}]},
        {"failed": False},
    ),
    "a secret": ("stored_secret_info", {"secret_id": "safesecrets/smartest-ai"}, {"failed": False}),
    "a refusal of AWS": ("iam_role_access_info", {"role_name": "NoSuchRole"}, {"failed": True}),
    "a wrong option": ("egress_info", {"instance_id": "i-1", "instance_ids": ["i-2"]}, {"failed": True}),
    "an unknown option": ("polly_voice_info", {"regions": ["us-east-1"], "engine": "neural"}, {"failed": True}),
    "check mode": (
        "ec2_managed_prefix_list",
        {"name": "both-ways", "entries": [{"cidr": "203.0.113.0/24", "description": "a test"}]},
        {"changed": True},
    ),
}


def _tasks() -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = []
    for name, (module, options, _expected) in ASKED.items():
        task = {
            "name": name,
            f"safesecrets.infra.{module}": options,
            "check_mode": name == "check mode",
            "ignore_errors": True,
        }
        tasks += [
            {**task, "register": "within"},
            {**task, "register": "as_process", "environment": {"SAFESECRETS_TEST": "yes"}},
            {
                "name": f"write down {name}",
                "ansible.builtin.set_fact": {
                    "answers": "{{ answers | default({}) | combine({asked: [within, as_process]}) }}"
                },
                "vars": {"asked": name},
            },
        ]
    return tasks


def _playbook(path: Path, *tasks: dict[str, Any]) -> Path:
    play = {"name": "Ask", "hosts": "localhost", "gather_facts": False, "module_defaults": CONNECTION}
    path.write_text(yaml.safe_dump([{**play, "tasks": list(tasks)}], sort_keys=False))
    return path


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """What both ways answered, and what Ansible said of the ways."""
    folder = tmp_path_factory.mktemp("in_worker")
    written = {"ansible.builtin.copy": {"content": "{{ answers | to_json }}", "dest": f"{folder}/answers.json"}}
    playbook = _playbook(folder / "both_ways.yml", *_tasks(), written)
    with running_lab("today", folder / "lab") as lab:
        run = lab.play("-vvv", playbook=str(playbook))
    assert (folder / "answers.json").exists(), run.output
    return json.loads((folder / "answers.json").read_text()), run.output


@pytest.mark.parametrize("name", ASKED)
def test_both_ways_answer_the_same(name: str, answers: tuple[dict[str, list[dict[str, Any]]], str]) -> None:
    within, as_process = answers[0][name]
    expected = ASKED[name][2]
    assert expected.items() <= ({"failed": False} | within).items(), within
    assert _lasting(within) == _lasting(as_process)


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    """All but what AWS gives every response anew."""
    return {key: value for key, value in answer.items() if key != "response_metadata"}


def test_the_ways_were_two(answers: tuple[dict[str, list[dict[str, Any]]], str]) -> None:
    _answers, said = answers
    assert said.count(WITHIN) == said.count(AS_PROCESS) == len(ASKED)


def test_a_kept_secret_is_in_neither_output(lab: Lab, tmp_path: Path) -> None:
    """Within the worker, too, Ansible is told what it must not show."""
    task = {
        "name": "A key among the options",
        "safesecrets.infra.polly_voice_info": {"regions": ["us-east-1"], "secret_key": "canary" * 7},
        "ignore_errors": True,
    }
    run = lab.play("-vvvv", playbook=str(_playbook(tmp_path / "key.yml", task)))
    assert WITHIN in run.output
    assert "canary" not in run.output
