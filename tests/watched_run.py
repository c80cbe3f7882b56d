# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs of ansible-playbook and of ansible-runner, and every place where they could leave a secret."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
#: Says in the environment of a process that a run started it.
MARK = "SECRECY_RUN"
#: The controller's environment variable that is a source of the key.
SOURCE = "SECRECY_SOURCE_OF_THE_KEY"
#: What stands in the middle of a key and is written alike in a URL, in JSON, in YAML and for a shell.
CORE = re.compile(r"[0-9a-f]{48}")
SAMPLE_SECONDS = 0.02

Pieces = Iterable[tuple[str, bytes]]


def forms(secret: str) -> list[bytes]:
    """Give what to look for: the secret itself, in base64 at any offset, in hexadecimal digits, and backwards."""
    core = CORE.findall(secret)[0]
    encoded = [base64.b64encode(b"\0" * offset + core.encode())[4:-4] for offset in range(3)]
    return [core.encode(), *encoded, core.encode().hex().encode(), core[::-1].encode()]


@dataclass
class Place:
    """What was looked at in one kind of place, and where in it a secret was found."""

    looked_at: int = 0
    found: list[str] = field(default_factory=list)


@dataclass
class Search:
    """All places of some runs."""

    secrets: list[str]
    places: dict[str, Place] = field(default_factory=dict)

    def look(self, kind: str, pieces: Pieces) -> None:
        """Search pieces of text, each with a name."""
        place = self.places.setdefault(kind, Place())
        wanted = [form for secret in self.secrets for form in forms(secret)]
        for name, content in pieces:
            place.looked_at += 1
            if any(form in content for form in wanted):
                place.found.append(name)

    def table(self, title: str) -> str:
        """Show the places with their counts."""
        rows = [f"{kind:<34} {place.looked_at:>9} {len(place.found):>6}" for kind, place in sorted(self.places.items())]
        return "\n".join(["", title, f"{'place':<34} {'looked at':>9} {'found':>6}", *rows, ""])


def files(*directories: Path, other_than: Iterable[Path] = (), since: float = 0) -> Pieces:
    """Read all files below directories, links not followed; names are looked at with the contents."""
    left_out = set(other_than)
    for path in (*directories, *files_below(*directories)):
        try:
            if path.is_dir():
                yield str(path), os.fsencode(path)
            if path in left_out or path.is_symlink() or not path.is_file() or path.stat().st_mtime < since:
                continue
            yield str(path), os.fsencode(path) + path.read_bytes()
        except OSError:  # It went meanwhile.
            continue


class Processes:
    """Samples the machine's processes while something runs."""

    def __init__(self) -> None:
        self.arguments: set[bytes] = set()
        self.environments: set[bytes] = set()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._finished.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._finished.wait(SAMPLE_SECONDS):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    self.arguments.add((process / "cmdline").read_bytes())
                    self.environments.add((process / "environ").read_bytes())
                except OSError:  # It ended meanwhile.
                    continue

    def without_the_source(self) -> Pieces:
        """Give the environments; in those of the run the variable that is a source of the key is left out."""
        for environment in self.environments:
            variables = environment.split(b"\0")
            if any(variable.startswith(f"{MARK}=".encode()) for variable in variables):
                variables = [each for each in variables if not each.startswith(f"{SOURCE}=".encode())]
            yield environment[:60].decode("latin-1"), b"\0".join(variables)


