# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment file after the role: the block as the requirements name it, everything else as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parents[3]
BLOCK = b"# BEGIN safesecrets.infra environment\n"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
APPLICATION_PROFILE = "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/a1b2c3d4e5f6"
EXPECTED = {
    "AWS_REGION_DEFAULT": "ca-central-1",
    "AWS_REGION_CANADA": "ca-central-1",
    "AWS_REGION_USA": "us-east-1",
    "BEDROCK_MODEL_ID_CA": HAIKU,
    "BEDROCK_MODEL_ID_US": PROFILE,
    "BEDROCK_MODEL_ALLOWLIST_CA": f"{HAIKU},{SONNET}",
    "BEDROCK_MODEL_ALLOWLIST_US": f"{PROFILE},{APPLICATION_PROFILE}",
    "POLLY_REGION_CA": "ca-central-1",
    "POLLY_REGION_US": "us-east-1",
    "TRANSCRIBE_REGION_CA": "ca-central-1",
    "TRANSCRIBE_REGION_US": "us-east-1",
}


def seeded() -> dict[str, Any]:
    """Return the starting account, as the lab wrote it."""
    account = yaml.safe_load((REPOSITORY / "lab/accounts/today.yml").read_text(encoding="utf-8"))
    assert isinstance(account, dict)
    return account


def test_what_stood_there_is_kept_byte_for_byte(environment_file: Path) -> None:
    before, _begin, after = environment_file.read_bytes().partition(BLOCK)
    assert before == seeded()["environment_file"].encode()
    assert after.endswith(b"# END safesecrets.infra environment\n")


def test_every_reader_gets_the_variables_of_the_requirements(environment_file: Path) -> None:
    shell = subprocess.run(
        ["sh", "-c", 'set -a; . "$0"; env', environment_file], check=True, capture_output=True, text=True, env={}
    )
    docker = dict(
        line.split("=", 1) for line in environment_file.read_text().splitlines() if "=" in line and line[0] != "#"
    )
    assert set(shell.stdout.splitlines()) >= {f"{name}={value}" for name, value in EXPECTED.items()}
    assert {name: docker[name] for name in EXPECTED} == EXPECTED
    assert {name: value for name, value in dotenv_values(environment_file).items() if name in EXPECTED} == EXPECTED


def test_the_variables_stand_in_the_order_of_the_requirements(environment_file: Path) -> None:
    block = environment_file.read_bytes().partition(BLOCK)[2].decode().splitlines()
    assert [line.partition("=")[0] for line in block if not line.startswith("#")] == list(EXPECTED)


def test_the_file_is_for_its_owner_alone(host: Any, environment_file: Path) -> None:
    file = host.file(str(environment_file))
    assert file.is_file
    assert file.mode == 0o600
    assert file.user == host.user().name
