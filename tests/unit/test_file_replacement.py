# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file is replaced as a whole, whatever interrupts it; what cannot be replaced is left alone and explained."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import file_replacement
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import explain_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.file_replacement import (
    NEW,
    NoSuchName,
    look,
    obstacles,
    replace,
)

OLD_CONTENT = b"OLD=1\n" * 5000
NEW_CONTENT = b"NEW=22\n" * 5000
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file."""
    file = tmp_path / "app.env"
    file.write_bytes(OLD_CONTENT)
    file.chmod(0o640)
    return file


def refused(path: Path, **options: str) -> str:
    """Say what stands against replacing a file."""
    return explain_faults(obstacles(look(str(path), **options)))


def test_a_replaced_file_keeps_owner_group_mode_and_attributes(path: Path) -> None:
    os.setxattr(path, "user.note", b"kept")
    before = path.stat()
    replace(look(str(path)), NEW_CONTENT)
    after = path.stat()
    assert path.read_bytes() == NEW_CONTENT
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert os.getxattr(path, "user.note") == b"kept"
    assert after.st_ino != before.st_ino
    assert list(path.parent.iterdir()) == [path]


@as_root
def test_a_replaced_file_keeps_another_owner_and_its_selinux_context(path: Path) -> None:
    context = b"system_u:object_r:etc_t:s0\0"
    os.chown(path, 12345, 54321)
    os.setxattr(path, "security.selinux", context)
    replace(look(str(path)), NEW_CONTENT)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)
    assert os.getxattr(path, "security.selinux") == context


@as_root
def test_owner_and_group_are_set_where_they_are_asked_for(path: Path) -> None:
    replace(look(str(path), owner="daemon", group="daemon", mode="0600"), NEW_CONTENT)
    assert path.owner() == path.group() == "daemon"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert look(str(path), owner="daemon", mode="0600").as_wanted
    assert not look(str(path), owner="root").as_wanted


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.env"
    replace(look(str(path)), NEW_CONTENT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()


def test_a_read_only_file_is_replaced_and_stays_read_only(path: Path) -> None:
    path.chmod(0o400)
    assert refused(path) == ""
    replace(look(str(path)), NEW_CONTENT)
    assert path.read_bytes() == NEW_CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_a_symbolic_link_stays_one_and_what_it_names_is_replaced(path: Path) -> None:
    (path.parent / "there").mkdir()
    link = path.parent / "there/link.env"
    link.symlink_to("../app.env")
    replace(look(str(link)), NEW_CONTENT)
    assert link.readlink() == Path("../app.env")
    assert path.read_bytes() == NEW_CONTENT


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe is no regular file. Remedy: " in refused(tmp_path / "pipe")
    assert "is no regular file" in refused(tmp_path)


def test_a_hard_link_is_refused(path: Path) -> None:
    (path.parent / "other.env").hardlink_to(path)
    assert "has several names (hard links)" in refused(path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "is in a directory that is not there. Remedy: make it" in refused(tmp_path / "no/app.env")


def test_an_unknown_owner_is_named(path: Path) -> None:
    with pytest.raises(NoSuchName, match="group nobody-knows"):
        look(str(path), group="nobody-knows")


@as_root
@pytest.mark.parametrize(("flag", "state"), [("i", "immutable"), ("a", "append-only")])
def test_a_locked_file_is_refused_and_untouched(path: Path, flag: str, state: str) -> None:
    if subprocess.run(["chattr", f"+{flag}", path], check=False, capture_output=True).returncode:
        pytest.skip("the file system has no such attribute")
    try:
        assert refused(path) == f"{path} is {state}. Remedy: chattr -{flag} {path}, if it may change"
        with pytest.raises(PermissionError):
            replace(look(str(path)), NEW_CONTENT)
        assert path.read_bytes() == OLD_CONTENT
        assert list(path.parent.iterdir()) == [path]
    finally:
        subprocess.run(["chattr", f"-{flag}", path], check=True)


def as_nobody(action: Callable[[], Any]) -> Any:
    """Do something in a process of another user and return what it gives."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def act() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        answers.put(action())

    process = context.Process(target=act)
    process.start()
    process.join()
    assert process.exitcode == 0
    return answers.get()


@as_root
def test_what_only_root_could_do_is_refused_to_others(path: Path) -> None:
    with tempfile.TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o755)
        moved = Path(reachable) / path.name
        moved.write_bytes(OLD_CONTENT)
        moved.chmod(0o644)
        said = as_nobody(lambda: refused(moved))
    assert "is in a directory that cannot be written to" in said
    assert "shall belong to user 0 and group 0, which only root can bring about" in said
    assert said.count("Remedy: let the role become root") == 2


def test_what_another_program_wrote_meanwhile_is_not_lost(path: Path) -> None:
    target = look(str(path))
    path.write_bytes(b"ANOTHER=1\n")
    with pytest.raises(OSError, match="another program changed it meanwhile"):
        replace(target, NEW_CONTENT)
    assert path.read_bytes() == b"ANOTHER=1\n"
    assert list(path.parent.iterdir()) == [path]


#: Every call of the system that replacing makes; the last two come after the new file is in place.
STEPS = [("open", 0), ("fchown", 0), ("setxattr", 0), ("fchmod", 0), ("fsync", 0), ("open", 1), ("fsync", 1)]


def interrupted(name: str, number: int, end: Callable[[], Any]) -> Any:
    """Let one call of the system end in another way."""
    real, calls = getattr(os, name), iter(range(100))

    def call(*arguments: Any, **options: Any) -> Any:
        return end() if next(calls) == number else real(*arguments, **options)

    return mock.patch.object(file_replacement.os, name, call)


def fail() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("name", "number"), STEPS[:-2])
def test_a_failing_call_leaves_the_old_file_and_nothing_else(path: Path, name: str, number: int) -> None:
    os.setxattr(path, "user.note", b"kept")
    target = look(str(path))
    with interrupted(name, number, fail), pytest.raises(OSError, match="No space left"):
        replace(target, NEW_CONTENT)
    assert path.read_bytes() == OLD_CONTENT
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("name", "number"), STEPS)
def test_a_process_killed_at_any_call_leaves_the_old_or_the_new_file(path: Path, name: str, number: int) -> None:
    os.setxattr(path, "user.note", b"kept")

    def die() -> None:
        with interrupted(name, number, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            replace(look(str(path)), NEW_CONTENT)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "the call was never made"
    assert path.read_bytes() in (OLD_CONTENT, NEW_CONTENT)
    assert {each.name for each in path.parent.iterdir()} <= {path.name, path.name + NEW}
    replace(look(str(path)), NEW_CONTENT)
    assert path.read_bytes() == NEW_CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_process_killed_at_any_moment_leaves_the_old_or_the_new_file(path: Path) -> None:
    def write_for_ever() -> None:
        while True:
            replace(look(str(path)), NEW_CONTENT)
            replace(look(str(path)), OLD_CONTENT)

    for round_ in range(20):
        process = multiprocessing.get_context("fork").Process(target=write_for_ever)
        process.start()
        time.sleep(0.002 * round_)
        process.kill()
        process.join()
        assert path.read_bytes() in (OLD_CONTENT, NEW_CONTENT)


def test_writing_in_place_would_not_pass_these_tests(path: Path) -> None:
    def write_in_place() -> None:
        with path.open("wb") as file:
            file.write(NEW_CONTENT[:10])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=write_in_place)
    process.start()
    process.join()
    assert path.read_bytes() not in (OLD_CONTENT, NEW_CONTENT)
