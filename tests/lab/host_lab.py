"""Labs whose host is a system of its own, for the tests that need one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab import host_requirements
from tests.lab.conftest import RunningLab, run_lab

TOKEN = "curl -sS -m 5 -X PUT -H X-aws-ec2-metadata-token-ttl-seconds:60 http://169.254.169.254/latest/api/token"  # noqa: S105
CANADA, USA, USA_IPV6 = (
    "https://polly.ca-central-1.amazonaws.com/",
    "https://polly.us-east-1.amazonaws.com/",
    "https://polly.us-east-1.api.aws/",
)


def skip_where_impossible() -> None:
    """Skip for the reason that the command would give."""
    try:
        host_requirements.check()
    except host_requirements.HostError as reason:
        pytest.skip(str(reason))


class HostLab(RunningLab):
    """A lab with a host of its own."""

    def ssh(self, command: str) -> str:
        """What a command of ec2-user prints on the host."""
        facts = self.facts
        options = f"-F none -o BatchMode=yes -o ConnectTimeout=20 -i {facts['host_key']} -p {facts['host_port']}"
        options += f" -o UserKnownHostsFile={facts['host_known_hosts']}"
        result = subprocess.run(
            ["ssh", *options.split(), f"{facts['host_user']}@{facts['host_address']}", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def reached(self) -> set[str]:
        """The endpoints that the host gets an answer from: any, for none of the calls is signed."""
        calls = [
            f"(curl -s -m 20 --connect-timeout 2 -{6 if url == USA_IPV6 else 4} -o /dev/null {url} && echo {url}) &"
            for url in (CANADA, USA, USA_IPV6)
        ]
        return set(self.ssh(f"{' '.join(calls)} wait").split())

    def comes_to_reach(self, wanted: set[str]) -> set[str]:
        """What it reaches once it is that, or in the end."""
        end = time.monotonic() + 20
        while (reached := self.reached()) != wanted and time.monotonic() < end:
            time.sleep(0.2)
        return reached


@contextmanager
def host_lab(directory: Path, account: str = "today") -> Iterator[HostLab]:
    """A lab in this directory, taken down at the end."""
    skip_where_impossible()
    try:
        up = run_lab(directory, "up", "--account", account, "--host")
        assert up.returncode == 0, up.stderr
        yield HostLab(directory, json.loads((directory / "lab.json").read_text()))
    finally:
        assert run_lab(directory, "down").returncode == 0


def processes(directory: Path) -> list[int]:
    """The machine's processes that the lab in the directory started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if any(part.startswith(os.fsencode(directory)) for part in entry.read_bytes().split(b"\0")):
                found.append(int(entry.parent.name))
    return found


def gone(directory: Path) -> bool:
    """Whether the lab's processes are all gone, and with them their mounts and networks."""
    end = time.monotonic() + 20
    while processes(directory) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes(directory) and str(directory) not in Path("/proc/mounts").read_text()
