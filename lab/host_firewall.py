"""The security groups of the lab's instance as nftables rules on its way out, and what AWS never filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from ministack.core import responses
from ministack.services import ec2

Permission = Mapping[str, Any]
Network = IPv4Network | IPv6Network
FAMILIES: Mapping[int, str] = {4: "ip", 6: "ip6"}
PORTS = {"tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp"}
#: The protocols whose "ports" are a type and a code, and the only family that has them.
TYPES = {"icmp": ("icmp", 1, 4), "1": ("icmp", 1, 4), "icmpv6": ("icmpv6", 58, 6), "58": ("icmpv6", 58, 6)}
ALL, ANY, LAST_PORT = "-1", -1, 65_535


def egress(account_id: str, region: str, instance_id: str) -> list[Permission]:
    """The outbound permissions of the instance's groups as EC2 has them now, prefix lists resolved."""
    with responses.request_scope(account_id, region):
        instance = ec2._instances[instance_id]
        attached = (ec2._security_groups.get(group["GroupId"]) for group in instance["SecurityGroups"])
        permissions = [permission for group in attached if group for permission in group["IpPermissionsEgress"]]
        return [{**permission, "Cidrs": list(_cidrs(permission))} for permission in permissions]


def _cidrs(permission: Permission) -> Iterable[str]:
    """A permission's destinations; a group's members are none, for the instance is alone in its VPC."""
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


def ruleset(interface: str, permissions: Sequence[Permission], always: Sequence[str]) -> str:
    """The rules for what comes from the instance, as one transaction; `always` are rules that stand before them.

    Flows that stand are let go on, as AWS does with the flows that it tracks.
    """
    rules = [rule for permission in permissions for rule in _rules(permission)]
    lines = [
        "type filter hook input priority filter; policy accept;",
        f'iifname != "{interface}" accept',
        "ct state established,related accept",
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
        *always,
        *dict.fromkeys(rules),
        "drop",
    ]
    chain = "".join(f"    {line}\n" for line in lines)
    table = "table inet security_groups"
    return f"{table}\ndelete {table}\n{table} {{\n  chain egress {{\n{chain}  }}\n}}\n"


def _rules(permission: Permission) -> Iterable[str]:
    """One rule for each family that the permission has destinations in."""
    networks = [network for cidr in permission["Cidrs"] if (network := _network(cidr))]
    for version, family in FAMILIES.items():
        match = _protocol(permission, version)
        destinations = [str(network) for network in _collapsed(networks, version)]
        if match is not None and destinations:
            yield f"meta nfproto ipv{version} {family} daddr {{ {', '.join(destinations)} }} {match} accept"


def _protocol(permission: Permission, version: int) -> str | None:
    """What a rule says of protocol and ports; None where the family has no such protocol, or AWS would refuse it."""
    protocol = str(permission["IpProtocol"]).lower()
    first, last = permission.get("FromPort", ANY), permission.get("ToPort", ANY)
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


def _collapsed(networks: Iterable[Network], version: int) -> Iterable[Network]:
    if version == 4:
        return collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    return collapse_addresses(network for network in networks if isinstance(network, IPv6Network))


def _network(cidr: str) -> Network | None:
    """What AWS would refuse and ministack took opens nothing."""
    try:
        return ip_network(cidr, strict=False)
    except ValueError:
        return None
