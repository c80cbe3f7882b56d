"""``python -m lab up | status | down``: the lab's life as one process a directory."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from lab import accounts, host_requirements
from lab.directory import (
    ENVIRONMENT_VARIABLE,
    OPERATOR_POLICY_VARIABLE,
    REPOSITORY,
    Description,
    DirectoryError,
    LabDirectory,
)

START_SECONDS = 60.0
STOP_SECONDS = 10.0
NOT_RUNNING = 3
T = TypeVar("T")


class CommandError(Exception):
    """What the user reads, and the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give its exit code."""
    options = _parser().parse_args(arguments)
    directory = LabDirectory(options.lab_dir)
    try:
        return {"up": up, "status": status, "down": down}[options.command](directory, options)
    except CommandError as error:
        sys.stderr.write(f"lab: {error}\n")
        return error.code
    except (accounts.AccountError, DirectoryError, host_requirements.HostError) as error:
        sys.stderr.write(f"lab: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    default = os.environ.get(ENVIRONMENT_VARIABLE) or str(REPOSITORY / ".lab")
    shared.add_argument(
        "--lab-dir", type=Path, default=Path(default), help=f"directory of the lab (or {ENVIRONMENT_VARIABLE})"
    )
    parser = argparse.ArgumentParser(prog="python -m lab", description="The local AWS and its host.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    starting = commands.add_parser("up", parents=[shared], help="start the lab")
    starting.add_argument("--account", default="today", help=f"starting account: {', '.join(accounts.names())}")
    starting.add_argument("--host", action="store_true", help="with a host that is a system of its own (needs root)")
    commands.add_parser("status", parents=[shared], help="say whether it runs (exit code 3 when not)")
    commands.add_parser("down", parents=[shared], help="stop it and remove its files")
    return parser


def up(directory: LabDirectory, options: argparse.Namespace) -> int:
    """Start the lab's process and wait until it answers; nothing when it runs already."""
    account = accounts.load(options.account)
    if options.host:
        host_requirements.check()
    directory.prepare()
    running = directory.pid() is not None
    process = None if running else _start(directory, account, with_host=options.host)
    description = _wait(lambda: _ready(directory, process), START_SECONDS)
    if description is None:
        if process is not None:
            process.kill()
        raise CommandError(f"The lab did not answer within {START_SECONDS:.0f} s; its log is {directory.log}")
    if description.account != account.name:
        raise CommandError(
            f"The lab in {directory.path} runs with the account {description.account}, not {account.name}: "
            "take it down first, with `make lab-down`",
        )
    if options.host and description.host_address is None:
        raise CommandError(
            f"The lab in {directory.path} runs without a host of its own: take it down first, with `make lab-down`"
        )
    _say(
        f"The lab {'runs already' if running else 'is up'} with the account {account.name}: {description.endpoint_url}"
    )
    return 0


def status(directory: LabDirectory, _options: argparse.Namespace) -> int:
    """Say whether the lab runs, where, with which account and since when."""
    description = directory.description()
    if description is None:
        _say(f"No lab runs in {directory.path}")
        return NOT_RUNNING
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(description.started_at)).total_seconds())
    _say(
        f"The lab in {directory.path} has run for {seconds} s (process {description.pid})\n"
        f"account   {description.account} ({description.account_id}, {description.region})\n"
        f"AWS       {description.endpoint_url}\n"
        f"metadata  {description.imds_endpoint}\n"
        f"host      {description.instance_id}, files under {description.host_root}{_ssh(description)}"
    )
    return 0


def down(directory: LabDirectory, _options: argparse.Namespace) -> int:
    """Stop the lab's process and remove the lab's files."""
    pid = directory.pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    # The lock keeps a start that is under way from going on in files that are being removed.
    while directory.pid_file.exists() and not directory.hold(STOP_SECONDS):
        if remaining := directory.pid():
            os.kill(remaining, signal.SIGKILL)
    directory.remove()
    _say(f"The lab in {directory.path} {'is down' if pid else 'was not running'}")
    return 0


def _ssh(description: Description) -> str:
    """How a person gets onto a host that is a system of its own."""
    if description.host_address is None:
        return ""
    known_hosts = f"UserKnownHostsFile={description.host_known_hosts}"
    target = ["-p", str(description.host_port), f"{description.host_user}@{description.host_address}"]
    return f"\n          {shlex.join(['ssh', '-i', description.host_key or '', '-o', known_hosts, *target])}"


def _start(directory: LabDirectory, account: accounts.Account, *, with_host: bool) -> subprocess.Popen[bytes]:
    log = os.open(directory.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603  (this interpreter and checked names)
            [sys.executable, "-m", "lab.server", str(directory.path), account.name, *(["--host"] if with_host else [])],
            cwd=REPOSITORY,
            env=_environment(directory, account),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


def _environment(directory: LabDirectory, account: accounts.Account) -> dict[str, str]:
    """Ministack's settings, and nothing of the user's: its root key is one that nobody knows."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        OPERATOR_POLICY_VARIABLE: os.environ.get(OPERATOR_POLICY_VARIABLE, ""),
        "LANG": "C.UTF-8",
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": secrets.token_hex(32),
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(32),
        "DOCKER_HOST": "unix:///nonexistent",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": account.account_id,
        "MINISTACK_REGION": account.region,
        "STATE_DIR": str(directory.path / "ministack"),
        "S3_DATA_DIR": str(directory.path / "ministack"),
    }


def _ready(directory: LabDirectory, process: subprocess.Popen[bytes] | None) -> Description | None:
    """The lab's description once it answers; a process that ended without is an error."""
    description = directory.description()
    if description is not None and _answers(description):
        return description
    if directory.pid() is None and (process is None or process.poll() is not None):
        log = directory.log.read_text(encoding="utf-8") if directory.log.exists() else ""
        last = log.strip().splitlines()[-1:] or ["it says nothing"]
        raise CommandError(f"The lab ended while it started: {last[0]} ({directory.log})")
    return None


def _answers(description: Description) -> bool:
    context = ssl.create_default_context(cafile=description.ca_bundle)
    try:
        urlopen(description.endpoint_url, timeout=5, context=context).close()  # noqa: S310  (the lab's own)
    except HTTPError as error:
        return error.code == HTTPStatus.FORBIDDEN
    except OSError:
        return False
    return False


def _wait(look: Callable[[], T], seconds: float) -> T:
    """Look until there is something to see, or the time is over."""
    end = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return seen


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
