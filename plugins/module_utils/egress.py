# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an instance's security groups let out what the application calls, and what else stands on the way."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import (
    Destination,
    Settings,
    destinations,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import (
    ANY,
    Interface,
    IPNetwork,
    PrefixLists,
    StandingRule,
    covering,
    covering_all,
    interfaces,
)

ITEM = "INFRA-P2-4"
#: A sentence names so many rules; the evidence holds all.
RULES_NAMED = 4


@dataclass(frozen=True)
class Endpoint:
    """An interface endpoint whose private DNS puts it in front of a service of its region."""

    endpoint_id: str
    service: str
    group_ids: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What is known beyond the rules: which addresses stand behind lists, endpoints and regions."""

    prefix_lists: PrefixLists = field(default_factory=dict)
    #: By the names of the service and of its region.
    endpoints: Mapping[tuple[str, str], Endpoint] = field(default_factory=dict)
    #: The addresses that AWS publishes of each region.
    published: Mapping[str, Sequence[IPNetwork]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether an interface's groups let a destination out, and by which rules."""

    status: str
    detail: str
    remedy: str
    rules: tuple[StandingRule, ...]


def decide(destination: Destination, interface: Interface, known: Known) -> Verdict:
    """Say whether the interface's groups, taken together, let the destination out."""
    verdict = _decide(destination, interface, known)
    if verdict.status != FAIL or not destination.only_for:
        return verdict
    detail = f"Closed, and not needed: it is for {destination.only_for}. {verdict.detail}"
    return Verdict(NOT_APPLICABLE, detail, "", verdict.rules)


def _decide(destination: Destination, interface: Interface, known: Known) -> Verdict:
    rules = interface.rules(destination.port, destination.protocol)
    endpoint = known.endpoints.get((str(destination.service), str(destination.region)))
    network = destination.address or ANY[4]
    opening = _to_endpoint(rules, endpoint, known) if endpoint else covering(rules, network, known.prefix_lists)
    if opening:
        return Verdict(PASS, f"Open by {_named(opening)}{_by(endpoint)}. No action required.", "", opening)
    target = _target(endpoint) if endpoint else str(network)
    remedy = f"Add to {interface.group_ids[0]} an outbound rule: {destination.traffic} to {target}."
    if interface.unseen:
        unseen = ", ".join(interface.unseen)
        detail = f"EC2 did not describe {unseen}, and no other group of the interface opens {destination.traffic} to "
        remedy = f"Find out why {unseen} cannot be seen, or: {remedy}"
        return Verdict(UNPROVEN, f"{detail}{target}.", remedy, rules)
    if not rules:
        detail = f"No outbound rule of {', '.join(interface.group_ids)} lets {destination.traffic} out."
        return Verdict(FAIL, detail, remedy, rules)
    if endpoint or destination.address:
        return _closed_address(target if endpoint else destination.host, rules, remedy, known)
    if all(standing.rule.kind == "ipv6" for standing in rules):
        return _ipv6_only(destination, interface, rules, remedy)
    return _restricted(destination, rules, remedy, known)


def egress_findings(
    instance: Mapping[str, Any], security_groups: Sequence[Mapping[str, Any]], wanted: Settings, known: Known
) -> list[Finding]:
    """Return a finding for each destination, decided by the primary interface, and one for each other that differs."""
    primary, *others = interfaces(instance, security_groups)
    if not primary.group_ids:
        raise ValueError(f"EC2 described {instance['instance_id']} without a security group of its primary interface")
    verdicts = {each: decide(each, primary, known) for each in destinations(wanted)}
    found = [
        finding(
            "egress.https_open",
            ITEM,
            destination.subject,
            verdict.status,
            verdict.detail,
            region=destination.region,
            remedy=verdict.remedy,
            evidence={
                "instance_id": instance["instance_id"],
                "network_interface_id": primary.interface_id,
                "groups": list(primary.group_ids),
                "port": destination.port,
                "rules": [str(rule) for rule in verdict.rules],
            },
        )
        for destination, verdict in verdicts.items()
    ]
    if not wanted.provider_endpoint:
        detail = "No endpoint of the text-to-speech provider is configured."
        found.append(finding("egress.https_open", ITEM, "smartest_ai_endpoint", NOT_APPLICABLE, detail))
    return [*found, *_differing_interfaces(instance, others, verdicts, known)]


def egress_unseen(instance_id: str, region: str, error: str) -> list[Finding]:
    """Return the finding for groups that could not be looked at."""
    return [
        finding(
            "egress.groups_readable",
            ITEM,
            instance_id,
            UNPROVEN,
            f"Could not look at the security groups of {instance_id} in {region}: {error}",
            region=region,
            remedy="Give the operator ec2:DescribeInstances and ec2:DescribeSecurityGroups in this region, "
            "check that the instance belongs to the account, and run this step again.",
            evidence={"instance_id": instance_id},
        )
    ]


