"""The honesty test finds a lab out that lies: mistakes are planted in a copy of it, one at a time.

Each is one that an emulator was seen to make. With it, a step passes a known-bad account or finds another fault than
the one that is there, and the judgement of test_accounts.py must say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import accounts
from tests.end_to_end.playbook_run import REPOSITORY, Lab, Run, running_lab
from tests.end_to_end.test_accounts import check_end, disagreements, variables

#: The mistake; the module of the lab and what is added to its end; an account that shows it, and the step.
MISTAKES = {
    "IAM is not enforced": (
        "policy_evaluation",
        "def authorize(*_, **__): pass",
        "region_denied_by_organization",
        "bedrock_access",
    ),
    "the simulation ignores its context": (
        "iam_simulation",
        "def _context(_): return {'aws:requestedregion': ['ca-central-1']}",
        "region_lock_by_service_control_policy",
        "iam_policy",
    ),
    "every voice has all its engines everywhere": (
        "polly",
        "def supported_engines(_, __, voice): return catalogue()['voices'][voice]['engines']",
        "voice_missing",
        "polly_voices",
    ),
    "models have no end of life": (
        "model_catalogue",
        "Model.time = lambda *_: None",
        "model_end_of_life",
        "bedrock_access",
    ),
}


def judge(account: accounts.Account, step: str, lab: Lab, run: Run) -> list[str]:
    """What is wrong with a run of one step, as test_accounts.py judges a run of all."""
    expected = [each for each in account.expected if each.id.startswith(f"{step}.")]
    wrong = disagreements(expected, run)
    try:
        check_end(account, lab, run)
    except AssertionError as error:
        wrong.append(f"{account.fails_at} was to fail, and passed or fails otherwise\n{error}")
    return wrong


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_emulator_is_found_out(
    mistake: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    module, code, name, step = MISTAKES[mistake]
    account = accounts.load(name)
    shutil.copytree(REPOSITORY / "lab", tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    outcomes = []
    for planted in ("", f"\n\n{code}\n"):
        source = tmp_path / f"lab/{module}.py"
        source.write_text(source.read_text() + planted)
        with running_lab(name, tmp_path / f"lab-{len(outcomes)}", code=tmp_path) as lab:
            run = lab.play(playbook=f"{step}.yml", variables=variables(account))
            outcomes.append((judge(account, step, lab, run), run.output))
    (wrong, output), (wrong_when_planted, _) = outcomes
    assert wrong == [], output
    assert wrong_when_planted, "nobody noticed"
    found = next((line for line in wrong_when_planted[0].splitlines() if line), "the run ends otherwise")
    record_property("mistake", f"{mistake}: {name}: {found}")
