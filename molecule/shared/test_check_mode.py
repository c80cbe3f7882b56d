# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs with every scenario's own tests, after its converge."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)", re.MULTILINE)


def test_check_mode_of_a_converged_host_plans_no_change() -> None:
    run = subprocess.run(
        ["ansible-playbook", "--check", "--inventory", REPOSITORY / "inventory/lab", "../shared/converge.yml"],
        cwd=os.environ["MOLECULE_SCENARIO_DIRECTORY"],
        env=os.environ | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    changed = {found["host"]: int(found["changed"]) for found in RECAP.finditer(run.stdout)}
    assert run.returncode == 0, run.stdout + run.stderr
    assert changed, f"no host was checked:\n{run.stdout}"
    assert not any(changed.values()), run.stdout
