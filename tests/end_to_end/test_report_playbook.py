# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/report.yml: the hand-over again from what is there, without AWS and without a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_files import MODES, as_text

from tests.end_to_end.playbook_run import ANSIBLE_PLAYBOOK, RECAP, REPOSITORY
from tests.unit.handover_fixture import ACCOUNT, RUN, files, fixture


def play(directory: Path, *arguments: str, **variables: object) -> tuple[int, int, str]:
    """Return the exit status, how many tasks changed something, and what was printed."""
    command = [
        str(ANSIBLE_PLAYBOOK),
        "--inventory",
        "localhost,",
        "--connection",
        "local",
        "playbooks/report.yml",
        *arguments,
    ]
    finished = subprocess.run(
        [*command, "--extra-vars", json.dumps(variables)],
        cwd=REPOSITORY,
        env=os.environ
        | {"SAFESECRETS_HANDOVER": str(directory), "ANSIBLE_FORCE_COLOR": "0"}
        | {"ANSIBLE_PYTHON_INTERPRETER": sys.executable},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    changed = RECAP.search(finished.stdout)
    return finished.returncode, int(changed[3]) if changed else -1, " ".join(finished.stdout.split())


def remember(directory: Path, host: str, version: str = "0.1.0") -> None:
    """Write the shard of a host."""
    found = [{**each, "run_id": RUN} for each in files(host, "anthropic.claude-3-haiku-20240307-v1:0")]
    origin = {"account_id": ACCOUNT, "collection_version": version, "configuration": {"chain": "0" * 16, "host": host}}
    shard = {"schema_version": 2, **origin, "host": host, "findings": found, "failed_tasks": []}
    (directory / "shards").mkdir(exist_ok=True)
    (directory / f"shards/{host}.json").write_text(as_text(shard))


def test_check_mode_predicts_a_run_writes_and_a_repeat_changes_nothing(tmp_path: Path) -> None:
    for host in ("app-1", "app-2"):
        remember(tmp_path, host)
    (tmp_path / "shards/app-3.json").write_text("{")
    remember(tmp_path, "app-9", "0.0.9")
    assert play(tmp_path, "--check", handover_merge=True)[:2] == (0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]
    assert play(tmp_path, handover_merge=True)[:2] == (0, 1)
    assert {path.name for path in (tmp_path / "latest").iterdir()} == set(MODES)
    notes = json.loads((tmp_path / "latest/report.json").read_text())["notes"]
    assert any("app-1, app-2" in note for note in notes)
    assert any("no shard: app-3.json, app-9" in note for note in notes)
    assert play(tmp_path, handover_merge=True)[:2] == (0, 0)
    assert play(tmp_path)[:2] == (0, 0), "rendered again it is the same"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "which is no file on the controller"),
        ({"handover_merge": True}, "shards holds no shard to merge"),
        ({"handover_report": "old.json"}, "schema_version 1, and this version of the collection reads 2"),
    ],
    ids=["nothing there", "no shard", "an older form"],
)
def test_what_cannot_be_rendered_is_named(tmp_path: Path, variables: dict[str, object], says: str) -> None:
    (tmp_path / "old.json").write_text(json.dumps(fixture() | {"schema_version": 1}))
    told = {name: str(tmp_path / value) if isinstance(value, str) else value for name, value in variables.items()}
    status, changed, output = play(tmp_path, **told)
    assert (status, changed) == (2, 0)
    assert says in output
    assert not (tmp_path / "latest").exists(), "a run that hands nothing over leaves latest where it leads"
