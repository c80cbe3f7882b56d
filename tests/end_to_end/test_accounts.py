"""Every starting account reaches its own verdicts: the honesty test of chain and lab together.

An account file says what a run of site.yml must find on it. A known-bad account that a run passes is
a failure of this test, whoever is at fault.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab import accounts
from lab.accounts import Account, ExpectedFinding
from tests.end_to_end.playbook_run import Run, running_lab

#: An agreement that stays pending is waited for as long as this says; 15 minutes would prove no more.
IMPATIENT = {"bedrock_access_wait_minutes": 0}


def disagreements(expected: tuple[ExpectedFinding, ...], run: Run) -> list[str]:
    """Say where the findings are not the expected ones."""
    wrong = []
    for each in expected:
        wanted = {key: value for key in ("region", "subject") if (value := getattr(each, key)) is not None}
        found = {finding["status"] for finding in run.findings(each.id, **wanted)}
        if found != {each.status}:
            wrong.append(f"{each.id} {wanted}: {each.status} expected, {sorted(found) or 'nothing'} found")
    return wrong


def known_bad(account: Account) -> bool:
    return any(each.status == "fail" for each in account.expected)


@pytest.mark.parametrize("name", accounts.names())
def test_a_run_reaches_the_verdicts_of_the_account(name: str, tmp_path: Path) -> None:
    account = accounts.load(name)
    assert account.expected, f"{name} expects nothing, so a run on it cannot be wrong"
    variables: dict[str, Any] = IMPATIENT if name == "agreement_stays_pending" else {}
    with running_lab(name, tmp_path / "lab") as lab:
        run = lab.play(variables=variables)
    assert disagreements(account.expected, run) == [], run.output
    assert (run.returncode != 0) == known_bad(account), run.output
    assert bool(run.findings(status="fail")) == known_bad(account), run.output
    for each in run.findings(status="fail"):
        assert each["remedy"], each
        assert " ".join(each["remedy"].split())[:40] in " ".join(run.output.split()), "the remedy is not printed"


def test_consent_is_never_assumed(tmp_path: Path) -> None:
    with running_lab("today", tmp_path / "lab") as lab:
        run = lab.play(variables={"bedrock_access_accept_agreement": False})
        assert run.returncode != 0
        refused = run.findings("bedrock_access.model_ready", region="us-east-1", status="fail")
        assert len(refused) == 2
        assert all("bedrock_access_accept_agreement" in each["remedy"] for each in refused)
        assert not any(run.changed.values()), run.output


def test_a_verdict_that_is_missed_is_noticed() -> None:
    account = accounts.load("voice_missing")
    nothing_found = Run(0, "", {"findings": []})
    assert len(disagreements(account.expected, nothing_found)) == len(account.expected)
