"""What ministack's DescribeInstances leaves out: network interface, metadata options, the region's names."""

from __future__ import annotations

from typing import Any

from ministack.core import responses
from ministack.services import ec2

from lab.templates import text

MAC = "02:5a:fe:5e:c2:e7"
DESCRIBED_BY_MINISTACK = ec2._instance_xml


def complete() -> None:
    """Make ministack describe instances as AWS does."""
    ec2._instance_xml = _described


def _described(instance: dict[str, Any]) -> str:
    address, region = instance["PrivateIpAddress"], responses.get_region()
    name = f"ip-{address.replace('.', '-')}.{region}.compute.internal"
    instance |= {"PrivateDnsName": name, "PublicDnsName": "", "PublicIpAddress": ""}
    described: str = DESCRIBED_BY_MINISTACK(instance)
    more = text("ec2/instance.xml.j2", interface=interface(instance))
    return described.replace("<groupSet>", f"{more}<groupSet>", 1)


def interface_id(instance: dict[str, Any]) -> str:
    """The ID of the interface that every instance has."""
    return f"eni-{instance['InstanceId'].removeprefix('i-')}"


def interface(instance: dict[str, Any], *, described_alone: bool = False) -> str:
    """That interface; its groups are the instance's. Described alone it names the instance that it belongs to."""
    values = {"instance": instance, "account_id": responses.get_account_id(), "mac": MAC}
    return text("ec2/network_interface.xml.j2", **values, described_alone=described_alone)
