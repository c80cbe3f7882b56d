"""The starting accounts: each loads, each starts, each has the fault that it names; wrong files say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import accounts
from lab.accounts import AccountError

FAULTY = [name for name in accounts.names() if name != "today"]


@pytest.mark.parametrize("name", accounts.names())
def test_every_account_starts_as_it_says(lab_factory: Callable[[str], Any], name: str) -> None:
    account = accounts.load(name)
    assert account.description
    lab = lab_factory(name)
    role = {"RoleName": account.role.name}
    iam = lab.client("iam")
    for policy in iam.list_role_policies(**role)["PolicyNames"]:
        document = iam.get_role_policy(**role, PolicyName=policy)["PolicyDocument"]
        assert document == account.role.inline_policies[policy]
    attached = {
        policy["PolicyName"]: policy["PolicyArn"]
        for policy in iam.list_attached_role_policies(**role)["AttachedPolicies"]
    }
    assert set(attached) == set(account.role.managed_policies)
    boundary = iam.get_role(**role)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "/")
    assert boundary.rpartition("/")[2] == "".join(account.role.permissions_boundary)
    wanted = {"safesecrets": account.instance.egress, **account.instance.further_security_groups}
    assert egress_of_the_instance(lab) == wanted
    assert (Path(lab.facts["host_root"]) / "etc/safesecrets.env").read_text() == account.environment_file


def egress_of_the_instance(lab: Any) -> dict[str, Any]:
    """The outbound rules of its security groups by their names, with the names of prefix lists."""
    ec2 = lab.client("ec2")
    (instance,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    groups = ec2.describe_security_groups(GroupIds=[group["GroupId"] for group in instance["SecurityGroups"]])
    rules = {
        group["GroupName"]: [
            {key: value for key, value in rule.items() if value} for rule in group["IpPermissionsEgress"]
        ]
        for group in groups["SecurityGroups"]
    }
    for entry in (entry for each in rules.values() for rule in each for entry in rule.get("PrefixListIds", [])):
        (found,) = ec2.describe_managed_prefix_lists(PrefixListIds=[entry["PrefixListId"]])["PrefixLists"]
        entry["PrefixListId"] = found["PrefixListName"]
    return rules


@pytest.mark.parametrize("name", FAULTY)
def test_each_account_differs_from_today(name: str) -> None:
    assert accounts.load(name) != accounts.load("today")
    assert len(yaml.safe_load((accounts.ACCOUNTS / f"{name}.yml").read_text())) >= 3


def test_secret_is_random_and_readable_by_the_operator(lab_factory: Callable[[str], Any]) -> None:
    values = set()
    for _ in range(2):
        secrets = lab_factory("today").client("secretsmanager")
        values.add(secrets.get_secret_value(SecretId="safesecrets/smartest-ai")["SecretString"])
    assert len(values) == 2
    assert all(len(value) >= 32 for value in values)


def test_operator_policy_is_the_documents(lab: Any) -> None:
    document = json.loads((Path(__file__).parents[2] / "docs/operator-policy.json").read_text())
    assert document["Version"] == "2012-10-17"
    assert "*" not in [action for statement in document["Statement"] for action in statement["Action"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "blue"}, "wrong.yml: colour: Unexpected keyword argument, not 'blue'"),
        ({"role": {"nmae": "x"}}, "role.nmae: Unexpected keyword argument"),
        (
            {"bedrock": {"agreement_delay_seconds": "soon"}},
            "bedrock.agreement_delay_seconds: Input should be a valid number, unable to parse string as a number",
        ),
        ({"role": None}, "role: Input should be a dictionary or an instance of Role, not None"),
        ({"account_id": 210987654321}, "account_id: Input should be a valid string, not 210987654321"),
        (
            {"provider": {"fault": "rude"}},
            "provider.fault: String should match pattern '^(captive_portal|",
        ),
        ({"account_id": "12"}, "account_id: String should match pattern '^\\d{12}$', not '12'"),
        ({"expected": [{"id": "x", "status": "green"}]}, "expected.0.status: Input should be 'pass', 'fail'"),
        ({"trail": [{"event_name": "InvokeModel"}]}, "trail.0.hours_ago: Field required"),
        ({"extends": "nowhere"}, "There is no starting account 'nowhere'. There are: "),
    ],
)
def test_wrong_files_say_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    today = (accounts.ACCOUNTS / "today.yml").read_text()
    (tmp_path / "today.yml").write_text(today)
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump({"extends": "today", **change}))
    monkeypatch.setattr(accounts, "ACCOUNTS", tmp_path)
    with pytest.raises(AccountError) as caught:
        accounts.load("wrong")
    assert message in str(caught.value)


def test_what_an_account_extends_is_merged_and_an_empty_mapping_replaces() -> None:
    base = {"kept": 1, "list": [1], "mapping": {"a": 1, "b": 2}, "emptied": {"a": 1}}
    assert accounts.merge(base, {"list": [2], "mapping": {"b": 3}, "emptied": {}}) == {
        "kept": 1,
        "list": [2],
        "mapping": {"a": 1, "b": 3},
        "emptied": {},
    }


@pytest.mark.parametrize("content", ["", "- a list", "description: alone"])
def test_half_files_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    (tmp_path / "half.yml").write_text(content)
    monkeypatch.setattr(accounts, "ACCOUNTS", tmp_path)
    with pytest.raises(AccountError):
        accounts.load("half")
