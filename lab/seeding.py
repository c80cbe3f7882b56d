"""Bring a starting account to life: through ministack's own services, before the endpoint opens."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import ministack.app
from ministack.core import responses

from lab import (
    cloudtrail_events,
    ec2_network,
    ec2_permissions,
    ec2_prefix_lists,
    instance_description,
)
from lab.accounts import Account
from lab.directory import OPERATOR_POLICY_VARIABLE, REPOSITORY
from lab.instance_description import MAC
from lab.instance_metadata import Instance
from lab.state import Agreement, LabState

OPERATOR = "safesecrets-operator"
OPERATOR_POLICY = REPOSITORY / "docs" / "operator-policy.json"
SECRET = "safesecrets/smartest-ai"  # noqa: S105  (its name)
PARAMETER = "/safesecrets/smartest-ai"
IMAGE = "ami-0c5204531f799e0c6"
INSTANCE_TYPE = "t3.medium"
PRIVATE_IP = "10.20.1.15"
SECURITY_GROUP = "safesecrets"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


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
    instance_description.complete()
    ec2_permissions.complete()
    ec2_network.complete()
    ec2_prefix_lists.complete()
    with responses.request_scope(account.account_id, account.region):
        await _seed_role(account)
        key = await _seed_operator(account)
        provider_key, next_key = account.provider_key or _provider_key(), _provider_key()
        await _json_call("secretsmanager", "CreateSecret", Name=SECRET, SecretString=provider_key)
        await _json_call("ssm", "PutParameter", Name=PARAMETER, Type="SecureString", Value=provider_key)
        instance = await _seed_instance(account)
    _seed_bedrock(state)
    cloudtrail_events.record_past(state, instance)
    _seed_host(account, host_root)
    return Seeded(*key, instance, (provider_key, next_key))


async def _seed_role(account: Account) -> None:
    role, boundary, trust = account.role, {}, {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    for name, document in role.permissions_boundary.items():
        boundary = {"PermissionsBoundary": await _policy(name, document)}
    await _call("iam", "CreateRole", RoleName=role.name, **trust, **boundary)
    for name, document in role.inline_policies.items():
        await _call(
            "iam", "PutRolePolicy", RoleName=role.name, PolicyName=name, PolicyDocument=json.dumps(document, indent=2)
        )
    for name, document in role.managed_policies.items():
        arn = await _policy(name, document)
        await _call("iam", "AttachRolePolicy", RoleName=role.name, PolicyArn=arn)
    await _seed_instance_profile(role.name)
    if account.instance.profile_role not in (None, role.name):
        await _call("iam", "CreateRole", RoleName=account.instance.profile_role, **trust)
        await _seed_instance_profile(account.instance.profile_role)


async def _policy(name: str, document: Mapping[str, Any]) -> str:
    answer = await _call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=json.dumps(document, indent=2))
    return _element(answer, "Arn")


async def _seed_operator(account: Account) -> tuple[str, str]:
    """The one whose credentials run the playbooks, allowed what docs/operator-policy.json and the account's allow."""
    await _call("iam", "CreateUser", UserName=OPERATOR)
    for path in (
        Path(os.environ.get(OPERATOR_POLICY_VARIABLE) or OPERATOR_POLICY),
        *(OPERATOR_POLICY.with_name(name) for name in account.operator_policies),
    ):
        document = path.read_text(encoding="utf-8")
        await _call("iam", "PutUserPolicy", UserName=OPERATOR, PolicyName=path.stem, PolicyDocument=document)
    answer = await _call("iam", "CreateAccessKey", UserName=OPERATOR)
    return _element(answer, "AccessKeyId"), _element(answer, "SecretAccessKey")


async def _seed_instance(account: Account) -> Instance:
    vpc = _element(await _call("ec2", "CreateVpc", CidrBlock="10.20.0.0/16"), "vpcId")
    zone = f"{account.region}a"
    answer = await _call("ec2", "CreateSubnet", VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone=zone)
    await _seed_way_out(vpc, _element(answer, "subnetId"))
    groups = await _seed_security_groups(account, vpc)
    request = {
        "ImageId": IMAGE,
        "InstanceType": INSTANCE_TYPE,
        "MinCount": 1,
        "MaxCount": 1,
        "SubnetId": _element(answer, "subnetId"),
        "SecurityGroupId": groups,
        "PrivateIpAddress": PRIVATE_IP,
        "TagSpecification": [{"ResourceType": "instance", "Tag": _tags()}],
    }
    if account.instance.profile_role:
        request["IamInstanceProfile"] = {"Name": account.instance.profile_role}
    instance_id = _element(await _call("ec2", "RunInstances", **request), "instanceId")
    return Instance(
        instance_id=instance_id,
        image_id=IMAGE,
        instance_type=INSTANCE_TYPE,
        private_ip=PRIVATE_IP,
        mac=MAC,
        region=account.region,
        availability_zone=zone,
        launched_at=datetime.now(UTC),
        profile=account.instance.profile_role,
    )


