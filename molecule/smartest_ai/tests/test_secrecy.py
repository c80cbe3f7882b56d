# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key is shown nowhere, whatever goes wrong: not at -vvvv, in a diff, an argument list or a file left behind.

Each case is a host of its own in one run; every key holds the same canary, which is then searched for. A run with a
planted leak shows that the search finds one.
"""

from __future__ import annotations

import base64
import getpass
import grp
import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parents[3]
CONVERGE = REPOSITORY / "molecule/shared/converge.yml"
CANARY = "cAnArY0123456789"
KEY = f"sk_{CANARY}"
ENDPOINT = "https://api.example.com/v1"
OLD_BLOCK = (
    f"# BEGIN safesecrets.infra smartest_ai\nSMARTEST_AI_API_KEY={KEY}-old\n# END safesecrets.infra smartest_ai\n"
)

#: For each host: its variables, what its file holds before, and what is said about it.
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "good": ({}, "A=1\n", "SMARTEST_AI_API_KEY: (absent) -> sha256:"),
    "replaced": ({}, OLD_BLOCK, "SMARTEST_AI_API_KEY: sha256:"),
    "taken_over": (
        {"smartest_ai_take_over": True},
        f"SMARTEST_AI_API_KEY={KEY}-old\n",
        "SMARTEST_AI_API_KEY: (absent)",
    ),
    "outside": ({}, f"SMARTEST_AI_API_KEY={KEY}-old\n", "line 1 sets SMARTEST_AI_API_KEY outside the managed block"),
    "unsafe": ({"smartest_ai_api_key": f"{KEY} $x"}, "", "has a value with a character that"),
    "line_break": ({"smartest_ai_api_key": f"{KEY}\n"}, "", "without a line break at the end"),
    "list": ({"smartest_ai_api_key": [KEY]}, "", "smartest_ai_api_key holds no text"),
    "in_endpoint": ({"smartest_ai_endpoint": f"https://{KEY}@api.example.com"}, "", "holds credentials"),
    "no_file": ({"environment_path": "/proc/no/such/file"}, "", "could not touch target"),
}
REFUSED = [name for name in CASES if name not in ("good", "replaced", "taken_over")]


@dataclass
class Run:
    """A finished run, and the argument lists that were seen meanwhile."""

    output: str = ""
    arguments: set[str] = field(default_factory=set)
    left_behind: list[Path] = field(default_factory=list)

    def leaks(self) -> list[str]:
        """Return where the canary was seen, plain or in base64 at any offset."""
        encoded = {base64.b64encode(b"\0" * offset + CANARY.encode())[4:-4].decode() for offset in range(3)}
        wanted = {CANARY, *encoded}
        seen = [*self.output.splitlines(), *self.arguments, *(path.read_text("latin-1") for path in self.left_behind)]
        return [each for each in seen if any(text in each for text in wanted)]


def watch(run: Run, finished: threading.Event) -> None:
    """Note the argument lists of all processes until the run is finished."""
    while not finished.wait(0.05):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                run.arguments.add((process / "cmdline").read_text("latin-1"))
            except OSError:  # It ended meanwhile.
                continue


def play(directory: Path, *playbooks: Path) -> Run:
    """Run playbooks as talkative as they can be, with their temporary files in a directory of their own."""
    temporary = directory / "temporary"
    environment = os.environ | {
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_LOCAL_TEMP": str(temporary / "local"),
        "ANSIBLE_REMOTE_TEMP": str(temporary / "remote"),
    }
    run, finished = Run(), threading.Event()
    watcher = threading.Thread(target=watch, args=(run, finished))
    watcher.start()
    try:
        done = subprocess.run(
            ["ansible-playbook", "-vvvv", "--diff", "--inventory", directory / "inventory.yml", *playbooks],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        finished.set()
        watcher.join()
    run.output = done.stdout
    run.left_behind = [path for path in temporary.rglob("*") if path.is_file()]
    return run


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory with the inventory and the files of all cases."""
    root = tmp_path_factory.mktemp("secrecy")
    (root / "group_vars/all").mkdir(parents=True)
    shipped = REPOSITORY / "inventory/production/group_vars/all/safesecrets.yml"
    (root / "group_vars/all/safesecrets.yml").symlink_to(shipped)
    hosts = {}
    for name, (variables, content, _said) in CASES.items():
        (root / name).write_text(content, encoding="utf-8")
        (root / name).chmod(0o600)
        hosts[name] = {"environment_path": str(root / name), **variables}
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "environment_owner": getpass.getuser(),
        "environment_group": grp.getgrgid(os.getgid()).gr_name,
        "safesecrets_aws": {},
        "smartest_ai_api_key": KEY,
        "smartest_ai_endpoint": ENDPOINT,
    }
    inventory = {"safesecrets": {"hosts": hosts, "vars": variables}}
    (root / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(directory: Path) -> Run:
    """Run the role for all cases."""
    return play(directory, CONVERGE)


def test_the_key_reaches_the_file(run: Run, directory: Path) -> None:
    for name in ("good", "replaced", "taken_over"):
        values = dotenv_values(directory / name)
        assert values["SMARTEST_AI_API_KEY"] == KEY, run.output[-4000:]
        assert values["SMARTEST_AI_ENDPOINT"] == ENDPOINT


@pytest.mark.parametrize("name", CASES)
def test_each_case_says_what_it_should(run: Run, name: str) -> None:
    _variables, _content, said = CASES[name]
    assert said in run.output
    recap = [line for line in run.output.splitlines() if line.startswith(f"{name} ") and "failed=" in line]
    assert [f"failed={int(name in REFUSED)}" in line for line in recap] == [True]


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_written_where_it_is_refused(run: Run, directory: Path, name: str) -> None:
    assert "BEGIN" not in (directory / name).read_text(), run.output[-4000:]


def test_the_key_is_shown_nowhere(run: Run) -> None:
    assert run.leaks() == []
    assert run.arguments, "no argument list was seen"


@pytest.mark.parametrize(
    "task",
    [
        {"ansible.builtin.debug": {"var": "smartest_ai_api_key"}},
        {"ansible.builtin.debug": {"msg": "{{ smartest_ai_api_key | b64encode }}"}},
        {"ansible.builtin.command": {"argv": ["sh", "-c", "sleep 1", "{{ smartest_ai_api_key }}"]}, "no_log": True},
    ],
    ids=["output", "base64", "argument"],
)
def test_a_planted_leak_is_found(directory: Path, tmp_path: Path, task: dict[str, Any]) -> None:
    playbook = tmp_path / "leak.yml"
    leak = {"name": "Leak the key", "changed_when": False, **task}
    playbook.write_text(yaml.safe_dump([{"hosts": "good", "gather_facts": False, "tasks": [leak]}]), encoding="utf-8")
    assert play(directory, playbook).leaks()


def test_a_key_left_in_a_temporary_file_is_found(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.write_text(f"KEY={KEY}\n", encoding="utf-8")
    assert Run(left_behind=[left]).leaks()
