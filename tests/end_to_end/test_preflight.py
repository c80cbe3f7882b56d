"""Preflight looks at everything with credentials that may change nothing, and says where it may not even look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import accounts
from tests.end_to_end.playbook_run import REPOSITORY, Lab, running_lab
from tests.end_to_end.test_accounts import variables

POLICY = REPOSITORY / "docs/preflight-policy.json"
#: What one of the tests takes from the policy, by the item that then cannot be looked at.
DENIED = {"INFRA-P2-1": "iam:GetPolicy", "INFRA-P2-3": "polly:DescribeVoices"}
#: How the operations begin that only look.
LOOKS = ("Describe", "Get", "List", "Simulate")


def actions(policy: dict[str, Any]) -> list[str]:
    listed = [statement["Action"] for statement in policy["Statement"]]
    return [action for each in listed for action in ([each] if isinstance(each, str) else each)]


@contextmanager
def lab_of_a_reader(policy: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab whose operator has this policy and no other."""
    with monkeypatch.context() as environment:
        environment.setenv("SAFESECRETS_LAB_OPERATOR_POLICY", str(policy))
        with running_lab("working_profiles", directory) as lab:
            yield lab


def calls(lab: Lab) -> list[str]:
    """The operations that were asked of the lab."""
    lines = (lab.directory / "lab.log").read_text().splitlines()
    return [line.split()[-3] for line in lines if line.split()[-2:-1] == ["->"] and " unsigned " not in line]


def test_the_policy_only_looks() -> None:
    verbs = [action.partition(":")[2] for action in actions(json.loads(POLICY.read_text()))]
    assert [verb for verb in verbs if not verb.startswith(LOOKS)] == []


def test_everything_is_looked_at_and_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab_of_a_reader(POLICY, tmp_path / "lab", monkeypatch) as lab:
        before = lab.environment_file.read_bytes()
        run = lab.play(playbook="preflight.yml", variables=variables(accounts.load("working_profiles")))
        assert run.returncode == 0, run.output
        assert set(run.changed.values()) == {0}, run.output
        assert lab.environment_file.read_bytes() == before
        made = calls(lab)
    assert made
    assert [call for call in made if not call.startswith(LOOKS)] == []
    assert run.findings("preflight.look") == []
    looked = {each["item"] for each in run.findings()}
    assert looked == {"prerequisites", *(f"INFRA-P2-{number}" for number in (1, 2, 3, 4, 5))}
    (model,) = run.findings("bedrock_access.model_ready", subject="us.anthropic.claude-haiku-4-5-20251001-v1:0")
    assert model["evidence"]["route"]["destinations"] == ["us-east-1", "us-east-2", "us-west-2"]
    planned = run.findings("iam_policy.action_allowed", status="unproven")
    assert {"us-east-1", "us-east-2", "us-west-2", "unspecified"} < {each["region"] for each in planned}


def test_what_may_not_be_looked_at_is_unproven_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = json.loads(POLICY.read_text())
    for statement in policy["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each not in DENIED.values()]
    less = tmp_path / "less.json"
    less.write_text(json.dumps(policy))
    with lab_of_a_reader(less, tmp_path / "lab", monkeypatch) as lab:
        configured = variables(accounts.load("working_profiles"))
        run = lab.play("--tags", "account", playbook="preflight.yml", variables=configured)
    assert run.returncode == 0, run.output
    unseen = {each["item"]: each for each in run.findings("preflight.look")}
    assert {item: each["status"] for item, each in unseen.items()} == dict.fromkeys(DENIED, "unproven")
    assert [item for item, action in DENIED.items() if action not in unseen[item]["detail"]] == []
    assert run.findings("bedrock_access.model_ready", region="us-east-1", status="unproven")
