"""Run the playbooks as an administrator would: `ansible-playbook` in a process of its own, against a lab of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

REPOSITORY = Path(__file__).resolve().parents[2]
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One finished ansible-playbook."""

    ITEMS: ClassVar = ("prerequisites", *(f"INFRA-P2-{number}" for number in (2, 1, 3, 5, 6, 4)), "validation")

    returncode: int
    output: str
    report: dict[str, Any] | None

    @property
    def changed(self) -> dict[str, int]:
        """Changed tasks by host; empty when no play ran."""
        return {row[1]: int(row[3]) for row in RECAP.finditer(self.output)}

    @property
    def verdicts(self) -> dict[str, str]:
        """The report's verdict on each item of the chain."""
        assert self.report is not None, f"no report was written:\n{self.output}"
        return {each["item"]: each["verdict"] for each in self.report["items"]}

    def findings(self, identifier: str = "", **fields: Any) -> list[dict[str, Any]]:
        """The report's findings with these values."""
        assert self.report is not None, f"no report was written:\n{self.output}"
        wanted = fields | ({"id": identifier} if identifier else {})
        return [each for each in self.report["findings"] if wanted.items() <= each.items()]


@dataclass(frozen=True)
class Lab:
    """A running lab and what it wrote about itself."""

    directory: Path
    facts: dict[str, Any]

    @property
    def environment_file(self) -> Path:
        return Path(self.facts["host_root"]) / "etc/safesecrets.env"

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of the controller: nothing of the caller's AWS set-up reaches the run."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
        return kept | {
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "0",
            "COLUMNS": "120",
            "AWS_CA_BUNDLE": self.facts["ca_bundle"],
            "SAFESECRETS_LAB_DIR": str(self.directory),
            "SAFESECRETS_HANDOVER": str(self.directory / "handover"),
            **more,
        }

    def play(
        self, *arguments: str, playbook: str = "site.yml", variables: dict[str, Any] | None = None, **more: str
    ) -> Run:
        """Run a playbook; `variables` are extra vars, `more` goes into the environment."""
        report = self.directory / "handover/latest/report.json"
        (self.directory / "handover/latest").unlink(missing_ok=True)
        command = [str(ANSIBLE_PLAYBOOK), "--inventory", "inventory/lab", str(Path("playbooks") / playbook), *arguments]
        if variables:
            command += ["--extra-vars", json.dumps(variables)]
        finished = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return Run(finished.returncode, finished.stdout, json.loads(report.read_text()) if report.exists() else None)


def _lab_command(action: str, directory: Path, *arguments: str, code: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "lab", action, *arguments],
        cwd=code,
        env=os.environ | {"SAFESECRETS_LAB_DIR": str(directory)},
        check=True,
    )


@contextmanager
def running_lab(account: str, directory: Path, code: Path = REPOSITORY) -> Iterator[Lab]:
    """A lab with this starting account, stopped at the end; `code` is the folder that the package lab is in."""
    _lab_command("up", directory, "--account", account, code=code)
    try:
        yield Lab(directory, json.loads((directory / "lab.json").read_text()))
    finally:
        _lab_command("down", directory, code=code)
