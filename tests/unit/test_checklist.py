# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The printed checklist: what a person reads, and that it fits the screen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.checklist import Line, render, wrap
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import ITEMS, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.report import FailedTask, Run, build_report

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def observed(
    subject: str = "Ruth", status: str = "pass", detail: str = "Seen.", item: str = "INFRA-P2-3", **given: Any
) -> dict[str, Any]:
    remedy = given.pop("remedy", "Mend it.")
    return finding(f"check.{item}", item, subject, status, detail, remedy=remedy, observed_at=NOON, **given)


def printed(
    observations: dict[str, list[dict[str, Any]]],
    *,
    width: int = 100,
    failed: tuple[FailedTask, ...] = (),
    check_mode: bool = False,
    account_id: str | None = "123456789012",
    notes: tuple[str, ...] = (),
) -> list[Line]:
    """Return the lines, none wider than the screen."""
    run = Run("6a4ba836-a642-46d7-9db9-9974a6e5a274", NOON, NOON, "site.yml", check_mode, account_id, "0.1.0")
    lines = render(build_report(run, observations, failed, notes), width)
    assert [line.text for line in lines if len(line.text) > width] == []
    assert [line.text for line in lines if not (line.text.isascii() and line.text.isprintable())] == []
    return lines


def text(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)


def test_a_table_as_a_person_reads_it() -> None:
    found = {
        "localhost": [
            observed(MODEL, "fail", "The agreement is missing.", "INFRA-P2-2", region="us-east-1", remedy="Accept it."),
            observed(region="us-east-1"),
        ]
    }
    assert text(printed(found)).splitlines() == [
        "-" * 100,
        "SafeSecrets Phase 2 checklist: site.yml, account 123456789012, 2026-11-23 12:00:00 UTC",
        "-" * 100,
        "NOT RUN   Prerequisites: Inputs, credentials, role and hosts",
        "FAIL      INFRA-P2-2: Bedrock model access",
        "  FAIL      anthropic.claude-3-haiku-20240307-v1:0  us-east-1  The agreement is missing.",
        "NOT RUN   INFRA-P2-1: IAM role permissions",
        "PASS      INFRA-P2-3: Polly voices",
        "  PASS      Ruth  us-east-1  Seen.",
        "NOT RUN   INFRA-P2-5: Environment configuration",
        "NOT RUN   INFRA-P2-6: Smartest.ai integration",
        "NOT RUN   INFRA-P2-4: Security group egress",
        "NOT RUN   Validation: Calls from the host and CloudTrail",
        "-" * 100,
        "Validation checklist of the requirements",
        "NOT RUN   1. IAM role permits Bedrock, Transcribe, Polly in the configured regions",
        "NOT RUN   2. Bedrock models accessible in the new region (tested by a call)",
        "NOT RUN   3. Polly Generative voices confirmed in the new region",
        "NOT RUN   4. Environment variables configured for multi-region routing",
        "NOT RUN   5. Smartest.ai API key obtained and configured",
        "NOT RUN   6. Test calls to the new region services succeed from EC2 instance",
        "NOT RUN   7. No region-specific IAM denials in CloudTrail logs",
        "-" * 100,
        "What to do",
        " 1. FAIL INFRA-P2-2",
        "    What:   anthropic.claude-3-haiku-20240307-v1:0 in us-east-1",
        "    Seen:   The agreement is missing.",
        "    Remedy: Accept it.",
        "-" * 100,
        "Items:    1 fail, 1 pass, 6 not run",
        "Findings: 1 pass, 1 fail",
        "Result:   FAIL, 6 of 8 items not run",
    ]


@pytest.mark.parametrize(
    ("status", "word"),
    [("pass", "PASS"), ("fail", "FAIL"), ("unproven", "UNPROVEN"), ("not_applicable", "N.A.")],
)
def test_every_status_is_a_word_on_its_row_and_on_its_item(status: str, word: str) -> None:
    lines = printed({"localhost": [observed(status=status)]})
    rows = [line for line in lines if line.text.split()[:1] == [word]]
    assert len(rows) == 2
    assert {line.status for line in rows} == {status}
    assert lines[-1] == Line(f"Result:   {word}, 7 of 8 items not run", status)


@pytest.mark.parametrize("width", [80, 97, 100, 120])
def test_long_texts_are_wrapped_to_the_screen(width: int) -> None:
    words = " ".join(f"word{index}" for index in range(150))
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{MODEL}" + "x" * 150
    task = FailedTask("app-1", f"A task {words}", None, words)
    lines = printed(
        {"localhost": [observed(arn, "fail", words, region="ap-southeast-2", remedy=words)]},
        width=width,
        failed=(task,),
        notes=(words,),
    )
    flat = " ".join(text(lines).split())
    assert flat.count("word149") == 5, "the note, what was seen, the remedy and the task are in full"
    assert sum(line.text.startswith("  FAIL ") for line in lines) == 2


def test_a_long_detail_is_short_in_the_table_and_full_below() -> None:
    detail = "The first sentence. " + "More was said by AWS. " * 30 + "The end."
    lines = printed({"localhost": [observed(status="fail", detail=detail)]})
    table, below = text(lines).split("What to do")
    assert " ..." in table
    assert "The end." not in table
    assert "The end." in below


