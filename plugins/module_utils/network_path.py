# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What else stands in the way of a packet: the subnet's routes and its network ACL. Neither is a group's fault."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import FAIL, PASS, UNPROVEN, Finding, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import ANY, Interface

ITEM = "INFRA-P2-4"
HTTPS = (443, 443)
#: The ports that Linux takes for its end of a connection: answers come to them.
ANSWERS = (32768, 60999)
TCP = ("tcp", "6", "-1")
TARGETS = (
    "nat_gateway_id",
    "gateway_id",
    "transit_gateway_id",
    "vpc_peering_connection_id",
    "network_interface_id",
    "instance_id",
    "egress_only_internet_gateway_id",
    "carrier_gateway_id",
    "local_gateway_id",
    "core_network_arn",
)
NOT_THE_GROUP = "No security group is at fault."


@dataclass(frozen=True)
class Way:
    """What an ACL says of a direction: ``allow``, ``deny`` or ``partly``, and by which rules."""

    says: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """A verdict with its reason."""

    status: str
    detail: str
    remedy: str = ""


def route_finding(interface: Interface, table: Mapping[str, Any] | None, region: str) -> Finding:
    """Say whether IPv4 packets of the interface's subnet find a way out of the VPC."""
    subnet = interface.subnet_id
    if table is None:
        remedy = "Find out which route table the subnet uses, and that it has a route to 0.0.0.0/0."
        return _finding("egress.route", subnet, region, Seen(UNPROVEN, f"No route table of {subnet} is there.", remedy))
    routes = [each for each in table.get("routes") or [] if each.get("destination_cidr_block")]
    seen = _route(interface, str(table["route_table_id"]), routes)
    evidence = {"route_table_id": table["route_table_id"], "routes": [_told(each) for each in routes]}
    return _finding("egress.route", subnet, region, seen, evidence)


def _route(interface: Interface, name: str, routes: Sequence[Mapping[str, Any]]) -> Seen:
    subnet = interface.subnet_id
    standing = [each for each in routes if each.get("state") != "blackhole"]
    default = [each for each in routes if each["destination_cidr_block"] == str(ANY[4])]
    networks = [ipaddress.IPv4Network(each["destination_cidr_block"]) for each in standing]
    remedy = (
        f"Give {name} a route of 0.0.0.0/0 to a NAT gateway, or to an internet gateway where the instance has a public "
        "address."
    )
    if default and default[0] not in standing:
        detail = f"{name} of {subnet} has the route {_told(default[0])}, a black hole: its target is gone."
        return Seen(FAIL, f"{detail} {NOT_THE_GROUP}", remedy)
    if ANY[4] not in list(ipaddress.collapse_addresses(networks)):
        detail = f"{name} of {subnet} has no route to 0.0.0.0/0, only {', '.join(map(_told, routes)) or 'none at all'}."
        return Seen(FAIL, f"{detail} {NOT_THE_GROUP}", remedy)
    gateway = str(default[0].get("gateway_id") or "") if default else ""
    if gateway.startswith("igw-") and not interface.has_public_ipv4:
        detail = (
            f"{name} of {subnet} leads 0.0.0.0/0 to {gateway}, which drops what comes from no public IPv4 address, "
        )
        return Seen(FAIL, f"{detail}and the interface has none. {NOT_THE_GROUP}", f"Give it one. Or: {remedy}")
    return Seen(PASS, f"{name} leads out by {', '.join(_told(each) for each in default or standing)}.")


def acl_finding(interface: Interface, acl: Mapping[str, Any] | None, region: str) -> Finding:
    """Say whether the subnet's network ACL lets HTTPS out and its answers in."""
    subnet = interface.subnet_id
    if acl is None:
        remedy = "Find out which network ACL the subnet uses, and that it lets HTTPS out and its answers in."
        seen = Seen(UNPROVEN, f"No network ACL of {subnet} is there.", remedy)
        return _finding("egress.network_acl", subnet, region, seen)
    entries = acl.get("entries") or []
    out = way([each for each in entries if each.get("egress")], HTTPS)
    back = way([each for each in entries if not each.get("egress")], ANSWERS)
    evidence = {"network_acl_id": acl["network_acl_id"], "outbound": list(out.rules), "inbound": list(back.rules)}
    return _finding("egress.network_acl", subnet, region, _acl(subnet, str(acl["network_acl_id"]), out, back), evidence)


