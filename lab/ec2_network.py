"""What ministack lacks of an instance's network: its interfaces, whose group is whose, ACLs, interface endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import ec2

from lab import instance_description
from lab.templates import text

Answer = tuple[int, dict[str, str], bytes]
DESCRIBED_BY_MINISTACK: dict[str, Callable[[Any], Answer]] = {
    name: ec2._ACTION_MAP[name] for name in ("DescribeSecurityGroups", "DescribeNetworkAcls", "DescribeVpcEndpoints")
}
ENDPOINT_XML, VPC_XML = ec2._vpce_fields_xml, ec2._vpc_xml
#: Members of a VPC that ministack knows alone.
INVENTED = re.compile(r"<(defaultNetworkAclId|defaultSecurityGroupId|mainRouteTableId)>.*?</\1>")
#: The filters by a group that a rule names, and where that rule stands.
NAMED = {"ip-permission.group-id": "IpPermissions", "egress.ip-permission.group-id": "IpPermissionsEgress"}


def complete() -> None:
    """Make ministack describe the network as AWS does."""
    ec2._vpce_fields_xml = _endpoint
    ec2._vpc_xml = lambda vpc: INVENTED.sub("", VPC_XML(vpc))
    ec2._ACTION_MAP.update(
        DescribeNetworkInterfaces=_describe_interfaces,
        ModifyNetworkInterfaceAttribute=_modify_interface,
        DescribeSecurityGroups=_describe_groups,
        DeleteSecurityGroup=_delete_group,
        DescribeNetworkAcls=_describe_acls,
        CreateVpcEndpoint=_create_endpoint,
        DescribeVpcEndpoints=_describe_endpoints,
    )


def _describe_interfaces(parameters: Any) -> Answer:
    """The interfaces of instances, and ministack's own."""
    asked, filters = ec2._parse_member_list(parameters, "NetworkInterfaceId"), ec2._parse_filters(parameters)
    asked = [*asked, *filters.get("network-interface-id", [])]
    items = ""
    for instance in ec2._instances.values():
        name, groups = instance_description.interface_id(instance), instance["SecurityGroups"]
        if instance["State"]["Name"] != "terminated" and _selected(name, groups, asked, filters):
            items += instance_description.interface(instance, described_alone=True)
    for each in ec2._network_interfaces.values():
        if _selected(each["NetworkInterfaceId"], each["Groups"], asked, filters):
            items += ec2._eni_fields_xml(each)
    return _answer("DescribeNetworkInterfaces", f"<networkInterfaceSet>{items}</networkInterfaceSet>")


def _selected(
    name: str, groups: Iterable[Mapping[str, str]], asked: list[str], filters: Mapping[str, list[str]]
) -> bool:
    wanted = filters.get("group-id")
    return (not asked or name in asked) and (not wanted or any(group["GroupId"] in wanted for group in groups))


def _modify_interface(parameters: Any) -> Answer:
    """Give the interface of an instance other groups."""
    name, groups = ec2._p(parameters, "NetworkInterfaceId"), ec2._parse_member_list(parameters, "SecurityGroupId")
    owner = next((each for each in ec2._instances.values() if instance_description.interface_id(each) == name), None)
    if owner is None:
        return _error("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{name}' does not exist")
    if missing := [group for group in groups if group not in ec2._security_groups]:
        return _error("InvalidGroup.NotFound", f"The security group '{missing[0]}' does not exist")
    if groups:
        owner["SecurityGroups"] = [
            {"GroupId": group, "GroupName": ec2._security_groups[group]["GroupName"]} for group in groups
        ]
    return _answer("ModifyNetworkInterfaceAttribute", "<return>true</return>")


def _describe_groups(parameters: Any) -> Answer:
    """The filters by ID, and by the group that a rule names, to ministack's own."""
    filters = ec2._parse_filters(parameters)
    if "group-id" not in filters and not any(name in filters for name in NAMED):
        return DESCRIBED_BY_MINISTACK["DescribeSecurityGroups"](parameters)
    items = "".join(
        ec2._sg_xml(group)
        for name, group in ec2._security_groups.items()
        if "group-id" not in filters or name in filters["group-id"]
        if all(_names(group, NAMED[key], values) for key, values in filters.items() if key in NAMED)
    )
    return _answer("DescribeSecurityGroups", f"<securityGroupInfo>{items}</securityGroupInfo>")


