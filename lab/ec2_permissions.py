"""What ministack loses of a security group's rules: that they may name prefix lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ministack.services import ec2

PARSED_BY_MINISTACK = ec2._parse_ip_permissions


def complete() -> None:
    """Make ministack read permissions as AWS does."""
    ec2._parse_ip_permissions = _parsed


def _parsed(parameters: Any, prefix: str) -> list[dict[str, Any]]:
    permissions: list[dict[str, Any]] = PARSED_BY_MINISTACK(parameters, prefix)
    for number, permission in enumerate(permissions, 1):
        permission["PrefixListIds"] = list(_prefix_lists(parameters, f"{prefix}.{number}.PrefixListIds"))
    return permissions


def _prefix_lists(parameters: Any, prefix: str) -> Iterable[dict[str, str]]:
    number = 1
    while identifier := ec2._p(parameters, f"{prefix}.{number}.PrefixListId"):
        description = ec2._p(parameters, f"{prefix}.{number}.Description")
        yield {"PrefixListId": identifier, **({"Description": description} if description else {})}
        number += 1
