"""Bring a starting account to life: through ministack's own services, before the endpoint opens."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import botocore.parsers
import botocore.serialize
import ministack.app
from ministack.core import responses

from lab import cloudtrail_events, ec2_network, ec2_pages, ec2_permissions, ec2_prefix_lists, instance_description
from lab.accounts import Account
from lab.directory import OPERATOR_POLICY_VARIABLE, REPOSITORY
from lab.instance_description import MAC
from lab.instance_metadata import Instance
from lab.operations import service_model
from lab.state import Agreement, LabState
from lab.templates import read

OPERATOR = "safesecrets-operator"
OPERATOR_POLICY = REPOSITORY / "docs" / "operator-policy.json"
SECRET = "safesecrets/smartest-ai"  # noqa: S105  (its name)
SECURITY_GROUP = "safesecrets"


@dataclass(frozen=True)
class Seeded:
    """What a starting account got that only its start could decide."""

    access_key_id: str
    secret_access_key: str
    instance: Instance
    #: Of the speech provider: the one in the stores, and the one that a rotation puts there.
    provider_keys: tuple[str, str]


async def seed(state: LabState, host_root: Path) -> Seeded:
    """Make the account's role, operator, secrets, network and instance, and its host's files."""
    account = state.account
    for lacking in (instance_description, ec2_permissions, ec2_network, ec2_prefix_lists, ec2_pages):
        lacking.complete()
    with responses.request_scope(account.account_id, account.region):
        await seed_role(account)
        key = await _seed_operator(account)
        provider_key, next_key = account.provider_key or _provider_key(), _provider_key()
        await call("secretsmanager", "CreateSecret", Name=SECRET, SecretString=provider_key)
        await call("ssm", "PutParameter", Name=f"/{SECRET}", Type="SecureString", Value=provider_key)
        instance = await _seed_instance(account)
    seed_bedrock(state)
    cloudtrail_events.record_past(state, instance)
    _seed_host(account, host_root)
    return Seeded(key["AccessKeyId"], key["SecretAccessKey"], instance, (provider_key, next_key))


async def seed_role(account: Account) -> None:
    """Make the account's role with its policies, and an instance profile."""
    role, trust = account.role, {"AssumeRolePolicyDocument": json.dumps(read("trust_policy.yml"))}
    await call("iam", "CreateRole", RoleName=role.name, **trust)
    for name, document in role.permissions_boundary.items():
        boundary = await _policy(name, document)
        await call("iam", "PutRolePermissionsBoundary", RoleName=role.name, PermissionsBoundary=boundary)
    for name, document in role.inline_policies.items():
        text = json.dumps(document, indent=2)
        await call("iam", "PutRolePolicy", RoleName=role.name, PolicyName=name, PolicyDocument=text)
    for name, document in role.managed_policies.items():
        await call("iam", "AttachRolePolicy", RoleName=role.name, PolicyArn=await _policy(name, document))
    await _seed_instance_profile(role.name)
    if account.instance.profile_role not in (None, role.name):
        await call("iam", "CreateRole", RoleName=account.instance.profile_role, **trust)
        await _seed_instance_profile(account.instance.profile_role)


async def _policy(name: str, document: Mapping[str, Any]) -> str:
    made = await call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=json.dumps(document, indent=2))
    return str(made["Policy"]["Arn"])


async def _seed_instance_profile(role_name: str | None) -> None:
    """The console gives a role for EC2 an instance profile of the same name."""
    await call("iam", "CreateInstanceProfile", InstanceProfileName=role_name)
    await call("iam", "AddRoleToInstanceProfile", InstanceProfileName=role_name, RoleName=role_name)


async def _seed_operator(account: Account) -> dict[str, str]:
    """The one whose credentials run the playbooks, allowed what docs/operator-policy.json and the account's allow."""
    await call("iam", "CreateUser", UserName=OPERATOR)
    main = Path(os.environ.get(OPERATOR_POLICY_VARIABLE) or OPERATOR_POLICY)
    for path in (main, *(OPERATOR_POLICY.with_name(name) for name in account.operator_policies)):
        document = path.read_text(encoding="utf-8")
        await call("iam", "PutUserPolicy", UserName=OPERATOR, PolicyName=path.stem, PolicyDocument=document)
    made = await call("iam", "CreateAccessKey", UserName=OPERATOR)
    return dict(made["AccessKey"])


