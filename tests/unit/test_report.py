# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the findings of all hosts to one report with a verdict for each item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import ITEMS, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.report import (
    FailedTask,
    Run,
    build_report,
    drift,
    lacking_in_check_mode,
    merged,
    newest,
    overall,
    taken_over,
    verdict,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RUN = Run("6a4ba836-a642-46d7-9db9-9974a6e5a274", NOON, NOON, "site.yml", False, "123456789012", "0.1.0")


def observed(
    status: str = "pass", item: str = "INFRA-P2-3", minutes: int = 0, detail: str = "Seen.", **given: Any
) -> dict[str, Any]:
    """Return a finding, observed so many minutes after noon."""
    return finding(
        given.pop("identifier", "check.name"),
        item,
        given.pop("subject", "Ruth"),
        status,
        detail,
        remedy="Mend it.",
        observed_at=NOON + timedelta(minutes=minutes),
        **given,
    )


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "not_run"),
        (["pass"], "pass"),
        (["not_applicable"], "not_applicable"),
        (["not_applicable", "pass"], "pass"),
        (["pass", "unproven", "pass"], "unproven"),
        (["unproven", "fail", "pass"], "fail"),
        (["not_applicable", "unproven"], "unproven"),
    ],
)
def test_an_item_is_as_good_as_its_worst_finding(statuses: list[str], expected: str) -> None:
    assert verdict(statuses) == expected


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (observed("fail"), observed("pass", minutes=1), ["pass"]),
        (observed("pass", minutes=1), observed("fail"), ["pass"]),
        (observed("fail"), observed("pass"), ["pass"]),  # the same second: the later entry
        (observed("fail"), observed("pass", region="us-east-1"), ["fail", "pass"]),
        (observed("fail"), observed("pass", subject="Joanna"), ["fail", "pass"]),
        (observed("fail"), observed("pass", identifier="check.other"), ["fail", "pass"]),
    ],
)
def test_the_newest_of_a_check_counts(first: dict[str, Any], second: dict[str, Any], kept: list[str]) -> None:
    assert [each["status"] for each in newest([first, second])] == kept


def test_what_hosts_observed_alike_stands_once_with_the_newest_moment() -> None:
    (row,) = merged({"app-1": [observed()], "app-2": [observed(minutes=5)]})
    assert (row["hosts"], row["observed_at"]) == (["app-1", "app-2"], "2026-11-23T12:05:00Z")


def test_one_host_s_success_does_not_hide_another_s_failure() -> None:
    rows = merged({"app-1": [observed("fail", detail="Missing.")], "app-2": [observed("pass", minutes=5)]})
    assert [(each["status"], each["hosts"]) for each in rows] == [("fail", ["app-1"]), ("pass", ["app-2"])]


def test_findings_stand_in_the_order_of_the_chain() -> None:
    backwards = [observed(item=item, identifier=item) for item in reversed(ITEMS)]
    report = build_report(RUN, {"localhost": backwards})
    assert [each["item"] for each in report["findings"]] == list(ITEMS)
    assert [each["item"] for each in report["items"]] == list(ITEMS)


def test_items_without_a_finding_did_not_run() -> None:
    report = build_report(RUN, {"localhost": [observed("unproven"), observed(subject="Joanna")]})
    assert {each["item"]: each["verdict"] for each in report["items"] if each["verdict"] != "not_run"} == {
        "INFRA-P2-3": "unproven"
    }
    (item,) = [each for each in report["items"] if each["item"] == "INFRA-P2-3"]
    assert item["counts"] == {"pass": 1, "fail": 0, "unproven": 1, "not_applicable": 0}
    assert overall(report) == "unproven"


def test_a_failed_task_fails_its_item_whatever_was_found() -> None:
    report = build_report(RUN, {"localhost": [observed()]}, [FailedTask("app-1", "Write", "INFRA-P2-3", "No space")])
    (item,) = [each for each in report["items"] if each["item"] == "INFRA-P2-3"]
    assert (item["verdict"], overall(report)) == ("fail", "fail")


def test_a_failed_task_of_no_item_fails_the_run() -> None:
    report = build_report(RUN, {"localhost": [observed()]}, [FailedTask("app-1", "Write", None, "No space")])
    assert {each["verdict"] for each in report["items"]} == {"pass", "not_run"}
    assert overall(report) == "fail"


@pytest.mark.parametrize(("statuses", "expected"), [(["pass"], "pass"), (["pass", "fail"], "fail"), ([], "not_run")])
def test_items_that_did_not_run_do_not_count(statuses: list[str], expected: str) -> None:
    found = [observed(status, subject=str(index)) for index, status in enumerate(statuses)]
    assert overall(build_report(RUN, {"localhost": found})) == expected


def test_what_an_earlier_run_observed_carries_its_run() -> None:
    earlier = {**observed(), "run_id": "1c1d7a52-91c5-4b58-8a0e-3b4f3fb7a1de"}
    report = build_report(RUN, {"app-1": [earlier], "app-2": [observed(minutes=5)]})
    assert [(each["hosts"], each["run_id"]) for each in report["findings"]] == [
        (["app-1"], earlier["run_id"]),
        (["app-2"], RUN.run_id),
    ]
    assert [each["hosts"] for each in taken_over(report)] == [["app-1"]]


@pytest.mark.parametrize(
    ("remedy", "status", "lacking"),
    [
        ("Run without --check.", "unproven", ["List of voices in us-east-1"]),
        ("Run without check mode.", "unproven", ["List of voices in us-east-1"]),
        ("Wait for it.", "unproven", []),
        ("Run without --check.", "pass", []),
    ],
)
def test_proofs_that_check_mode_lacks(remedy: str, status: str, lacking: list[str]) -> None:
    found = observed(status, identifier="polly_voices.voices_listed", region="us-east-1") | {"remedy": remedy}
    assert lacking_in_check_mode([found, observed()]) == lacking


def test_an_empty_run_is_not_a_pass() -> None:
    report = build_report(RUN, {})
    assert overall(report) == "not_run"
    assert report["findings"] == []


def test_what_check_mode_would_change_is_drift() -> None:
    first = [
        observed("unproven", subject="settled later"),
        observed("pass", subject="settled later", minutes=1),
        observed("unproven", subject="would be written"),
        observed("unproven", item="validation", subject="not called"),
        observed("fail", item="validation", subject="static keys"),
        observed("not_applicable", subject="optional"),
    ]
    second = [observed("fail", subject="other host")]
    assert [each["subject"] for each in drift([first, second, []])] == ["would be written", "static keys", "other host"]
    assert drift([]) == drift([[observed()]]) == []
