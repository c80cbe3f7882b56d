"""A job as a controller runs it: a copy without .git, its own collections first, injected credentials, no terminal.

The layout is that of ansible-runner's private data directory, as AWX fills it: project, inventory as a script, extra
vars of survey and credentials, the environment of the credentials.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_collections
import boto3
import pytest

from tests.end_to_end.playbook_run import REPOSITORY, Lab, running_lab

POLICY = "SafeSecretsMultiRegion"
BIN = Path(sys.executable).parent
SURVEY = {
    "bedrock_access_accept_agreement": "true",
    "safesecrets_strict": "false",
    "bedrock_access_wait_minutes": 5,
}


@dataclass(frozen=True)
class Job:
    """A finished job and where the controller finds what it left."""

    returncode: int
    output: str
    artifacts: Path

    @property
    def status(self) -> str:
        return (self.artifacts / "status").read_text()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.artifacts / "job_events").glob("*.json")]


@dataclass(frozen=True)
class Controller:
    """A private data directory, filled for one lab."""

    directory: Path
    lab: Lab
    injected: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A key that the provider takes and that no store of the lab holds."""
        return str(self.lab.facts["provider_next_key"])

    def run(self, playbook: str, name: str, *arguments: str, **answers: Any) -> Job:
        """Run a job with these answers to its survey, and these arguments to ansible-runner."""
        extra = {
            # The credential of our own type injects these two, and the key into the environment.
            "smartest_ai_api_key_environment_variable": "SAFESECRETS_SMARTEST_AI_API_KEY",
            "smartest_ai_api_key_secret_id": "",
            # AWX's credential for AWS injects the environment alone; the lab's address takes the place of AWS's own.
            "safesecrets_aws": {name: self.lab.facts[name] for name in ("endpoint_url", "region")}
            | {"aws_ca_bundle": self.lab.facts["ca_bundle"]},
            **SURVEY,
            **answers,
        }
        (self.directory / "env").mkdir(exist_ok=True)
        (self.directory / "env/extravars").write_text(json.dumps(extra))
        finished = subprocess.run(
            [
                *(str(BIN / "ansible-runner"), "run", str(self.directory), "--ident", name),
                *("--playbook", f"playbooks/{playbook}", "--omit-env-files", *arguments),
            ],
            env=self.environment() | self.injected,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return Job(finished.returncode, finished.stdout, self.directory / "artifacts" / name)

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
        return kept | {
            "HOME": str(self.directory),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": f"{self.directory}/requirements_collections:collections",
            "SAFESECRETS_LAB_DIR": str(self.lab.directory),
            "AWS_ACCESS_KEY_ID": self.lab.facts["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.lab.facts["secret_access_key"],
            "AWS_CA_BUNDLE": self.lab.facts["ca_bundle"],
            "SAFESECRETS_SMARTEST_AI_API_KEY": self.key,
        }

    def found(self, job: Job) -> list[str]:
        """Name the files of a job's artifacts, and of the project after it, that hold one of the secrets.

        The file "command" is ansible-runner's note of the environment that it was given; a controller masks it.
        """
        kept_from_view = [self.key, self.lab.facts["secret_access_key"]]
        places = [job.artifacts, self.directory / "project", self.directory / ".ansible"]
        files = [path for place in places for path in place.rglob("*") if path.is_file() and path.name != "command"]
        held = [
            str(path.relative_to(self.directory))
            for path in files
            if any(secret.encode() in path.read_bytes() for secret in kept_from_view)
        ]
        return held + ["the output"] * any(secret in job.output for secret in kept_from_view)


def copy_project(target: Path) -> None:
    """Copy what git keeps, links as links, as AWX copies a project: there is no .git in it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_symlink() or (REPOSITORY / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name, follow_symlinks=False)


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    with running_lab("today", tmp_path_factory.mktemp("lab") / "lab") as lab:
        yield filled(tmp_path_factory.mktemp("job"), lab)


def filled(directory: Path, lab: Lab, **injected: str) -> Controller:
    """Fill a private data directory; injected is what credentials of our own types add to the environment."""
    made = Controller(directory, lab, injected)
    copy_project(directory / "project")
    required = directory / "requirements_collections/ansible_collections"
    required.mkdir(parents=True)
    (required / "amazon").symlink_to(Path(next(iter(ansible_collections.__path__))) / "amazon")
    listed = subprocess.run(
        [str(BIN / "ansible-inventory"), "--inventory", "inventory/lab", "--list", "--export"],
        cwd=directory / "project",
        env=made.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    (directory / "inventory").mkdir()
    script = directory / "inventory/hosts"
    script.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(listed.stdout)})\n")
    script.chmod(0o700)
    return made


@pytest.fixture(scope="module")
def refused(controller: Controller) -> Job:
    """Before the first run: an answer that is none."""
    return controller.run("site.yml", "refused", bedrock_access_wait_minutes="soon")


@pytest.fixture(scope="module")
def first(controller: Controller, refused: Job) -> Job:
    assert refused.returncode != 0
    return controller.run("site.yml", "first")


def test_an_answer_of_a_survey_is_checked_like_any_other_input(controller: Controller, refused: Job) -> None:
    assert refused.status == "failed"
    assert "bedrock_access_wait_minutes" in refused.output
    assert not any(event["event_data"].get("changed") for event in refused.events if event["event"] == "runner_on_ok")
    assert controller.found(refused) == []


def test_the_job_succeeds_and_says_so_to_the_controller(first: Job) -> None:
    assert (first.returncode, first.status) == (0, "successful"), first.output
    (stats,) = [event for event in first.events if event["event"] == "playbook_on_stats"]
    assert stats["event_data"]["failures"] == {}
    assert "Result:   PASS" in first.output


def test_no_secret_is_left_with_the_controller(controller: Controller, first: Job) -> None:
    assert controller.found(first) == []
    assert controller.key in controller.lab.environment_file.read_text(), "the key did not go where it belongs"


def test_a_secret_that_a_job_prints_is_found(controller: Controller, first: Job) -> None:
    assert first.returncode == 0
    planted = controller.directory / "project/playbooks/planted.yml"
    planted.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n"
        "        msg: \"{{ lookup('ansible.builtin.env', smartest_ai_api_key_environment_variable) }}\"\n"
    )
    leaking = controller.run(planted.name, "leaking")
    planted.unlink()
    found = controller.found(leaking)
    assert "the output" in found
    assert any(name.startswith("artifacts/leaking/job_events/") for name in found), found


@dataclass(frozen=True)
class Drift:
    """The nightly job before and after somebody took the policy away, and what is left when its directory is gone."""

    quiet: Job
    found: Job
    states: tuple[str, str]
    handover: Path


@pytest.fixture(scope="module")
def drift(controller: Controller, first: Job, tmp_path_factory: pytest.TempPathFactory) -> Drift:
    assert first.returncode == 0, first.output
    handover, lab = tmp_path_factory.mktemp("volume") / "handover", controller.lab
    nightly = filled(tmp_path_factory.mktemp("nightly"), lab, SAFESECRETS_HANDOVER=str(handover))
    quiet = nightly.run("drift.yml", "quiet", "--cmdline=--check")
    session = boto3.Session(lab.facts["access_key_id"], lab.facts["secret_access_key"], region_name="us-east-1")
    iam = session.client("iam", endpoint_url=lab.facts["endpoint_url"], verify=lab.facts["ca_bundle"])
    iam.delete_role_policy(RoleName=lab.facts["role_name"], PolicyName=POLICY)
    found = nightly.run("drift.yml", "found", "--cmdline=--check")
    states = quiet.status, found.status
    shutil.rmtree(nightly.directory)
    return Drift(quiet, found, states, handover)


def test_the_nightly_job_fails_on_drift_alone(drift: Drift) -> None:
    """AWX notifies of a job whose status is failed."""
    assert drift.states == ("successful", "failed"), drift.quiet.output + drift.found.output
    assert "playbooks/site.yml" in drift.found.output


def test_the_report_of_a_job_outlives_its_directory(drift: Drift) -> None:
    assert not drift.found.artifacts.exists()
    runs = sorted((drift.handover / "runs").iterdir())
    assert len(runs) == 2
    assert (drift.handover / "latest").resolve() == runs[1]
    assert {path.name for path in runs[1].iterdir()} >= {"report.json", "report.html", "junit.xml"}
    report = json.loads((runs[1] / "report.json").read_text())
    assert report["check_mode"] is True
    (written,) = [each for each in report["findings"] if each["id"] == "iam_policy.policy_document"]
    assert (written["status"], POLICY in written["subject"]) == ("unproven", True)
    before = json.loads((runs[0] / "report.json").read_text())
    assert {each["item"] for each in before["findings"] if each["status"] == "unproven"} == {"validation"}
