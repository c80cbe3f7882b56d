# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The addresses that AWS publishes (``ip-ranges.json``): of which regions, collapsed, and how old."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import IPNetwork

#: How the file writes the moment when it was made.
CREATED = "%Y-%m-%d-%H-%M-%S"
FIELDS = {"IPv4": ("prefixes", "ip_prefix"), "IPv6": ("ipv6_prefixes", "ipv6_prefix")}
PUBLISHED_AT = "https://ip-ranges.amazonaws.com/ip-ranges.json"
#: How far apart the two dates of one file may be, and a clock may be behind.
TOLERANCE = timedelta(days=1)
Published = Mapping[str, Any]


def published_ranges(
    text: str | Published,
    regions: Sequence[str],
    services: Sequence[str],
    *,
    families: Sequence[str],
    max_age_days: int,
    now: datetime,
) -> dict[str, Any]:
    """Return the addresses of the regions: entries of a prefix list by family, and CIDRs by region.

    Raises ValueError with fault and remedy when it is no such file or too old, or when it has nothing of a region or
    service: nothing would be opened for it, and nobody told.
    """
    published = _read(text)
    created = _created(published)
    _check_age(created, now, max_age_days)
    found = {family: _by_region(published, regions, services, family) for family in families}
    return {
        "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
        "entries": {family: _entries(by_region) for family, by_region in found.items()},
        # The endpoints' usual names have no other addresses.
        "regions": {region: [str(each) for each in found.get("IPv4", {}).get(region, [])] for region in regions},
    }


def _read(text: str | Published) -> Published:
    try:
        published = json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise ValueError(f"This is no JSON ({error}). Give the file that AWS publishes at {PUBLISHED_AT}.") from error
    if not isinstance(published, Mapping) or not all(
        isinstance(published.get(key), list) for key, _prefix in FIELDS.values()
    ):
        raise ValueError(f"This has no prefixes and ipv6_prefixes. Give the file that AWS publishes at {PUBLISHED_AT}.")
    return published


def _created(published: Published) -> datetime:
    """Return when the file was made; its two dates tell the same unless somebody has changed one."""
    try:
        created = datetime.strptime(str(published.get("createDate")), CREATED).replace(tzinfo=timezone.utc)
        token = datetime.fromtimestamp(int(published.get("syncToken", "")), timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            f"createDate is {published.get('createDate')!r} and syncToken {published.get('syncToken')!r}, so that "
            f"nobody knows how old the addresses are. Get {PUBLISHED_AT} anew."
        ) from error
    if abs(created - token) > TOLERANCE:
        raise ValueError(
            f"createDate tells of {created:%Y-%m-%d} and syncToken of {token:%Y-%m-%d}: the file was changed by hand. "
            f"Get {PUBLISHED_AT} anew."
        )
    return created


def _check_age(created: datetime, now: datetime, max_age_days: int) -> None:
    age = now - created
    if age > timedelta(days=max_age_days):
        raise ValueError(
            f"The addresses are of {created:%Y-%m-%d}, {age.days} days old, and egress_ip_ranges_max_age_days allows "
            f"{max_age_days}: AWS may have moved since. Get {PUBLISHED_AT} anew, or allow more days."
        )
    if age < -TOLERANCE:
        raise ValueError(
            f"The addresses are of {created:%Y-%m-%d}, which is to come. Set the controller's clock, or get "
            f"{PUBLISHED_AT} anew."
        )


def _by_region(
    published: Published, regions: Sequence[str], services: Sequence[str], family: str
) -> dict[str, list[IPNetwork]]:
    listed, name = FIELDS[family]
    rows = [each for each in published[listed] if each["region"] in regions and each["service"] in services]
    for key, variable, asked in (
        ("region", "egress_regions", regions),
        ("service", "egress_prefix_list_services", services),
    ):
        if missing := sorted(set(asked) - {str(each[key]) for each in rows}):
            raise ValueError(
                f"It has no {family} addresses of the {key} {', '.join(missing)}. Correct {variable}; Bedrock, Polly, "
                "Transcribe, STS and Systems Manager have no service of their own there, they are in AMAZON."
            )
    return {region: _collapsed(each[name] for each in rows if each["region"] == region) for region in regions}


def _entries(by_region: Mapping[str, Sequence[IPNetwork]]) -> list[dict[str, str]]:
    """Return the entries of a list, each with the regions that are in it."""
    regions = {region: set(networks) for region, networks in by_region.items()}
    return [
        {"cidr": str(each), "description": f"AWS {', '.join(_within(each, regions))}"}
        for each in _collapsed(str(network) for networks in by_region.values() for network in networks)
    ]


def _within(network: IPNetwork, regions: Mapping[str, Iterable[IPNetwork]]) -> list[str]:
    exactly = [region for region, networks in regions.items() if network in networks]
    return exactly or [region for region, networks in regions.items() if any(map(network.overlaps, networks))]


def _collapsed(cidrs: Iterable[str]) -> list[IPNetwork]:
    networks: Any = [ipaddress.ip_network(each) for each in cidrs]
    return list(ipaddress.collapse_addresses(networks))
