"""The role's policy goes from inline to managed and back, keeps to IAM's five versions, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from tests.end_to_end.playbook_run import ANSIBLE_PLAYBOOK, Lab, Run, running_lab

ROLE = "MM-KA-SceneBeat-SafeSecretsEC2Role"
NAME = "SafeSecretsMultiRegion"
VERSIONS = 5
UNUSED = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "polly:*", "Resource": "*"}})
MANAGED = {"iam_policy_kind": "managed"}


@dataclass(frozen=True)
class Account:
    """What IAM says of the role's policies."""

    lab: Lab

    @property
    def iam(self) -> Any:
        facts = self.lab.facts
        session = boto3.Session(facts["access_key_id"], facts["secret_access_key"])
        return session.client("iam", facts["region"], endpoint_url=facts["endpoint_url"], verify=facts["ca_bundle"])

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.lab.facts['account_id']}:policy/{NAME}"

    @property
    def kinds(self) -> set[str]:
        """Where our policy stands: inline, managed, both or neither."""
        attached = [
            each["PolicyArn"] for each in self.iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
        ]
        stands = {
            "inline": NAME in self.iam.list_role_policies(RoleName=ROLE)["PolicyNames"],
            "managed": self.arn in attached,
        }
        return {kind for kind, there in stands.items() if there}

    @property
    def versions(self) -> list[str]:
        """The managed policy's versions, the default one first."""
        listed = self.iam.list_policy_versions(PolicyArn=self.arn)["Versions"]
        return [each["VersionId"] for each in sorted(listed, key=lambda each: not each["IsDefaultVersion"])]

    def fill(self) -> None:
        """Make versions that nobody uses, up to IAM's limit, each a second older than the next: IAM tells no less."""
        while len(self.versions) < VERSIONS:
            made = self.iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=UNUSED, SetAsDefault=False)
            until = made["PolicyVersion"]["CreateDate"] + timedelta(seconds=1)
            time.sleep(max(0, (until - datetime.now(UTC)).total_seconds()))


def play(lab: Lab, **variables: Any) -> Run:
    check = ["--check"] if variables.pop("check", False) else []
    return lab.play(*check, playbook="iam_policy.yml", variables=variables)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_lab("converged", tmp_path_factory.mktemp("kinds") / "lab") as lab:
        yield Account(lab)


# The tests of this file follow one another on one account.


def test_check_mode_predicts_the_other_kind_and_changes_nothing(account: Account) -> None:
    assert account.kinds == {"inline"}
    predicted = play(account.lab, **MANAGED, check=True)
    assert predicted.returncode == 0, predicted.output
    assert predicted.changed["localhost"] > 0
    assert account.kinds == {"inline"}


def test_the_managed_policy_takes_the_place_of_the_inline_one(account: Account) -> None:
    switched = play(account.lab, **MANAGED)
    assert switched.returncode == 0, switched.output
    assert account.kinds == {"managed"}
    again = play(account.lab, **MANAGED)
    assert (again.returncode, again.changed["localhost"]) == (0, 0), again.output


def test_a_sixth_version_takes_the_place_of_the_oldest(account: Account) -> None:
    account.fill()
    before = account.versions
    with pytest.raises(ClientError, match="LimitExceeded"):
        account.iam.create_policy_version(PolicyArn=account.arn, PolicyDocument=UNUSED)
    changed = play(account.lab, **MANAGED, iam_policy_residency_guard=True)
    assert changed.returncode == 0, changed.output
    after = account.versions
    assert after[0] not in before, "the default version is not the new one"
    former, oldest, *others = before
    assert oldest not in after
    assert after[1:] == [former, *others]


def test_back_to_inline_leaves_no_managed_policy(account: Account) -> None:
    back = play(account.lab)
    assert back.returncode == 0, back.output
    assert account.kinds == {"inline"}
    with pytest.raises(ClientError, match="NoSuchEntity"):
        account.iam.get_policy(PolicyArn=account.arn)


def test_absent_leaves_neither(account: Account) -> None:
    taken = play(account.lab, iam_policy_state="absent")
    assert taken.returncode == 0, taken.output
    assert account.kinds == set()
    again = play(account.lab, iam_policy_state="absent")
    assert (again.returncode, again.changed["localhost"]) == (0, 0), again.output


def test_consent_and_form_come_from_a_vaulted_file(tmp_path: Path) -> None:
    consent = {
        "bedrock_access_accept_agreement": True,
        "bedrock_access_use_case": {
            "company_name": "Of the vault",
            "company_website": "https://vault.example",
            "intended_users": "0",
            "industry_option": "Technology",
            "use_cases": "A voice assistant.",
        },
    }
    file, password, wrong = (tmp_path / name for name in ("consent.yml", "password", "wrong"))
    file.write_text(yaml.safe_dump(consent))
    password.write_text("of the test\n")
    wrong.write_text("of another\n")
    vault = ANSIBLE_PLAYBOOK.with_name("ansible-vault")
    subprocess.run([vault, "encrypt", "--vault-password-file", password, file], check=True, capture_output=True)
    assert "vault.example" not in file.read_text()
    given = ("--extra-vars", "bedrock_access_accept_agreement=false", "--extra-vars", f"@{file}")
    with running_lab("today", tmp_path / "lab") as lab:
        locked = lab.play(*given, "--vault-password-file", str(wrong), playbook="bedrock_access.yml")
        assert locked.returncode != 0
        assert "Decryption failed" in locked.output
        log = lab.directory / "lab.log"
        assert "CreateFoundationModelAgreement" not in log.read_text()
        agreed = lab.play(*given, "--vault-password-file", str(password), playbook="bedrock_access.yml")
        assert agreed.returncode == 0, agreed.output
        assert "CreateFoundationModelAgreement" in log.read_text()
        again = lab.play(*given, "--vault-password-file", str(password), playbook="bedrock_access.yml")
        assert (again.returncode, again.changed["localhost"]) == (0, 0), again.output