def _names(group: Mapping[str, Any], direction: str, others: Iterable[str]) -> bool:
    return any(pair.get("GroupId") in others for rule in group[direction] for pair in rule["UserIdGroupPairs"])


def _delete_group(parameters: Any) -> Answer:
    """A group that an interface has, or a rule of another group names, stays."""
    name = ec2._p(parameters, "GroupId")
    holders = [*ec2._network_interfaces.values(), *ec2._instances.values()]
    attached = [group["GroupId"] for each in holders for group in each.get("SecurityGroups", each.get("Groups", ()))]
    others = [group for identifier, group in ec2._security_groups.items() if identifier != name]
    if name in attached or any(_names(group, direction, [name]) for group in others for direction in NAMED.values()):
        return _error("DependencyViolation", f"resource {name} has a dependent object")
    answer: Answer = ec2._delete_security_group(parameters)
    return answer


def _describe_acls(parameters: Any) -> Answer:
    """A subnet that no ACL names has its VPC's default one."""
    filters = ec2._parse_filters(parameters)
    for name, subnet in ec2._subnets.items():
        associations = [each for acl in ec2._network_acls.values() for each in acl["Associations"]]
        default = [acl for acl in ec2._network_acls.values() if acl["IsDefault"] and acl["VpcId"] == subnet["VpcId"]]
        if default and not any(each["SubnetId"] == name for each in associations):
            identifier = f"aclassoc-{name.removeprefix('subnet-')}"
            default[0]["Associations"].append({"NetworkAclAssociationId": identifier, "SubnetId": name})
    wanted = filters.get("association.subnet-id")
    if wanted is None:
        return DESCRIBED_BY_MINISTACK["DescribeNetworkAcls"](parameters)
    names = [
        name
        for name, acl in ec2._network_acls.items()
        if any(each["SubnetId"] in wanted for each in acl["Associations"])
    ]
    asked = {f"NetworkAclId.{number}": [name] for number, name in enumerate(names, 1)}
    return DESCRIBED_BY_MINISTACK["DescribeNetworkAcls"](asked or {"NetworkAclId.1": ["none"]})


def _create_endpoint(parameters: Any) -> Answer:
    before = set(ec2._vpc_endpoints)
    answer: Answer = ec2._create_vpc_endpoint(parameters)
    (name,) = set(ec2._vpc_endpoints) - before
    endpoint = ec2._vpc_endpoints[name]
    endpoint["Groups"] = ec2._parse_member_list(parameters, "SecurityGroupId")
    endpoint["PrivateDnsEnabled"] = ec2._p(parameters, "PrivateDnsEnabled") == "true"
    endpoint["Interfaces"] = []
    for subnet in endpoint["SubnetIds"]:
        form = {"SubnetId": [subnet], "Description": [f"VPC Endpoint Interface {name}"]}
        form |= {f"SecurityGroupId.{number}": [group] for number, group in enumerate(endpoint["Groups"], 1)}
        known = set(ec2._network_interfaces)
        ec2._create_network_interface(form)
        endpoint["Interfaces"] += set(ec2._network_interfaces) - known
    return answer


def _describe_endpoints(parameters: Any) -> Answer:
    wanted = ec2._parse_filters(parameters).get("vpc-id")
    items = "".join(
        ec2._vpce_fields_xml(each) for each in ec2._vpc_endpoints.values() if not wanted or each["VpcId"] in wanted
    )
    return _answer("DescribeVpcEndpoints", f"<vpcEndpointSet>{items}</vpcEndpointSet>")


def _endpoint(endpoint: Mapping[str, Any], tag: str = "item") -> str:
    described: str = ENDPOINT_XML(endpoint, tag)
    more = text("ec2/vpc_endpoint.xml.j2", endpoint=endpoint, security_groups=ec2._security_groups)
    return described.rpartition(f"</{tag}>")[0] + more + f"</{tag}>"


def _answer(action: str, inner: str) -> Answer:
    answer: Answer = ec2._xml(200, f"{action}Response", inner)
    return answer


def _error(code: str, message: str) -> Answer:
    answer: Answer = ec2._error(code, message, 400)
    return answer
