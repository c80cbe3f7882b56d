"""What is published: nothing that it should not hold, and all that a run needs."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.collection.conftest import BIN, REPOSITORY, build, elsewhere
from tests.end_to_end.playbook_run import Run, running_lab

#: What an artifact is made of. Everything else is for those who work on the collection.
PUBLISHED = {"CHANGELOG.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md"} | {
    "changelogs",
    "docs",
    "extensions",
    "meta",
    "playbooks",
    "plugins",
    "requirements",
    "roles",
}


def strays(artifact: Path) -> list[str]:
    """Name the members that an artifact must not hold: links, bytecode, secrets' files, other rooms of the house."""
    with tarfile.open(artifact) as archive:
        return [
            member.name
            for member in archive.getmembers()
            if member.name.partition("/")[0] not in PUBLISHED
            or not (member.isfile() or member.isdir())
            or "__pycache__" in member.name
            or any(part.startswith(".") for part in Path(member.name).parts)
        ]


def test_the_artifact_holds_nothing_else(artifact: Path) -> None:
    assert strays(artifact) == []


def test_of_the_requirements_it_holds_those_of_the_probe_alone(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        held = {name for name in archive.getnames() if name.startswith("requirements/")}
    assert held == {"requirements/probe.in", "requirements/probe.txt"}


def test_what_does_not_belong_into_the_artifact_is_found(sources: Path, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    subprocess.run(["cp", "-a", str(sources), str(planted)], check=True)
    (planted / "scratch").mkdir()
    (planted / "scratch/notes.txt").write_text("not for others\n")
    (planted / "roles/egress/tasks/link.yml").symlink_to("main.yml")
    (tmp_path / "output").mkdir()
    found = strays(build(planted, tmp_path / "output"))
    assert {"scratch", "scratch/notes.txt", "roles/egress/tasks/link.yml"} == set(found)


def test_the_artifact_holds_every_plugin_role_and_playbook(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        names = set(archive.getnames())
    expected = {
        str(path.relative_to(REPOSITORY))
        for folder in ("plugins", "roles", "playbooks", "meta")
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected - names == set()


def test_the_installed_collection_runs_in_an_empty_place(installed: Path, tmp_path: Path) -> None:
    """By its name alone: no checkout, no ansible.cfg of ours, the callback switched on by the environment."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with running_lab("today", tmp_path / "lab") as lab:
        environment = lab.environment(
            ANSIBLE_COLLECTIONS_PATH=str(installed), ANSIBLE_CALLBACKS_ENABLED="safesecrets.infra.findings"
        )
        del environment["ANSIBLE_CONFIG"]
        finished = subprocess.run(
            [
                *(str(BIN / "ansible-playbook"), "--inventory", str(REPOSITORY / "inventory/lab")),
                "safesecrets.infra.site",
            ],
            cwd=empty,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        report = json.loads((lab.directory / "handover/latest/report.json").read_text())
    assert finished.returncode == 0, finished.stdout
    run = Run(finished.returncode, finished.stdout, report)
    assert set(run.verdicts.values()) <= {"pass", "not_applicable"}, finished.stdout
    assert str(installed) in finished.stdout, "the run took another copy of the collection"
    assert str(REPOSITORY / "collections") not in finished.stdout
    version = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["version"]
    assert report["collection_version"] == version


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPOSITORY / "playbooks").glob("*.yml")))
def test_every_playbook_can_be_named_with_the_collection(name: str, installed: Path, tmp_path: Path) -> None:
    finished = subprocess.run(
        [str(BIN / "ansible-playbook"), "--syntax-check", "--inventory", "localhost,", f"safesecrets.infra.{name}"],
        cwd=tmp_path,
        env=elsewhere(ANSIBLE_COLLECTIONS_PATH=str(installed)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
