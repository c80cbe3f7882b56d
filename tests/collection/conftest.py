"""The artifact as it is published, built once, and the place that it is installed into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def elsewhere(**more: str) -> dict[str, str]:
    """The environment of somebody who has no checkout: nothing tells Ansible of this one."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | more


def galaxy(*arguments: str, cwd: Path) -> str:
    """Run ansible-galaxy as somebody who has no checkout; no server is asked."""
    finished = subprocess.run(
        [str(BIN / "ansible-galaxy"), "collection", *arguments],
        cwd=cwd,
        env=elsewhere(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def build(source: Path, output: Path) -> Path:
    """Build the collection from a copy of what git would keep, and return the artifact."""
    galaxy("build", "--output-path", str(output), cwd=source)
    (artifact,) = output.glob("safesecrets-infra-*.tar.gz")
    return artifact


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that git keeps: what lies about in a checkout is not published."""
    copy = tmp_path_factory.mktemp("sources")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name, follow_symlinks=False)
    return copy


@pytest.fixture(scope="session")
def artifact(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection's artifact."""
    return build(sources, tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="session")
def installed(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path that holds the installed artifact and nothing else."""
    path = tmp_path_factory.mktemp("collections")
    galaxy("install", "--offline", "--no-deps", "--collections-path", str(path), str(artifact), cwd=artifact.parent)
    return path
