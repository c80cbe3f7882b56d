# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The outbound rules that open what is needed, by the way that was chosen, and what AWS cannot do."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress import Endpoint
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import Destination
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import OWN
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import PROTOCOLS, Rule

NO_NAMES = "A security group knows addresses, prefix lists and groups, and no host names"


@dataclass(frozen=True)
class Choice:
    """How rules name their targets. ``remaining`` is for what no interface endpoint stands in front of."""

    destinations: str
    remaining: str = ""
    cidrs: Sequence[str] = ()
    provider_cidrs: Sequence[str] = ()
    prefix_list_ids: Sequence[str] = ()
    further_rules: Sequence[Mapping[str, Any]] = field(default_factory=list)
    has_ipv6: bool = False


def wanted_rules(
    needed: Sequence[Destination], choice: Choice, endpoints: Mapping[tuple[str, str], Endpoint], region: str
) -> list[Rule]:
    """Return the rules that open what is needed from an instance in the region.

    Raises ValueError saying what AWS cannot do, or which variable is wrong.
    """
    found = [rule for each in needed for rule in _rules(each, choice, endpoints, region)]
    found += [further_rule(each) for each in choice.further_rules]
    return list(dict.fromkeys(found))


def further_rule(given: Mapping[str, Any]) -> Rule:
    """Read one rule of ``egress_further_rules``."""
    try:
        kind, target = _target(str(given["target"]))
        protocol = str(given.get("protocol", "tcp"))
        first = int(given["port"]) if "port" in given else -1
        last = int(given.get("to_port", first))
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"egress_further_rules has {dict(given)}: give target (a CIDR, pl-... or sg-...), and protocol, port and "
            f"to_port where they are not tcp and all ({error})"
        ) from error
    protocol = PROTOCOLS.get(protocol, protocol)
    if first == -1 and protocol in ("tcp", "udp"):
        first, last = 0, 65535
    return Rule(protocol, first, last, kind, target, OWN)


def _rules(each: Destination, choice: Choice, endpoints: Mapping[tuple[str, str], Endpoint], region: str) -> list[Rule]:
    if each.address:
        return [_rule(each, *_target(str(each.address)))]
    endpoint = endpoints.get((str(each.service), str(each.region)))
    if choice.destinations != "vpc_endpoints":
        return _by_choice(each, choice.destinations, choice)
    if endpoint:
        return [_rule(each, "group", endpoint.group_ids[0])]
    if not choice.remaining:
        raise ValueError(_no_endpoint(each, region))
    return _by_choice(each, choice.remaining, choice)


def _by_choice(each: Destination, way: str, choice: Choice) -> list[Rule]:
    if way == "any":
        return [_rule(each, "ipv4", "0.0.0.0/0"), *([_rule(each, "ipv6", "::/0")] if choice.has_ipv6 else [])]
    if each.service is None:
        if not choice.provider_cidrs:
            raise ValueError(
                f"{NO_NAMES}: nothing says where {each.host} is. Set egress_provider_cidrs to the addresses that its "
                "owner publishes, or egress_destinations to any."
            )
        return [_rule(each, *_target(cidr, "egress_provider_cidrs")) for cidr in choice.provider_cidrs]
    if way == "prefix_list":
        if not choice.prefix_list_ids:
            raise ValueError(
                "No prefix list holds AWS's addresses: set egress_prefix_list_ids or egress_prefix_list_families."
            )
        return [_rule(each, "prefix_list", name) for name in choice.prefix_list_ids]
    if not choice.cidrs:
        raise ValueError("egress_cidrs is empty: give the CIDRs that hold the endpoints, or choose another way.")
    return [_rule(each, *_target(cidr, "egress_cidrs")) for cidr in choice.cidrs]


def _rule(each: Destination, kind: str, target: str) -> Rule:
    return Rule(each.protocol, each.port, each.port, kind, target, OWN)


def _target(text: str, variable: str = "") -> tuple[str, str]:
    for prefix, kind in (("pl-", "prefix_list"), ("sg-", "group")):
        if text.startswith(prefix):
            return kind, text
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{variable} has {text}, which is no CIDR ({error}). {NO_NAMES}.") from error
    return f"ipv{network.version}", str(network)


def _no_endpoint(each: Destination, region: str) -> str:
    if each.region is None:
        why = f"{each.host} is no service of AWS"
    elif each.region != region:
        why = (
            f"{each.host} is in {each.region}, and an interface endpoint stands for services of its own region: "
            "cross-region PrivateLink does not cover Bedrock, Polly and Transcribe"
        )
    else:
        why = f"the VPC has no available interface endpoint with private DNS for com.amazonaws.{region}.{each.service}"
    return (
        f"egress_destinations is vpc_endpoints, but {why}. Set egress_remaining_destinations to any, prefix_list or "
        "cidrs for what no endpoint stands in front of."
    )
