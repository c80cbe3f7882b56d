"""Fixtures of the end-to-end tests, and the table of accounts and verdicts that they print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.playbook_run import Lab, Run, running_lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab whose account is the one that the requirements describe."""
    with running_lab("today", tmp_path / "lab") as started:
        yield started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what site.yml found on each starting account, and on a lab that lies, whichever process ran it."""
    passed = [dict(report.user_properties) for report in terminalreporter.getreports("passed")]
    if mistakes := sorted(properties["mistake"] for properties in passed if "mistake" in properties):
        terminalreporter.section("mistakes planted in the emulator, and what gave them away")
        terminalreporter.write_line("\n".join(mistakes))
    rows = [
        (properties["verdicts"], report.passed)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and "verdicts" in (properties := dict(report.user_properties))
    ]
    if not rows:
        return
    terminalreporter.section("verdicts of site.yml on the starting accounts")
    width = max(len(verdicts["account"]) for verdicts, _as_expected in rows)
    rows.sort(key=lambda row: str(row[0]["account"]))
    for cells in (HEADING, *(_cells(verdicts, as_expected) for verdicts, as_expected in rows)):
        account, *others = cells
        terminalreporter.write_line(f"{account:<{width}}  " + " ".join(f"{cell:<9}" for cell in others).rstrip())


HEADING = ("account", "inputs", *(item.removeprefix("INFRA-") for item in Run.ITEMS[1:]), "expected")


def _cells(verdicts: dict[str, str], as_expected: bool) -> tuple[str, ...]:
    shown = {"not_run": "-", "fail": "FAIL", "unproven": "UNPROVEN"}
    found = (shown.get(verdicts[item], verdicts[item]) for item in Run.ITEMS)
    return (verdicts["account"], *found, "yes" if as_expected else "NO")