def _to_endpoint(rules: Sequence[StandingRule], endpoint: Endpoint, known: Known) -> tuple[StandingRule, ...]:
    """Return the rules that open all the endpoint's addresses, or the group that it has."""
    by_group = [each for each in rules if each.rule.kind == "group" and each.rule.target in endpoint.group_ids]
    if by_group:
        return (by_group[0],)
    each = [covering(rules, ipaddress.ip_network(address), known.prefix_lists) for address in endpoint.addresses]
    return tuple(dict.fromkeys(rule for found in each for rule in found)) if each and all(each) else ()


def _closed_address(target: str, rules: tuple[StandingRule, ...], remedy: str, known: Known) -> Verdict:
    opaque = tuple(each for each in rules if each.rule.kind == "group" or not each.rule.networks(known.prefix_lists))
    if opaque:
        return Verdict(UNPROVEN, f"Whether {_named(opaque)} holds {target} is not in the rule.", _prove(remedy), rules)
    return Verdict(FAIL, f"{target} is outside of what {_named(rules)} opens.", remedy, rules)


def _restricted(destination: Destination, rules: tuple[StandingRule, ...], remedy: str, known: Known) -> Verdict:
    published = known.published.get(destination.region or "", ())
    used = covering_all(rules, published, known.prefix_lists)
    if used:
        detail = f"Open by {_named(used)}, which hold every address that AWS publishes of {destination.region}."
        return Verdict(PASS, f"{detail} No action required.", "", used)
    detail = f"Open by {_named(rules)} only. No rule tells whether the name is within."
    lists = {each.rule.target for each in rules if each.rule.kind == "prefix_list"} & set(known.prefix_lists)
    if lists:
        detail += " " + " ".join(f"{name} has {len(known.prefix_lists[name])} entries." for name in sorted(lists))
    private = [each.rule.target for each in rules if each.rule.is_private]
    if private:
        detail += f" Private {', '.join(private[:RULES_NAMED])} reaches it by an interface endpoint only."
    return Verdict(UNPROVEN, detail, _prove(remedy), rules)


def _ipv6_only(destination: Destination, interface: Interface, rules: tuple[StandingRule, ...], remedy: str) -> Verdict:
    detail = f"Open to IPv6 only, by {_named(rules)}"
    if not interface.has_ipv6:
        return Verdict(FAIL, f"{detail}, and the interface has no IPv6 address.", remedy, rules)
    if destination.dual_stack_host is None:
        return Verdict(UNPROVEN, f"{detail}.", _prove(remedy), rules)
    detail += f"; the name needs IPv4. Over IPv6 only the dual-stack endpoint answers, {destination.dual_stack_host}."
    remedy += (
        " Or let the application use dual-stack endpoints (AWS_USE_DUALSTACK_ENDPOINT=true) and prove it by a call "
        "from the host."
    )
    return Verdict(UNPROVEN, detail, remedy, rules)


def _differing_interfaces(
    instance: Mapping[str, Any],
    others: Sequence[Interface],
    verdicts: Mapping[Destination, Verdict],
    known: Known,
) -> Iterator[Finding]:
    for other in others:
        differing = [
            destination.subject
            for destination, verdict in verdicts.items()
            if not other.group_ids or decide(destination, other, known).status != verdict.status
        ]
        if differing:
            groups = ", ".join(other.group_ids) or "none"
            yield finding(
                "egress.other_interface",
                ITEM,
                other.interface_id,
                NOT_APPLICABLE,
                f"This interface's groups ({groups}) decide otherwise for {len(differing)} of {len(verdicts)} "
                "destinations. The primary interface counts: traffic leaves by it unless the host routes otherwise.",
                evidence={
                    "instance_id": instance["instance_id"],
                    "groups": list(other.group_ids),
                    "differing": differing,
                },
            )


def _by(endpoint: Endpoint | None) -> str:
    return f", through the interface endpoint {endpoint.endpoint_id} that its name leads to" if endpoint else ""


def _target(endpoint: Endpoint) -> str:
    return endpoint.group_ids[0] if endpoint.group_ids else ", ".join(endpoint.addresses)


def _prove(remedy: str) -> str:
    return f"Prove it by a call from the host. If that fails: {remedy}"


def _named(rules: Sequence[StandingRule]) -> str:
    more = len(rules) - RULES_NAMED
    return ", ".join(str(rule) for rule in rules[:RULES_NAMED]) + (f" and {more} more" if more > 0 else "")
