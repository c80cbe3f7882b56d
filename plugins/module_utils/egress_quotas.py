# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What outbound rules count against AWS's quotas while old and new rules stand together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import Change, Plan
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Rule

#: AWS's defaults for each group and direction, and for each interface.
RULES_QUOTA = 60
GROUPS_QUOTA = 5
#: AWS raises the quotas no further than to so many rules of all groups of an interface together.
RULES_PER_INTERFACE = 1000


@dataclass(frozen=True)
class Quotas:
    """AWS's quotas of the account, and what each prefix list counts against them."""

    rules: int = RULES_QUOTA
    groups: int = GROUPS_QUOTA
    weights: Mapping[str, int] = field(default_factory=dict)
    #: The address family of each prefix list, 4 or 6.
    families: Mapping[str, int] = field(default_factory=dict)
    #: What prefix lists count before they are made larger.
    weights_before: Mapping[str, int] = field(default_factory=dict)


def weight(rules: Iterable[Rule], version: int, quotas: Quotas) -> int:
    """Count rules as AWS does: IPv4 and IPv6 apart, a prefix list by its weight, a group in both."""
    total = 0
    for rule in rules:
        if rule.kind == "prefix_list":
            of_family = quotas.families.get(rule.target, version) == version
            total += quotas.weights.get(rule.target, 1) if of_family else 0
        else:
            total += int(rule.kind in ("group", f"ipv{version}"))
    return total


def arithmetic(change: Change, quotas: Quotas) -> list[dict[str, Any]]:
    """Return what a group's rules count before, on the way and at the end, for each family that has some."""
    now = replace(quotas, weights={**quotas.weights, **quotas.weights_before})
    rows = [
        {
            "group": change.group_id,
            "family": f"IPv{version}",
            "before": weight(change.standing, version, now),
            "together": weight(change.together, version, quotas),
            "after": weight(change.remaining, version, quotas),
            "quota": quotas.rules,
        }
        for version in (4, 6)
    ]
    return [row for row in rows if row["together"]]


def quota_faults(planned: Plan, quotas: Quotas) -> list[str]:
    """Say where more rules or groups would stand than AWS allows."""
    faults = [
        _too_many_rules(change, row, quotas)
        for change in planned.changes
        for row in arithmetic(change, quotas)
        if row["together"] > max(quotas.rules, 0 if change.add else row["before"])
    ]
    return faults + [
        f"{interface} has {len(planned.before.attached[interface])} security groups and would have {len(names)} while "
        f"old and new stand together; the quota is {quotas.groups}. Take a group off the interface that it does not "
        'need, or have AWS raise the quota "Security groups per network interface" (L-2AFB9258) and set '
        "egress_groups_quota to it."
        for interface, names in planned.attach.items()
        if len(names) > quotas.groups
    ]


def _too_many_rules(change: Change, row: Mapping[str, Any], quotas: Quotas) -> str:
    lists = sorted({rule.target for rule in change.together if rule.kind == "prefix_list"})
    weighed = "".join(f", {name} counts {quotas.weights.get(name, 1)}" for name in lists)
    return (
        f"{change.group_id} holds outbound {row['family']} rules that count {row['before']}, and {row['together']} "
        f"while old and new stand together ({len(change.add)} to add{weighed}); the quota is {row['quota']}. "
        + _way_out(int(row["together"]), bool(lists), quotas)
    )


def _way_out(needed: int, has_lists: bool, quotas: Quotas) -> str:
    other = (
        " A list counts its maximum in each rule that names it: egress_prefix_list_services may name fewer services, "
        "and egress_destinations any, vpc_endpoints or cidrs need no list."
        if has_lists
        else ""
    )
    if needed > RULES_PER_INTERFACE:
        return f"AWS raises it to {RULES_PER_INTERFACE} at most, for all groups of an interface together.{other}"
    groups = RULES_PER_INTERFACE // needed
    limit = (
        f" AWS then allows {groups} group(s) an interface ({RULES_PER_INTERFACE} rules in all): egress_groups_quota "
        "has to say so, too."
        if groups < quotas.groups
        else ""
    )
    return (
        'Take rules away that are not needed, or have AWS raise the quota "Inbound or outbound rules per security '
        f'group" (L-0EA8095F) to {needed} or more and set egress_rules_quota to it.{limit}{other}'
    )
