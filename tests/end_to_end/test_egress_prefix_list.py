"""The prefix list of AWS's addresses is kept at what is published, whoever else changes it, and deleted in the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.end_to_end.playbook_run import Lab, Run, running_lab

NAME = "safesecrets-aws-ipv4"
FOREIGN = "203.0.113.0/24"


def published(count: int, days: int = 0, first: int = 0) -> dict[str, Any]:
    """AWS's file with so many addresses that do not collapse, half of them of each region."""
    created = datetime.now(UTC) - timedelta(days=days)
    regions = ("ca-central-1", "us-east-1")
    rows = [
        {
            "ip_prefix": f"198.{number // 128}.{number % 128 * 2}.0/24",
            "region": regions[number % 2],
            "service": "AMAZON",
        }
        for number in range(first, first + count)
    ]
    dates = {"syncToken": str(int(created.timestamp())), "createDate": f"{created:%Y-%m-%d-%H-%M-%S}"}
    return {**dates, "prefixes": rows, "ipv6_prefixes": []}


@dataclass(frozen=True)
class Account:
    """What EC2 says of the list."""

    lab: Lab
    ec2: Any

    @property
    def list(self) -> dict[str, Any]:
        """The list; empty when there is none."""
        filters = [{"Name": "prefix-list-name", "Values": [NAME]}]
        return dict(next(iter(self.ec2.describe_managed_prefix_lists(Filters=filters)["PrefixLists"]), {}))

    @property
    def entries(self) -> set[str]:
        pages = self.ec2.get_paginator("get_managed_prefix_list_entries").paginate(
            PrefixListId=self.list["PrefixListId"]
        )
        return {each["Cidr"] for page in pages for each in page["Entries"]}

    def play(self, ranges: dict[str, Any], *arguments: str, **variables: Any) -> Run:
        file = self.lab.directory / "ip-ranges.json"
        file.write_text(json.dumps(ranges))
        given = {"egress_ip_ranges_file": str(file), **variables}
        return self.lab.play(*arguments, playbook="egress_prefix_list.yml", variables=given)

    def meddle(self, whole: int, stop: threading.Event) -> None:
        """Add an entry that nobody asked for while the list is being filled."""
        while not stop.wait(0.1):
            held = self.list
            if held and 0 < len(self.entries) < whole:
                change = {"PrefixListId": held["PrefixListId"], "CurrentVersion": held["Version"]}
                try:
                    self.ec2.modify_managed_prefix_list(**change, AddEntries=[{"Cidr": FOREIGN}])
                except ClientError:
                    continue
                return


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_lab("controlled_egress", Path(tmp_path_factory.mktemp("lists")) / "lab") as lab:
        facts = lab.facts
        session = boto3.Session(facts["access_key_id"], facts["secret_access_key"])
        client = session.client("ec2", facts["region"], endpoint_url=facts["endpoint_url"], verify=facts["ca_bundle"])
        yield Account(lab, client)


def cidrs(ranges: dict[str, Any]) -> set[str]:
    return {each["ip_prefix"] for each in ranges["prefixes"]}


# The tests of this file follow one another on one account.


def test_an_old_file_is_refused_and_the_list_is_predicted(account: Account) -> None:
    old = account.play(published(250, days=31))
    assert old.returncode != 0
    said = " ".join(old.output.split())
    assert "Nothing was changed. egress_ip_ranges_file (" in said
    assert "31 days old, and egress_ip_ranges_max_age_days allows 30" in said
    predicted = account.play(published(250), "--check", "--diff")
    assert predicted.returncode == 0, predicted.output
    assert predicted.changed["localhost"] == 1
    assert "max_entries: 275" in predicted.output
    (found,) = predicted.findings("egress.prefix_list_current")
    assert found["status"] == "not_applicable"
    assert account.list == {}


def test_the_list_is_made_though_somebody_else_changes_it_meanwhile(account: Account) -> None:
    stop = threading.Event()
    meddler = threading.Thread(target=account.meddle, args=(250, stop))
    meddler.start()
    made = account.play(published(250))
    stop.set()
    meddler.join()
    assert made.returncode == 0, made.output
    assert made.changed["localhost"] == 1
    assert account.entries == cidrs(published(250))
    assert account.list["MaxEntries"] == 275
    assert {each["Key"]: each["Value"] for each in account.list["Tags"]} == {"safesecrets:owner": "safesecrets.infra"}
    # Three calls fill it; another version is somebody else's, and one more the removal of what was added.
    assert account.list["Version"] > 4


def test_a_second_run_changes_nothing_and_a_newer_file_changes_the_list(account: Account) -> None:
    again = account.play(published(250))
    assert (again.returncode, again.changed["localhost"]) == (0, 0), again.output
    assert again.findings("egress.prefix_list_current")[0]["status"] == "pass"
    version = account.list["Version"]
    moved = published(30, first=240)
    predicted = account.play(moved, "--check")
    assert predicted.changed["localhost"] == 1
    (stale,) = predicted.findings("egress.prefix_list_current")
    assert (stale["status"], len(stale["evidence"]["missing"])) == ("unproven", 20)
    assert account.list["Version"] == version
    assert account.play(moved).returncode == 0
    assert account.entries == cidrs(moved)
    assert account.list["Version"] == version + 4, "one call adds, three remove"


def test_the_list_is_deleted_when_nothing_names_it(account: Account) -> None:
    ec2, held = account.ec2, {"PrefixListId": account.list["PrefixListId"]}
    ec2.modify_managed_prefix_list(**held, MaxEntries=40)
    group = ec2.describe_instances()["Reservations"][0]["Instances"][0]["SecurityGroups"][0]["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [held]}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    kept = account.play(published(1), egress_prefix_list_state="absent")
    assert kept.returncode != 0
    assert f"is named by {group}, so it was not deleted" in " ".join(kept.output.split())
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[rule])
    gone = account.play(published(1), egress_prefix_list_state="absent")
    assert (gone.returncode, gone.changed["localhost"]) == (0, 1), gone.output
    assert account.list == {}
