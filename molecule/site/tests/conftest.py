# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs of playbooks on the site's host, and its outbound rules as EC2 has them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

REPOSITORY = Path(__file__).resolve().parents[3]
RECAP = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)
POLICY = "Ec2"


class Played(NamedTuple):
    """A run that ended: how, what it said, and how many tasks changed something."""

    status: int
    output: str
    changed: int

    @property
    def said(self) -> str:
        """Return the output, however its lines were broken."""
        return " ".join(self.output.split())


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a playbook in a process group of its own: ``start("playbooks/egress.yml", variables)``."""

    def run(playbook: str, variables: dict[str, Any], *arguments: str, **environment: str) -> subprocess.Popen[str]:
        given = json.dumps(variables | {"egress_record_directory": str(tmp_path / "records")})
        return subprocess.Popen(
            [
                *("ansible-playbook", "--inventory", REPOSITORY / "inventory/lab_host", REPOSITORY / playbook),
                *("--extra-vars", given, *arguments),
            ],
            env=os.environ
            | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false", "PYTHONUNBUFFERED": "1"}
            | {"SAFESECRETS_HANDOVER": str(tmp_path / "handover")}
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return run


@pytest.fixture
def play(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Played]:
    """Run a playbook to its end."""

    def run(playbook: str, variables: dict[str, Any], *arguments: str, **environment: str) -> Played:
        process = start(playbook, variables, *arguments, **environment)
        output = process.communicate(timeout=300)[0]
        return Played(process.returncode, output, sum(map(int, RECAP.findall(output))))

    return run


@pytest.fixture
def outbound(lab: dict[str, Any], play: Callable[..., Played]) -> Callable[..., Played]:
    """Run the role alone, with little to prove: ``outbound(egress_purge=True)``; ``kill_at`` is a task's name."""
    given = {
        "egress_instance_id": lab["instance_id"],
        "egress_region": lab["region"],
        "egress_mode": "controlled",
        "egress_services": ["sts"],
        "egress_provider_endpoint": "",
        "egress_host_files": [],
        "egress_settle_seconds": 0,
        "egress_proof_timeout": 3,
        "egress_proof_retries": 1,
    }

    def run(*arguments: str, kill_at: str = "", time: int = 1, **variables: Any) -> Played:
        environment = {
            "ANSIBLE_CALLBACK_PLUGINS": str(REPOSITORY / "molecule/site/callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "kill_at",
            "KILL_AT": kill_at,
            "KILL_AT_TIME": str(time),
        }
        return play("molecule/site/outbound.yml", given | variables, *arguments, **environment)

    return run


@pytest.fixture
def group(aws: Callable[..., Any]) -> Callable[[], dict[str, Any]]:
    """Look at the security group of the instance."""

    def look() -> dict[str, Any]:
        ec2 = aws("ec2")
        (reservation,) = ec2.describe_instances()["Reservations"]
        (attached,) = reservation["Instances"][0]["SecurityGroups"]
        (found,) = ec2.describe_security_groups(GroupIds=[attached["GroupId"]])["SecurityGroups"]
        return found

    return look


@pytest.fixture
def rules(group: Callable[[], dict[str, Any]]) -> Callable[[], set[tuple[str, int | None, str]]]:
    """Give the outbound rules: protocol, port, destination."""

    def look() -> set[tuple[str, int | None, str]]:
        return {
            (rule["IpProtocol"], rule.get("FromPort"), each["CidrIp"])
            for rule in group()["IpPermissionsEgress"]
            for each in rule["IpRanges"]
        }

    return look


@pytest.fixture
def opened(aws: Callable[..., Any], group: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Open everything when the test has ended, and take the records off."""
    yield
    ec2, now = aws("ec2"), group()
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=now["GroupId"], IpPermissions=now["IpPermissionsEgress"])
    ec2.authorize_security_group_egress(GroupId=now["GroupId"], IpPermissions=everything)
    if tags := [{"Key": each["Key"]} for each in now.get("Tags", [])]:
        ec2.delete_tags(Resources=[now["GroupId"]], Tags=tags)


@pytest.fixture(scope="session")
def anything(lab: dict[str, Any], aws: Callable[..., Any], on_host: Callable[[str], str]) -> Iterator[Any]:
    """Give EC2 for someone who may do everything there: the operator may not, and lets the role for a while."""
    iam, role = aws("iam"), {"RoleName": lab["role_name"], "PolicyName": POLICY}
    statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    iam.put_role_policy(**role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    try:
        yield _as_the_role(lab, on_host)
    finally:
        iam.delete_role_policy(**role)


def _as_the_role(lab: dict[str, Any], on_host: Callable[[str], str]) -> Any:
    script = """
        metadata=http://169.254.169.254/latest
        token=$(curl -sf -X PUT -H X-aws-ec2-metadata-token-ttl-seconds:60 $metadata/api/token)
        curl -sf -H "X-aws-ec2-metadata-token: $token" $metadata/meta-data/iam/security-credentials/
    """
    found = json.loads(on_host(f"{script.rstrip()}{lab['role_name']}"))
    session = boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    ec2 = session.client("ec2", lab["region"], endpoint_url=lab["endpoint_url"], verify=lab["ca_bundle"])
    for _attempt in range(100):
        try:
            ec2.describe_security_groups()
            break
        except ClientError:
            time.sleep(0.2)
    return ec2
