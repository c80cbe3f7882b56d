# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that renders an old report again, and the files as they are written."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import handover_files
from ansible_collections.safesecrets.infra.plugins.modules import handover_report

from tests.unit.handover_fixture import ACCOUNT, RUN, TEMPLATES, files, fixture
from tests.unit.module_runner import ModuleRunner, Result

ORIGIN = {"account_id": ACCOUNT, "collection_version": "0.1.0", "configuration": {"chain": "0" * 16, "host": "1" * 16}}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An old report, alone in its folder."""
    path = tmp_path / "runs/old/report.json"
    handover_files.write(path, handover_files.as_text(fixture()), handover_files.PRIVATE)
    return path


def shard(directory: Path, host: str, **changed: Any) -> str:
    observed = [{**each, "run_id": RUN} for each in files(host, "anthropic.claude-3-haiku-20240307-v1:0")]
    content = {"schema_version": 2, **ORIGIN, "host": host, "findings": observed, "failed_tasks": [], **changed}
    path = directory / f"{host}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def render(run_module: ModuleRunner, *, check_mode: bool = False, **arguments: Any) -> Result:
    return run_module(
        handover_report, {"region": None, "templates": str(TEMPLATES), **arguments}, check_mode=check_mode
    )


def test_an_old_report_is_rendered_beside_itself_and_a_repeat_changes_nothing(
    run_module: ModuleRunner, old: Path
) -> None:
    predicted = render(run_module, report=str(old), check_mode=True)
    assert predicted.changed
    assert [each.name for each in old.parent.iterdir()] == ["report.json"], "check mode writes nothing"
    first = render(run_module, report=str(old))
    assert not first.failed, first.values
    assert (first.changed, first["verdict"], first["directory"]) == (True, "fail", str(old.parent))
    assert first["files"] == predicted["files"]
    assert {each.name: stat.S_IMODE(each.stat().st_mode) for each in old.parent.iterdir()} == handover_files.MODES
    assert not render(run_module, report=str(old)).changed


def test_a_mode_that_was_changed_is_mended(run_module: ModuleRunner, old: Path) -> None:
    render(run_module, report=str(old))
    (old.parent / "report.html").chmod(0o666)
    assert render(run_module, report=str(old))["files"]["report.html"] is True
    assert stat.S_IMODE((old.parent / "report.html").stat().st_mode) == 0o600


def test_shards_are_merged_into_a_folder_of_their_own(run_module: ModuleRunner, tmp_path: Path) -> None:
    shards = [shard(tmp_path, "app-1"), shard(tmp_path, "app-2")]
    directory = tmp_path / "handover"
    assert render(run_module, shards=shards, directory=str(directory), check_mode=True).changed
    assert not directory.exists()
    merged = render(run_module, shards=shards, directory=str(directory))
    assert not merged.failed, merged.values
    report = json.loads((directory / "latest/report.json").read_text(encoding="utf-8"))
    assert {host for each in report["findings"] for host in each["hosts"]} == {"app-1", "app-2"}
    assert not render(run_module, shards=shards, directory=str(directory)).changed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "could not be read: No such file.*Name a file that a run has written"),
        ("{", "is not JSON"),
        ("[]", "holds a list"),
        ('{"schema_version": 1, "collection_version": "0.0.9"}', r"schema_version 1.*reads 2.*0\.0\.9"),
        ('{"schema_version": 2}', "KeyError"),
    ],
)
def test_what_is_no_report_is_named(
    run_module: ModuleRunner, tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = render(run_module, report=str(path))
    assert result.failed
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(result["msg"])


def test_shards_of_two_accounts_are_refused(run_module: ModuleRunner, tmp_path: Path) -> None:
    shards = [shard(tmp_path, "app-1"), shard(tmp_path, "app-2", account_id="999999999999")]
    result = render(run_module, shards=shards, directory=str(tmp_path / "handover"))
    assert result.failed
    assert "account_id: app-1 210987654321, app-2 999999999999" in result["msg"]
    assert not (tmp_path / "handover").exists()


def test_a_directory_that_cannot_be_written_is_named(run_module: ModuleRunner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = render(run_module, shards=[shard(tmp_path, "app-1")], directory=str(tmp_path / "file/handover"))
    assert result.failed
    assert "could not be written" in result["msg"]


class Unwritable:
    """Stands for a full disk."""

    def __init__(self, *_arguments: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_former_file_and_nothing_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    path.write_text("former", encoding="utf-8")
    monkeypatch.setattr(handover_files.os, "fdopen", Unwritable)
    with pytest.raises(OSError, match="No space left"):
        handover_files.write(path, "new", 0o600)
    assert path.read_text(encoding="utf-8") == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_latest_moves_at_once_and_stays_where_it_leads(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        assert handover_files.point_latest(tmp_path, tmp_path / "runs" / name)
        assert (tmp_path / "latest").resolve().name == name
    assert not handover_files.point_latest(tmp_path, tmp_path / "runs/second")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["latest", "runs"]


def test_folders_are_open_to_who_may_read_the_files_in_them(tmp_path: Path) -> None:
    handover_files.write(tmp_path / "a/b/report.md", "text", handover_files.PUBLIC)
    assert {stat.S_IMODE((tmp_path / each).stat().st_mode) for each in ("a", "a/b")} == {0o755}


def test_folders_of_runs_sort_by_their_moment() -> None:
    report = {"finished_at": "2026-11-24T12:00:00Z", "run_id": RUN}
    earlier, later = (
        handover_files.folder_of_run(Path("h"), {**report, "finished_at": moment})
        for moment in ("2026-11-24T12:00:00Z", "2026-11-25T01:00:00Z")
    )
    assert str(earlier) == f"h/runs/2026-11-24T120000Z-{RUN[:8]}"
    assert earlier < later


def test_what_is_no_shard_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    good = shard(tmp_path / "shards", "app-1")
    (tmp_path / "shards/broken.json").write_text("{", encoding="utf-8")
    assert [each["host"] for each in handover_files.read_shards(tmp_path)] == ["app-1"]
    assert handover_files.read_shard(tmp_path, "app-1") == json.loads(Path(good).read_text(encoding="utf-8"))
    assert handover_files.read_shard(tmp_path, "app-9") is None
