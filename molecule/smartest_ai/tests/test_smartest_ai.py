# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key and endpoint in the environment file, the key from Secrets Manager."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parents[3]
ENDPOINT = "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech"


def test_the_application_reads_key_and_endpoint(environment_file: Path, aws: Callable[..., Any]) -> None:
    secret = aws("secretsmanager").get_secret_value(SecretId="safesecrets/smartest-ai")["SecretString"]
    values = dotenv_values(environment_file)
    assert values["SMARTEST_AI_API_KEY"] == secret
    assert values["SMARTEST_AI_ENDPOINT"] == ENDPOINT


def test_the_file_that_holds_the_key_is_for_its_owner_alone(host: Any, environment_file: Path) -> None:
    assert host.file(str(environment_file)).mode == 0o600


def test_what_stood_there_is_kept(environment_file: Path) -> None:
    before = environment_file.read_text().partition("# BEGIN safesecrets.infra smartest_ai\n")[0]
    assert "NODE_ENV=production\n" in before
    assert "SMARTEST" not in before


def test_a_key_is_fetched_once_for_all_hosts_and_a_wrong_name_stops_its_own_host_alone(tmp_path: Path) -> None:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts: dict[str, Any] = {
        "app-2": local,
        "app-3": {**local, "smartest_ai_api_key_secret_id": "safesecrets/not-there"},
    }
    (tmp_path / "more.json").write_text(json.dumps({"safesecrets": {"hosts": hosts}, "lab": {"hosts": hosts}}))
    log = Path(os.environ["SAFESECRETS_LAB_DIR"], "lab.log")
    before = len(log.read_text(encoding="utf-8"))
    run = subprocess.run(
        [
            "ansible-playbook",
            "--check",
            "-i",
            REPOSITORY / "inventory/lab",
            "-i",
            tmp_path / "more.json",
            "../shared/converge.yml",
        ],
        cwd=os.environ["MOLECULE_SCENARIO_DIRECTORY"],
        env=os.environ | {"AWS_CA_BUNDLE": f"{os.environ['SAFESECRETS_LAB_DIR']}/ca.pem"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    recap = dict(re.findall(r"^(\S+) +:.* failed=(\d)", run.stdout, re.MULTILINE))
    assert recap == {"safesecrets-app": "0", "app-2": "0", "app-3": "1"}, run.stdout
    assert "safesecrets/not-there" in run.stdout + run.stderr
    asked = re.findall(r" secretsmanager GetSecretValue -> (\d+)", log.read_text(encoding="utf-8")[before:])
    assert sorted(asked) == ["200", "400"], "once for each key"
