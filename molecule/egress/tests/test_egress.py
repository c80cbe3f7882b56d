# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role says of open and of closed egress, and that it changes neither."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
SERVICES = ("bedrock", "bedrock-runtime", "polly", "transcribestreaming", "sts")
NETWORK = {"egress.route", "egress.network_acl"}
ENDPOINTS = {f"{service}.{region}.amazonaws.com" for region in ("ca-central-1", "us-east-1") for service in SERVICES}
PROVIDER = "api.smallest.ai"
NEEDED = {*ENDPOINTS, PROVIDER, "10.20.0.7:5432"}


class Played(NamedTuple):
    """A finished run of the role."""

    returncode: int
    output: str
    findings: list[dict[str, Any]]

    def of(self, *identifiers: str) -> list[dict[str, Any]]:
        """Return the findings of these checks."""
        return [each for each in self.findings if each["id"] in identifiers]

    def statuses(self) -> dict[str, str]:
        """Return the status of each endpoint that somebody needs."""
        return {each["subject"]: each["status"] for each in self.of("egress.https_open") if each["subject"] in NEEDED}


Playing = Callable[..., Played]


@pytest.fixture
def play(tmp_path: Path) -> Playing:
    """Run the role as converge does, against any lab, and read its report."""

    def run(lab_directory: str | None = None, hosts: dict[str, Any] | None = None, **variables: Any) -> Played:
        more = tmp_path / "more.json"
        more.write_text(json.dumps({"safesecrets": {"hosts": hosts or {}}, "lab": {"hosts": hosts or {}}}))
        report = tmp_path / "latest/report.json"
        report.unlink(missing_ok=True)
        lab_directory = lab_directory or os.environ["SAFESECRETS_LAB_DIR"]
        finished = subprocess.run(
            [
                "ansible-playbook",
                "--inventory",
                REPOSITORY / "inventory/lab",
                "--inventory",
                more,
                "../shared/converge.yml",
                "--extra-vars",
                json.dumps(variables),
            ],
            cwd=os.environ["MOLECULE_SCENARIO_DIRECTORY"],
            env=os.environ
            | {
                "ANSIBLE_CALLBACKS_ENABLED": "safesecrets.infra.findings",
                "AWS_CA_BUNDLE": f"{lab_directory}/ca.pem",
                "SAFESECRETS_LAB_DIR": lab_directory,
                "SAFESECRETS_HANDOVER": str(tmp_path),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        findings = json.loads(report.read_text(encoding="utf-8"))["findings"] if report.exists() else []
        return Played(finished.returncode, " ".join(finished.stdout.split()), findings)

    return run


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the directory of a second lab, whose host may reach a port of its own network only."""
    directory = str(tmp_path_factory.mktemp("closed"))
    command = [sys.executable, "-m", "lab"]
    subprocess.run([*command, "up", "--account", "closed_egress", "--lab-dir", directory], cwd=REPOSITORY, check=True)
    try:
        yield directory
    finally:
        subprocess.run([*command, "down", "--lab-dir", directory], cwd=REPOSITORY, check=True)


def test_converge_changed_nothing(snapshot: dict[str, Any]) -> None:
    assert snapshot == json.loads(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "prepared.json").read_text())


def test_open_egress_passes_for_both_regions_and_the_provider(play: Playing, lab: dict[str, Any]) -> None:
    run = play()
    assert run.returncode == 0, run.output
    assert run.statuses() == dict.fromkeys({*ENDPOINTS, PROVIDER}, "pass")
    found = run.of("egress.https_open")
    assert {each["evidence"]["instance_id"] for each in found} == {lab["instance_id"]}
    assert all(each["detail"].endswith("(all traffic to 0.0.0.0/0). No action required.") for each in found)
    assert [each["status"] for each in run.of(*NETWORK)] == ["pass", "pass"]


def test_closed_egress_fails_and_names_the_rule_to_add(play: Playing, closed: str) -> None:
    run = play(closed)
    assert run.returncode != 0, run.output
    assert run.statuses() == dict.fromkeys({*ENDPOINTS, PROVIDER}, "fail")
    failed = [each for each in run.findings if each["status"] == "fail"]
    (remedy,) = {each["remedy"] for each in failed}
    (group,) = {name for each in failed for name in each["evidence"]["groups"]}
    unneeded = {each["detail"].partition(" it is for ")[2].partition(".")[0] for each in run.of("egress.https_open")}
    assert unneeded == {"", "Systems Manager", "streaming to Transcribe over WebSocket"}
    assert remedy == f"Add to {group} an outbound rule: TCP 443 to 0.0.0.0/0."
    assert run.output.count(remedy) == 3, "once as the task's error, once as its result, once under the table"


def test_closed_egress_passes_where_the_endpoint_stands_in_the_open_network(play: Playing, closed: str) -> None:
    run = play(closed, egress_provider_endpoint="https://10.20.0.7:5432/v1", egress_services=["sts"])
    assert run.statuses() == {
        "sts.ca-central-1.amazonaws.com": "fail",
        "sts.us-east-1.amazonaws.com": "fail",
        "10.20.0.7:5432": "pass",
    }


def test_what_the_operator_may_not_see_is_unproven_and_says_what_aws_said(play: Playing, lab: dict[str, Any]) -> None:
    connection = {
        "endpoint_url": lab["endpoint_url"],
        "aws_ca_bundle": lab["ca_bundle"],
        "region": lab["region"],
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "not-the-operator",
    }
    run = play(safesecrets_aws=connection)
    assert run.returncode == 0, run.output
    assert [(each["subject"], each["status"]) for each in run.findings] == [(lab["instance_id"], "unproven")]
    assert "Could not look at the security groups" in run.findings[0]["detail"]
    assert "ec2:DescribeSecurityGroups" in run.findings[0]["remedy"]


def test_an_instance_of_another_account_is_unproven(play: Playing) -> None:
    run = play(egress_instance_id="i-0123456789abcdef0")
    found = [(each["subject"], each["status"]) for each in run.findings]
    assert found == [("i-0123456789abcdef0", "unproven")], run.output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"egress_mode": "closed"}, "value of egress_mode must be one of: review, controlled"),
        ({"egress_instance_id": ""}, "Remedy: run the role preflight on this host first, or set both"),
        ({"egress_services": []}, "egress_regions or egress_services is empty."),
        (
            {"egress_host_files": ["/etc/hosts; id"]},
            'egress_host_files has ["/etc/hosts; id"]. Remedy: give absolute paths',
        ),
        ({"egress_provider_endpoint": "http://api.example.com"}, "egress_provider_endpoint is no https address"),
    ],
)
def test_bad_input_is_refused(play: Playing, variables: dict[str, Any], message: str) -> None:
    run = play(**variables)
    assert run.returncode != 0, run.output
    assert message in run.output, run.output
    assert run.findings == []


def asked(log: Path, offset: int) -> list[str]:
    """Return the operations of EC2 that were called since, in the order of the alphabet."""
    return sorted(re.findall(r" ec2 (\w+) -> ", log.read_text(encoding="utf-8")[offset:]))


def test_hosts_are_looked_at_together_and_none_is_in_the_way_of_another(play: Playing, lab: dict[str, Any]) -> None:
    log = Path(os.environ["SAFESECRETS_LAB_DIR"], "lab.log")
    start = len(log.read_text(encoding="utf-8"))
    play()
    alone, before = asked(log, start), len(log.read_text(encoding="utf-8"))
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {
        "app-2": local,
        "app-gone": {**local, "egress_instance_id": "i-0123456789abcdef0"},
        "app-unknown": {**local, "egress_instance_id": "none"},
    }
    run = play(hosts=hosts)
    assert run.returncode != 0, "the host whose instance is not known fails, and no other"
    assert asked(log, before) == sorted([*alone, "DescribeInstances"]), "the one that is not there is asked for alone"
    by_host = {name: {each["status"] for each in run.findings if name in each["hosts"]} for name in hosts}
    assert by_host == {"app-2": {"pass"}, "app-gone": {"unproven"}, "app-unknown": set()}
    (gone,) = [each for each in run.findings if each["status"] == "unproven"]
    assert "i-0123456789abcdef0" in gone["detail"]
    assert "InvalidInstanceID.NotFound" in gone["detail"]