@dataclass
class Watched:
    """A directory in which runs leave all that they can leave, and the search through it."""

    directory: Path
    search: Search
    #: Where the key may be, and the files beside it.
    targets: Path
    output: str = ""
    _began: float = field(default_factory=time.time)

    def play(self, *arguments: str | Path, stdout_callback: str = "default", **variables: str) -> str:
        """Run ansible-playbook, and give what it says."""
        return self._watch(["ansible-playbook", *arguments], ANSIBLE_STDOUT_CALLBACK=stdout_callback, **variables)

    def run_as_a_controller(self, playbook: Path, inventory: Path, options: str, **variables: str) -> str:
        """Run ansible-runner, whose artifacts hold each event of the run."""
        identifier = uuid.uuid4().hex
        command = ["ansible-runner", "run", self.directory / "runner", "--ident", identifier, "--omit-env-files"]
        command += [
            "--project-dir",
            REPOSITORY,
            "--playbook",
            playbook,
            "--inventory",
            inventory,
            f"--cmdline={options}",
        ]
        output = self._watch(command, **variables)
        artifacts = self.directory / "runner/artifacts" / identifier
        note = artifacts / "command"
        self.search.look("artifacts of ansible-runner", files(artifacts, other_than=[note]))
        # Its note of the environment that it was given; a controller masks what a credential put there.
        told = json.loads(note.read_text())
        told["env"].pop(SOURCE, None)
        self.search.look("artifacts of ansible-runner", [("command", json.dumps(told).encode())])
        return output

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Give an environment in which Ansible writes down whatever it can."""
        places = {name: str(self.directory / name) for name in ("home", "tmp", "cache", "junit", "tree", "retry")}
        for place in places.values():
            Path(place).mkdir(exist_ok=True)
        return os.environ | {
            MARK: "yes",
            "HOME": places["home"],
            "TMPDIR": places["tmp"],
            "ANSIBLE_HOME": f"{places['home']}/.ansible",
            "ANSIBLE_REMOTE_TEMP": str(self.directory / "host/.ansible/tmp"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_FORCE_COLOR": "false",
            "ANSIBLE_LOG_PATH": str(self.directory / "ansible.log"),
            "ANSIBLE_CALLBACKS_ENABLED": "safesecrets.infra.findings,junit,tree,ansible.posix.profile_tasks",
            "ANSIBLE_CALLBACK_TREE_DIR": places["tree"],
            "JUNIT_OUTPUT_DIR": places["junit"],
            "SAFESECRETS_HANDOVER": str(self.directory / "report"),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": places["cache"],
            "ANSIBLE_RETRY_FILES_ENABLED": "true",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": places["retry"],
            **variables,
        }

    def _watch(self, command: list[str | Path], **variables: str) -> str:
        with Processes() as seen:
            done = subprocess.run(
                command,
                cwd=REPOSITORY,
                env=self.environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        callback = variables.get("ANSIBLE_STDOUT_CALLBACK", "default")
        self.search.look(f"output ({callback})", [(str(command[0]), done.stdout)])
        self.search.look("argument lists", ((each[:60].decode("latin-1"), each) for each in seen.arguments))
        self.search.look("environments of processes", seen.without_the_source())
        self.output += (said := done.stdout.decode())
        return said

    def look_around(self, allowed: Iterable[Path], besides: Path) -> None:
        """Search what the runs left behind.

        allowed: the files where the key belongs. besides: a directory of the test's own that /tmp may hold.
        """
        at = self.directory
        for kind, place in {
            "log": at / "ansible.log",
            "reports": at / "report",
            "junit callback": at / "junit",
            "tree callback": at / "tree",
            "fact cache": at / "cache",
            "retry files": at / "retry",
            "~/.ansible of the controller": at / "home",
            "temporary files of the controller": at / "tmp",
            "~/.ansible of the host": at / "host",
        }.items():
            self.search.look(kind, files(place) if place.is_dir() else [(kind, place.read_bytes())] * place.exists())
        self.search.look("/tmp", files(Path("/tmp"), since=self._began, other_than=[*files_below(at, besides)]))  # noqa: S108
        self.search.look("beside the key: backups", files(self.targets, other_than=allowed))


def files_below(*directories: Path) -> Iterator[Path]:
    """Name the files of directories; what cannot be read, or goes meanwhile, is passed over."""
    for directory in directories:
        for folder, _folders, names in os.walk(directory):
            yield from (Path(folder, name) for name in names)
