"""What EC2 asks IAM about, where ministack asks about everything: the resource of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    elif action.endswith("ManagedPrefixList") or action == "GetManagedPrefixListEntries":
        name, kind = first("PrefixListId") or "*", "prefix-list"
    else:
        return None
    return f"arn:aws:ec2:{request.region}:{request.account_id}:{kind}/{name}" if kind else "*"
