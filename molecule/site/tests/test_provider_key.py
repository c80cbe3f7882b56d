# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The provider's key on a host that is not the controller: where it is, where it is not, and how it is rotated."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from tests.watched_run import REPOSITORY, SOURCE, Search, files

FOLDERS = ("dev/shm", "etc", "home", "opt", "root", "run", "srv", "tmp", "var")
HEALTH = "http://127.0.0.1:3000/health"


@pytest.fixture
def key(aws: Callable[..., Any]) -> str:
    return aws("secretsmanager").get_secret_value(SecretId="safesecrets/smartest-ai")["SecretString"]


def holding(lab: dict[str, Any], *keys: str) -> list[str]:
    """Name the files of the host that hold one of the keys, in any form."""
    root, search = Path(lab["host_root"]), Search(list(keys))
    search.look("host", files(*(root / folder for folder in FOLDERS)))
    assert search.places["host"].looked_at > len(FOLDERS)
    return [str(Path("/") / Path(path).relative_to(root)) for path in search.places["host"].found]


@pytest.fixture
def rotate(lab: dict[str, Any], tmp_path: Path) -> Callable[[str], tuple[str, dict[str, Any]]]:
    """Put a key into the controller's environment, run the step, and give what it says and the finding."""
    settings = {
        "smartest_ai_api_key_secret_id": "",
        "smartest_ai_api_key_environment_variable": SOURCE,
        "environment_service": "safesecrets",
        "environment_health_url": HEALTH,
    }

    def run(key: str) -> tuple[str, dict[str, Any]]:
        done = subprocess.run(
            [
                *("ansible-playbook", "--inventory", REPOSITORY / "inventory/lab_host"),
                *("--extra-vars", json.dumps(settings), REPOSITORY / "playbooks/smartest_ai.yml"),
            ],
            env=os.environ
            | {
                SOURCE: key,
                "ANSIBLE_CALLBACKS_ENABLED": "safesecrets.infra.findings",
                "ANSIBLE_NOCOLOR": "true",
                "ANSIBLE_FORCE_COLOR": "false",
                "SAFESECRETS_HANDOVER": str(tmp_path),
                "SAFESECRETS_LAB_DIR": os.environ["SAFESECRETS_LAB_DIR"],
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        report = json.loads((tmp_path / "latest/report.json").read_text())
        (finding,) = [each for each in report["findings"] if each["id"] == "smartest_ai.configured"]
        return done.stdout, finding

    return run


def test_the_key_is_nowhere_on_the_host_but_in_the_file(lab: dict[str, Any], key: str) -> None:
    assert holding(lab, key) == ["/etc/safesecrets.env"]


def test_a_rotated_key_restarts_the_service_once(
    lab: dict[str, Any],
    key: str,
    rotate: Callable[[str], tuple[str, dict[str, Any]]],
    on_host: Callable[[str], str],
) -> None:
    def process() -> int:
        return json.loads(on_host(f"curl -sSf --retry 5 --retry-connrefused {HEALTH}"))["process"]

    new = lab["provider_next_key"]
    output, finding = rotate(new)
    assert output.count("TASK [safesecrets.infra.environment : Restart safesecrets]") == 1
    before, after = (finding["evidence"][name] for name in ("key_fingerprint_before", "key_fingerprint"))
    assert f"the key before was another ({before} -> {after})" in finding["detail"]
    assert before != after
    assert finding["evidence"]["key_places"] == ["/etc/safesecrets.env"]
    restarted = process()

    output, finding = rotate(new)
    assert "Restart safesecrets]" not in output
    assert process() == restarted
    assert finding["evidence"]["key_fingerprint_before"] == finding["evidence"]["key_fingerprint"] == after
    assert holding(lab, key, new) == ["/etc/safesecrets.env"], "the former key is still somewhere"
    assert dotenv_values(Path(lab["host_root"], "etc/safesecrets.env"))["SMARTEST_AI_API_KEY"] == new
