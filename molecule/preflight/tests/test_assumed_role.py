# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""With safesecrets_assume_role_arn, everything after the assumption is done with the role's credentials.

ministack enforces it: the controller's own user may assume the role and do nothing else, the role may read.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import BotoCoreError

REPOSITORY = Path(__file__).resolve().parents[3]
ROLE = "MM-KA-SceneBeat-SafeSecretsEC2Role"
EC2_TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
READ = {"Effect": "Allow", "Action": ["iam:GetRole", "iam:List*"], "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Account:
    """An account of its own, its user and a role to assume."""

    def __init__(self, endpoint: str, key: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.session = boto3.Session(key["id"], key["secret"], region_name="ca-central-1")
        self.iam = self.session.client("iam", endpoint_url=endpoint)
        self.account_id = self.session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
        self.operator_role_arn = f"arn:aws:iam::{self.account_id}:role/operator"

    def fill(self) -> dict[str, str]:
        """Make user, roles and instance profile; return the user's key."""
        user = self.iam.create_user(UserName="controller")["User"]["Arn"]
        assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": self.operator_role_arn}
        self.iam.put_user_policy(UserName="controller", PolicyName="assume", PolicyDocument=policy(assume))
        trust = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
        self.iam.create_role(RoleName="operator", AssumeRolePolicyDocument=policy(trust))
        self.iam.put_role_policy(RoleName="operator", PolicyName="read", PolicyDocument=policy(READ))
        self.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy(EC2_TRUST))
        key = self.iam.create_access_key(UserName="controller")["AccessKey"]
        return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


@pytest.fixture(scope="module")
def endpoint_and_root_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Start ministack on a free port, with IAM enforced."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = {"id": "AKIA" + secrets.token_hex(8).upper(), "secret": secrets.token_hex(20)}
    environment = os.environ | {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": key["id"],
        "AWS_SECRET_ACCESS_KEY": key["secret"],
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
    }
    log = (tmp_path_factory.mktemp("ministack") / "log").open("wb")
    with log, subprocess.Popen([sys.executable, "-m", "ministack"], env=environment, stdout=log, stderr=log) as process:
        yield f"http://127.0.0.1:{port}", key
        process.terminate()


@pytest.fixture(scope="module")
def account(endpoint_and_root_key: tuple[str, dict[str, str]]) -> Account:
    """Give the account as soon as it answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return Account(*endpoint_and_root_key)
        except BotoCoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture(scope="module")
def user_key(account: Account) -> dict[str, str]:
    """Give the key of the controller's own user."""
    return account.fill()


def play(account: Account, user_key: dict[str, str], directory: Path, **variables: str) -> str:
    """Run the controller's part, and write the account and the connection that it found."""
    result = {"account": "{{ safesecrets_account }}", "connection": "{{ safesecrets_aws_connection }}"}
    note = {
        "name": "Note what was found",
        "ansible.builtin.copy": {
            "content": "{{ result | to_json }}",
            "dest": str(directory / "result.json"),
            "mode": "0600",
        },
        "vars": {"result": result},
        "no_log": True,
    }
    playbook = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"safesecrets_aws": {"region": "ca-central-1"}, "safesecrets_account_id": account.account_id},
            "vars_files": [str(REPOSITORY / "inventory/production/group_vars/all/safesecrets.yml")],
            "module_defaults": {
                "group/safesecrets.infra.aws": "{{ safesecrets_aws_connection | default(safesecrets_aws) }}"
            },
            "roles": ["safesecrets.infra.preflight"],
            "tasks": [note],
        }
    ]
    (directory / "play.yml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    run = subprocess.run(
        [
            "ansible-playbook",
            "-vvvv",
            "--inventory=localhost,",
            "--connection=local",
            f"--extra-vars={json.dumps({'ansible_python_interpreter': sys.executable, **variables})}",
            directory / "play.yml",
        ],
        env=os.environ
        | {
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_FORCE_COLOR": "false",
            "AWS_ACCESS_KEY_ID": user_key["id"],
            "AWS_SECRET_ACCESS_KEY": user_key["secret"],
            "AWS_ENDPOINT_URL": account.endpoint,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return run.stdout


def test_the_roles_credentials_are_used_from_then_on(
    account: Account, user_key: dict[str, str], tmp_path: Path
) -> None:
    output = play(account, user_key, tmp_path, safesecrets_assume_role_arn=account.operator_role_arn)
    assert (tmp_path / "result.json").exists(), output
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["account"] == {
        "account_id": account.account_id,
        "partition": "aws",
        "caller_arn": f"arn:aws:sts::{account.account_id}:assumed-role/operator/safesecrets-infra",
        "role_arn": f"arn:aws:iam::{account.account_id}:role/{ROLE}",
    }
    assert sorted(result["connection"]) == ["access_key", "region", "secret_key", "session_token"]
    assert result["connection"]["secret_key"] not in output
    assert result["connection"]["session_token"] not in output


def test_without_the_role_the_user_may_not_read(account: Account, user_key: dict[str, str], tmp_path: Path) -> None:
    output = play(account, user_key, tmp_path)
    assert f"The role {ROLE} of account {account.account_id} could not be looked up (iam:GetRole" in output
    assert "Remedy: check how safesecrets_role_name is written" in output


def test_the_account_is_judged_before_a_role_that_may_not_be_read(
    account: Account, user_key: dict[str, str], tmp_path: Path
) -> None:
    output = play(account, user_key, tmp_path, safesecrets_account_id="999999999999")
    assert "but safesecrets_account_id is 999999999999" in output
    assert "could not be looked up" not in output


def test_a_role_that_may_not_be_assumed_is_named(account: Account, user_key: dict[str, str], tmp_path: Path) -> None:
    arn = f"arn:aws:iam::{account.account_id}:role/other"
    output = play(account, user_key, tmp_path, safesecrets_assume_role_arn=arn)
    assert f"{arn} could not be assumed (sts:AssumeRole): " in output
    assert "Remedy: allow the controller's own credentials to assume it" in output
