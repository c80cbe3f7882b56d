# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is taken from the addresses that AWS publishes, and what is refused."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.filter.prefix_list import FilterModule
from ansible_collections.safesecrets.infra.plugins.module_utils.ip_ranges import published_ranges
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def row(prefix: str, region: str = "us-east-1", service: str = "AMAZON") -> dict[str, str]:
    name = "ipv6_prefix" if ":" in prefix else "ip_prefix"
    return {name: prefix, "region": region, "service": service, "network_border_group": region}


def published(*rows: dict[str, str], moment: datetime = datetime(2026, 11, 20, tzinfo=UTC)) -> dict[str, Any]:
    return {
        "syncToken": str(int(moment.timestamp())),
        "createDate": f"{moment:%Y-%m-%d-%H-%M-%S}",
        "prefixes": [each for each in rows if "ip_prefix" in each],
        "ipv6_prefixes": [each for each in rows if "ipv6_prefix" in each],
    }


FILE = published(
    row("198.18.2.0/25"),
    row("198.18.2.128/25"),
    row("198.18.2.0/24", service="S3"),
    row("198.18.1.0/24", "ca-central-1"),
    row("198.18.4.0/24", "ca-central-1"),
    row("198.18.5.0/24"),
    row("192.0.2.0/24", "eu-west-1"),
    row("2001:db8::/32"),
    row("2001:db9::/32", "ca-central-1"),
)


def read(content: Any = FILE, regions: Any = ("ca-central-1", "us-east-1"), **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"services": ["AMAZON"], "families": ["IPv4"], "max_age_days": 30, "now": NOW, **more}
    return published_ranges(content, regions, settings.pop("services"), **settings)


@pytest.mark.parametrize("content", [FILE, json.dumps(FILE)])
def test_prefixes_of_the_regions_are_collapsed_and_say_whose_they_are(content: Any) -> None:
    found = read(content, families=["IPv4", "IPv6"])
    assert [(each["cidr"], each["description"]) for each in found["entries"]["IPv4"]] == [
        ("198.18.1.0/24", "AWS ca-central-1"),
        ("198.18.2.0/24", "AWS us-east-1"),
        ("198.18.4.0/23", "AWS ca-central-1, us-east-1"),
    ]
    assert [each["cidr"] for each in found["entries"]["IPv6"]] == ["2001:db8::/31"]
    assert found["regions"]["ca-central-1"] == ["198.18.1.0/24", "198.18.4.0/24"]
    assert found["created"] == "2026-11-20T00:00:00Z"
    assert list(read()["entries"]) == ["IPv4"]


@given(st.lists(st.tuples(st.integers(0, 255), st.sampled_from(["ca-central-1", "us-east-1"])), min_size=1))
def test_the_entries_hold_exactly_what_is_published(rows: list[tuple[int, str]]) -> None:
    given_ = [row(f"10.0.{number}.0/24", region) for number, region in rows]
    found = read(published(*given_), {region for _number, region in rows})["entries"]["IPv4"]
    covered = {str(each) for entry in found for each in ipaddress.ip_network(entry["cidr"]).subnets(new_prefix=24)}
    assert covered == {each["ip_prefix"] for each in given_}
    assert len(found) <= len(covered)


@pytest.mark.parametrize(
    ("content", "more", "text"),
    [
        ("<html>", {}, "This is no JSON"),
        ("[]", {}, "has no prefixes and ipv6_prefixes"),
        ({"prefixes": []}, {}, "has no prefixes and ipv6_prefixes"),
        ({**FILE, "createDate": None}, {}, "nobody knows how old"),
        ({**FILE, "syncToken": "soon"}, {}, "nobody knows how old"),
        ({**FILE, "createDate": "2026-11-24-00-00-00"}, {}, "syncToken of 2026-11-20: the file was changed by hand"),
        (FILE, {"max_age_days": 3}, "4 days old, and egress_ip_ranges_max_age_days allows 3"),
        (FILE, {"now": datetime(2026, 11, 1, tzinfo=UTC)}, "which is to come. Set the controller's clock"),
        (FILE, {"regions": ["us-east-9"]}, "no IPv4 addresses of the region us-east-9. Correct egress_regions"),
        (FILE, {"services": ["AMAZON", "BEDROCK"]}, "of the service BEDROCK. Correct egress_prefix_list_services"),
        (FILE, {"regions": ["eu-west-1"], "families": ["IPv6"]}, "no IPv6 addresses of the region eu-west-1"),
    ],
)
def test_what_is_wrong_is_refused_with_a_remedy(content: Any, more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read(content, **more)


def test_an_age_within_the_limit_is_accepted() -> None:
    assert read(max_age_days=4)["entries"]["IPv4"]


def test_the_filter_knows_what_day_it_is() -> None:
    """And hands the fault over as Ansible's own error."""
    fresh = published(row("198.18.2.0/24"), moment=datetime.now(UTC))
    call = FilterModule().filters()["published_ranges"]
    assert call(json.dumps(fresh), ["us-east-1"], ["AMAZON"], ["IPv4"], 1)["entries"]["IPv4"]
    old = published(row("198.18.2.0/24"), moment=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(AnsibleFilterError, match="days old"):
        call(json.dumps(old), ["us-east-1"], ["AMAZON"], ["IPv4"], 1)
