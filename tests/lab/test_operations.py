"""Every operation that an operator's policy names is answered, and in the shape that AWS's own model has for it.

What the lab's own modules answer is held against the model by their tests, call by call. Here is the rest, which
ministack answers, on a running lab.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.parsers
import pytest
from botocore.model import OperationModel

from lab import asgi
from lab.operations import OPERATIONS
from tests.lab.conftest import REPOSITORY, run_lab, started
from tests.lab.shapes import missing, problems
from tests.lab.test_host_egress import ec2_client

assert asgi.SERVICES  # its import registers the operations
#: Actions that no API has: what CreateFoundationModelAgreement asks IAM about.
PERMISSIONS = {"aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"}
OWN = {operation.iam_action for operation in OPERATIONS}
NAME, STORED = "safesecrets-test", "safesecrets/smartest-ai"
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "polly:*", "Resource": "*"}]})
#: What AWS always answers, though the models of EC2 require nothing: paths into the parsed answer.
PRESENT = {
    "CreateManagedPrefixList": [f"PrefixList.{n}" for n in ("PrefixListId", "State", "Version", "MaxEntries", "Tags")],
    "CreateVpcEndpoint": ["VpcEndpoint.VpcEndpointId", "VpcEndpoint.Groups[].GroupId"],
    "DescribeInstances": [
        f"Reservations[].Instances[].{name}"
        for name in (
            *("InstanceId", "PrivateIpAddress", "State.Name", "SubnetId", "VpcId", "Tags[].Key", "SecurityGroups[]"),
            *("IamInstanceProfile.Arn", "MetadataOptions.HttpTokens", "NetworkInterfaces[].Groups[].GroupId"),
            *("NetworkInterfaces[].Attachment.DeviceIndex", "NetworkInterfaces[].NetworkInterfaceId"),
        )
    ],
    "DescribeManagedPrefixLists": [
        f"PrefixLists[].{name}"
        for name in ("PrefixListId", "PrefixListName", "AddressFamily", "State", "Version", "MaxEntries", "OwnerId")
    ],
    "DescribeNetworkAcls": [
        *("NetworkAcls[].Associations[].SubnetId", "NetworkAcls[].IsDefault", "NetworkAcls[].VpcId"),
        *(f"NetworkAcls[].Entries[].{name}" for name in ("RuleNumber", "RuleAction", "Egress", "Protocol")),
        *("NetworkAcls[].Entries[].CidrBlock", "NetworkAcls[].NetworkAclId"),
    ],
    "DescribeNetworkInterfaces": [
        f"NetworkInterfaces[].{name}"
        for name in ("NetworkInterfaceId", "PrivateIpAddress", "Status", "SubnetId", "VpcId", "Groups[].GroupId")
    ],
    "DescribeRouteTables": [
        *("RouteTables[].VpcId", "RouteTables[].Associations[].Main", "RouteTables[].RouteTableId"),
        *("RouteTables[].Routes[].DestinationCidrBlock", "RouteTables[].Routes[].State"),
    ],
    "DescribeSecurityGroups": [
        *("SecurityGroups[].GroupId", "SecurityGroups[].GroupName", "SecurityGroups[].VpcId"),
        *("SecurityGroups[].Description", "SecurityGroups[].OwnerId"),
        *("SecurityGroups[].IpPermissionsEgress[].IpProtocol", "SecurityGroups[].IpPermissionsEgress[].IpRanges"),
    ],
    "DescribeTags": ["Tags[].Key", "Tags[].ResourceId", "Tags[].ResourceType", "Tags[].Value"],
    "DescribeVpcEndpoints": [
        f"VpcEndpoints[].{name}"
        for name in ("VpcEndpointId", "VpcEndpointType", "VpcId", "ServiceName", "State", "PrivateDnsEnabled")
    ]
    + [f"VpcEndpoints[].{name}" for name in ("Groups[].GroupId", "NetworkInterfaceIds[]", "SubnetIds[]")],
    "DescribeVpcs": ["Vpcs[].VpcId", "Vpcs[].CidrBlock", "Vpcs[].CidrBlockAssociationSet[].CidrBlock"],
    "GetManagedPrefixListEntries": ["Entries[].Cidr"],
    "ModifyManagedPrefixList": ["PrefixList.State", "PrefixList.Version"],
}


class HeldAnswers:
    """What came back from each operation that was called, and everything in it that the model does not allow."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def hold(self, client: Any) -> Any:
        """Look at every answer to this client."""
        client.meta.events.register("before-parse", self._look)
        return client

    def _look(self, operation_model: OperationModel, response_dict: dict[str, Any], **_more: Any) -> None:
        service, name = operation_model.service_model.service_name, operation_model.name
        status, headers, body = (response_dict[part] for part in ("status_code", "headers", "body"))
        found = problems(service, name, status, headers, body)
        parser = botocore.parsers.create_parser(operation_model.service_model.protocol)
        found += missing(PRESENT.get(name, ()), parser.parse(response_dict, operation_model.output_shape))
        self.found.setdefault(f"{service}:{name}", []).extend(found)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The problems of every operation that was called, by its action."""
    directory = tmp_path_factory.mktemp("operations")
    held = HeldAnswers()
    try:
        lab = started(directory, "prefix_list_egress")
        _call_ec2(held.hold(ec2_client(lab)))
        _call_iam(held.hold(lab.client("iam")), {"RoleName": lab.facts["role_name"]})
        held.hold(lab.client("sts")).get_caller_identity()
        held.hold(lab.client("ssm")).get_parameter(Name=f"/{STORED}", WithDecryption=True)
        held.hold(lab.client("secretsmanager")).get_secret_value(SecretId=STORED)
        yield held.found
    finally:
        run_lab(directory, "down")


def _call_ec2(ec2: Any) -> None:
    instance = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    vpc, subnet, (interface,) = instance["VpcId"], instance["SubnetId"], instance["NetworkInterfaces"]
    _call_security_groups(ec2, vpc, interface)
    group = ec2.create_security_group(GroupName="of-endpoints", Description="x", VpcId=vpc)["GroupId"]
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName="com.amazonaws.ca-central-1.polly",
        VpcEndpointType="Interface",
        SubnetIds=[subnet],
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
    )
    ec2.describe_vpc_endpoints()
    ec2.describe_vpcs()
    ec2.describe_network_interfaces()
    ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
    ec2.describe_route_tables()
    _call_prefix_lists(ec2)


def _call_security_groups(ec2: Any, vpc: str, interface: dict[str, Any]) -> None:
    group = ec2.create_security_group(GroupName=NAME, Description="x", VpcId=vpc)["GroupId"]
    ranges = [{"CidrIp": "10.0.0.0/8", "Description": "before"}]
    rules = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    renamed = [{**rules[0], "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "after"}]}]
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=renamed)
    (held,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert renamed[0]["IpRanges"] in [rule["IpRanges"] for rule in held["IpPermissionsEgress"]]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)
    ec2.create_tags(Resources=[group], Tags=[{"Key": "Name", "Value": NAME}])
    ec2.describe_tags()
    ec2.delete_tags(Resources=[group], Tags=[{"Key": "Name"}])
    change = {"NetworkInterfaceId": interface["NetworkInterfaceId"]}
    ec2.modify_network_interface_attribute(**change, Groups=[group])
    ec2.modify_network_interface_attribute(**change, Groups=[each["GroupId"] for each in interface["Groups"]])
    ec2.delete_security_group(GroupId=group)


def _call_prefix_lists(ec2: Any) -> None:
    made = ec2.create_managed_prefix_list(
        PrefixListName=NAME,
        AddressFamily="IPv4",
        MaxEntries=3,
        Entries=[{"Cidr": "10.0.0.0/8", "Description": "x"}],
        TagSpecifications=[{"ResourceType": "prefix-list", "Tags": [{"Key": "Name", "Value": NAME}]}],
    )
    name = {"PrefixListId": made["PrefixList"]["PrefixListId"]}
    ec2.describe_managed_prefix_lists()
    ec2.describe_managed_prefix_lists()  # by then it is made
    ec2.modify_managed_prefix_list(**name, CurrentVersion=1, AddEntries=[{"Cidr": "11.0.0.0/8"}])
    ec2.get_managed_prefix_list_entries(**name)
    ec2.describe_managed_prefix_lists()
    ec2.get_managed_prefix_list_associations(**name)
    ec2.delete_managed_prefix_list(**name)


def _call_iam(iam: Any, role: dict[str, str]) -> None:
    iam.get_role(**role)
    (inline, *_more) = iam.list_role_policies(**role)["PolicyNames"]
    iam.get_role_policy(**role, PolicyName=inline)
    iam.list_instance_profiles_for_role(**role)
    iam.put_role_policy(**role, PolicyName=NAME, PolicyDocument=ALLOW)
    iam.delete_role_policy(**role, PolicyName=NAME)
    policy = iam.create_policy(PolicyName="SafeSecretsMultiRegion", PolicyDocument=ALLOW, Description="x")["Policy"]
    arn = {"PolicyArn": policy["Arn"]}
    iam.get_policy(**arn)
    iam.create_policy_version(**arn, PolicyDocument=ALLOW)
    iam.list_policy_versions(**arn)
    iam.get_policy_version(**arn, VersionId="v1")
    iam.set_default_policy_version(**arn, VersionId="v2")
    iam.delete_policy_version(**arn, VersionId="v1")
    iam.attach_role_policy(**role, **arn)
    iam.list_attached_role_policies(**role)
    iam.list_entities_for_policy(**arn)
    iam.list_policies(Scope="Local")
    iam.detach_role_policy(**role, **arn)
    iam.delete_policy(**arn)


def actions() -> set[str]:
    """What the operator's policies allow by name."""
    documents = [json.loads(path.read_text()) for path in REPOSITORY.glob("docs/*-policy.json")]
    named = [statement["Action"] for document in documents for statement in document["Statement"]]
    return {action for entry in named for action in ([entry] if isinstance(entry, str) else entry)} - PERMISSIONS


@pytest.mark.parametrize("action", sorted(actions() - OWN))
def test_an_operation_has_the_shape_of_its_model(answers: dict[str, list[str]], action: str) -> None:
    assert action in answers, f"{action} is in an operator's policy: call it here"
    assert answers[action] == []
