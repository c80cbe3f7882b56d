# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service that does not come up on one host is not restarted on the next."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
HOSTS = ("first", "second", "third")


def restart(directory: Path, **variables: int) -> str:
    """Restart a service that no host has, on hosts on which a restart is due."""
    for host in HOSTS:
        (directory / host).write_text("A=new\n", encoding="utf-8")
        (directory / f"{host}.safesecrets-previous").write_text("A=old\n", encoding="utf-8")
    hosts = {host: {"environment_path": str(directory / host)} for host in HOSTS}
    everywhere = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "environment_service": "safesecrets-test-no-such-service",
        "environment_health_url": "http://127.0.0.1:9/health",
        "environment_restart_due": True,
        "safesecrets_become": False,
    }
    everything = {"hosts": {"localhost": {}}, "vars": variables}
    inventory, playbook = directory / "inventory.yml", directory / "playbook.yml"
    inventory.write_text(yaml.safe_dump({"all": everything, "safesecrets": {"hosts": hosts, "vars": everywhere}}))
    # It always follows another play, and only then knows the variables of localhost.
    first = {"name": "Look first", "hosts": "localhost", "gather_facts": False}
    last = {"name": "Restart", "ansible.builtin.import_playbook": str(PLAYBOOKS / "restart.yml")}
    playbook.write_text(yaml.safe_dump([first, last]))
    run = subprocess.run(
        ["ansible-playbook", "--inventory", inventory, playbook],
        env=os.environ | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode != 0, run.stdout
    return run.stdout


def contents(directory: Path) -> list[str]:
    """Return what the hosts' files hold."""
    return [(directory / host).read_text(encoding="utf-8").strip() for host in HOSTS]


@pytest.mark.parametrize(
    ("variables", "held"),
    [
        ({}, ["A=old", "A=new", "A=new"]),
        # As a control: who lets it may have two restarted at once.
        ({"environment_serial": 2}, ["A=old", "A=old", "A=new"]),
    ],
    ids=["one after the other", "two at once"],
)
def test_the_first_failure_leaves_the_other_hosts_alone(
    tmp_path: Path, variables: dict[str, int], held: list[str]
) -> None:
    output = restart(tmp_path, **variables)
    assert contents(tmp_path) == held, output
    assert "is not up with it either" in output
