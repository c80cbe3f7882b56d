# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one form of findings, and how they are explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    ITEMS,
    NOT_APPLICABLE,
    PASS,
    STATUSES,
    UNPROVEN,
    explain,
    finding,
    timestamp,
    with_status,
)

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def observed(status: str = PASS, **given: Any) -> dict[str, Any]:
    """Return a finding of the status, seen at noon."""
    remedy = given.pop("remedy", "" if status in (PASS, NOT_APPLICABLE) else "Put it right.")
    item = given.pop("item", "INFRA-P2-3")
    return finding("polly_voices.available", item, "Ruth", status, "Seen.", remedy=remedy, observed_at=NOON, **given)


def test_holds_exactly_the_fields_of_the_schema() -> None:
    assert observed(region="us-east-1", evidence={"engines": ["generative"]}) == {
        "id": "polly_voices.available",
        "item": "INFRA-P2-3",
        "subject": "Ruth",
        "region": "us-east-1",
        "status": "pass",
        "detail": "Seen.",
        "remedy": "",
        "evidence": {"engines": ["generative"]},
        "observed_at": "2026-11-23T12:00:00Z",
        "expires_at": "2026-11-24T12:00:00Z",
    }


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("status", STATUSES)
def test_every_item_takes_every_status(item: str, status: str) -> None:
    assert (observed(status, item=item)["item"], observed(status, item=item)["status"]) == (item, status)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"item": "INFRA-P2-7"}, "'INFRA-P2-7' is no item of the chain: prerequisites, INFRA-P2-2"),
        ({"status": "passed"}, "'passed' is no status: pass, fail, unproven, not_applicable"),
        ({"status": ""}, "'' is no status"),
        ({"status": FAIL, "remedy": ""}, "polly_voices.available is fail and names no remedy"),
        ({"status": UNPROVEN, "remedy": ""}, "polly_voices.available is unproven and names no remedy"),
    ],
)
def test_refuses_a_meaningless_finding(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        observed(**arguments)


def test_evidence_is_a_copy() -> None:
    evidence = {"voices": 1}
    seen = observed(evidence=evidence)
    evidence["voices"] = 2
    assert seen["evidence"] == {"voices": 1}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-23T12:00:00Z"),
        (NOON.replace(microsecond=999999), "2026-11-23T12:00:00Z"),
        (datetime(2026, 11, 23, 7, 0, tzinfo=timezone(timedelta(hours=-5))), "2026-11-23T12:00:00Z"),
    ],
)
def test_timestamps_are_utc_to_the_second(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


def test_selects_by_status_in_order() -> None:
    findings = [observed(PASS), observed(FAIL), observed(NOT_APPLICABLE), observed(FAIL, region="us-east-1")]
    assert with_status(findings, FAIL) == [findings[1], findings[3]]
    assert with_status(findings, UNPROVEN) == []


@pytest.mark.parametrize(
    ("findings", "text"),
    [
        ([], ""),
        ([observed(PASS)], "INFRA-P2-3 Ruth: Seen."),
        (
            [observed(FAIL, region="us-east-1"), observed(UNPROVEN)],
            "INFRA-P2-3 Ruth in us-east-1: Seen. Remedy: Put it right.\nINFRA-P2-3 Ruth: Seen. Remedy: Put it right.",
        ),
    ],
)
def test_explains_each_finding_in_a_paragraph(findings: list[dict[str, Any]], text: str) -> None:
    assert explain(findings) == text
