"""The security groups of the lab's instance as nftables rules on its way out, and what AWS never filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from ministack.core import responses
from ministack.services import ec2

from lab.templates import text

PORTS = {"tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp"}
#: The protocols whose "ports" are a type and a code: name, number, and the only family that has them.
TYPES = {"icmp": ("icmp", 1, 4), "1": ("icmp", 1, 4), "icmpv6": ("icmpv6", 58, 6), "58": ("icmpv6", 58, 6)}
ALL, ANY, LAST_PORT = "-1", -1, 65_535


@dataclass(frozen=True)
class Permission:
    """An outbound permission as EC2 has it, with the destinations that it comes to."""

    protocol: str
    destinations: tuple[str, ...]
    from_port: int = ANY
    to_port: int = ANY


def egress(account_id: str, region: str, instance_id: str) -> list[Permission]:
    """The outbound permissions of the instance's groups, as EC2 has them now."""
    with responses.request_scope(account_id, region):
        attached = (ec2._security_groups.get(group["GroupId"]) for group in _groups(instance_id))
        return [
            Permission(
                str(permission["IpProtocol"]).lower(),
                tuple(_destinations(permission)),
                permission.get("FromPort", ANY),
                permission.get("ToPort", ANY),
            )
            for group in attached
            if group
            for permission in group["IpPermissionsEgress"]
        ]


def _groups(instance_id: str) -> Sequence[Mapping[str, str]]:
    instance = ec2._instances.get(instance_id)
    return instance["SecurityGroups"] if instance else ()


def _destinations(permission: Mapping[str, Any]) -> Iterable[str]:
    """A permission's networks. Another group's members are none: the instance is alone in its VPC."""
    for entry in permission.get("IpRanges", ()):
        yield entry["CidrIp"]
    for entry in permission.get("Ipv6Ranges", ()):
        yield entry["CidrIpv6"]
    for entry in permission.get("PrefixListIds", ()):
        prefix_list = entry["PrefixListId"] if isinstance(entry, Mapping) else entry
        if prefix_list in ec2._prefix_lists:
            yield from (row["Cidr"] for row in ec2._prefix_lists[prefix_list]["Entries"])
        elif managed := ec2._resolve_aws_pl_by_id(prefix_list):
            yield managed["Cidr"]


def ruleset(interface: str, permissions: Iterable[Permission], always: Iterable[str]) -> str:
    """The rules for what comes in from the instance; `always` are rules that stand before them."""
    rules = [*always, *dict.fromkeys(rule for permission in permissions for rule in _rules(permission))]
    return text("host_network/security_groups.nft.j2", interface=interface, rules=rules)


def _rules(permission: Permission) -> Iterable[str]:
    """One rule for each family that the permission has destinations in."""
    networks = [network for cidr in permission.destinations if (network := _network(cidr))]
    families: tuple[tuple[str, int, Iterable[IPv4Network | IPv6Network]], ...] = (
        ("ip", 4, collapse_addresses(network for network in networks if isinstance(network, IPv4Network))),
        ("ip6", 6, collapse_addresses(network for network in networks if isinstance(network, IPv6Network))),
    )
    for family, version, collapsed in families:
        match, destinations = _protocol(permission, version), ", ".join(map(str, collapsed))
        if match is not None and destinations:
            yield " ".join(filter(None, (f"{family} daddr {{ {destinations} }}", match, "accept")))


def _protocol(permission: Permission, version: int) -> str | None:
    """What a rule says of protocol and ports; None where the family has no such protocol, or AWS would refuse it."""
    protocol, first, last = permission.protocol, permission.from_port, permission.to_port
    if protocol == ALL:
        return ""
    if protocol in PORTS and first == last == ANY:
        return f"meta l4proto {PORTS[protocol]}"
    if protocol in PORTS:
        return f"{PORTS[protocol]} dport {first}-{last}" if 0 <= first <= last <= LAST_PORT else None
    if protocol in TYPES:
        name, number, family = TYPES[protocol]
        parts = [f"{name} {part} {value}" for part, value in (("type", first), ("code", last)) if value != ANY]
        return (" ".join(parts) or f"meta l4proto {number}") if version == family else None
    return f"meta l4proto {protocol}" if protocol.isdigit() else None


def _network(cidr: str) -> IPv4Network | IPv6Network | None:
    """What AWS would refuse and ministack took opens nothing."""
    try:
        return ip_network(cidr, strict=False)
    except ValueError:
        return None
