# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The floor of the benchmarks does the chain's work: it sees what is wrong, and makes every call that is needed."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks import calls, contenders, stage


def run(lab: stage.Stage) -> subprocess.CompletedProcess[str]:
    command, environment = contenders.floor(lab)
    return subprocess.run(command, env=environment, cwd=stage.REPOSITORY, capture_output=True, text=True, check=False)


def test_the_floor_brings_the_account_to_its_state_and_then_changes_nothing() -> None:
    with stage.staged(idle=False) as lab:
        for converging in (True, False):
            before = len(lab.log())
            done = run(lab)
            assert done.stdout == "PASS\n", done.stderr
            made = calls.read(lab.log()[before:])
            assert calls.missing(made, calls.needed(lab.plan, converging=converging)) == []
            assert bool([call for call in made if call.operation == "PutRolePolicy"]) is converging
            lab.forget_trail()


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ("voice_missing", "lacks the voices"),
        ("model_end_of_life", "is not offered in us-east-1"),
        ("region_lock_by_deny", "us-east-1: explicitDeny"),
        ("closed_egress", "no group lets HTTPS out"),
        ("no_instance_profile", "iam/info"),
    ],
)
def test_the_floor_sees_what_is_wrong(account: str, says: str) -> None:
    with stage.staged(idle=True, account=account) as lab:
        done = run(lab)
    assert done.returncode == 1
    assert says in done.stdout + done.stderr
