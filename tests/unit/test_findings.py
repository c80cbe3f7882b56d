# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which findings are refused for their form, and which end a run."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FIELDS,
    STATUSES,
    checked,
    explain,
    finding,
    stopping,
)


def observed(status: str = "pass", /, **changed: Any) -> dict[str, Any]:
    """Return a finding of the status with some fields changed."""
    return {**finding("polly_voices.available", "INFRA-P2-3", "Ruth", status, "Seen.", remedy="Mend it."), **changed}


@pytest.mark.parametrize("status", STATUSES)
def test_what_finding_builds_is_in_its_form(status: str) -> None:
    built = [observed(status), observed(status, region="us-east-1", evidence={"engines": ["generative"]})]
    assert checked(built) == built
    assert tuple(built[0]) == FIELDS


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"id": ""}, "id is '', not the name of a check"),
        ({"id": None}, "id is None"),
        ({"item": "INFRA-P2-9"}, "item is 'INFRA-P2-9', not one of prerequisites, INFRA-P2-2"),
        ({"subject": " "}, "subject is ' ', not what was looked at"),
        ({"region": ""}, "region is '', not a region or null"),
        ({"status": "passed"}, "status is 'passed', not one of pass, fail, unproven, not_applicable"),
        ({"detail": ""}, "detail is '', not a sentence"),
        ({"status": "fail", "remedy": ""}, "remedy is '', not what to do"),
        ({"status": "unproven", "remedy": " "}, "remedy is ' ', not what to do"),
        ({"remedy": None}, "remedy is None"),
        ({"evidence": ["a"]}, "not a mapping"),
        ({"observed_at": "yesterday"}, "observed_at is 'yesterday', not a moment like 2026-11-23T06:00:00Z"),
        ({"expires_at": "2026-11-23T06:00:00+00:00"}, "expires_at is"),
        ({"colour": "red"}, "unknown: colour"),
    ],
)
def test_a_fault_is_named_with_its_place(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match="finding 1: ") as error:
        checked([observed(), observed(**changed)])
    assert fault in str(error.value)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_wanted(name: str) -> None:
    with pytest.raises(ValueError, match=f"finding 0: missing: {name}"):
        checked([{key: value for key, value in observed().items() if key != name}])


@pytest.mark.parametrize("findings", [[], {}, "pass", None, {"id": "polly_voices.available"}])
def test_nothing_is_not_a_list_of_findings(findings: Any) -> None:
    with pytest.raises(ValueError, match=r"at least one finding is wanted.*not_applicable"):
        checked(findings)


def test_an_entry_that_is_no_mapping_is_named() -> None:
    with pytest.raises(ValueError, match="finding 0: it is a str, not a mapping"):
        checked(["pass"])


@pytest.mark.parametrize(
    ("strict", "ending"), [(False, ["fail"]), (True, ["fail", "unproven"])], ids=["lenient", "strict"]
)
def test_what_ends_a_run(strict: bool, ending: list[str]) -> None:
    found = [observed(status) for status in ("pass", "fail", "unproven", "not_applicable")]
    assert [each["status"] for each in stopping(found, strict)] == ending


def test_what_is_alike_is_explained_once() -> None:
    found = [
        observed("fail", region="us-east-1"),
        observed("fail", subject="Joanna"),
        observed("unproven"),
        observed("fail", detail="Gone.", remedy=""),
    ]
    assert explain(found).splitlines() == [
        "INFRA-P2-3 Ruth in us-east-1, Joanna: Seen. Remedy: Mend it.",
        "INFRA-P2-3 Ruth: Seen. Remedy: Mend it.",
        "INFRA-P2-3 Ruth: Gone.",
    ]
