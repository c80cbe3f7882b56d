"""Labs for the lab's own tests: each in a directory of its own, taken down at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
CLIENTS = REPOSITORY / ".cache/clients"


@dataclass(frozen=True)
class RunningLab:
    """A lab that answers, with what its ``lab.json`` says."""

    directory: Path
    facts: dict[str, Any]

    def client(self, service: str, region: str = "ca-central-1", credentials: dict[str, str] | None = None) -> Any:
        """A client of the operator, or of whoever has the credentials; it does not retry."""
        operator = {
            "aws_access_key_id": self.facts["access_key_id"],
            "aws_secret_access_key": self.facts["secret_access_key"],
        }
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=self.facts["endpoint_url"],
            verify=self.facts["ca_bundle"],
            config=Config(retries={"max_attempts": 0}),
            **(operator if credentials is None else credentials),
        )

    def metadata(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and text of one request to the metadata service; ``_`` in a header's name stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with urlopen(Request(self.facts["imds_endpoint"] + path, method=method, headers=named)) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def metadata_token(self, seconds: int = 60) -> str:
        """A session token of the metadata service."""
        return self.metadata("/latest/api/token", "PUT", x_aws_ec2_metadata_token_ttl_seconds=str(seconds))[1]

    def role_credentials(self) -> dict[str, str]:
        """The credentials that the metadata service hands to the host, as a client takes them."""
        token, folder = self.metadata_token(), "/latest/meta-data/iam/security-credentials/"
        role = self.metadata(folder, x_aws_ec2_metadata_token=token)[1]
        document = json.loads(self.metadata(folder + role, x_aws_ec2_metadata_token=token)[1])
        return {
            "aws_access_key_id": document["AccessKeyId"],
            "aws_secret_access_key": document["SecretAccessKey"],
            "aws_session_token": document["Token"],
        }


def run_lab(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m lab`` on a directory."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"SAFESECRETS_LAB_DIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.fixture(scope="session")
def clients() -> Path:
    """Where the clients are that are not ours."""
    if not (CLIENTS / ".installed").exists():
        pytest.fail(f"The clients are not installed: run `make test-lab`, or `make {CLIENTS}/.installed`")
    return CLIENTS


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``command(directory, "up", "--account", "today")``."""
    return run_lab


def started(directory: Path, account: str) -> RunningLab:
    result = run_lab(directory, "up", "--account", account)
    assert result.returncode == 0, result.stderr
    return RunningLab(directory, json.loads((directory / "lab.json").read_text()))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab with the account that the requirements describe, shared: tests leave it as it was."""
    directory = tmp_path_factory.mktemp("lab-today")
    try:
        yield started(directory, "today")
    finally:
        run_lab(directory, "down")


@pytest.fixture
def lab_factory(tmp_path: Path) -> Iterator[Callable[[str], RunningLab]]:
    """``lab_factory("voice_missing")`` starts a lab of the test's own."""
    directories: list[Path] = []

    def start(account: str) -> RunningLab:
        directories.append(tmp_path / f"lab-{len(directories)}")
        return started(directories[-1], account)

    yield start
    for directory in directories:
        run_lab(directory, "down")