def test_details_go_below_where_long_names_leave_them_no_room() -> None:
    host = "transcribestreaming.ca-central-1.amazonaws.com"
    detail = "Open by sg-6de7af00dab191434 (all traffic to 0.0.0.0/0). No action required."
    found = {
        "localhost": [
            observed(host, detail=detail, region="ca-central-1"),
            observed("sts", detail=detail, region="us-east-1"),
        ]
    }
    rows = text(printed(found)).split("Polly voices\n")[1].split("NOT RUN")[0].splitlines()
    assert rows == [
        f"  PASS      {host}  ca-central-1",
        f"              {detail}",
        "  PASS      sts                                             us-east-1",
        f"              {detail}",
    ]


def test_check_mode_and_what_narrowed_the_run_stand_in_the_heading() -> None:
    lines = printed(
        {"localhost": [observed()]}, check_mode=True, notes=("Only a part was asked for: --tags INFRA-P2-3",)
    )
    assert "CHECK MODE (--check): nothing was changed." in [line.text for line in lines[:4]]
    assert "Only a part was asked for: --tags INFRA-P2-3" in [line.text for line in lines[:5]]
    assert "CHECK" not in text(printed({"localhost": [observed()]}))


def test_failures_come_before_what_is_unproven() -> None:
    found = [observed("first", "unproven", item="INFRA-P2-2"), observed("second", "fail", item="INFRA-P2-4")]
    below = text(printed({"localhost": found})).split("What to do")[1]
    assert below.index("1. FAIL INFRA-P2-4") < below.index("2. UNPROVEN INFRA-P2-2")


def test_what_is_alike_is_said_once() -> None:
    found = [observed(f"host-{index}", "fail", region="us-east-1" if index else None) for index in range(3)]
    below = text(printed({"app-1": found, "app-2": found})).split("What to do")[1]
    assert below.splitlines()[1:5] == [
        " 1. FAIL INFRA-P2-3 on app-1, app-2",
        "    What:   host-0, host-1 in us-east-1, host-2 in us-east-1",
        "    Seen:   Seen.",
        "    Remedy: Mend it.",
    ]


def test_all_green_says_so_and_lists_nothing_to_do() -> None:
    found = [observed(item=item) for item in ITEMS]
    lines = printed({"localhost": found})
    assert "What to do" not in text(lines)
    assert lines[-1] == Line("Result:   PASS", "pass")


def test_a_failed_task_is_shown_and_the_result_is_not_green() -> None:
    found = {"localhost": [observed(item=item) for item in ITEMS]}
    task = FailedTask("app-1", "safesecrets.infra.environment : Write the block", "INFRA-P2-5", "No space left", False)
    lines = printed(found, failed=(task,))
    assert "  FAIL INFRA-P2-5 on app-1: safesecrets.infra.environment : Write the block" in text(lines)
    assert "    Said:   No space left" in text(lines)
    assert Line("FAIL      INFRA-P2-5: Environment configuration", "fail") in lines
    assert lines[-1] == Line("Result:   FAIL", "fail")


def test_an_unreachable_host_is_named_as_such() -> None:
    lines = printed({}, failed=(FailedTask("app-1", "Gather", None, "Connection timed out", True),), account_id=None)
    assert "UNREACHABLE on app-1: Gather" in text(lines)
    assert "account unknown" in text(lines)
    assert "Findings: none" in text(lines)


@pytest.mark.parametrize(
    ("observations", "subjects"),
    [
        ({"app-1": [observed()], "localhost": [observed("Joanna")]}, ["Ruth, Joanna"]),
        ({"app-1": [observed()], "app-2": [observed()]}, ["Ruth"]),
        ({"app-1": [observed()], "app-2": [observed(detail="Other.")]}, ["Ruth [app-1]", "Ruth [app-2]"]),
        (
            {f"app-{index}": [observed(detail="Other." if index == 3 else "Seen.")] for index in range(4)},
            ["Ruth [3 hosts]", "Ruth [app-3]"],
        ),
    ],
)
def test_hosts_are_named_where_they_differ(observations: dict[str, Any], subjects: list[str]) -> None:
    rows = [line.text for line in printed(observations) if line.text.startswith("  PASS ")]
    assert [row[12 : row.index("  ", 12)] for row in rows] == subjects


def test_arns_stand_short_in_the_table_and_full_below() -> None:
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"
    table, below = text(printed({"localhost": [observed(arn, "fail", region="us-east-1")]}, width=120)).split(
        "What to do"
    )
    assert f" foundation-model/{MODEL} " in table
    assert "arn:aws" not in table
    assert arn in below


def test_what_would_steer_a_terminal_is_not_printed() -> None:
    lines = printed({"localhost": [observed("Ru\x1b[31mth", "fail", "See\rn\n\x07.")]})
    assert "\x1b" not in text(lines)


@pytest.mark.parametrize(
    ("given", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two", 10, ["one two"]),
        ("one two three", 7, ["one two", "three"]),
        ("one\n\n  two", 10, ["one two"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("role/some-name", 10, ["role/some-", "name"]),
        ("x verylongword.", 6, ["x", "verylo", "ngword", "."]),
    ],
)
def test_wrapping(given: str, width: int, lines: list[str]) -> None:
    assert wrap(given, width) == lines
