"""Every starting account reaches its own verdicts: the honesty test of chain and lab together.

An account file says what a run of site.yml must find on it. A known-bad account that a run passes is
a failure of this test, whoever is at fault. The verdicts are printed as a table at the end (conftest.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import accounts
from lab.accounts import Account, ExpectedFinding
from tests.end_to_end.playbook_run import REPOSITORY, Lab, Run, running_lab

#: Nothing is wrong with these; every other account must be found out.
SOUND = {
    "agreement_pending",
    "controlled_egress",
    "converged",
    "residency_guard",
    "several_security_groups",
    "today",
    "working_profiles",
}


def disagreements(expected: list[ExpectedFinding], run: Run) -> list[str]:
    """Say where the findings are not the expected ones."""
    wrong = []
    for each in expected:
        wanted = {key: value for key in ("region", "subject") if (value := getattr(each, key)) is not None}
        found = {finding["status"] for finding in run.findings(each.id, **wanted)}
        if found != {"not_applicable"}:
            found.discard("not_applicable")  # what is not asked for, beside what is
        if found != {each.status}:
            wrong.append(f"{each.id} {wanted}: {each.status} expected, {sorted(found) or 'nothing'} found")
    return wrong


def faults(run: Run) -> str:
    """What the report says of everything that is not in order."""
    assert run.report is not None, run.output
    texts = [f"{each['detail']} {each['remedy']}" for each in run.findings() if each["status"] in ("fail", "unproven")]
    return "\n".join([*texts, *(task["message"] for task in run.report["failed_tasks"])])


def variables(account: Account) -> dict[str, Any]:
    """The account's variables, merged over the inventory's."""
    inventory: dict[str, Any] = {}
    for path in sorted((REPOSITORY / "inventory/lab/group_vars").glob("*/*.yml")):
        inventory |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return accounts.merge({name: inventory.get(name) for name in account.variables}, account.variables)


def check_end(account: Account, lab: Lab, run: Run) -> None:
    """A run fails where the account says so, and then leaves alone what comes after."""
    assert (run.returncode != 0) == (account.fails_at is not None), run.output
    assert [item for item, verdict in run.verdicts.items() if verdict == "fail"] == (
        [account.fails_at] if account.fails_at else []
    ), run.output
    if account.fails_at not in (None, "INFRA-P2-6", "INFRA-P2-4", "validation"):
        assert lab.environment_file.read_text() == account.environment_file, "the environment was written all the same"
    if account.changes_nothing:
        assert set(run.changed.values()) == {0}, run.output


@pytest.mark.parametrize("name", accounts.names())
def test_a_run_reaches_the_verdicts_of_the_account(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    account = accounts.load(name)
    with running_lab(name, tmp_path / "lab") as lab:
        run = lab.play(variables=variables(account))
        record_property("verdicts", {"account": name, **run.verdicts})
        assert disagreements(account.expected, run) == [], run.output
        assert [text for text in account.says if text not in faults(run)] == [], faults(run)
        check_end(account, lab, run)
    for each in run.findings(status="fail"):
        assert each["remedy"], each
        assert " ".join(each["remedy"].split())[:40] in " ".join(run.output.split()), "the remedy is not printed"


@pytest.mark.parametrize("name", accounts.names())
def test_an_account_with_a_fault_is_not_expected_to_pass(name: str) -> None:
    account = accounts.load(name)
    assert account.expected, "an account that expects nothing cannot be found wrong"
    assert account.fails_at in (None, *Run.ITEMS)
    is_bad = account.fails_at is not None or any(each.status in ("fail", "unproven") for each in account.expected)
    assert is_bad == (name not in SOUND)
    assert bool(account.says) == is_bad, "a fault must be found for its own reason"


def test_consent_is_never_assumed(tmp_path: Path) -> None:
    with running_lab("today", tmp_path / "lab") as lab:
        run = lab.play("--extra-vars", "bedrock_access_accept_agreement=false")
        assert run.returncode != 0
        refused = run.findings("bedrock_access.model_ready", region="us-east-1", status="fail")
        assert len(refused) == 2
        assert all("bedrock_access_accept_agreement" in each["remedy"] for each in refused)
        assert not any(run.changed.values()), run.output


def test_a_verdict_that_is_missed_is_noticed() -> None:
    account = accounts.load("voice_missing")
    nothing_found = Run(0, "", {"findings": []})
    assert len(disagreements(account.expected, nothing_found)) == len(account.expected)


def test_variables_of_an_account_are_merged_over_the_inventory() -> None:
    merged = variables(accounts.load("model_through_profile_only"))["safesecrets_regions"]
    assert merged["US"]["models"]["allowlist"] == ["anthropic.claude-haiku-4-5-20251001-v1:0"]
    assert merged["CA"]["region"] == "ca-central-1"
    assert variables(accounts.load("use_case_form_missing")) == {"bedrock_access_use_case": {}}
