# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of security groups and the interfaces they stand on, as EC2 describes them (in snake case)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
#: What each prefix list holds, by its ID.
PrefixLists = Mapping[str, Sequence[IPNetwork]]

ALL_PROTOCOLS = "-1"
ANY_PORT = -1
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": ALL_PROTOCOLS}
ANY = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("::/0")}
PRIVATE_NETWORKS = tuple(
    ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)
#: Where a permission has its targets, by the kind of target.
TARGETS = {
    "ipv4": ("ip_ranges", "cidr_ip"),
    "ipv6": ("ipv6_ranges", "cidr_ipv6"),
    "prefix_list": ("prefix_list_ids", "prefix_list_id"),
    "group": ("user_id_group_pairs", "group_id"),
}


@dataclass(frozen=True, order=True)
class Rule:
    """One rule of a group: a protocol, its ports, one target. What is said of it does not tell rules apart."""

    protocol: str
    from_port: int
    to_port: int
    kind: str
    target: str
    description: str = field(default="", compare=False)
    #: Of a group that is the target, and only that.
    owner_id: str = field(default="", compare=False)

    def __str__(self) -> str:
        kind = {"prefix_list": "prefix list ", "group": "members of group "}.get(self.kind, "")
        return f"{self.traffic} to {kind}{self.target}"

    @property
    def traffic(self) -> str:
        if self.protocol == ALL_PROTOCOLS:
            return "all traffic"
        name = self.protocol.upper() if self.protocol.isalpha() else f"protocol {self.protocol}"
        if self.from_port == ANY_PORT:
            return name
        return f"{name} {self.from_port}" + (f"-{self.to_port}" if self.to_port != self.from_port else "")

    @property
    def network(self) -> IPNetwork | None:
        """What the rule opens; None for a prefix list or a group, whose addresses the rule does not tell."""
        return ipaddress.ip_network(self.target, strict=False) if self.kind in ("ipv4", "ipv6") else None

    @property
    def is_private(self) -> bool:
        network = self.network
        return isinstance(network, ipaddress.IPv4Network) and any(network.subnet_of(each) for each in PRIVATE_NETWORKS)

    def networks(self, prefix_lists: PrefixLists) -> Sequence[IPNetwork]:
        """Return what the rule opens as far as that is known."""
        if self.kind == "prefix_list":
            return prefix_lists.get(self.target, ())
        return () if self.network is None else (self.network,)

    def lets_out(self, protocol: str, port: int) -> bool:
        """Tell whether the rule's protocol and ports include this one."""
        if self.protocol == ALL_PROTOCOLS:
            return True
        return self.protocol == protocol and ANY_PORT != self.from_port <= port <= self.to_port


@dataclass(frozen=True)
class StandingRule:
    """A rule and the group that it stands in."""

    group_id: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.group_id} ({self.rule})"


@dataclass(frozen=True)
class Interface:
    """A network interface with its groups; ``unseen`` are groups that EC2 did not describe."""

    interface_id: str
    subnet_id: str
    group_ids: tuple[str, ...]
    has_ipv6: bool
    has_public_ipv4: bool
    groups: tuple[Mapping[str, Any], ...]
    unseen: tuple[str, ...]

    def rules(self, port: int, protocol: str = "tcp") -> tuple[StandingRule, ...]:
        """Return what its groups let out to the port: they add up."""
        return tuple(
            StandingRule(str(group["group_id"]), rule)
            for group in self.groups
            for rule in outbound_rules(group)
            if rule.lets_out(protocol, port)
        )


def interfaces(instance: Mapping[str, Any], security_groups: Iterable[Mapping[str, Any]]) -> list[Interface]:
    """Return the instance's interfaces, the primary one first."""
    described = {str(group["group_id"]): group for group in security_groups}
    attached = instance.get("network_interfaces") or [{"groups": instance.get("security_groups") or []}]
    return [_interface(each, described) for each in sorted(attached, key=_device)]


def outbound_rules(group: Mapping[str, Any]) -> list[Rule]:
    """Return the group's outbound rules."""
    return [rule for permission in group.get("ip_permissions_egress") or [] for rule in rules_of(permission)]


def rules_of(permission: Mapping[str, Any]) -> list[Rule]:
    """Return a rule for each target of a permission."""
    given = str(permission.get("ip_protocol")).lower()
    first, last = permission.get("from_port"), permission.get("to_port")
    ports = (ANY_PORT if first is None else int(first), ANY_PORT if last is None else int(last))
    protocol = PROTOCOLS.get(given, given)
    if protocol == ALL_PROTOCOLS:
        ports = (ANY_PORT, ANY_PORT)
    return [
        Rule(protocol, *ports, kind, str(each[name]), each.get("description") or "", str(each.get("user_id") or ""))
        for kind, (targets, name) in TARGETS.items()
        for each in permission.get(targets) or []
    ]


def covering(
    rules: Sequence[StandingRule], network: IPNetwork, prefix_lists: PrefixLists | None = None
) -> tuple[StandingRule, ...]:
    """Return the rules that open the whole network: one where one does, else those that do so together, else none."""
    known = prefix_lists or {}
    same_version = [
        standing for standing in rules if any(each.version == network.version for each in standing.rule.networks(known))
    ]
    for standing in same_version:
        if _covers([standing], network, known):
            return (standing,)
    return tuple(same_version) if _covers(same_version, network, known) else ()


def covering_all(
    rules: Sequence[StandingRule], networks: Sequence[IPNetwork], prefix_lists: PrefixLists
) -> tuple[StandingRule, ...]:
    """Return the rules that open all of many networks: one where one does, else all of them together, else none."""
    if not networks:
        return ()
    for candidates in [*([each] for each in rules), rules]:
        opened = [each for standing in candidates for each in standing.rule.networks(prefix_lists)]
        # What is within changes nothing: some hundred networks are compared with as many at once.
        if all(_collapsed(opened, version) == _collapsed([*opened, *networks], version) for version in ANY):
            return tuple(candidates)
    return ()


def _collapsed(networks: Iterable[IPNetwork], version: int) -> list[Any]:
    same: Any = [each for each in networks if each.version == version]
    return list(ipaddress.collapse_addresses(same))


def _covers(rules: Sequence[StandingRule], network: IPNetwork, prefix_lists: PrefixLists) -> bool:
    # Two halves of the address space are all of it.
    opened = [
        each for standing in rules for each in standing.rule.networks(prefix_lists) if each.version == network.version
    ]
    collapsed: Iterable[Any] = ipaddress.collapse_addresses(opened)
    return any(network.subnet_of(each) for each in collapsed)


def _interface(each: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]]) -> Interface:
    group_ids = tuple(dict.fromkeys(str(group["group_id"]) for group in each.get("groups") or []))
    return Interface(
        interface_id=str(each.get("network_interface_id", "")),
        subnet_id=str(each.get("subnet_id", "")),
        group_ids=group_ids,
        has_ipv6=bool(each.get("ipv6_addresses")),
        has_public_ipv4=bool((each.get("association") or {}).get("public_ip")),
        groups=tuple(described[name] for name in group_ids if name in described),
        unseen=tuple(name for name in group_ids if name not in described),
    )


def _device(interface: Mapping[str, Any]) -> tuple[int, int]:
    attachment = interface.get("attachment") or {}
    return int(attachment.get("network_card_index") or 0), int(attachment.get("device_index") or 0)
