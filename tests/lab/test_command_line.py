"""``python -m lab``: what a user sees, and that nothing of anyone else's is touched."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def directory(tmp_path: Path, command: Command) -> Iterator[Path]:
    """A directory that does not exist yet; the lab that a test leaves in it is taken down."""
    yield tmp_path / "nested" / "lab"
    command(tmp_path / "nested" / "lab", "down")


def facts(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "lab.json").read_text())


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def servers(directory: Path) -> list[int]:
    """Every process that serves the directory."""
    wanted = f"lab.server\0{directory}\0".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if wanted in entry.read_bytes():
                found.append(int(entry.parent.name))
    return found


def serving(directory: Path, number: int) -> list[int]:
    """The processes that serve the directory; one that comes too late is given the time to leave."""
    end = time.monotonic() + 10
    while len(found := servers(directory)) != number and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_up_status_down(directory: Path, command: Command) -> None:
    assert command(directory, "status").returncode == 3
    up = command(directory, "up")
    assert (up.returncode, up.stderr) == (0, "")
    assert up.stdout == f"The lab is up with the account today: {facts(directory)['endpoint_url']}\n"

    status = command(directory, "status")
    assert status.returncode == 0
    for value in ("endpoint_url", "imds_endpoint", "account", "instance_id", "pid"):
        assert str(facts(directory)[value]) in status.stdout
    assert facts(directory)["secret_access_key"] not in status.stdout

    pid = facts(directory)["pid"]
    assert command(directory, "down").returncode == 0
    assert not alive(pid)
    assert not directory.exists()
    assert command(directory, "down").returncode == 0


def test_up_again_changes_nothing_and_another_account_is_an_error(directory: Path, command: Command) -> None:
    command(directory, "up")
    before = facts(directory)
    again = command(directory, "up", "--account", "today")
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "The lab runs already with the account today")
    other = command(directory, "up", "--account", "voice_missing")
    assert other.returncode == 1
    assert "runs with the account today, not voice_missing" in other.stderr
    assert "make lab-down" in other.stderr
    assert facts(directory) == before
    assert alive(before["pid"])


def test_two_starts_at_once_make_one_lab(directory: Path, command: Command) -> None:
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: command(directory, "up"), range(2)))
    assert [result.returncode for result in results] == [0, 0], results
    assert serving(directory, 1) == [facts(directory)["pid"]]


def test_down_during_starts_leaves_no_process(directory: Path, command: Command) -> None:
    directory.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        starts = [pool.submit(command, directory, "up") for _ in range(2)]
        while not servers(directory) and not all(start.done() for start in starts):
            time.sleep(0.02)
        assert command(directory, "down").returncode == 0
        assert all(start.result().returncode in (0, 1) for start in starts)
    command(directory, "down")
    assert serving(directory, 0) == []


def test_a_killed_lab_is_healed(directory: Path, command: Command) -> None:
    command(directory, "up")
    before = facts(directory)
    os.kill(before["pid"], signal.SIGKILL)
    while alive(before["pid"]):
        time.sleep(0.02)
    assert command(directory, "status").returncode == 3
    assert command(directory, "up", "--account", "voice_missing").returncode == 0
    after = facts(directory)
    assert after["account"] == "voice_missing"
    assert after["access_key_id"] != before["access_key_id"]


def test_a_stale_pid_file_never_costs_another_process_its_life(directory: Path, command: Command) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        directory.mkdir(parents=True)
        (directory / "lab.pid").write_text(str(bystander.pid))
        (directory / "lab.json").write_text("{half")
        (directory / "host").mkdir()
        assert command(directory, "status").returncode == 3
        assert command(directory, "up").returncode == 0
        assert facts(directory)["pid"] != bystander.pid
        command(directory, "down")
        (directory / "lab.pid").parent.mkdir(parents=True, exist_ok=True)
        (directory / "lab.pid").write_text(str(bystander.pid))
        assert command(directory, "down").returncode == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_secrets_are_for_the_owner_alone(directory: Path, command: Command) -> None:
    command(directory, "up")
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*") if path.is_file()}
    assert files.pop("ca.pem") == 0o644
    assert set(files) == {"lab.json", "lab.pid", "lab.log", "server.pem", "safesecrets.env"}
    assert set(files.values()) == {0o600}
    assert b"BEGIN CERTIFICATE" in (directory / "ca.pem").read_bytes()
    for name, text in ((path.name, path.read_text()) for path in directory.rglob("*") if path.is_file()):
        assert name == "lab.json" or facts(directory)["secret_access_key"] not in text


def test_a_directory_of_anything_else_is_left_alone(directory: Path, command: Command) -> None:
    (directory / "host").mkdir(parents=True)
    kept = directory / "host" / "kept.txt"
    kept.write_text("mine")
    up = command(directory, "up")
    assert up.returncode == 2
    assert "is no lab directory, it holds host" in up.stderr
    assert "SAFESECRETS_LAB_DIR" in up.stderr
    assert command(directory, "down").returncode == 0
    assert kept.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("sideways",), "invalid choice"),
        (("up", "--account", "nobody"), "There is no starting account 'nobody'. There are: agreement_in_error, "),
        (("up", "--account", "../accounts/today"), "There is no starting account"),
        (("up", "--speed", "9"), "unrecognized arguments"),
        (("up", "--lab-dir", "/proc/lab"), "/proc/lab cannot be the lab's directory"),
        (("up", "--lab-dir", "/etc/hostname"), "/etc/hostname is no directory"),
    ],
)
def test_bad_input_ends_with_two_and_says_what_to_do(
    directory: Path, command: Command, arguments: tuple[str, ...], message: str
) -> None:
    result = command(directory, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
