"""What ministack's DescribeInstances leaves out: network interface, metadata options, the region's names."""

from __future__ import annotations

from typing import Any

from ministack.core import responses
from ministack.services import ec2

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
    interfaces = f"<networkInterfaceSet>{interface(instance)}</networkInterfaceSet>"
    return described.replace("<groupSet>", f"{_metadata_options()}{interfaces}<groupSet>", 1)


def _metadata_options() -> str:
    return (
        "<metadataOptions><state>applied</state><httpTokens>required</httpTokens><httpEndpoint>enabled</httpEndpoint>"
        "<httpPutResponseHopLimit>2</httpPutResponseHopLimit></metadataOptions>"
    )


def interface_id(instance: dict[str, Any]) -> str:
    """The ID of the interface that every instance has."""
    return f"eni-{instance['InstanceId'].removeprefix('i-')}"


def interface(instance: dict[str, Any], *, described_alone: bool = False) -> str:
    """That interface; its groups are the instance's. Described alone it names the instance that it belongs to."""
    suffix = instance["InstanceId"].removeprefix("i-")
    groups = "".join(
        f"<item><groupId>{group['GroupId']}</groupId><groupName>{group['GroupName']}</groupName></item>"
        for group in instance["SecurityGroups"]
    )
    owner = f"<instanceId>{instance['InstanceId']}</instanceId>" if described_alone else ""
    attachment = (
        f"<attachmentId>eni-attach-{suffix}</attachmentId><deviceIndex>0</deviceIndex><status>attached</status>{owner}"
        f"<attachTime>{instance['LaunchTime']}</attachTime><deleteOnTermination>true</deleteOnTermination>"
    )
    return (
        f"<item><networkInterfaceId>{interface_id(instance)}</networkInterfaceId>"
        f"<subnetId>{instance['SubnetId']}</subnetId><vpcId>{instance['VpcId']}</vpcId>"
        f"<ownerId>{responses.get_account_id()}</ownerId><status>in-use</status><macAddress>{MAC}</macAddress>"
        f"<privateIpAddress>{instance['PrivateIpAddress']}</privateIpAddress><sourceDestCheck>true</sourceDestCheck>"
        f"<interfaceType>interface</interfaceType><groupSet>{groups}</groupSet><attachment>{attachment}</attachment>"
        "</item>"
    )
