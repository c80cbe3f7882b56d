"""The host's way out is what the security group says, as it is at that time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.conftest import RunningLab
from tests.lab.host_lab import CANADA, TOKEN, USA, USA_IPV6, HostLab, host_lab

ANYWHERE = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostLab]:
    """One host for all tests that leave it as it was."""
    with host_lab(tmp_path_factory.mktemp("host")) as running:
        yield running


def ec2_client(lab: RunningLab) -> Any:
    """EC2 for someone who may do everything there: the operator may not, and lets the role."""
    allowed = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    lab.client("iam").put_role_policy(RoleName=lab.facts["role_name"], PolicyName="Ec2", PolicyDocument=policy)
    ec2 = lab.client("ec2", credentials=lab.role_credentials())
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            ec2.describe_security_groups()
            break
        except ClientError:
            time.sleep(0.2)
    return ec2


@pytest.fixture(scope="module")
def ec2(lab: HostLab) -> Any:
    """EC2 of that lab."""
    return ec2_client(lab)


@pytest.fixture
def egress(ec2: Any) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """``egress(permissions)`` makes them the group's only outbound rules; at the end everything may leave."""
    group = ec2.describe_instances()["Reservations"][0]["Instances"][0]["SecurityGroups"][0]["GroupId"]

    def replace(permissions: list[dict[str, Any]]) -> None:
        standing = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
        if standing:
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=standing)
        if permissions:
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=permissions)

    yield replace
    replace(ANYWHERE)


def test_closing_egress_closes_it_and_leaves_what_aws_never_filters(lab: HostLab, egress: Callable[..., None]) -> None:
    assert lab.comes_to_reach({CANADA, USA}) == {CANADA, USA}
    egress([])
    assert lab.comes_to_reach(set()) == set()
    assert lab.ssh(f"{TOKEN} -o /dev/null -w '%{{http_code}}'") == "200"
    assert lab.ssh("getent hosts polly.us-east-1.amazonaws.com").split()[0] == "198.18.2.10"
    egress(ANYWHERE)
    assert lab.comes_to_reach({CANADA, USA}) == {CANADA, USA}


@pytest.mark.parametrize(
    ("permission", "reached"),
    [
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "198.18.2.0/24"}]}, {USA}),
        ({"IpProtocol": "tcp", "FromPort": 444, "ToPort": 65535, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, set()),
        ({"IpProtocol": "udp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, set()),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, {USA_IPV6}),
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "198.18.1.10/32"}]}, {CANADA}),
    ],
    ids=["one region", "another port", "another protocol", "IPv6 only", "one address"],
)
def test_rules_open_what_they_name(
    lab: HostLab, egress: Callable[..., None], permission: dict[str, Any], reached: set[str]
) -> None:
    egress([permission])
    assert lab.comes_to_reach(reached) == reached


def test_prefix_list_opens_its_entries(lab: HostLab, ec2: Any, egress: Callable[..., None]) -> None:
    entries = [{"Cidr": "198.18.1.0/24"}, {"Cidr": "198.18.1.0/25"}]
    prefix_list = ec2.create_managed_prefix_list(
        PrefixListName="canada", MaxEntries=5, AddressFamily="IPv4", Entries=entries
    )["PrefixList"]["PrefixListId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": prefix_list}]}
    egress([rule])
    assert lab.comes_to_reach({CANADA}) == {CANADA}
    states = [
        ec2.describe_managed_prefix_lists(PrefixListIds=[prefix_list])["PrefixLists"][0]["State"] for _ in range(2)
    ]
    assert states == ["create-in-progress", "create-complete"]
    ec2.modify_managed_prefix_list(PrefixListId=prefix_list, AddEntries=[{"Cidr": "198.18.2.0/24"}], CurrentVersion=1)
    assert lab.comes_to_reach({CANADA, USA}) == {CANADA, USA}


def test_account_with_closed_egress_starts_closed(tmp_path: Path) -> None:
    with host_lab(tmp_path / "lab", "closed_egress") as running:
        assert running.reached() == set()
