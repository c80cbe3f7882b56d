"""The rulebook starts the validation for what Phase 2 rests on, and for nothing else: a file's events, real rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controller.controller_api import controller

REPOSITORY = Path(__file__).resolve().parents[2]
RULEBOOK = REPOSITORY / "extensions/eda/rulebooks/drift.yml"
ROLE = "MM-KA-SceneBeat-SafeSecretsEC2Role"
GROUP = "sg-0123456789abcdef0"

needs_java = pytest.mark.skipif(
    not shutil.which("java"), reason="ansible-rulebook's rules run on Java 17 or newer: as root, make setup-java"
)


def event(source: str, name: str, **fields: Any) -> dict[str, Any]:
    """An event as the CloudTrail source hands it on: LookupEvents' fields, the record itself parsed."""
    record = {"eventSource": f"{source}.amazonaws.com", "eventName": name, "requestParameters": {}, **fields}
    return {"EventName": name, "EventSource": record["eventSource"], "CloudTrailEvent": record}


def iam(name: str, role: str = ROLE, **fields: Any) -> dict[str, Any]:
    return event("iam", name, requestParameters={"roleName": role}, **fields)


def egress(name: str, group: str = GROUP, **fields: Any) -> dict[str, Any]:
    return event("ec2", name, requestParameters={"groupId": group}, **fields)


def edited(group: str = GROUP) -> dict[str, Any]:
    request = {"GroupId": group, "SecurityGroupRule": {"SecurityGroupRuleId": "sgr-1"}}
    return event("ec2", "ModifySecurityGroupRules", requestParameters={"ModifySecurityGroupRulesRequest": request})


def launches(directory: Path, events: list[dict[str, Any]]) -> list[str]:
    """Let the rulebook see these events, and return the names of the job templates that it launched."""
    payload = directory / "events.yml"
    payload.write_text(yaml.safe_dump(events))
    rulesets = yaml.safe_load(RULEBOOK.read_text())
    for ruleset in rulesets:
        ruleset["sources"] = [{"name": "file", "eda.builtin.generic": {"payload_file": str(payload)}}]
    copy = directory / "rulebook.yml"
    copy.write_text(yaml.safe_dump(rulesets))
    variables = directory / "variables.yml"
    variables.write_text(
        yaml.safe_dump(
            {
                "safesecrets_role_name": ROLE,
                "safesecrets_security_group_ids": [GROUP],
                "safesecrets_organization": "SafeSecrets",
            }
        )
    )
    with controller() as (address, store):
        for name in ("SafeSecrets site", "SafeSecrets validate"):
            store.create("job_templates", {"name": name})
        finished = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("ansible-rulebook")), "--rulebook", str(copy)),
                *("--vars", str(variables), "--controller-url", address, "--shutdown-delay", "5"),
            ],
            cwd=directory,
            env=os.environ | {"EDA_CONTROLLER_TOKEN": "of-the-test", "EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.2"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
        assert "ERROR" not in finished.stdout, finished.stdout
        templates = {each["id"]: each["name"] for each in store.objects["job_templates"]}
        return [templates[job["job_template"]] for job in store.objects.get("jobs", [])]


@needs_java
def test_a_change_starts_the_validation_once(tmp_path: Path) -> None:
    events = [iam("PutRolePolicy"), iam("PutRolePolicy"), iam("AttachRolePolicy")]
    assert launches(tmp_path, events) == ["SafeSecrets validate"]


@needs_java
def test_changes_of_egress_start_it_too(tmp_path: Path) -> None:
    assert launches(tmp_path, [egress("RevokeSecurityGroupEgress")]) == ["SafeSecrets validate"]


@needs_java
def test_a_rule_that_is_edited_in_the_console_starts_it(tmp_path: Path) -> None:
    assert launches(tmp_path, [edited()]) == ["SafeSecrets validate"]


@needs_java
def test_what_does_not_matter_starts_nothing(tmp_path: Path) -> None:
    events = [
        iam("PutRolePolicy", role="of-somebody-else"),
        iam("PutRolePolicy", errorCode="AccessDenied"),
        iam("GetRolePolicy"),
        egress("RevokeSecurityGroupEgress", group="sg-of-somebody-else"),
        egress("AuthorizeSecurityGroupIngress"),
        edited("sg-of-somebody-else"),
        event("ec2", "RunInstances"),
        {"EventName": "malformed"},
    ]
    assert launches(tmp_path, events) == []


def test_every_rule_starts_the_validation() -> None:
    templates = yaml.safe_load((REPOSITORY / "controller/templates.yml").read_text())["controller_job_templates"]
    for ruleset in yaml.safe_load(RULEBOOK.read_text()):
        for rule in ruleset["rules"]:
            assert rule["action"]["run_job_template"]["name"] in {each["name"] for each in templates}
            assert "errorCode is not defined" in json.dumps(rule["condition"]), "a refused change is no change"
