# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report's JSON Schema accepts what is built and refuses everything else; code and schema name the same things."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FIELDS,
    ITEMS,
    STATUSES,
    TAKEN_OVER_FIELDS,
    checked,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.report import (
    SCHEMA_VERSION,
    VERDICTS,
    FailedTask,
    Run,
    build_report,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/report.schema.json").read_text(encoding="utf-8"))
REPORT = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
FINDING = jsonschema.Draft202012Validator({"$ref": "#/$defs/finding", "$defs": SCHEMA["$defs"]})
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def observed(status: str = "pass") -> dict[str, Any]:
    return finding(
        "polly_voices.available", "INFRA-P2-3", "Ruth", status, "Seen.", remedy="Mend it.", region="us-east-1"
    )


def built(**run: Any) -> dict[str, Any]:
    """Return a report with findings of every status, two hosts and failed tasks."""
    facts = {
        "run_id": "6a4ba836-a642-46d7-9db9-9974a6e5a274",
        "started_at": NOON,
        "finished_at": NOON,
        "playbook": "playbooks/site.yml",
        "check_mode": False,
        "account_id": "123456789012",
        "collection_version": "0.1.0",
        "configuration": "00112233445566ff",
        **run,
    }
    observations = {
        "localhost": [observed(status) | {"subject": status} for status in STATUSES],
        "app": [observed("fail") | {"region": None}],
    }
    failed = [FailedTask("app", "Write", None, "No space"), FailedTask("app", "Write", "INFRA-P2-5", "Gone", True)]
    return build_report(Run(**facts), observations, failed, ["Only a part was asked for: --tags INFRA-P2-3"])


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("run", [{}, {"account_id": None}, {"check_mode": True}, {"configuration": None}])
def test_what_is_built_follows_the_schema(run: dict[str, Any]) -> None:
    REPORT.validate(json.loads(json.dumps(built(**run))))


def test_an_empty_run_follows_the_schema() -> None:
    run = Run("6a4ba836-a642-46d7-9db9-9974a6e5a274", NOON, NOON, "site.yml", False, None, "unknown")
    REPORT.validate(build_report(run, {}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report.pop("items"),
        lambda report: report.update(colour="red"),
        lambda report: report.update(schema_version=1),
        lambda report: report.update(run_id="today"),
        lambda report: report.update(started_at="2026-11-23 12:00"),
        lambda report: report.update(account_id="1234"),
        lambda report: report.update(check_mode="yes"),
        lambda report: report.update(configuration="secret"),
        lambda report: report.update(notes=[""]),
        lambda report: report["checklist"][0].update(verdict="good"),
        lambda report: report["checklist"][0].pop("text"),
        lambda report: report["findings"][0].update(run_id="today"),
        lambda report: report["items"][0].update(verdict="good"),
        lambda report: report["items"][0]["counts"].update({"pass": -1}),
        lambda report: report["items"][0]["counts"].pop("fail"),
        lambda report: report["findings"][0].update(status="passed"),
        lambda report: report["findings"][0].update(hosts=[]),
        lambda report: report["failed_tasks"][0].pop("message"),
        lambda report: report["failed_tasks"][0].update(item="INFRA-P2-9"),
    ],
)
def test_a_spoilt_report_is_refused(spoil: Callable[[dict[str, Any]], Any]) -> None:
    report = built()
    spoil(report)
    assert not REPORT.is_valid(report)


SPOILT_FINDINGS: list[dict[str, Any]] = [
    *({name: None} for name in FIELDS if name != "region"),
    {"id": " "},
    {"subject": ""},
    {"region": ""},
    {"detail": ""},
    {"item": "INFRA-P2-9"},
    {"status": "fail", "remedy": ""},
    {"status": "unproven", "remedy": " "},
    {"evidence": []},
    {"observed_at": "2026-11-23T12:00:00+00:00"},
    {"run_id": ""},
    {"colour": "red"},
]


@pytest.mark.parametrize("changed", SPOILT_FINDINGS, ids=str)
def test_schema_and_role_refuse_the_same_findings(changed: dict[str, Any]) -> None:
    spoilt = observed() | changed
    assert not FINDING.is_valid(spoilt)
    with pytest.raises(ValueError, match="finding 0"):
        checked([spoilt])


@pytest.mark.parametrize("changed", [{}, {"region": None}, {"remedy": ""}, {"evidence": {"deep": [{"a": 1}]}}], ids=str)
def test_schema_and_role_accept_the_same_findings(changed: dict[str, Any]) -> None:
    accepted = observed() | changed
    FINDING.validate(accepted)
    assert checked([accepted]) == [accepted]


def test_code_and_schema_name_the_same_things() -> None:
    definitions = deepcopy(SCHEMA["$defs"])
    assert definitions["item_name"]["enum"] == list(ITEMS)
    assert definitions["status"]["enum"] == list(STATUSES)
    assert sorted(definitions["verdict"]["enum"]) == sorted(VERDICTS)
    assert definitions["finding"]["required"] == list(FIELDS)
    assert set(definitions["finding"]["properties"]) == {*FIELDS, *TAKEN_OVER_FIELDS, "hosts"}
    assert definitions["schema_version"]["const"] == SCHEMA_VERSION


def test_every_object_refuses_what_it_does_not_name() -> None:
    objects = [SCHEMA, *(each for each in SCHEMA["$defs"].values() if each.get("type") == "object")]
    assert [each for each in objects if each.get("additionalProperties") is not False] == []
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])
