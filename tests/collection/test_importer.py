"""Galaxy's own importer takes the artifact without a word of complaint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.collection.conftest import build, elsewhere


def complaints(artifact: Path, home: Path) -> list[str]:
    """Run the importer and return what it warned of or refused."""
    finished = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", str(artifact)],
        cwd=home,
        env=elsewhere(ANSIBLE_HOME=str(home), HOME=str(home)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    lines = finished.stdout.splitlines()
    found = [line for line in lines if line.startswith(("ERROR", "WARNING", "CRITICAL", "Traceback"))]
    if finished.returncode != 0 or "Importer processing completed successfully" not in lines:
        found.append(f"it ended with {finished.returncode}: {finished.stdout[-2000:]}")
    return found


@pytest.mark.usefixtures("installed")
def test_the_importer_has_no_complaint(artifact: Path, tmp_path: Path) -> None:
    assert complaints(artifact, tmp_path) == []


def test_the_importers_complaints_are_heard(sources: Path, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    subprocess.run(["cp", "-a", str(sources), str(planted)], check=True)
    (planted / "meta/runtime.yml").write_text("---\nrequires_ansible: newest\n")
    (tmp_path / "output").mkdir()
    found = complaints(build(planted, tmp_path / "output"), tmp_path)
    assert any("requires_ansible" in line for line in found), found
