"""Security groups, interfaces, ACLs, endpoints and prefix lists as EC2 has them, where ministack has them otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.conftest import RunningLab, run_lab
from tests.lab.test_host_egress import ec2_client

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


@pytest.fixture(scope="module")
def ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """EC2 of a lab without a host, for someone who may do everything there."""
    directory = tmp_path_factory.mktemp("ec2")
    assert run_lab(directory, "up").returncode == 0
    try:
        yield ec2_client(RunningLab(directory, json.loads(Path(directory, "lab.json").read_text())))
    finally:
        run_lab(directory, "down")


@pytest.fixture
def group(ec2: Any) -> str:
    """A group of its own that lets nothing out."""
    vpc = ec2.describe_instances()["Reservations"][0]["Instances"][0]["VpcId"]
    names = {each["GroupName"] for each in ec2.describe_security_groups()["SecurityGroups"]}
    name = f"group-{len(names)}"
    made = str(ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"])
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[everything])
    return made


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_rule_is_its_own_whatever_it_was_made_with(ec2: Any, group: str) -> None:
    ranges = [{"CidrIp": f"10.{number}.0.0/16"} for number in range(3)]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{**HTTPS, "IpRanges": ranges}])
    one = [{**HTTPS, "IpRanges": ranges[1:2]}]
    assert (
        refused(ec2.authorize_security_group_egress, GroupId=group, IpPermissions=one) == "InvalidPermission.Duplicate"
    )
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=one)
    assert refused(ec2.revoke_security_group_egress, GroupId=group, IpPermissions=one) == "InvalidPermission.NotFound"
    (held,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    cidrs = [entry["CidrIp"] for rule in held["IpPermissionsEgress"] for entry in rule["IpRanges"]]
    assert cidrs == ["10.0.0.0/16", "10.2.0.0/16"]


def test_a_description_is_no_part_of_a_rule(ec2: Any, group: str) -> None:
    def rules(description: str) -> list[dict[str, Any]]:
        lists = [{"PrefixListId": "pl-0123456789abcdef0", "Description": description}]
        ranges = [{"CidrIp": "10.0.0.0/8", "Description": description}]
        return [{**HTTPS, "PrefixListIds": lists}, {**HTTPS, "IpRanges": ranges}]

    describe = ec2.update_security_group_rule_descriptions_egress
    assert refused(describe, GroupId=group, IpPermissions=rules("first")) == "InvalidPermission.NotFound"
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules("first"))
    describe(GroupId=group, IpPermissions=rules("second"))
    (held,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    told = [entry["Description"] for rule in held["IpPermissionsEgress"] for entry in rule["PrefixListIds"]]
    assert told == ["second"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules("third"))
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"] == []


def test_the_sixty_first_rule_is_refused(ec2: Any, group: str) -> None:
    ranges = [{"CidrIp": f"10.{number}.0.0/16"} for number in range(61)]
    call = ec2.authorize_security_group_egress
    code = refused(call, GroupId=group, IpPermissions=[{**HTTPS, "IpRanges": ranges}])
    assert code == "RulesPerSecurityGroupLimitExceeded"
    call(GroupId=group, IpPermissions=[{**HTTPS, "IpRanges": ranges[:60], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])


def test_interfaces_tell_who_has_a_group_and_take_others(ec2: Any, group: str) -> None:
    instance = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    before = [each["GroupId"] for each in instance["SecurityGroups"]]
    (interface,) = instance["NetworkInterfaces"]
    change = {"NetworkInterfaceId": interface["NetworkInterfaceId"]}

    def users() -> list[str]:
        found = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]
        return [each["Attachment"]["InstanceId"] for each in found]

    assert users() == []
    ec2.modify_network_interface_attribute(**change, Groups=[*before, group])
    assert users() == [instance["InstanceId"]]
    assert refused(ec2.modify_network_interface_attribute, **change, Groups=["sg-0123456789abcdef0"]) == (
        "InvalidGroup.NotFound"
    )
    ec2.modify_network_interface_attribute(**change, Groups=before)
    assert users() == []


def test_a_group_that_somebody_has_or_names_is_found_and_not_deleted(ec2: Any, group: str) -> None:
    instance = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    other = str(ec2.create_security_group(GroupName="other", Description="x", VpcId=instance["VpcId"])["GroupId"])

    def naming(direction: str) -> list[str]:
        filters = [{"Name": f"{direction}ip-permission.group-id", "Values": [group]}]
        return [each["GroupId"] for each in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]]

    pair = [{**HTTPS, "UserIdGroupPairs": [{"GroupId": group}]}]
    assert naming("") == naming("egress.") == []
    ec2.authorize_security_group_egress(GroupId=other, IpPermissions=pair)
    assert (naming(""), naming("egress.")) == ([], [other])
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.revoke_security_group_egress(GroupId=other, IpPermissions=pair)
    interface = ec2.create_network_interface(SubnetId=instance["SubnetId"], Groups=[group])["NetworkInterface"]
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=group)
    assert refused(ec2.describe_security_groups, GroupIds=[group]) == "InvalidGroup.NotFound"


def test_a_subnet_without_an_acl_has_the_default_one_and_a_way_out(ec2: Any) -> None:
    subnet = ec2.describe_instances()["Reservations"][0]["Instances"][0]["SubnetId"]
    (acl,) = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
    assert acl["IsDefault"]
    routes = [each for table in ec2.describe_route_tables()["RouteTables"] for each in table["Routes"]]
    assert any(each.get("NatGatewayId") and each["DestinationCidrBlock"] == "0.0.0.0/0" for each in routes)


def test_interface_endpoints_have_addresses_and_groups(ec2: Any, group: str) -> None:
    instance = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    ec2.create_vpc_endpoint(
        VpcId=instance["VpcId"],
        ServiceName="com.amazonaws.ca-central-1.polly",
        VpcEndpointType="Interface",
        SubnetIds=[instance["SubnetId"]],
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
    )
    filters = [{"Name": "vpc-id", "Values": [instance["VpcId"]]}]
    (endpoint,) = ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    assert (endpoint["PrivateDnsEnabled"], endpoint["Groups"][0]["GroupId"]) == (True, group)
    asked = [{"Name": "network-interface-id", "Values": endpoint["NetworkInterfaceIds"]}]
    (interface,) = ec2.describe_network_interfaces(Filters=asked)["NetworkInterfaces"]
    assert interface["PrivateIpAddress"]


def test_prefix_lists_have_versions_states_and_limits(ec2: Any) -> None:
    cidrs = [{"Cidr": f"10.0.{number}.0/24"} for number in range(101)]
    create, modify = ec2.create_managed_prefix_list, ec2.modify_managed_prefix_list
    named = {"PrefixListName": "x", "AddressFamily": "IPv4"}
    assert refused(create, **named, MaxEntries=200, Entries=cidrs) == "InvalidParameterValue"
    assert refused(create, **named, MaxEntries=1, Entries=cidrs[:2]) == "PrefixListMaxEntriesExceeded"
    made = create(**named, MaxEntries=2, Entries=cidrs[:1])["PrefixList"]
    change = {"PrefixListId": made["PrefixListId"]}
    assert made["State"] == "create-in-progress"
    assert refused(modify, **change, CurrentVersion=1, AddEntries=cidrs[1:2]) == "IncorrectState"

    def described() -> tuple[str, int]:
        (each,) = ec2.describe_managed_prefix_lists(PrefixListIds=[made["PrefixListId"]])["PrefixLists"]
        return each["State"], each["Version"]

    assert [described(), described()] == [("create-in-progress", 1), ("create-complete", 1)]
    assert refused(modify, **change, CurrentVersion=7, AddEntries=cidrs[1:2]) == "PrefixListVersionMismatch"
    assert refused(modify, **change, CurrentVersion=1, AddEntries=cidrs[1:3]) == "PrefixListMaxEntriesExceeded"
    assert refused(modify, **change, CurrentVersion=1, AddEntries=cidrs[1:2], MaxEntries=9) == (
        "InvalidParameterCombination"
    )
    modify(**change, MaxEntries=9)
    assert [described(), described()] == [("modify-in-progress", 1), ("modify-complete", 1)]
    modify(**change, CurrentVersion=1, AddEntries=cidrs[1:3], RemoveEntries=cidrs[:1])
    assert [described(), described()] == [("modify-in-progress", 2), ("modify-complete", 2)]
    held = ec2.get_managed_prefix_list_entries(PrefixListId=made["PrefixListId"])["Entries"]
    assert [each["Cidr"] for each in held] == ["10.0.1.0/24", "10.0.2.0/24"]


def test_entries_come_a_hundred_at_a_time(ec2: Any) -> None:
    cidrs = [{"Cidr": f"10.0.{number}.0/24"} for number in range(130)]
    made = ec2.create_managed_prefix_list(PrefixListName="y", AddressFamily="IPv4", MaxEntries=200, Entries=cidrs[:90])
    name = {"PrefixListId": made["PrefixList"]["PrefixListId"]}
    for _until_it_rests in range(2):
        ec2.describe_managed_prefix_lists(PrefixListIds=[name["PrefixListId"]])
    ec2.modify_managed_prefix_list(**name, CurrentVersion=1, AddEntries=cidrs[90:])
    first = ec2.get_managed_prefix_list_entries(**name)
    assert len(first["Entries"]) == 100
    second = ec2.get_managed_prefix_list_entries(**name, NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert [each["Cidr"] for each in [*first["Entries"], *second["Entries"]]] == [each["Cidr"] for each in cidrs]
    assert refused(ec2.get_managed_prefix_list_entries, **name, NextToken="x") == "InvalidNextToken"


def test_a_call_may_ask_for_small_pages(ec2: Any) -> None:
    everything = [each["PrefixListId"] for each in ec2.describe_managed_prefix_lists()["PrefixLists"]]
    paginator = ec2.get_paginator("describe_managed_prefix_lists")
    pages = [page["PrefixLists"] for page in paginator.paginate(PaginationConfig={"PageSize": 1})]
    assert [[each["PrefixListId"] for each in page] for page in pages] == [[name] for name in everything]
    assert len(everything) > 1
    first = ec2.describe_managed_prefix_lists(MaxResults=1)
    assert refused(ec2.describe_vpcs, NextToken=first["NextToken"]) == "InvalidNextToken"


def test_prefix_lists_grow_and_go_only_where_their_rules_allow(ec2: Any, group: str) -> None:
    modify = ec2.modify_managed_prefix_list
    made = ec2.create_managed_prefix_list(PrefixListName="y", AddressFamily="IPv4", MaxEntries=30)["PrefixList"]
    change = {"PrefixListId": made["PrefixListId"]}

    def described() -> tuple[str, int, str]:
        listed = ec2.describe_managed_prefix_lists(PrefixListIds=[made["PrefixListId"]])["PrefixLists"]
        return next((each["State"], each["MaxEntries"], each.get("StateMessage", "")) for each in listed)

    described()
    rule = [{**HTTPS, "PrefixListIds": [change]}]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rule)
    modify(**change, MaxEntries=60)
    assert [described()[0], described()[0]] == ["modify-in-progress", "modify-complete"]
    assert modify(**change, MaxEntries=61)["PrefixList"]["State"] == "modify-in-progress"
    described()
    state, size, said = described()
    assert (state, size) == ("modify-failed", 60)
    assert group in said
    users = ec2.get_managed_prefix_list_associations(**change)["PrefixListAssociations"]
    assert [each["ResourceId"] for each in users] == [group]
    assert ec2.delete_managed_prefix_list(**change)["PrefixList"]["State"] == "delete-failed"
    assert group in described()[2]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rule)
    ec2.delete_managed_prefix_list(**change)
    assert ec2.describe_managed_prefix_lists(PrefixListIds=[made["PrefixListId"]])["PrefixLists"] == []
