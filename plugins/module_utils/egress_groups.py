# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The security groups of an instance in a look of ``egress_info``, and rules in the form of the stock module."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import State
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import (
    Rule,
    interfaces,
    outbound_rules,
)

Look = Mapping[str, Any]
#: What ``amazon.aws.ec2_security_group`` calls the targets.
TARGETS = {"ipv4": "cidr_ip", "ipv6": "cidr_ipv6", "prefix_list": "ip_prefix", "group": "group_id"}
#: By this tag a group is known as made here.
OWNER = {"safesecrets:owner": "safesecrets.infra"}


def own_name(instance_id: str) -> str:
    """Return the name of the group that is the instance's own; until it is made, the name stands for its ID."""
    return f"safesecrets-egress-{instance_id}"


def own_group(look: Look) -> Mapping[str, Any] | None:
    """Return the group of the instance's own, whether an interface has it or not."""
    name = own_name(str(look["instance"]["instance_id"]))
    return next((each for each in look["security_groups"] if each.get("group_name") == name), None)


def state(look: Look) -> State:
    """Return what stands: the rules of the instance's groups, and the groups of its interfaces."""
    attached = {each.interface_id: each.group_ids for each in interfaces(look["instance"], look["security_groups"])}
    names = {name for each in attached.values() for name in each}
    return State(
        {
            str(each["group_id"]): tuple(outbound_rules(each))
            for each in look["security_groups"]
            if each["group_id"] in names
        },
        attached,
    )


def shared_groups(look: Look) -> dict[str, list[str]]:
    """Return the groups that something else has, too, and what that is."""
    own = {each["network_interface_id"] for each in look["instance"]["network_interfaces"]}
    users = {
        name: [
            each["instance_id"] or f"{each['network_interface_id']} ({each['description']})"
            for each in found
            if each["network_interface_id"] not in own
        ]
        for name, found in look["group_users"].items()
    }
    return {name: found for name, found in users.items() if found}


def described(look: Look, group_id: str) -> Mapping[str, Any]:
    """Return what EC2 said of a group, nothing where it said nothing."""
    return next((each for each in look["security_groups"] if each["group_id"] == group_id), {})


def tags_of(group: Mapping[str, Any]) -> dict[str, str]:
    """Return a group's tags by their names."""
    return {each.get("key", each.get("Key")): each.get("value", each.get("Value")) for each in group.get("tags") or []}


def told(look: Look, group_id: str, rules: Collection[Rule]) -> dict[str, Any]:
    """Return a group and outbound rules as the tasks give them to the stock module."""
    group = described(look, group_id)
    return {
        "group_id": group_id,
        "name": group.get("group_name", group_id),
        "description": group.get("description", ""),
        "vpc_id": group.get("vpc_id", look["instance"].get("vpc_id", "")),
        "rules": [ansible_rule(rule) for rule in rules],
    }


def ansible_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule in the form of ``amazon.aws.ec2_security_group``."""
    given: dict[str, Any] = {"proto": "all" if rule.protocol == "-1" else rule.protocol}
    if rule.protocol in ("icmp", "icmpv6"):
        given |= {"icmp_type": rule.from_port, "icmp_code": rule.to_port}
    elif rule.protocol in ("tcp", "udp"):
        given |= {"from_port": rule.from_port, "to_port": rule.to_port}
    given[TARGETS[rule.kind]] = [rule.target]
    return {**given, "rule_desc": rule.description} if rule.description else given
