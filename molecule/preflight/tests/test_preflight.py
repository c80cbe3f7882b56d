# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the steps that follow get from preflight, and what stops them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
Play = Callable[..., str]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run preflight, twice, then write the facts of each host as JSON; as the playbooks do in a play for each part."""
    note = {
        "name": "Note the facts",
        "ansible.builtin.copy": {
            "content": "{{ facts | to_json }}",
            "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json",
            "mode": "0600",
        },
        "vars": {
            "facts": {
                name: f"{{{{ {name} | default(none) }}}}" for name in ("safesecrets_account", "safesecrets_instance")
            }
        },
    }
    step = {
        "gather_facts": False,
        "module_defaults": {"group/safesecrets.infra.aws": "{{ safesecrets_aws }}"},
        "roles": ["safesecrets.infra.preflight"],
        "tasks": [
            {"name": "Do it again", "ansible.builtin.include_role": {"name": "safesecrets.infra.preflight"}},
            note,
        ],
    }
    playbook = tmp_path / "play.yml"

    def run(*arguments: str, plays: tuple[str, ...] = ("localhost", "safesecrets"), **variables: Any) -> str:
        playbook.write_text(yaml.safe_dump([{"hosts": hosts, **step} for hosts in plays]))
        finished = subprocess.run(
            [
                "ansible-playbook",
                f"--inventory={REPOSITORY / 'inventory/lab'}",
                f"--extra-vars={json.dumps(variables)}",
                *arguments,
                playbook,
            ],
            env=os.environ | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return finished.stdout

    return run


def test_the_facts_are_there_and_looked_up_once(play: Play, lab: dict[str, Any], tmp_path: Path) -> None:
    output = play()
    account = json.loads((tmp_path / "localhost.json").read_text())["safesecrets_account"]
    instance = json.loads((tmp_path / "safesecrets-app.json").read_text())["safesecrets_instance"]
    assert account["account_id"] == lab["account_id"]
    assert account["role_arn"] == f"arn:aws:iam::{lab['account_id']}:role/{lab['role_name']}"
    assert instance["instance_profile_arn"].startswith(f"arn:aws:iam::{lab['account_id']}:instance-profile/")
    assert {name: instance[name] for name in ("instance_id", "role_name", "account_id", "region")} == {
        name: lab[name] for name in ("instance_id", "role_name", "account_id", "region")
    }
    assert output.count("TASK [safesecrets.infra.preflight : Read the caller's identity and look up the role]") == 1
    assert output.count("TASK [safesecrets.infra.preflight : Ask the host who it is]") == 1


def test_within_one_play_the_controller_comes_first_whoever_is_quicker(play: Play, tmp_path: Path) -> None:
    output = play(plays=("safesecrets:localhost",))
    assert "failed=1" not in output, output
    assert json.loads((tmp_path / "safesecrets-app.json").read_text())["safesecrets_instance"]


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (("--limit=safesecrets",), {}, "use --limit 'localhost,safesecrets-app'"),
        ((), {"safesecrets_account_id": "999999999999"}, "but safesecrets_account_id is 999999999999"),
        ((), {"safesecrets_role_name": "NoSuchRole"}, "The role NoSuchRole of account"),
        (
            (),
            {"safesecrets_imds_endpoint": "http://127.0.0.1:9"},
            "at http://127.0.0.1:9 gave no token: Request failed: ",
        ),
        (
            (),
            {"safesecrets_regions": {"CA": None}, "smartest_ai_endpoint": "http://api.example.com"},
            "safesecrets_regions.CA is nothing, not a mapping. "
            "Remedy: write a mapping with region, name, models, voices",
        ),
    ],
    ids=["limit", "account", "role", "metadata", "configuration"],
)
def test_says_why_it_stops(play: Play, arguments: tuple[str, ...], variables: dict[str, Any], said: str) -> None:
    output = play(*arguments, **variables)
    assert said in output
    assert "failed=1" in output
    assert "Traceback" not in output
