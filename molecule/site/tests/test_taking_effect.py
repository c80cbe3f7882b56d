# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A changed value reaches the service, a killed run is completed, and what the service cannot bear is taken back."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
RECAP = re.compile(r"^safesecrets-app\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


class Run:
    """A run of a playbook."""

    def __init__(self, playbook: str, *arguments: str) -> None:
        done = subprocess.run(
            ["ansible-playbook", "--inventory", REPOSITORY / "inventory/lab_host", REPOSITORY / playbook, *arguments],
            env=os.environ | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.returncode, self.output = done.returncode, done.stdout

    @property
    def changed(self) -> int:
        """Return how many tasks changed the host."""
        recap = RECAP.search(self.output)
        assert recap, self.output
        return int(recap[1])


def greet(name: str, value: str, **variables: Any) -> Run:
    """Give the application a variable."""
    given = {"greeting_name": name, "greeting": value, "environment_health_seconds": 4, "environment_health_delay": 1}
    return Run("molecule/site/greeting.yml", "--extra-vars", json.dumps(given | variables))


@pytest.fixture
def health(on_host: Callable[[str], str]) -> Callable[[], dict[str, Any]]:
    """Ask the application how it is: its process, and the variables that it has read."""

    def ask() -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(on_host("curl -s http://127.0.0.1:3000/health"))
        return answer

    return ask


Health = Callable[[], dict[str, Any]]


def test_the_application_has_what_the_whole_chain_wrote(health: Health, on_host: Callable[[str], str]) -> None:
    assert {"AWS_REGION_USA", "SMARTEST_AI_API_KEY"} <= set(health()["variables"])
    assert "previous" not in on_host("ls /etc/safesecrets.env*")


def test_it_restarts_when_a_value_changes_and_only_then(health: Health) -> None:
    before = health()
    assert greet("GREETING", "hello").returncode == 0
    after = health()
    assert after["process"] != before["process"]
    assert "GREETING" in after["variables"]
    again = greet("GREETING", "hello")
    assert (again.returncode, again.changed) == (0, 0)
    assert health()["process"] == after["process"]


def test_the_next_run_completes_one_that_ended_before_the_restart(
    health: Health, on_host: Callable[[str], str]
) -> None:
    before = health()
    assert greet("GREETING", "good-morning", environment_restart_later=True).returncode == 0
    assert health()["process"] == before["process"]
    assert "safesecrets-previous" in on_host("ls /etc/safesecrets.env*")
    completed = greet("GREETING", "good-morning")
    assert completed.returncode == 0
    assert health()["process"] != before["process"]
    assert "safesecrets-previous" not in on_host("ls /etc/safesecrets.env*")


def test_what_the_service_cannot_bear_is_taken_back(health: Health, on_host: Callable[[str], str]) -> None:
    content = on_host("sudo cat /etc/safesecrets.env")
    on_host("sudo sed -i 's/^REFUSES=.*/REFUSES=FAREWELL/' /etc/default/safesecrets")
    run = greet("FAREWELL", "goodbye")
    assert run.returncode != 0
    said = " ".join(run.output.split())
    assert "safesecrets did not come up with the changed /etc/safesecrets.env: Status code was 503" in said
    assert "The previous file is back; safesecrets was started again and http://127.0.0.1:3000/health answers." in said
    assert on_host("sudo cat /etc/safesecrets.env") == content
    assert health()["status"] == "ok"
    assert "safesecrets-previous" not in on_host("ls /etc/safesecrets.env*")


def test_the_blocks_are_taken_out_by_their_tags(health: Health, on_host: Callable[[str], str]) -> None:
    arguments = ("playbooks/rollback.yml", "--tags", "environment,smartest_ai")
    content = on_host("sudo cat /etc/safesecrets.env")
    planned = Run(*arguments, "--check")
    assert planned.returncode == 0, planned.output
    assert planned.changed > 0
    assert on_host("sudo cat /etc/safesecrets.env") == content
    done = Run(*arguments)
    assert done.returncode == 0, done.output
    left = health()["variables"]
    assert "PORT" in left
    assert "GREETING" in left, "the block of another"
    assert not {"AWS_REGION_USA", "SMARTEST_AI_API_KEY"} & set(left)
    again = Run(*arguments)
    assert (again.returncode, again.changed) == (0, 0)