async def _seed_way_out(vpc: str, subnet: str) -> None:
    """What leaves the subnet goes through a NAT gateway."""
    described = await _call("ec2", "DescribeRouteTables", Filter=[{"Name": "vpc-id", "Value": [vpc]}])
    gateway = _element(await _call("ec2", "CreateNatGateway", SubnetId=subnet), "natGatewayId")
    table = _element(described, "routeTableId")
    await _call("ec2", "CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)


async def _seed_security_groups(account: Account, vpc: str) -> list[str]:
    prefix_lists = {
        name: await _seed_prefix_list(name, networks) for name, networks in account.instance.prefix_lists.items()
    }
    return [
        await _seed_security_group(name, [_permission(rule, prefix_lists) for rule in egress], vpc)
        for name, egress in {
            SECURITY_GROUP: account.instance.egress,
            **account.instance.further_security_groups,
        }.items()
    ]


async def _seed_security_group(name: str, egress: list[dict[str, Any]], vpc: str) -> str:
    """A new group lets everything out; the account's rules take that one's place."""
    answer = await _call("ec2", "CreateSecurityGroup", GroupName=name, GroupDescription="SafeSecrets host", VpcId=vpc)
    group = _element(answer, "groupId")
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    if egress != everything:
        await _call("ec2", "RevokeSecurityGroupEgress", GroupId=group, IpPermissions=everything)
        await _call("ec2", "AuthorizeSecurityGroupEgress", GroupId=group, IpPermissions=egress)
    return group


async def _seed_prefix_list(name: str, networks: list[str]) -> str:
    answer = await _call(
        "ec2",
        "CreateManagedPrefixList",
        PrefixListName=name,
        AddressFamily="IPv4",
        MaxEntries=len(networks),
        Entry=[{"Cidr": network} for network in networks],
    )
    return _element(answer, "prefixListId")


def _permission(rule: dict[str, Any], prefix_lists: Mapping[str, str]) -> dict[str, Any]:
    """EC2 gives a prefix list its ID, so an account's file has names."""
    named = rule.get("PrefixListIds", [])
    ids = [{**entry, "PrefixListId": prefix_lists[entry["PrefixListId"]]} for entry in named]
    return {**rule, "PrefixListIds": ids} if ids else rule


async def _seed_instance_profile(role_name: str) -> None:
    """The console gives a role for EC2 an instance profile of the same name."""
    await _call("iam", "CreateInstanceProfile", InstanceProfileName=role_name)
    await _call("iam", "AddRoleToInstanceProfile", InstanceProfileName=role_name, RoleName=role_name)


def _seed_bedrock(state: LabState) -> None:
    """Agreements that stand from before, long enough to be AVAILABLE."""
    bedrock = state.account.bedrock
    for region, models in bedrock.agreements.items():
        for model in models:
            state.agreements[(region, model)] = Agreement(datetime.fromtimestamp(0, UTC), 0)
    if bedrock.use_case_form:
        form = {
            "companyName": "SafeSecrets",
            "companyWebsite": "https://safesecrets.example",
            "intendedUsers": "0",
            "industryOption": "Technology",
            "otherIndustryOption": "",
            "useCases": "A voice assistant",
        }
        state.use_case_forms[state.account.region] = json.dumps(form).encode()


def _provider_key() -> str:
    """A key with all that is written otherwise in a URL, in JSON or by a shell, and that every reader still takes."""
    return f"sk_{secrets.token_hex(24)}/+=%2F@:,.-"


def _seed_host(account: Account, root: Path) -> None:
    etc = root / "etc"
    etc.mkdir(parents=True)
    environment_file = etc / "safesecrets.env"
    environment_file.touch(mode=0o600)
    environment_file.write_text(account.environment_file, encoding="utf-8")


def _tags() -> list[dict[str, str]]:
    return [{"Key": "Name", "Value": "SafeSecrets"}, {"Key": "Application", "Value": "safesecrets"}]


async def _call(service: str, action: str, **parameters: Any) -> str:
    """One call in the query protocol; anything but success is a fault of the account's file."""
    return await _checked(service, action, _form(action, **parameters), {})


async def _json_call(service: str, action: str, **parameters: Any) -> str:
    headers = {"x-amz-target": f"{service}.{action}", "content-type": "application/x-amz-json-1.1"}
    return await _checked(service, action, json.dumps(parameters).encode(), headers)


async def _checked(service: str, action: str, body: bytes, headers: Mapping[str, str]) -> str:
    status, _headers, content = await ministack.app.SERVICE_HANDLERS[service]("POST", "/", headers, body, {})
    answer = content if isinstance(content, str) else content.decode()
    if status != HTTPStatus.OK:
        raise RuntimeError(f"The account could not be made: {service} {action} answered {status} {answer}")
    return str(answer)


def _form(action: str, **parameters: Any) -> bytes:
    return urlencode({"Action": action, **_flattened(parameters)}).encode()


def _flattened(value: Any, prefix: str = "") -> dict[str, str]:
    """EC2's form of lists and structures: ``IpPermissions.1.IpRanges.1.CidrIp``."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = {str(index): entry for index, entry in enumerate(value, 1)}.items()
    else:
        return {prefix: str(value)}
    flat: dict[str, str] = {}
    for key, entry in items:
        flat |= _flattened(entry, f"{prefix}.{key}" if prefix else key)
    return flat


def _element(answer: str, name: str) -> str:
    """The text of the first element of that name."""
    match = re.search(f"<{name}>([^<]+)</{name}>", answer)
    if match is None:
        raise RuntimeError(f"ministack's answer has no {name}: {answer}")
    return match[1]
