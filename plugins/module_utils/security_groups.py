# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Outbound rules of security groups and the interfaces they stand on, as amazon.aws describes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

TCP = ("tcp", "6")
ALL_PROTOCOLS = "-1"
PRIVATE_NETWORKS = tuple(
    ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)


@dataclass(frozen=True)
class Rule:
    """One target of an outbound rule that lets a port out."""

    group_id: str
    traffic: str
    kind: str
    target: str

    def __str__(self) -> str:
        kind = {"prefix_list": "prefix list ", "group": "members of group "}.get(self.kind, "")
        return f"{self.group_id} ({self.traffic} to {kind}{self.target})"

    @property
    def network(self) -> IPNetwork | None:
        """What the rule opens; None for a prefix list or a group, whose addresses the rule does not tell."""
        return ipaddress.ip_network(self.target, strict=False) if self.kind in ("ipv4", "ipv6") else None

    @property
    def is_private(self) -> bool:
        network = self.network
        return isinstance(network, ipaddress.IPv4Network) and any(network.subnet_of(each) for each in PRIVATE_NETWORKS)


@dataclass(frozen=True)
class Interface:
    """A network interface with its groups; ``unseen`` are groups that EC2 did not describe."""

    interface_id: str
    group_ids: tuple[str, ...]
    has_ipv6: bool
    groups: tuple[Mapping[str, Any], ...]
    unseen: tuple[str, ...]

    def rules(self, port: int) -> tuple[Rule, ...]:
        """Return what its groups let out to the TCP port: they add up."""
        return tuple(rule for group in self.groups for rule in outbound_rules(group, port))


def interfaces(instance: Mapping[str, Any], security_groups: Iterable[Mapping[str, Any]]) -> list[Interface]:
    """Return the instance's interfaces, the primary one first."""
    described = {str(group["group_id"]): group for group in security_groups}
    attached = instance.get("network_interfaces") or [{"groups": instance.get("security_groups") or []}]
    return [_interface(each, described) for each in sorted(attached, key=_device)]


def outbound_rules(group: Mapping[str, Any], port: int) -> list[Rule]:
    """Return each target to which the group lets the TCP port out."""
    rules = []
    for permission in group.get("ip_permissions_egress") or []:
        traffic = _traffic(permission, port)
        if traffic is None:
            continue
        targets = [
            *(("ipv4", each["cidr_ip"]) for each in permission.get("ip_ranges") or []),
            *(("ipv6", each["cidr_ipv6"]) for each in permission.get("ipv6_ranges") or []),
            *(("prefix_list", each["prefix_list_id"]) for each in permission.get("prefix_list_ids") or []),
            *(("group", each["group_id"]) for each in permission.get("user_id_group_pairs") or []),
        ]
        rules += [Rule(str(group["group_id"]), traffic, kind, str(target)) for kind, target in targets]
    return rules


def covering(rules: Sequence[Rule], network: IPNetwork) -> tuple[Rule, ...]:
    """Return the rules that open the whole network: one where one does, else those that do so together, else none."""
    same_version = [rule for rule in rules if rule.network is not None and rule.network.version == network.version]
    for rule in same_version:
        if _covers([rule], network):
            return (rule,)
    return tuple(same_version) if _covers(same_version, network) else ()


def _covers(rules: Sequence[Rule], network: IPNetwork) -> bool:
    # Two halves of the address space are all of it.
    collapsed: Iterable[Any] = ipaddress.collapse_addresses([rule.network for rule in rules])
    return any(network.subnet_of(each) for each in collapsed)


def _interface(each: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]]) -> Interface:
    group_ids = tuple(dict.fromkeys(str(group["group_id"]) for group in each.get("groups") or []))
    return Interface(
        interface_id=str(each.get("network_interface_id", "")),
        group_ids=group_ids,
        has_ipv6=bool(each.get("ipv6_addresses")),
        groups=tuple(described[name] for name in group_ids if name in described),
        unseen=tuple(name for name in group_ids if name not in described),
    )


def _device(interface: Mapping[str, Any]) -> tuple[int, int]:
    attachment = interface.get("attachment") or {}
    return int(attachment.get("network_card_index") or 0), int(attachment.get("device_index") or 0)


def _traffic(permission: Mapping[str, Any], port: int) -> str | None:
    """Describe what a rule lets out when that includes the TCP port."""
    protocol = str(permission.get("ip_protocol"))
    if protocol == ALL_PROTOCOLS:
        return "all traffic"
    first, last = permission.get("from_port"), permission.get("to_port")
    if protocol not in TCP or first is None or last is None or not int(first) <= port <= int(last):
        return None
    return f"TCP {first}" if first == last else f"TCP {first}-{last}"