async def _seed_instance(account: Account) -> Instance:
    network, instance = read("instance.yml")["network"], read("instance.yml")["instance"]
    vpc = (await call("ec2", "CreateVpc", CidrBlock=network["vpc"]))["Vpc"]["VpcId"]
    placed = {"VpcId": vpc, "CidrBlock": network["subnet"], "AvailabilityZone": f"{account.region}a"}
    subnet = (await call("ec2", "CreateSubnet", **placed))["Subnet"]["SubnetId"]
    await _seed_way_out(vpc, subnet)
    groups = await _seed_security_groups(account, vpc)
    role = account.instance.profile_role
    profile = {"IamInstanceProfile": {"Name": role}} if role else {}
    (made,) = (await call("ec2", "RunInstances", **instance, SubnetId=subnet, SecurityGroupIds=groups, **profile))[
        "Instances"
    ]
    return Instance(
        instance_id=made["InstanceId"],
        image_id=made["ImageId"],
        instance_type=made["InstanceType"],
        private_ip=made["PrivateIpAddress"],
        mac=MAC,
        region=account.region,
        availability_zone=made["Placement"]["AvailabilityZone"],
        launched_at=datetime.now(UTC),
        profile=role,
    )


async def _seed_way_out(vpc: str, subnet: str) -> None:
    """What leaves the subnet goes through a NAT gateway."""
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    table = (await call("ec2", "DescribeRouteTables", Filters=of_vpc))["RouteTables"][0]["RouteTableId"]
    gateway = (await call("ec2", "CreateNatGateway", SubnetId=subnet))["NatGateway"]["NatGatewayId"]
    await call("ec2", "CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)


async def _seed_security_groups(account: Account, vpc: str) -> list[str]:
    lists = {name: await _seed_prefix_list(name, networks) for name, networks in account.instance.prefix_lists.items()}
    groups = {SECURITY_GROUP: account.instance.egress, **account.instance.further_security_groups}
    return [
        await _seed_security_group(name, [_permission(rule, lists) for rule in egress], vpc)
        for name, egress in groups.items()
    ]


async def _seed_security_group(name: str, egress: list[dict[str, Any]], vpc: str) -> str:
    """A new group lets everything out; the account's rules take that one's place."""
    made = await call("ec2", "CreateSecurityGroup", GroupName=name, Description="SafeSecrets host", VpcId=vpc)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    if egress != everything:
        await call("ec2", "RevokeSecurityGroupEgress", GroupId=made["GroupId"], IpPermissions=everything)
        await call("ec2", "AuthorizeSecurityGroupEgress", GroupId=made["GroupId"], IpPermissions=egress)
    return str(made["GroupId"])


async def _seed_prefix_list(name: str, networks: list[str]) -> str:
    entries = [{"Cidr": network} for network in networks]
    named = {"PrefixListName": name, "AddressFamily": "IPv4", "MaxEntries": len(networks)}
    return str((await call("ec2", "CreateManagedPrefixList", **named, Entries=entries))["PrefixList"]["PrefixListId"])


def _permission(rule: dict[str, Any], prefix_lists: Mapping[str, str]) -> dict[str, Any]:
    """EC2 gives a prefix list its ID, so an account's file has names."""
    named = rule.get("PrefixListIds", [])
    return {
        **rule,
        "PrefixListIds": [{**entry, "PrefixListId": prefix_lists[entry["PrefixListId"]]} for entry in named],
    }


def seed_bedrock(state: LabState) -> None:
    """Agreements that stand from before, long enough to be AVAILABLE."""
    bedrock = state.account.bedrock
    for region, models in bedrock.agreements.items():
        for model in models:
            state.agreements[(region, model)] = Agreement(datetime.fromtimestamp(0, UTC), 0)
    if bedrock.use_case_form:
        state.use_case_forms[state.account.region] = json.dumps(read("use_case_form.yml")).encode()


def _provider_key() -> str:
    """A key with all that is written otherwise in a URL, in JSON or by a shell, and that every reader still takes."""
    return f"sk_{secrets.token_hex(24)}/+=%2F@:,.-"


def _seed_host(account: Account, root: Path) -> None:
    environment_file = root / "etc" / "safesecrets.env"
    environment_file.parent.mkdir(parents=True)
    environment_file.touch(mode=0o600)
    environment_file.write_text(account.environment_file, encoding="utf-8")


async def call(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """One call to a service of ministack's; anything but success is a fault of the account's file."""
    model = service_model(service).operation_model(operation)
    serializer = botocore.serialize.create_serializer(model.service_model.protocol, include_validation=False)
    request = serializer.serialize_to_request(parameters, model)
    headers, body = {name.lower(): value for name, value in request["headers"].items()}, request["body"]
    body = urlencode(body).encode() if isinstance(body, dict) else body
    status, _headers, answer = await ministack.app.SERVICE_HANDLERS[service]("POST", "/", headers, body, {})
    content = answer.encode() if isinstance(answer, str) else answer
    if status != HTTPStatus.OK:
        raise RuntimeError(f"The account could not be made: {service} {operation} answered {status} {content!r}")
    parser: Any = botocore.parsers.create_parser(model.service_model.protocol)
    return dict(parser.parse({"status_code": status, "headers": {}, "body": content}, model.output_shape))
