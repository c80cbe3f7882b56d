# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The look at an instance's network: what is asked, and that a denial is never nothing there."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.ec2_network import (
    group_users,
    naming_groups,
    route_table_of,
)
from ansible_collections.safesecrets.infra.plugins.modules import egress_info

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

INSTANCE = {
    "InstanceId": "i-0abc",
    "VpcId": "vpc-1",
    "PrivateIpAddress": "10.20.1.15",
    "SecurityGroups": [{"GroupId": "sg-a", "GroupName": "a"}],
    "NetworkInterfaces": [
        {
            "NetworkInterfaceId": "eni-1",
            "SubnetId": "subnet-2",
            "Attachment": {"DeviceIndex": 1},
            "Groups": [{"GroupId": "sg-b"}],
        },
        {
            "NetworkInterfaceId": "eni-0",
            "SubnetId": "subnet-1",
            "Attachment": {"DeviceIndex": 0},
            "Groups": [{"GroupId": "sg-a"}],
        },
    ],
}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": "pl-1"}]}
ARGUMENTS = {"instance_id": "i-0abc", "own_group": "own-i-0abc"}
OPTIONAL = {
    "describe_vpcs": ("vpc", "ec2:DescribeVpcs"),
    "describe_vpc_endpoints": ("vpc_endpoints", "ec2:DescribeVpcEndpoints"),
    "describe_network_acls": ("network_acl", "ec2:DescribeNetworkAcls"),
    "describe_route_tables": ("route_table", "ec2:DescribeRouteTables"),
    "describe_network_interfaces": ("users", "ec2:DescribeNetworkInterfaces"),
    "describe_managed_prefix_lists": ("prefix_lists", "ec2:DescribeManagedPrefixLists"),
    "get_managed_prefix_list_entries": ("prefix_lists", "ec2:GetManagedPrefixListEntries"),
}


def groups_asked(parameters: Any) -> dict[str, Any]:
    """Answer by the filter: the groups themselves, or those that refer to them."""
    asked, *more = parameters["Filters"]
    pair = {"UserIdGroupPairs": [{"GroupId": "sg-a"}], "IpProtocol": "tcp"}
    if asked["Name"] == "ip-permission.group-id":
        return {"SecurityGroups": [{"GroupId": "sg-db", "IpPermissions": [pair]}]}
    if asked["Name"] == "egress.ip-permission.group-id":
        return {"SecurityGroups": [{"GroupId": "sg-balancer", "IpPermissionsEgress": [pair]}]}
    if more:
        assert [asked, *more] == [
            {"Name": "vpc-id", "Values": ["vpc-1"]},
            {"Name": "group-name", "Values": ["own-i-0abc"]},
        ]
        return {"SecurityGroups": [{"GroupId": "sg-own", "GroupName": "own-i-0abc"}]}
    return {"SecurityGroups": [{"GroupId": name, "IpPermissionsEgress": [HTTPS]} for name in asked["Values"]]}


