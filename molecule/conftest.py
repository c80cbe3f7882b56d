# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of the scenarios' tests: the scenario's lab, its account and its host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

SHARED = Path(__file__).parent / "shared"


@pytest.fixture(scope="session")
def lab() -> dict[str, Any]:
    """Give what the lab says of itself (``lab.json``)."""
    return json.loads((Path(os.environ["SAFESECRETS_LAB_DIR"]) / "lab.json").read_text())


@pytest.fixture(scope="session")
def aws(lab: dict[str, Any]) -> Callable[..., Any]:
    """Give clients of the operator: ``aws("iam")``, ``aws("polly", "us-east-1")``."""
    session = boto3.Session(lab["access_key_id"], lab["secret_access_key"])

    def client(service: str, region: str = lab["region"]) -> Any:
        return session.client(service, region, endpoint_url=lab["endpoint_url"], verify=lab["ca_bundle"])

    return client


@pytest.fixture(scope="session")
def environment_file(lab: dict[str, Any]) -> Path:
    """Give the host's ``/etc/safesecrets.env``."""
    return Path(lab["host_root"], "etc/safesecrets.env")


@pytest.fixture
def snapshot() -> dict[str, Any]:
    """Give everything that a role could change, as it is now."""
    seen = subprocess.run([sys.executable, SHARED / "snapshot.py"], check=True, capture_output=True, text=True)
    return json.loads(seen.stdout)


@pytest.fixture(scope="session")
def on_host(lab: dict[str, Any]) -> Callable[[str], str]:
    """Run a shell script on the host and give what it prints."""

    def run(script: str) -> str:
        command = [
            "ssh",
            *("-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={lab['host_known_hosts']}"),
            *("-i", lab["host_key"], "-p", str(lab["host_port"])),
            f"{lab['host_user']}@127.0.0.1",
            "sh -s",
        ]
        return subprocess.run(command, input=script, check=True, capture_output=True, text=True, timeout=60).stdout

    return run
