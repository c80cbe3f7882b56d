# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret as a credential of systemd: two files, for root alone the one, and what a restart leaves of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import fingerprint
from ansible_collections.safesecrets.infra.plugins.module_utils.service_credential import systemd_fault
from ansible_collections.safesecrets.infra.plugins.modules import environment_file, service_credential

from tests.unit.module_runner import ModuleRunner, Result

SECRET, OTHER = "s3cr3t-0123456789-abcdef", "0th3r-0123456789-abcdefg"
VERSION = "systemd 252 (252.23-2.amzn2023)\n+PAM +AUDIT"


class Host:
    """A host's two directories, and a systemctl that notes what it is asked."""

    def __init__(self, root: Path, run_module: ModuleRunner) -> None:
        self.root, self._run = root, run_module
        self.file = root / "credentials/KEY"
        self.drop_in = root / "units/app.service.d/50-credential-KEY.conf"
        self.asked: list[str] = []
        self.version = VERSION
        self.reload_code = 0

    def systemctl(self, _module: Any, argument: str) -> tuple[int, str, str]:
        self.asked.append(argument)
        if not self.version:
            raise FileNotFoundError("systemctl")
        return self.reload_code * (argument == "daemon-reload"), self.version, "no bus"

    def run(self, secret: str | None, check_mode: bool = False, **more: Any) -> Result:
        arguments = {
            "region": None,
            "name": "KEY",
            "service": "app.service",
            "directory": str(self.file.parent),
            "unit_directory": str(self.root / "units"),
            **({"state": "absent"} if secret is None else {"secret": secret}),
            **more,
        }
        result = self._run(service_credential, arguments, check_mode=check_mode)
        told = {name: value for name, value in result.values.items() if name != "invocation"}
        assert not any(each in str(told) for each in (SECRET, OTHER))
        return result

    def contents(self) -> list[str | None]:
        return [path.read_text() if path.exists() else None for path in (self.file, self.drop_in)]


@pytest.fixture
def host(tmp_path: Path, run_module: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path, run_module)
    monkeypatch.setattr(service_credential, "systemctl", made.systemctl)
    return made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_the_secret_is_in_a_file_for_one_alone_and_the_drop_in_names_it(host: Host) -> None:
    result = host.run(SECRET)
    assert not result.failed, result.values
    assert result.changed
    assert result["changes"] == [f"KEY: (absent) -> {fingerprint(SECRET)}"]
    assert result["paths"] == [str(host.file), str(host.drop_in)]
    assert host.contents() == [SECRET, f"# Written by Ansible.\n[Service]\nLoadCredential=KEY:{host.file}\n"]
    assert (mode(host.file), mode(host.file.parent), mode(host.drop_in)) == (0o600, 0o700, 0o644)
    assert host.file.stat().st_uid == os.geteuid()
    assert host.asked == ["--version", "daemon-reload"]


def test_a_second_run_changes_nothing_and_a_new_secret_leaves_the_units_alone(host: Host) -> None:
    host.run(SECRET)
    host.asked.clear()
    assert not host.run(SECRET).changed
    result = host.run(OTHER)
    assert result["changes"] == [f"KEY: {fingerprint(SECRET)} -> {fingerprint(OTHER)}"]
    assert host.contents()[0] == OTHER
    assert host.asked == ["--version", "--version"]


@pytest.mark.parametrize("state", ["new", "there", "gone"])
def test_check_mode_says_what_would_change_and_changes_nothing(host: Host, state: str) -> None:
    if state != "new":
        host.run(SECRET)
    before = host.contents()
    result = host.run(None if state == "gone" else OTHER, check_mode=True, restart_follows=True)
    assert result.changed
    assert result["restart_due"]
    assert result["changes"]
    assert host.contents() == before
    assert not list(host.root.rglob("*.safesecrets-*"))


@pytest.mark.parametrize("path", ["file", "folder"])
def test_what_others_may_read_is_closed(host: Host, path: str) -> None:
    host.run(SECRET)
    opened = {"file": host.file, "folder": host.file.parent}[path]
    opened.chmod(0o755)
    assert host.run(SECRET).changed
    assert (mode(host.file), mode(host.file.parent)) == (0o600, 0o700)


def test_taken_back_nothing_is_left(host: Host) -> None:
    assert not host.run(None).changed
    host.run(SECRET)
    result = host.run(None)
    assert result.changed
    assert result["changes"] == [f"KEY: {fingerprint(SECRET)} -> (absent)"]
    assert host.contents() == [None, None]
    assert host.asked[-1] == "daemon-reload"
    assert not host.run(None).changed


@pytest.mark.parametrize(("state", "now"), [("settled", OTHER), ("previous", SECRET)])
def test_a_restart_settles_the_change_or_takes_it_back(
    host: Host, run_module: ModuleRunner, state: str, now: str
) -> None:
    host.run(SECRET)
    assert host.run(OTHER, restart_follows=True)["restart_due"]
    assert host.run(OTHER, restart_follows=True)["restart_due"], "an earlier run's restart is still due"
    for path in (host.file, host.drop_in):
        assert not run_module(environment_file, {"region": None, "path": str(path), "state": state}).failed
    assert host.contents()[0] == now
    assert mode(host.file) == 0o600
    assert not list(host.root.rglob("*.safesecrets-*"))


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (VERSION, ""),
        ("systemd 246", "has systemd 246, older than 247"),
        ("", "has no systemd"),
        ("x", "has no systemd"),
    ],
)
def test_a_host_that_hands_out_no_credentials_is_refused(host: Host, version: str, said: str) -> None:
    assert systemd_fault(version) == said
    host.version = version
    result = host.run(SECRET)
    assert result.failed is bool(said)
    assert not said or said in result["msg"]
    assert host.file.exists() is not bool(said)


def test_units_that_are_not_read_anew_are_an_error(host: Host) -> None:
    host.reload_code = 1
    result = host.run(SECRET)
    assert result.failed
    assert "no bus" in result["msg"]


def test_a_directory_that_cannot_be_made_is_an_error(host: Host) -> None:
    result = host.run(SECRET, directory="/proc/no")
    assert result.failed
    assert "could not be looked at or replaced" in result["msg"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_understands_the_drop_in(host: Host) -> None:
    def said() -> str:
        environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{host.root / 'units'}:"}
        command = ["systemd-analyze", "verify", "app.service"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    host.run(SECRET)
    (host.root / "units/app.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert host.drop_in.name not in said()
    host.drop_in.write_text(host.drop_in.read_text().replace("LoadCredential", "LoadCredentials"))
    assert "Unknown key 'LoadCredentials'" in said()