def interfaces_asked(parameters: Any) -> dict[str, Any]:
    (asked,) = parameters["Filters"]
    if asked["Name"] == "network-interface-id":
        return {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-e", "PrivateIpAddress": "10.20.1.7"}]}
    other = {"NetworkInterfaceId": "eni-9", "Groups": [{"GroupId": "sg-a"}], "Attachment": {"InstanceId": "i-0other"}}
    return {"NetworkInterfaces": [other]}


@pytest.fixture
def ec2(aws: StubbedClients) -> StubbedClients:
    """EC2 with an instance, a prefix list and an interface endpoint."""
    endpoint = {
        "VpcEndpointId": "vpce-1",
        "VpcEndpointType": "Interface",
        "NetworkInterfaceIds": ["eni-e"],
        "Groups": [{"GroupId": "sg-e"}],
    }
    answers: dict[str, Any] = {
        "describe_instances": {"Reservations": [{"Instances": [INSTANCE]}]},
        "describe_security_groups": groups_asked,
        "describe_network_interfaces": interfaces_asked,
        "describe_vpcs": {"Vpcs": [{"CidrBlock": "10.20.0.0/16"}]},
        "describe_vpc_endpoints": {"VpcEndpoints": [endpoint, {"VpcEndpointType": "Gateway"}]},
        "describe_network_acls": {"NetworkAcls": [{"NetworkAclId": "acl-1"}]},
        "describe_route_tables": {"RouteTables": [{"RouteTableId": "rtb-1", "Associations": [{"Main": True}]}]},
        "describe_managed_prefix_lists": {"PrefixLists": [{"PrefixListId": "pl-1", "MaxEntries": 5}]},
        "get_managed_prefix_list_entries": {"Entries": [{"Cidr": "198.18.1.0/24"}]},
    }
    for operation, answer in answers.items():
        aws.answer("ec2", operation, answer)
    return aws


def test_everything_is_seen(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    result = run_module(egress_info, ARGUMENTS)
    seen = result["egress"]
    assert not result.changed
    assert seen["unseen"] == {}
    assert [each["group_id"] for each in seen["security_groups"]] == ["sg-a", "sg-b", "sg-e", "sg-own"]
    assert seen["prefix_lists"] == [{"prefix_list_id": "pl-1", "max_entries": 5, "entries": ["198.18.1.0/24"]}]
    assert [(each["vpc_endpoint_id"], each["addresses"]) for each in seen["vpc_endpoints"]] == [
        ("vpce-1", ["10.20.1.7"])
    ]
    assert (seen["route_table"]["route_table_id"], seen["network_acl"]["network_acl_id"]) == ("rtb-1", "acl-1")
    assert seen["group_users"]["sg-a"][0]["instance_id"] == "i-0other"
    assert seen["referring_groups"] == {"sg-a": ["sg-db"], "sg-b": []}
    assert seen["reaching_groups"] == {"sg-a": ["sg-balancer"], "sg-b": []}
    assert seen["vpc_cidrs"] == ["10.20.0.0/16"]
    (asked,) = ec2.calls("ec2", "describe_network_acls")
    assert asked.parameters["Filters"] == [{"Name": "association.subnet-id", "Values": ["subnet-1"]}]


def test_who_else_is_concerned_is_looked_at_before_a_change_only(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    seen = run_module(egress_info, {"instance_id": "i-0abc"})["egress"]
    assert (seen["group_users"]["sg-a"], seen["referring_groups"]["sg-a"]) == ([], [])
    assert [each["group_id"] for each in seen["security_groups"]] == ["sg-a", "sg-b", "sg-e"]
    asked = [each.parameters["Filters"][0]["Name"] for each in ec2.calls("ec2", "describe_security_groups")]
    assert asked == ["group-id", "group-id"]


@pytest.mark.parametrize(("operation", "told"), OPTIONAL.items(), ids=OPTIONAL)
def test_what_may_not_be_looked_at_is_named(
    ec2: StubbedClients, run_module: ModuleRunner, operation: str, told: tuple[str, str]
) -> None:
    ec2.answer("ec2", operation, aws_error("UnauthorizedOperation", operation))
    name, action = told
    assert action in run_module(egress_info, ARGUMENTS)["egress"]["unseen"][name]


@pytest.mark.parametrize("operation", ["describe_instances", "describe_security_groups"])
def test_without_instance_or_groups_there_is_nothing_to_say(
    ec2: StubbedClients, run_module: ModuleRunner, operation: str
) -> None:
    ec2.answer("ec2", operation, aws_error("UnauthorizedOperation", operation))
    result = run_module(egress_info, ARGUMENTS)
    assert result.failed
    assert "UnauthorizedOperation" in result["msg"]


def test_lists_that_no_rule_names_are_looked_at_when_asked_for(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    run_module(egress_info, {**ARGUMENTS, "prefix_list_ids": ["pl-9"]})
    (asked,) = ec2.calls("ec2", "describe_managed_prefix_lists")
    assert asked.parameters["Filters"] == [{"Name": "prefix-list-id", "Values": ["pl-1", "pl-9"]}]


def test_a_group_without_prefix_lists_asks_for_none(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    ec2.answer("ec2", "describe_security_groups", {"SecurityGroups": [{"GroupId": "sg-a"}]})
    assert run_module(egress_info, ARGUMENTS)["egress"]["prefix_lists"] == []
    assert ec2.calls("ec2", "describe_managed_prefix_lists") == []


def test_a_subnet_s_own_route_table_comes_before_the_main_one() -> None:
    main = {"route_table_id": "rtb-m", "associations": [{"main": True}]}
    own = {"route_table_id": "rtb-o", "associations": [{"subnet_id": "subnet-1"}]}
    other = {"route_table_id": "rtb-x", "associations": [{"subnet_id": "subnet-2"}]}
    assert route_table_of("subnet-1", [main, other, own]) == own
    assert route_table_of("subnet-1", [other, main]) == main
    assert route_table_of("subnet-1", [other]) is None


def test_who_has_a_group_and_who_refers_to_it() -> None:
    users = [
        {"NetworkInterfaceId": "eni-1", "Groups": [{"GroupId": "sg-a"}, {"GroupId": "sg-x"}], "Description": "ELB"}
    ]
    assert group_users(users, ["sg-a", "sg-b"]) == {
        "sg-a": [{"network_interface_id": "eni-1", "instance_id": "", "description": "ELB"}],
        "sg-b": [],
    }
    assert naming_groups([], "IpPermissions", ["sg-a"]) == {"sg-a": []}


def instances_listed(*there: str) -> Any:
    """Answer as EC2 does: a filter leaves out what is not there, an ID that is not there is an error."""

    def answer(parameters: Any) -> dict[str, Any]:
        if "InstanceIds" in parameters:
            raise aws_error("InvalidInstanceID.NotFound", "DescribeInstances", "There is no i-0gone")
        asked = parameters["Filters"][0]["Values"]
        return {"Reservations": [{"Instances": [{**INSTANCE, "InstanceId": each}]} for each in asked if each in there]}

    return answer


def test_what_several_instances_meet_is_asked_for_once(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    alone = run_module(egress_info, {"instance_id": "i-0abc"})["egress"]
    ids = ["i-0abc", *(f"i-{number:04}" for number in range(250))]
    ec2.answer("ec2", "describe_instances", instances_listed(*ids))
    ec2.recorded.clear()
    result = run_module(egress_info, {"instance_ids": [*ids, ids[0]]})
    assert list(result["instances"]) == ids
    assert result["errors"] == {}
    assert result["instances"]["i-0abc"] == alone
    operations = [call.operation for call in ec2.recorded]
    assert operations.count("describe_instances") == 2, "EC2 takes 200 values in a filter"
    rest = [each for each in operations if each != "describe_instances"]
    assert len(rest) == 9, "as many as for one instance"


def test_an_instance_that_is_not_there_is_in_the_way_of_no_other(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    ec2.answer("ec2", "describe_instances", instances_listed("i-0abc"))
    result = run_module(egress_info, {"instance_ids": ["i-0gone", "i-0abc"]})
    assert list(result["instances"]) == ["i-0abc"]
    assert list(result["errors"]) == ["i-0gone"]
    assert "look at the instance i-0gone" in result["errors"]["i-0gone"]
    assert "InvalidInstanceID.NotFound" in result["errors"]["i-0gone"]


@pytest.mark.parametrize("operation", ["describe_instances", "describe_security_groups"])
def test_a_denial_is_said_of_each_instance(ec2: StubbedClients, run_module: ModuleRunner, operation: str) -> None:
    ec2.answer("ec2", "describe_instances", instances_listed("i-0abc", "i-0def"))
    ec2.answer("ec2", operation, aws_error("UnauthorizedOperation", operation))
    result = run_module(egress_info, {"instance_ids": ["i-0abc", "i-0def"]})
    assert result["instances"] == {}
    assert all("UnauthorizedOperation" in result["errors"][name] for name in ("i-0abc", "i-0def"))


@pytest.mark.parametrize(("operation", "told"), OPTIONAL.items(), ids=OPTIONAL)
def test_what_may_not_be_looked_at_is_named_for_each(
    ec2: StubbedClients, run_module: ModuleRunner, operation: str, told: tuple[str, str]
) -> None:
    name, action = told
    if name == "users":
        pytest.skip("it is looked at before a change only")
    ec2.answer("ec2", "describe_instances", instances_listed("i-0abc", "i-0def"))
    ec2.answer("ec2", operation, aws_error("UnauthorizedOperation", operation))
    looks = run_module(egress_info, {"instance_ids": ["i-0abc", "i-0def"]})["instances"]
    assert all(action in looks[each]["unseen"][name] for each in ("i-0abc", "i-0def"))


def test_an_error_that_passes_is_not_remembered(ec2: StubbedClients, run_module: ModuleRunner) -> None:
    ec2.answer("ec2", "describe_instances", instances_listed("i-0abc", "i-0def"))
    throttled = aws_error("RequestLimitExceeded", "DescribeVpcs")
    ec2.answer("ec2", "describe_vpcs", [throttled, {"Vpcs": [{"CidrBlock": "10.20.0.0/16"}]}])
    looks = run_module(egress_info, {"instance_ids": ["i-0abc", "i-0def"]})["instances"]
    assert [each["vpc_cidrs"] for each in looks.values()] == [["10.20.0.0/16"]] * 2
    assert len(ec2.calls("ec2", "describe_vpcs")) == 2
