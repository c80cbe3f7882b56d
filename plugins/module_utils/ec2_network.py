# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of EC2 that tell of an instance's network, one a function, and the look at all of it at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all

Client = Any
Row = dict[str, Any]
Filters = Mapping[str, Sequence[str]]


@api_call("look at the instance {instance_id}", "ec2:DescribeInstances")
def describe_instance(client: Client, instance_id: str) -> Row:
    """Return the instance; an unknown one is EC2's error."""
    reservations = client.describe_instances(InstanceIds=[instance_id])["Reservations"]
    return dict(reservations[0]["Instances"][0])


@api_call("look at the security groups", "ec2:DescribeSecurityGroups")
def describe_security_groups(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_security_groups", "SecurityGroups", filters)


@api_call("look at the network interfaces", "ec2:DescribeNetworkInterfaces")
def describe_network_interfaces(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_network_interfaces", "NetworkInterfaces", filters)


@api_call("look at the VPC", "ec2:DescribeVpcs")
def describe_vpcs(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_vpcs", "Vpcs", filters)


@api_call("look at the VPC endpoints", "ec2:DescribeVpcEndpoints")
def describe_vpc_endpoints(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_vpc_endpoints", "VpcEndpoints", filters)


@api_call("look at the network ACL", "ec2:DescribeNetworkAcls")
def describe_network_acls(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_network_acls", "NetworkAcls", filters)


@api_call("look at the route tables", "ec2:DescribeRouteTables")
def describe_route_tables(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_route_tables", "RouteTables", filters)


@api_call("look at the prefix lists", "ec2:DescribeManagedPrefixLists")
def describe_prefix_lists(client: Client, filters: Filters) -> list[Row]:
    return _all(client, "describe_managed_prefix_lists", "PrefixLists", filters)


@api_call("read the entries of {prefix_list_id}", "ec2:GetManagedPrefixListEntries")
def prefix_list_entries(client: Client, prefix_list_id: str, version: int | None = None) -> list[Row]:
    """Return the entries of a version of the list, by default the current one."""
    asked = {"PrefixListId": prefix_list_id, **({"TargetVersion": version} if version else {})}
    pages = client.get_paginator("get_managed_prefix_list_entries").paginate(**asked)
    return [entry for page in pages for entry in page["Entries"]]


def look_at_network(client: Client, instance_id: str, own_group: str = "", further_lists: Sequence[str] = ()) -> Row:
    """Return the instance and what its packets meet. What could not be looked at is named under ``unseen``.

    ``own_group`` is the name of a group of the VPC; with it, whoever would notice a change of the groups is seen, too.
    ``further_lists`` are prefix lists that no rule names yet.

    Raises AnsibleAWSError when the instance or its groups could not be looked at: nothing can be said then.
    """
    instance = describe_instance(client, instance_id)
    attached, subnet = _group_ids(instance), _primary(instance)["SubnetId"]
    unseen: dict[str, str] = {}
    asked = _asked(instance["VpcId"], subnet)
    if own_group:
        asked |= _asked_for_a_change(instance["VpcId"], attached, own_group)
    seen = _look(client, unseen, asked, attached)
    read = partial(_look_at_prefix_lists, client, seen["security_groups"], further_lists)
    lists = _optional(unseen, "prefix_lists", read)
    private = [dict(each) for each in seen["vpc_endpoints"] if each.get("VpcEndpointType") == "Interface"]
    behind = _optional(unseen, "vpc_endpoints", partial(_look_behind_endpoints, client, private))
    more = run_all({"lists": lists, "endpoint_groups": behind})
    described = [*seen["security_groups"], *more["endpoint_groups"], *seen.get("own_group", [])]
    groups = {each["GroupId"]: each for each in described}
    return {
        "instance": _snake(instance),
        "security_groups": [_snake(each) for each in groups.values()],
        "vpc_cidrs": [each["CidrBlock"] for vpc in seen["vpc"] for each in vpc.get("CidrBlockAssociationSet") or [vpc]],
        "vpc_endpoints": [_snake(each) for each in private],
        "network_acl": next((_snake(each) for each in seen["network_acl"]), None),
        "route_table": route_table_of(subnet, [_snake(each) for each in seen["route_table"]]),
        "prefix_lists": more["lists"],
        "group_users": group_users(seen.get("users", []), attached),
        "referring_groups": naming_groups(seen.get("referring", []), "IpPermissions", attached),
        "reaching_groups": naming_groups(seen.get("reaching", []), "IpPermissionsEgress", attached),
        "unseen": unseen,
    }


Asked = dict[str, tuple[Callable[..., list[Row]], Filters]]


def _asked(vpc_id: str, subnet: str) -> Asked:
    vpc = {"vpc-id": [vpc_id]}
    return {
        "vpc": (describe_vpcs, vpc),
        "vpc_endpoints": (describe_vpc_endpoints, vpc),
        "network_acl": (describe_network_acls, {"association.subnet-id": [subnet]}),
        "route_table": (describe_route_tables, vpc),
    }


def _asked_for_a_change(vpc_id: str, attached: Sequence[str], own_group: str) -> Asked:
    return {
        "users": (describe_network_interfaces, {"group-id": attached}),
        "referring": (describe_security_groups, {"ip-permission.group-id": attached}),
        "reaching": (describe_security_groups, {"egress.ip-permission.group-id": attached}),
        "own_group": (describe_security_groups, {"vpc-id": [vpc_id], "group-name": [own_group]}),
    }


def _look(client: Client, unseen: dict[str, str], asked: Asked, attached: Sequence[str]) -> dict[str, list[Row]]:
    groups: dict[str, Callable[[], list[Row]]] = {
        "security_groups": partial(describe_security_groups, client, {"group-id": attached})
    }
    rest = {name: _optional(unseen, name, partial(call, client, filters)) for name, (call, filters) in asked.items()}
    return run_all({**groups, **rest})


def route_table_of(subnet: str, tables: Iterable[Mapping[str, Any]]) -> Row | None:
    """Return the route table of a subnet: its own, else the VPC's main one."""
    main = None
    for table in tables:
        for association in table.get("associations") or []:
            if association.get("subnet_id") == subnet:
                return dict(table)
            main = dict(table) if association.get("main") else main
    return main


def group_users(users: Iterable[Mapping[str, Any]], group_ids: Iterable[str]) -> dict[str, list[Row]]:
    """Return the interfaces that have each group, with the instance that they belong to."""
    found: dict[str, list[Row]] = {name: [] for name in group_ids}
    for each in users:
        for group in each.get("Groups") or []:
            if group["GroupId"] in found:
                found[group["GroupId"]].append(
                    {
                        "network_interface_id": each["NetworkInterfaceId"],
                        "instance_id": (each.get("Attachment") or {}).get("InstanceId") or "",
                        "description": each.get("Description") or "",
                    }
                )
    return found


def naming_groups(
    groups: Iterable[Mapping[str, Any]], direction: str, group_ids: Iterable[str]
) -> dict[str, list[str]]:
    """Return the groups whose rules of a direction name each group."""
    named = {
        each["GroupId"]: {
            pair.get("GroupId") for rule in each.get(direction) or [] for pair in rule.get("UserIdGroupPairs") or []
        }
        for each in groups
    }
    return {name: sorted(other for other, pairs in named.items() if name in pairs) for name in group_ids}


def _look_at_prefix_lists(client: Client, groups: Iterable[Mapping[str, Any]], further: Sequence[str]) -> list[Row]:
    named = set(further) | {
        entry["PrefixListId"]
        for group in groups
        for rule in group.get("IpPermissionsEgress") or []
        for entry in rule.get("PrefixListIds") or []
    }
    if not named:
        return []
    lists = describe_prefix_lists(client, {"prefix-list-id": sorted(named)})
    entries = run_all(
        {each["PrefixListId"]: partial(prefix_list_entries, client, each["PrefixListId"]) for each in lists}
    )
    return [{**_snake(each), "entries": [row["Cidr"] for row in entries[each["PrefixListId"]]]} for each in lists]


def _look_behind_endpoints(client: Client, endpoints: Sequence[Row]) -> list[Row]:
    """Give interface endpoints their ``Addresses``, and return their groups."""
    names = [name for each in endpoints for name in each.get("NetworkInterfaceIds") or []]
    group_ids = [group["GroupId"] for each in endpoints for group in each.get("Groups") or []]
    calls = {
        "interfaces": partial(describe_network_interfaces, client, {"network-interface-id": names}),
        "groups": partial(describe_security_groups, client, {"group-id": group_ids}),
    }
    # A filter without values would let everything through.
    found = run_all({key: calls[key] for key, asked in (("interfaces", names), ("groups", group_ids)) if asked})
    addresses = {each["NetworkInterfaceId"]: each["PrivateIpAddress"] for each in found.get("interfaces", [])}
    for each in endpoints:
        own = each.get("NetworkInterfaceIds") or []
        each["Addresses"] = [addresses[name] for name in own if name in addresses]
    return found.get("groups", [])


def _optional(unseen: dict[str, str], name: str, call: Callable[[], list[Row]]) -> Callable[[], list[Row]]:
    """Make a call note what AWS said instead of ending the look."""

    def noted() -> list[Row]:
        try:
            return call()
        except AnsibleAWSError as error:
            unseen[name] = f"{error.message}: {error.exception}"
            return []

    return noted


def _all(client: Client, operation: str, key: str, filters: Filters) -> list[Row]:
    given = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
    pages = client.get_paginator(operation).paginate(Filters=given)
    return [row for page in pages for row in page[key]]


def _group_ids(instance: Mapping[str, Any]) -> list[str]:
    attached = [*instance["SecurityGroups"], *(g for each in instance["NetworkInterfaces"] for g in each["Groups"])]
    return list(dict.fromkeys(str(group["GroupId"]) for group in attached))


def _primary(instance: Mapping[str, Any]) -> Mapping[str, Any]:
    return min(
        instance["NetworkInterfaces"],
        key=lambda each: (each["Attachment"].get("NetworkCardIndex") or 0, each["Attachment"]["DeviceIndex"]),
    )


def _snake(row: Mapping[str, Any]) -> Row:
    return dict(camel_dict_to_snake_dict(dict(row), ignore_list=["Tags"]))
