"""What EC2 asks IAM about, where ministack asks about everything: the resource of a call, and its tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ministack.core import iam_actions, responses
from ministack.services import ec2

from lab.service import Request

#: A resource's type, by the beginning of its ID.
TYPES = {
    "sg": "security-group",
    "pl": "prefix-list",
    "i": "instance",
    "eni": "network-interface",
    "vpce": "vpc-endpoint",
}
TAGGING = ("CreateTags", "DeleteTags")


def resource(parameters: Mapping[str, Sequence[str]], request: Request) -> str | None:
    """The ARN of what is tagged, or of a prefix list; None for what ministack knows."""

    def first(name: str) -> str:
        return (parameters.get(name) or [""])[0]

    action = first("Action")
    if action in TAGGING:
        name = first("ResourceId.1")
        kind = TYPES.get(name.partition("-")[0])
    elif action == "CreateSecurityGroup":
        name, kind = "*", "security-group"
    elif action.endswith("ManagedPrefixList") or action.startswith("GetManagedPrefixList"):
        name, kind = first("PrefixListId") or "*", "prefix-list"
    else:
        return None
    return f"arn:aws:ec2:{request.region}:{request.account_id}:{kind}/{name}" if kind else "*"


def tags(parameters: Mapping[str, Sequence[str]], request: Request) -> dict[str, str | list[str]]:
    """The condition keys of the tags that a call gives, and of those of the group or list that it is about."""
    keys: dict[str, str | list[str]] = iam_actions.request_tag_context("ec2", "ec2:CreateTags", b"", parameters)
    with responses.request_scope(request.account_id, request.region):
        named = parameters.get("GroupId") or parameters.get("PrefixListId") or [""]
        standing = ec2._tags.get(named[0], [])
    return keys | {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in standing}
