# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A security group that others have, too: refused, or replaced by one of the instance's own that lets in the same."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
INBOUND = [
    {**SSH, "IpRanges": [{"CidrIp": "10.20.0.0/16", "Description": "administrators"}]},
    {**SSH, "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
]
DEDICATED = {"egress_shared_group": "dedicated"}
Outbound = Callable[..., Any]


@pytest.fixture(scope="module")
def shared(aws: Callable[..., Any], anything: Any) -> Iterator[dict[str, Any]]:
    """Give the instance's group something that it lets in, and to a load balancer; take both away again."""
    instance = aws("ec2").describe_instances()["Reservations"][0]["Instances"][0]
    name = instance["SecurityGroups"][0]["GroupId"]
    anything.authorize_security_group_ingress(GroupId=name, IpPermissions=INBOUND)
    given = {"SubnetId": instance["SubnetId"], "Groups": [name], "Description": "ELB app/other"}
    interface = anything.create_network_interface(**given)["NetworkInterface"]["NetworkInterfaceId"]
    (group,) = anything.describe_security_groups(GroupIds=[name])["SecurityGroups"]
    yield group | {"interface": interface}
    anything.delete_network_interface(NetworkInterfaceId=interface)
    anything.revoke_security_group_ingress(GroupId=name, IpPermissions=INBOUND)


class Instance:
    """The instance and its groups, as EC2 has them."""

    def __init__(self, ec2: Any, shared: dict[str, Any]) -> None:
        self._ec2, self._shared = ec2, shared

    def groups(self) -> list[dict[str, Any]]:
        """Return the groups that the instance has."""
        instance = self._ec2.describe_instances()["Reservations"][0]["Instances"][0]
        names = [each["GroupId"] for each in instance["SecurityGroups"]]
        return list(self._ec2.describe_security_groups(GroupIds=names)["SecurityGroups"])

    def has(self) -> list[str]:
        """Return how many groups there are of the instance's own, and which of the two kinds it has."""
        shared = self._shared["GroupId"]
        return sorted("shared" if each["GroupId"] == shared else "own" for each in self.groups())

    def own_exists(self) -> bool:
        """Tell whether a group of its own is there, whoever has it."""
        names = [each["GroupName"] for each in self._ec2.describe_security_groups()["SecurityGroups"]]
        return any(name.startswith("safesecrets-egress-i-") for name in names)

    def shared_is_untouched(self) -> bool:
        """Tell whether the group that others have is as it was, its tags as well."""
        (now,) = self._ec2.describe_security_groups(GroupIds=[self._shared["GroupId"]])["SecurityGroups"]
        return now | {"interface": self._shared["interface"]} == self._shared


@pytest.fixture
def instance(aws: Callable[..., Any], shared: dict[str, Any]) -> Iterator[Instance]:
    """Look at the instance; whatever happens, the shared group stays as it was."""
    looking = Instance(aws("ec2"), shared)
    yield looking
    assert looking.shared_is_untouched()


def lets_in(group: dict[str, Any]) -> set[str]:
    """Return a group's inbound rules."""
    return {
        f"{rule['FromPort']} {each.get('CidrIp', each.get('CidrIpv6'))} {each.get('Description', '')}"
        for rule in group["IpPermissions"]
        for each in [*rule["IpRanges"], *rule["Ipv6Ranges"]]
    }


def test_a_shared_group_is_refused_with_those_who_have_it(
    instance: Instance, outbound: Outbound, shared: dict[str, Any]
) -> None:
    run = outbound()
    assert run.status != 0
    told = f"{shared['GroupId']} is shared: {shared['interface']} (ELB app/other) would be changed, too."
    assert f"Nothing was changed. {told} Set egress_shared_group to dedicated" in run.said, run.output
    assert (run.changed, instance.has()) == (0, ["shared"])


def test_the_plan_shows_the_group_that_would_be_made(instance: Instance, outbound: Outbound) -> None:
    run = outbound("--check", **DEDICATED)
    assert run.status == 0, run.output
    assert run.changed > 0
    for line in ("create safesecrets-egress-i-", "TCP 22 from 10.20.0.0/16, as before", "attach eni-", "detach eni-"):
        assert line in run.said
    assert (instance.has(), instance.own_exists()) == (["shared"], False)


@pytest.mark.parametrize(
    ("task", "time", "has"),
    [
        ("Give the interfaces the group beside those that they have", 1, ["shared"]),
        ("Wait until EC2 has applied the rules", 2, ["own"]),
    ],
)
def test_a_run_that_is_killed_gives_the_shared_group_back_and_leaves_no_other(
    instance: Instance, outbound: Outbound, task: str, time: int, has: list[str]
) -> None:
    """The next run is killed, too, when it has healed: what it would go on from is what was there before."""
    assert outbound(kill_at=task, time=time, **DEDICATED).status == -signal.SIGKILL
    assert (instance.has(), instance.own_exists()) == (has, True)
    run = outbound(kill_at="Plan the change", **DEDICATED)
    assert run.status == -signal.SIGKILL, run.output
    assert (instance.has(), instance.own_exists()) == (["shared"], False)


def test_a_proof_that_fails_gives_the_shared_group_back(instance: Instance, outbound: Outbound) -> None:
    elsewhere = {"egress_destinations": "cidrs", "egress_cidrs": ["203.0.113.0/24"]}
    run = outbound(**DEDICATED, **elsewhere)
    assert run.status != 0
    assert "The host did not reach" in run.said, run.output
    assert "The rules are as they were before this run." in run.said
    assert (instance.has(), instance.own_exists()) == (["shared"], False)


def test_the_group_of_its_own_lets_in_what_the_shared_one_does_and_out_what_is_needed(
    instance: Instance, outbound: Outbound, shared: dict[str, Any]
) -> None:
    run = outbound(**DEDICATED)
    assert run.status == 0, run.output
    (own,) = instance.groups()
    assert lets_in(own) == lets_in(shared) != set()
    assert [(rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) for rule in own["IpPermissionsEgress"]] == [
        (443, "0.0.0.0/0")
    ]
    assert {"Key": "safesecrets:owner", "Value": "safesecrets.infra"} in own["Tags"]
    again = outbound(**DEDICATED)
    assert (again.status, again.changed) == (0, 0), again.output


def test_the_operator_may_change_what_was_made_here_and_nothing_else(
    instance: Instance, aws: Callable[..., Any], shared: dict[str, Any]
) -> None:
    (own,) = instance.groups()
    other = {**SSH, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    ec2 = aws("ec2")
    for call in (
        lambda: ec2.authorize_security_group_ingress(GroupId=shared["GroupId"], IpPermissions=[other]),
        lambda: ec2.revoke_security_group_ingress(GroupId=own["GroupId"], IpPermissions=INBOUND[:1]),
        lambda: ec2.delete_security_group(GroupId=shared["GroupId"]),
        lambda: ec2.create_security_group(GroupName="x", Description="x", VpcId=own["VpcId"]),
    ):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            call()


def test_the_shared_group_comes_back_by_the_rollback(instance: Instance, outbound: Outbound) -> None:
    planned = outbound("--check", outbound_tasks="restore")
    assert (planned.status, planned.changed > 0, instance.has()) == (0, True, ["own"]), planned.output
    run = outbound(outbound_tasks="restore")
    assert run.status == 0, run.output
    assert (instance.has(), instance.own_exists()) == (["shared"], False)
    again = outbound(outbound_tasks="restore")
    assert (again.status, again.changed) == (0, 0), again.output
