"""What EC2 asks IAM about, where ministack asks about everything: the resource of a call, and the tags in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core import iam_actions

#: A resource's type, by the beginning of its ID.
TYPES = {
    "sg": "security-group",
    "pl": "prefix-list",
    "i": "instance",
    "eni": "network-interface",
    "vpce": "vpc-endpoint",
}
TAGGING = ("CreateTags", "DeleteTags")
Parameters = Mapping[str, Sequence[str]]
KNOWN_TO_MINISTACK = iam_actions.extract_resource_arn


def complete() -> None:
    """Make ministack ask IAM about the resource, too: it authorizes what it answers once more."""
    iam_actions.extract_resource_arn = _resource


def _resource(service: str, *request: Any) -> str:
    """The ARN that IAM evaluates; the request ends with its parameters, region and account."""
    known = resource(*request[-3:]) if service == "ec2" else None
    return known or str(KNOWN_TO_MINISTACK(service, *request))


def resource(parameters: Parameters, region: str, account_id: str) -> str | None:
    """The ARN of what is tagged, or of a prefix list; None for what ministack knows."""
    action = _first(parameters, "Action")
    if action in TAGGING:
        name = _first(parameters, "ResourceId.1")
        kind = TYPES.get(name.partition("-")[0])
    elif action.endswith("ManagedPrefixList") or action == "GetManagedPrefixListEntries":
        name, kind = _first(parameters, "PrefixListId") or "*", "prefix-list"
    else:
        return None
    return f"arn:aws:ec2:{region}:{account_id}:{kind}/{name}" if kind else "*"


def condition_keys(parameters: Parameters) -> dict[str, list[str]]:
    """The keys of the tags that a call sets or removes."""
    if _first(parameters, "Action") not in TAGGING:
        return {}
    keys: list[str] = []
    while key := _first(parameters, f"Tag.{len(keys) + 1}.Key"):
        keys.append(key)
    return {"aws:tagkeys": keys}


def _first(parameters: Parameters, name: str) -> str:
    return (parameters.get(name) or [""])[0]
