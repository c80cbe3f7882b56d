# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole review of an instance's ways out, from one look of ``egress_info``."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress import ITEM, Endpoint, Known, egress_findings
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import HTTPS, Settings, destinations
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import FAIL, PASS, Finding, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.network_path import (
    acl_finding,
    route_finding,
    unseen_finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import (
    Interface,
    PrefixLists,
    interfaces,
    rules_of,
)

Look = Mapping[str, Any]
#: What can be missing from a look, and the finding that says so.
UNSEEN = {
    "route_table": "egress.route",
    "network_acl": "egress.network_acl",
    "vpc_endpoints": "egress.endpoint",
    "prefix_lists": "egress.prefix_list",
}


def review(look: Look, wanted: Settings, published: PrefixLists | None = None) -> list[Finding]:
    """Return the findings on groups, interface endpoints, routes and network ACL."""
    known = Known(prefix_lists(look), endpoints(look, wanted.instance_region), published or {})
    primary = interfaces(look["instance"], look["security_groups"])[0]
    region = wanted.instance_region
    unseen = look.get("unseen") or {}
    found = egress_findings(look["instance"], look["security_groups"], wanted, known)
    found += _endpoint_findings(look, primary, wanted, known)
    if "route_table" not in unseen:
        found.append(route_finding(primary, look.get("route_table"), region))
    if "network_acl" not in unseen:
        found.append(acl_finding(primary, look.get("network_acl"), region))
    instance = str(look["instance"]["instance_id"])
    return found + [
        unseen_finding(identifier, instance, region, [unseen[name]])
        for name, identifier in UNSEEN.items()
        if name in unseen
    ]


def host_finding(unread: Sequence[str], region: str, host: str) -> list[Finding]:
    """Return a finding when files of the host that may name its servers could not be read."""
    if not unread:
        return []
    return [unseen_finding("egress.host_services", host, region, unread, "Let the user of the connection read them.")]


def prefix_lists(look: Look) -> PrefixLists:
    """Return the networks of each prefix list whose entries were seen."""
    return networks({each["prefix_list_id"]: each["entries"] for each in look.get("prefix_lists") or []})


def networks(cidrs: Mapping[str, Sequence[str]]) -> PrefixLists:
    """Read the networks under each name."""
    return {str(name): [ipaddress.ip_network(cidr) for cidr in each] for name, each in cidrs.items()}


def endpoints(look: Look, region: str) -> dict[tuple[str, str], Endpoint]:
    """Return the interface endpoints that private DNS puts in front of a service, by service and region."""
    return {
        (service, region): Endpoint(
            str(each["vpc_endpoint_id"]),
            service,
            tuple(str(group["group_id"]) for group in each.get("groups") or []),
            tuple(str(address) for address in each.get("addresses") or []),
        )
        for each in look.get("vpc_endpoints") or []
        if each.get("vpc_endpoint_type") == "Interface" and each.get("private_dns_enabled")
        if str(each.get("state", "")).lower() == "available"
        if (service := str(each["service_name"]).removeprefix(f"com.amazonaws.{region}."))
    }


def _endpoint_findings(look: Look, primary: Interface, wanted: Settings, known: Known) -> Iterator[Finding]:
    """Say of each endpoint in front of a destination whether its own groups let the instance in."""
    described = {str(group["group_id"]): group for group in look["security_groups"]}
    services = dict.fromkeys((str(each.service), str(each.region)) for each in destinations(wanted))
    for key in services:
        endpoint = known.endpoints.get(key)
        if endpoint is None:
            continue
        groups = [described[name] for name in endpoint.group_ids if name in described]
        letting = [group["group_id"] for group in groups if _lets_in(group, primary, look["instance"])]
        name = f"{key[0]}.{key[1]}.amazonaws.com"
        detail = f"{name} leads to the interface endpoint {endpoint.endpoint_id} ({', '.join(endpoint.addresses)})"
        evidence = {"vpc_endpoint_id": endpoint.endpoint_id, "groups": list(endpoint.group_ids)}
        if letting:
            detail += f", whose group {letting[0]} lets the instance in."
            yield finding("egress.endpoint", ITEM, name, PASS, detail, region=key[1], evidence=evidence)
        else:
            detail += f", and no inbound rule of its groups ({', '.join(endpoint.group_ids)}) lets the instance in."
            remedy = f"Let {endpoint.group_ids[0]} accept TCP 443 from {primary.group_ids[0]}."
            yield finding("egress.endpoint", ITEM, name, FAIL, detail, region=key[1], remedy=remedy, evidence=evidence)


def _lets_in(group: Mapping[str, Any], primary: Interface, instance: Mapping[str, Any]) -> bool:
    address = ipaddress.IPv4Network(str(instance["private_ip_address"]))
    rules = [rule for each in group.get("ip_permissions") or [] for rule in rules_of(each)]
    return any(
        rule.target in primary.group_ids
        or (isinstance(rule.network, ipaddress.IPv4Network) and address.subnet_of(rule.network))
        for rule in rules
        if rule.lets_out("tcp", HTTPS)
    )
