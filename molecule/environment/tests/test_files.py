# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of every kind, each on a host of its own in one run: what is kept, what is refused, what is taken over."""

from __future__ import annotations

import getpass
import grp
import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

SHARED = Path(__file__).resolve().parents[2] / "shared"
VARIABLES = yaml.safe_load((Path(__file__).parents[1] / "vars.yml").read_text(encoding="utf-8"))
INVENTORY = Path(__file__).resolve().parents[3] / "inventory/production/group_vars/all/safesecrets.yml"
SECRET = "t0ps3cr3t-of-another-application"  # noqa: S105
BEGIN, END = b"# BEGIN safesecrets.infra environment\n", b"# END safesecrets.infra environment\n"

#: Files that the block goes into: as it is before, and what stands before and after the block afterwards.
KEPT: dict[str, tuple[bytes | None, bytes, bytes]] = {
    "no_file": (None, b"", b""),
    "windows_line_breaks": (b'A=1\r\nKEY="x\r\ny"\r\n\r\n', b'A=1\r\nKEY="x\r\ny"\r\n\r\n', b""),
    # The one thing that changes outside the block: a last line gets its line break.
    "not_utf8": (
        b"\xef\xbb\xbfA=caf\xe9\n\n#\xff\x00\n B = 2 \t",
        b"\xef\xbb\xbfA=caf\xe9\n\n#\xff\x00\n B = 2 \t\n",
        b"",
    ),
    "older_block": (
        b"A=1\n" + BEGIN + b"POLLY_REGION_US=us-west-2\nOLD=1\n" + END + b"\nB=2",
        b"A=1\n",
        b"\nB=2",
    ),
    "taken_over": (
        b"A=1\nexport POLLY_REGION_US=us-west-2\nB=2\nAWS_REGION_DEFAULT=x\n" + BEGIN + b"OLD=1\n" + END + b"C=3\n",
        b"A=1\nB=2\n",
        b"C=3\n",
    ),
}

#: Files that are refused, and what is said about them.
REFUSED: dict[str, tuple[bytes, str]] = {
    "outside": (b"A=1\nexport POLLY_REGION_US=us-west-2\n", "line 2 sets POLLY_REGION_US outside the managed block"),
    "static_key": (f"AWS_SECRET_ACCESS_KEY={SECRET}\n".encode(), "line 1 sets AWS_SECRET_ACCESS_KEY, a static AWS key"),
    "two_blocks": (BEGIN + END + BEGIN + END, "line 3 has a second block environment"),
}


@dataclass(frozen=True)
class Run:
    """One run over all files."""

    returncode: int
    output: str

    def of(self, host: str) -> str:
        """Return what was said about one host, with the recap's line of it."""
        return "\n".join(line for line in self.output.splitlines() if host in line)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory with a file for each case."""
    root = tmp_path_factory.mktemp("files")
    (root / "group_vars/all").mkdir(parents=True)
    (root / "group_vars/all/safesecrets.yml").symlink_to(INVENTORY)
    contents = {name: before for name, (before, _prefix, _suffix) in KEPT.items()}
    contents |= {name: before for name, (before, _message) in REFUSED.items()}
    for name, content in contents.items():
        if content is not None:
            (root / name).write_bytes(content)
            (root / name).chmod(0o640)
    (root / "inventory.yml").write_text(yaml.safe_dump(inventory(root, list(contents))), encoding="utf-8")
    return root


def inventory(root: Path, names: list[str]) -> dict[str, Any]:
    """Return an inventory with a host for each file, all of them this machine."""
    hosts: dict[str, dict[str, Any]] = {name: {"environment_path": str(root / name)} for name in names}
    hosts["taken_over"]["environment_take_over"] = True
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "environment_owner": getpass.getuser(),
        "environment_group": grp.getgrgid(os.getgid()).gr_name,
        "environment_model_ids": VARIABLES["environment_model_ids"],
        "safesecrets_aws": {},
    }
    return {"safesecrets": {"hosts": hosts, "vars": variables}}


def play(directory: Path, *arguments: str) -> Run:
    """Run the role over all files."""
    run = subprocess.run(
        ["ansible-playbook", "--inventory", directory / "inventory.yml", "--diff", *arguments, SHARED / "converge.yml"],
        env=os.environ | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(run.returncode, run.stdout)


def contents(directory: Path) -> dict[str, bytes | None]:
    """Return what the files hold."""
    names = [*KEPT, *REFUSED]
    return {name: (directory / name).read_bytes() if (directory / name).exists() else None for name in names}


@pytest.fixture(scope="module")
def runs(directory: Path) -> dict[str, Run]:
    """Run the role in check mode, for real and again."""
    before = contents(directory)
    checked = play(directory, "--check")
    assert contents(directory) == before, "check mode wrote a file"
    return {"checked": checked, "first": play(directory), "second": play(directory)}


@pytest.mark.parametrize("name", KEPT)
def test_everything_around_the_block_is_kept(directory: Path, runs: dict[str, Run], name: str) -> None:
    before, prefix, suffix = KEPT[name]
    written = (directory / name).read_bytes()
    assert written.startswith(prefix + BEGIN), runs["first"].of(name)
    assert written.endswith(END + suffix)
    assert written.count(BEGIN) == written.count(END) == 1
    assert stat.S_IMODE((directory / name).stat().st_mode) == (0o600 if before is None else 0o640)


@pytest.mark.parametrize("name", KEPT)
def test_check_mode_plans_what_is_done_and_a_second_run_changes_nothing(runs: dict[str, Run], name: str) -> None:
    assert " changed=0 " not in runs["checked"].of(name)
    assert " changed=0 " not in runs["first"].of(name)
    assert " changed=0 " in runs["second"].of(name)
    assert "failed=0" in runs["second"].of(name)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("when", ["checked", "first", "second"])
def test_a_faulty_file_is_refused_and_left_alone(directory: Path, runs: dict[str, Run], name: str, when: str) -> None:
    before, message = REFUSED[name]
    assert message in runs[when].of(name)
    assert "failed=1" in runs[when].of(name)
    assert " changed=0 " in runs[when].of(name)
    assert (directory / name).read_bytes() == before


def test_no_line_of_a_file_is_shown(runs: dict[str, Run]) -> None:
    assert all(SECRET not in run.output for run in runs.values())
    assert "POLLY_REGION_US: us-west-2 -> us-east-1" in runs["first"].output
