"""A lab's directory: its files, and the lock that says whether its process lives."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from os.path import samestat
from pathlib import Path
from typing import IO

ENVIRONMENT_VARIABLE = "SAFESECRETS_LAB_DIR"
#: Names another policy of the operator's than docs/operator-policy.json, for instance one that only looks.
OPERATOR_POLICY_VARIABLE = "SAFESECRETS_LAB_OPERATOR_POLICY"
REPOSITORY = Path(__file__).resolve().parent.parent


class DirectoryError(Exception):
    """A directory that is no lab's."""


@dataclass(frozen=True)
class Description:
    """``lab.json``: where the lab is and how to reach it as the operator."""

    endpoint_url: str
    imds_endpoint: str
    ca_bundle: str
    account: str
    account_id: str
    region: str
    access_key_id: str
    secret_access_key: str
    instance_id: str
    role_name: str
    host_root: str
    provider_url: str
    provider_next_key: str
    pid: int
    started_at: str
    # Where the host is a system of its own.
    host_address: str | None = None
    host_port: int | None = None
    host_user: str | None = None
    host_key: str | None = None
    host_known_hosts: str | None = None


class LabDirectory:
    """The files of one lab. Its process holds a lock on ``lab.pid`` for as long as it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.pid_file = self.path / "lab.pid"
        self.log = self.path / "lab.log"
        self.host_root = self.path / "host"
        self.host_key = self.path / "host_key"
        self.known_hosts = self.path / "known_hosts"
        self.ca_bundle = self.path / "ca.pem"
        self.server_certificate = self.path / "server.pem"
        self._description = self.path / "lab.json"

    def prepare(self) -> None:
        """Make the directory; refuse one that holds anything but a lab's files."""
        if self.path.exists() and not self.path.is_dir():
            raise DirectoryError(f"{self.path} is no directory: give another with --lab-dir or {ENVIRONMENT_VARIABLE}")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            foreign = [] if self.pid_file.exists() else sorted(entry.name for entry in self.path.iterdir())
            if foreign:
                raise DirectoryError(
                    f"{self.path} is no lab directory, it holds {foreign[0]}: "
                    f"give an empty or new one with --lab-dir or {ENVIRONMENT_VARIABLE}"
                )
            self.pid_file.touch(mode=0o600)
        except OSError as error:
            raise DirectoryError(f"{self.path} cannot be the lab's directory: {error.strerror}") from error

    def hold(self, seconds: float = 1) -> bool:
        """Take the lock for the rest of this process' life; say whether that was possible in the time.

        Whoever asks for the process holds it for a moment, so it is asked for more than once.
        """
        self._held = self.pid_file.open("r+", encoding="ascii")  # kept open: closing it would let the lock go
        end = time.monotonic() + seconds
        while not _locked(self._held, fcntl.LOCK_EX):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        if not self.pid_file.exists() or not samestat(os.fstat(self._held.fileno()), self.pid_file.stat()):
            return False  # the lab was taken down meanwhile
        self._held.truncate(0)
        self._held.write(str(os.getpid()))
        self._held.flush()
        return True

    @property
    def lock(self) -> int:
        """The descriptor of the held lock: a process that inherits it holds the lock, too."""
        return self._held.fileno()

    def pid(self) -> int | None:
        """The process of this lab; None when there is none, whatever a file left behind says."""
        try:
            with self.pid_file.open("r", encoding="ascii") as file:
                if not _locked(file, fcntl.LOCK_SH) and self._is_served_by(text := file.read()):
                    return int(text)
        except FileNotFoundError:
            pass
        return None

    def _is_served_by(self, pid: str) -> bool:
        """Between taking the lock and writing its number, the process leaves an older one's to be read."""
        if not Path("/proc/self").exists():
            return pid.isdigit()
        return pid.isdigit() and os.fsencode(self.path) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")

    def description(self) -> Description | None:
        """What the living process wrote once it was ready."""
        pid = self.pid()
        try:
            written = Description(**json.loads(self._description.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return written if pid and written.pid == pid else None

    def describe(self, description: Description) -> None:
        """Say that the lab is ready."""
        known = {name: value for name, value in asdict(description).items() if value is not None}
        self.write_secret(self._description, json.dumps(known, indent=2).encode() + b"\n")

    def write_secret(self, path: Path, content: bytes) -> None:
        """Write a file that only its owner reads, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_name(f".{path.name}.new")
        staging.unlink(missing_ok=True)
        descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        staging.replace(path)

    def clear(self) -> None:
        """Remove what an earlier lab left, but the lock and the log."""
        shutil.rmtree(self.host_root, ignore_errors=True)
        for path in (self.host_key, self.known_hosts, self.ca_bundle, self.server_certificate, self._description):
            path.unlink(missing_ok=True)
            path.with_name(f".{path.name}.new").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the lab's files, and the directory when nothing else is in it."""
        if not self.pid_file.exists():
            return
        self.clear()
        self.log.unlink(missing_ok=True)
        self.pid_file.unlink()
        if not any(self.path.iterdir()):
            self.path.rmdir()


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
