# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an instance's security groups let HTTPS out to what the application calls.

Groups only: routes, network ACLs and DNS are proven by a call from the host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import (
    Interface,
    IPNetwork,
    Rule,
    covering,
    interfaces,
)

ITEM = "INFRA-P2-4"
HTTPS = 443
ANY_IPV4 = ipaddress.IPv4Network("0.0.0.0/0")
#: A sentence names so many rules; the evidence holds all.
RULES_NAMED = 4


@dataclass(frozen=True)
class Destination:
    """What the application calls; region and dual-stack name are None for what is not AWS."""

    host: str
    port: int = HTTPS
    region: str | None = None
    dual_stack_host: str | None = None

    @property
    def subject(self) -> str:
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"

    @property
    def address(self) -> IPNetwork | None:
        """The address, when the host is one and no name."""
        try:
            return ipaddress.ip_network(self.host)
        except ValueError:
            return None


@dataclass(frozen=True)
class Verdict:
    """Whether an interface's groups let a destination out, and by which rules."""

    status: str
    detail: str
    remedy: str
    rules: tuple[Rule, ...]


def destinations(
    regions: Mapping[str, Mapping[str, Any]], services: Sequence[str], provider_endpoint: str = ""
) -> list[Destination]:
    """Return the service endpoints of each region once, then the provider's endpoint when there is one.

    Raises ValueError when the endpoint is no https address.
    """
    names = dict.fromkeys(str(each["region"]) for each in regions.values())
    wanted = [
        Destination(f"{service}.{region}.amazonaws.com", HTTPS, region, f"{service}.{region}.api.aws")
        for region in names
        for service in services
    ]
    if provider_endpoint:
        address = urlsplit(provider_endpoint)
        if address.scheme != "https" or not address.hostname:
            raise ValueError("egress_provider_endpoint is no https address: set it to one like https://HOST/PATH")
        wanted.append(Destination(address.hostname, address.port or HTTPS))
    return wanted


def decide(destination: Destination, interface: Interface) -> Verdict:
    """Say whether the interface's groups, taken together, let the destination out."""
    what = f"TCP {destination.port}"
    rules = interface.rules(destination.port)
    network = destination.address or ANY_IPV4
    opening = covering(rules, network)
    if opening:
        return Verdict(PASS, f"Open by {_named(opening)}. No action required.", "", opening)
    remedy = f"Add to {interface.group_ids[0]} an outbound rule: {what} to {network}."
    if interface.unseen:
        unseen = ", ".join(interface.unseen)
        detail = f"EC2 did not describe {unseen}, and no other group of the interface opens {what} to {network}."
        return Verdict(UNPROVEN, detail, f"Find out why {unseen} cannot be seen, or: {remedy}", rules)
    if not rules:
        return Verdict(FAIL, f"No outbound rule of {', '.join(interface.group_ids)} lets {what} out.", remedy, rules)
    if destination.address:
        return _closed_address(destination, rules, remedy)
    if all(rule.kind == "ipv6" for rule in rules):
        return _ipv6_only(destination, interface, rules, remedy)
    return _restricted(destination, rules, remedy)


def egress_findings(
    instance: Mapping[str, Any],
    security_groups: Sequence[Mapping[str, Any]],
    regions: Mapping[str, Mapping[str, Any]],
    services: Sequence[str],
    provider_endpoint: str = "",
) -> list[Finding]:
    """Return a finding for each destination, decided by the primary interface, and one for each other that differs."""
    wanted = destinations(regions, services, provider_endpoint)
    primary, *others = interfaces(instance, security_groups)
    if not primary.group_ids:
        raise ValueError(f"EC2 described {instance['instance_id']} without a security group of its primary interface")
    verdicts = {each: decide(each, primary) for each in wanted}
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
    if not provider_endpoint:
        detail = "No endpoint of the text-to-speech provider is configured."
        found.append(finding("egress.https_open", ITEM, "smartest_ai_endpoint", NOT_APPLICABLE, detail))
    return [*found, *_differing_interfaces(instance, others, verdicts)]


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


def _closed_address(destination: Destination, rules: tuple[Rule, ...], remedy: str) -> Verdict:
    opaque = tuple(rule for rule in rules if rule.network is None)
    if opaque:
        detail = f"Whether {_named(opaque)} holds {destination.host} is not in the rule."
        return Verdict(UNPROVEN, detail, _prove(remedy), rules)
    return Verdict(FAIL, f"{destination.host} is outside of what {_named(rules)} opens.", remedy, rules)


def _restricted(destination: Destination, rules: tuple[Rule, ...], remedy: str) -> Verdict:
    detail = f"Open by {_named(rules)} only. No rule tells whether the name is within."
    private = [rule.target for rule in rules if rule.is_private]
    if private:
        detail += f" Private {', '.join(private[:RULES_NAMED])} reaches it by an interface endpoint only."
    return Verdict(UNPROVEN, detail, _prove(remedy), rules)


def _ipv6_only(destination: Destination, interface: Interface, rules: tuple[Rule, ...], remedy: str) -> Verdict:
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
    instance: Mapping[str, Any], others: Sequence[Interface], verdicts: Mapping[Destination, Verdict]
) -> Iterator[Finding]:
    for other in others:
        differing = [
            destination.subject
            for destination, verdict in verdicts.items()
            if not other.group_ids or decide(destination, other).status != verdict.status
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


def _prove(remedy: str) -> str:
    return f"Prove it by a call from the host. If that fails: {remedy}"


def _named(rules: Sequence[Rule]) -> str:
    more = len(rules) - RULES_NAMED
    return ", ".join(str(rule) for rule in rules[:RULES_NAMED]) + (f" and {more} more" if more > 0 else "")