def _acl(subnet: str, name: str, out: Way, back: Way) -> Seen:
    remedy = (
        f"Let {name} allow TCP 443 out to 0.0.0.0/0, and TCP {ANSWERS[0]}-{ANSWERS[1]} in from it, which are the "
        "answers: a network ACL keeps no state."
    )
    said = {
        verdict: " and ".join(
            f"{what} ({', '.join(each.rules) or 'no rule allows it'})"
            for what, each in (("TCP 443 out", out), ("the answers in", back))
            if each.says == verdict
        )
        for verdict in ("deny", "partly")
    }
    if said["deny"]:
        return Seen(FAIL, f"{name} of {subnet} denies {said['deny']}. {NOT_THE_GROUP}", remedy)
    if said["partly"]:
        detail = f"{name} of {subnet} treats addresses or ports apart: {said['partly']}."
        return Seen(UNPROVEN, detail, f"Prove it by a call from the host. If that fails: {remedy}")
    return Seen(PASS, f"{name} lets HTTPS out and its answers in.")


def way(entries: Iterable[Mapping[str, Any]], ports: tuple[int, int]) -> Way:
    """Walk an ACL's rules of one direction in their order for TCP from or to everywhere."""
    apart: list[Mapping[str, Any]] = []
    for entry in sorted(entries, key=lambda each: int(each["rule_number"])):
        if not entry.get("cidr_block") or str(entry.get("protocol")) not in TCP:
            continue
        first, last = _ports(entry)
        if first > ports[1] or last < ports[0]:
            continue
        whole = first <= ports[0] and last >= ports[1] and ipaddress.ip_network(entry["cidr_block"]) == ANY[4]
        if not whole:
            apart.append(entry)
            continue
        differing = [each for each in apart if each["rule_action"] != entry["rule_action"]]
        says = "partly" if differing else str(entry["rule_action"])
        return Way(says, tuple(_rule(each) for each in (*differing, entry)))
    # AWS ends each ACL with a rule that denies the rest.
    return Way("partly" if any(each["rule_action"] == "allow" for each in apart) else "deny", tuple(map(_rule, apart)))


def _ports(entry: Mapping[str, Any]) -> tuple[int, int]:
    span = entry.get("port_range") or {}
    if str(entry.get("protocol")) == "-1" or not span:
        return 0, 65535
    return int(span["from"]), int(span["to"])


def _rule(entry: Mapping[str, Any]) -> str:
    first, last = _ports(entry)
    return f"rule {entry['rule_number']} ({entry['rule_action']} ports {first}-{last}, {entry['cidr_block']})"


def _told(route: Mapping[str, Any]) -> str:
    target = next((str(route[name]) for name in TARGETS if route.get(name)), "nothing")
    return f"{route['destination_cidr_block']} to {target}"


def _finding(
    identifier: str, subnet: str, region: str, seen: Seen, evidence: Mapping[str, Any] | None = None
) -> Finding:
    evidence = {**(evidence or {}), "subnet_id": subnet}
    return finding(
        identifier, ITEM, subnet, seen.status, seen.detail, region=region, remedy=seen.remedy, evidence=evidence
    )


def unseen_finding(
    identifier: str,
    subject: str,
    region: str,
    what: Sequence[str],
    remedy: str = "Give the operator the IAM actions named, and run this step again.",
) -> Finding:
    """Return the finding for what could not be looked at."""
    detail = f"Could not look: {'; '.join(what)}"
    return finding(identifier, ITEM, subject, UNPROVEN, detail, region=region, remedy=remedy)
