# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Outbound rules as EC2 describes them, and what they cover."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import (
    Rule,
    StandingRule,
    covering,
    interfaces,
    outbound_rules,
    rules_of,
)

ANY_IPV4 = {"ip_ranges": [{"cidr_ip": "0.0.0.0/0"}]}


def group(*permissions: dict[str, Any], group_id: str = "sg-a") -> dict[str, Any]:
    """Return a group with these outbound rules."""
    return {"group_id": group_id, "ip_permissions_egress": list(permissions)}


@pytest.mark.parametrize(
    ("permission", "traffic"),
    [
        ({"ip_protocol": "-1"}, "all traffic"),
        ({"ip_protocol": "-1", "from_port": -1, "to_port": -1}, "all traffic"),
        ({"ip_protocol": "tcp", "from_port": 443, "to_port": 443}, "TCP 443"),
        ({"ip_protocol": "6", "from_port": 443, "to_port": 443}, "TCP 443"),
        ({"ip_protocol": "tcp", "from_port": 0, "to_port": 65535}, "TCP 0-65535"),
        ({"ip_protocol": "tcp", "from_port": 400, "to_port": 443}, "TCP 400-443"),
        ({"ip_protocol": "tcp", "from_port": 444, "to_port": 65535}, None),
        ({"ip_protocol": "tcp", "from_port": 80, "to_port": 442}, None),
        ({"ip_protocol": "udp", "from_port": 443, "to_port": 443}, None),
        ({"ip_protocol": "icmp", "from_port": -1, "to_port": -1}, None),
        ({"ip_protocol": "tcp"}, None),
        ({"ip_protocol": "47"}, None),
    ],
)
def test_which_rules_let_the_port_out(permission: dict[str, Any], traffic: str | None) -> None:
    rules = [rule for rule in outbound_rules(group({**permission, **ANY_IPV4})) if rule.lets_out("tcp", 443)]
    assert [rule.traffic for rule in rules] == ([traffic] if traffic else [])


def test_other_protocols_are_told_by_their_names() -> None:
    permissions = [
        {"ip_protocol": "17", "from_port": 53, "to_port": 53},
        {"ip_protocol": "icmp", "from_port": -1, "to_port": -1},
        {"ip_protocol": "50"},
    ]
    rules = [rule for each in permissions for rule in rules_of({**each, **ANY_IPV4})]
    assert [rule.traffic for rule in rules] == ["UDP 53", "ICMP", "protocol 50"]
    assert [rule.lets_out("udp", 53) for rule in rules] == [True, False, False]


def test_every_kind_of_target_is_read() -> None:
    permission = {
        "ip_protocol": "tcp",
        "from_port": 443,
        "to_port": 443,
        "ip_ranges": [{"cidr_ip": "10.0.0.0/8", "description": "ours"}, {"cidr_ip": "192.0.2.0/24"}],
        "ipv6_ranges": [{"cidr_ipv6": "::/0"}],
        "prefix_list_ids": [{"prefix_list_id": "pl-1"}],
        "user_id_group_pairs": [{"group_id": "sg-b", "user_id": "123456789012"}],
    }
    rules = outbound_rules(group(permission))
    assert [str(rule) for rule in rules] == [
        "TCP 443 to 10.0.0.0/8",
        "TCP 443 to 192.0.2.0/24",
        "TCP 443 to ::/0",
        "TCP 443 to prefix list pl-1",
        "TCP 443 to members of group sg-b",
    ]
    assert (rules[0].description, rules[-1].owner_id) == ("ours", "123456789012")


@pytest.mark.parametrize("rules", [{}, {"ip_permissions_egress": None}, {"ip_permissions_egress": []}])
def test_a_group_without_outbound_rules_opens_nothing(rules: dict[str, Any]) -> None:
    assert outbound_rules({"group_id": "sg-a", **rules}) == []


def targets(*cidrs: str) -> list[StandingRule]:
    return [StandingRule("sg-a", Rule("tcp", 443, 443, "ipv6" if ":" in cidr else "ipv4", cidr)) for cidr in cidrs]


@pytest.mark.parametrize(
    ("open_to", "network", "by"),
    [
        (["0.0.0.0/0"], "0.0.0.0/0", ["0.0.0.0/0"]),
        (["10.0.0.0/8", "0.0.0.0/0"], "0.0.0.0/0", ["0.0.0.0/0"]),
        (["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/0", ["0.0.0.0/1", "128.0.0.0/1"]),
        (["0.0.0.0/1"], "0.0.0.0/0", []),
        (["::/0"], "0.0.0.0/0", []),
        ([], "0.0.0.0/0", []),
        (["0.0.0.0/0"], "2001:db8::1/128", []),
        (["::/0"], "2001:db8::1/128", ["::/0"]),
        (["192.0.2.0/24"], "192.0.2.7/32", ["192.0.2.0/24"]),
        (["192.0.2.9/24"], "192.0.2.7/32", ["192.0.2.9/24"]),
        (["192.0.2.0/30"], "192.0.2.7/32", []),
    ],
)
def test_what_the_rules_cover_together(open_to: list[str], network: str, by: list[str]) -> None:
    assert [each.rule.target for each in covering(targets(*open_to), ipaddress.ip_network(network))] == by


def test_rules_without_addresses_cover_nothing() -> None:
    kinds = (("prefix_list", "pl-1"), ("group", "sg-b"))
    opaque = [StandingRule("sg-a", Rule("tcp", 443, 443, kind, target)) for kind, target in kinds]
    assert covering(opaque, ipaddress.ip_network("0.0.0.0/0")) == ()


def test_a_prefix_list_whose_entries_are_known_covers_them() -> None:
    rules = [StandingRule("sg-a", Rule("tcp", 443, 443, "prefix_list", "pl-1")), *targets("128.0.0.0/1")]
    known = {"pl-1": [ipaddress.ip_network("0.0.0.0/1"), ipaddress.ip_network("fd00::/8")]}
    assert covering(rules, ipaddress.ip_network("198.18.0.0/15"), known) == (rules[1],)
    assert covering(rules, ipaddress.ip_network("10.0.0.0/8"), known) == (rules[0],)
    assert covering(rules, ipaddress.ip_network("0.0.0.0/0"), known) == tuple(rules)
    assert covering(rules, ipaddress.ip_network("fd00::1/128"), known) == (rules[0],)
    assert covering(rules, ipaddress.ip_network("fd00::1/128")) == ()


@pytest.mark.parametrize(
    ("cidr", "private"),
    [
        ("10.20.0.0/16", True),
        ("172.31.0.0/16", True),
        ("192.168.1.1/32", True),
        ("100.64.0.0/10", True),
        ("0.0.0.0/1", False),
        ("10.0.0.0/7", False),
        ("52.94.0.0/16", False),
        ("fd00::/8", False),
    ],
)
def test_private_networks(cidr: str, private: bool) -> None:
    assert targets(cidr)[0].rule.is_private is private


def interface(identifier: str, device: int, *groups: str, card: int = 0, ipv6: bool = False) -> dict[str, Any]:
    return {
        "network_interface_id": identifier,
        "attachment": {"device_index": device, "network_card_index": card},
        "groups": [{"group_id": name, "group_name": name} for name in groups],
        "ipv6_addresses": [{"ipv6_address": "2001:db8::1"}] if ipv6 else [],
    }


def test_the_primary_interface_comes_first_and_groups_stand_once() -> None:
    instance = {"network_interfaces": [interface("eni-1", 1, "sg-b"), interface("eni-0", 0, "sg-a", "sg-a", ipv6=True)]}
    primary, other = interfaces(instance, [group()])
    assert (primary.interface_id, primary.group_ids, primary.has_ipv6, primary.unseen) == ("eni-0", ("sg-a",), True, ())
    assert (other.interface_id, other.group_ids, other.has_ipv6, other.unseen) == ("eni-1", ("sg-b",), False, ("sg-b",))


def test_an_interface_of_the_second_network_card_is_not_the_primary() -> None:
    instance = {"network_interfaces": [interface("eni-9", 0, "sg-a", card=1), interface("eni-0", 0, "sg-a")]}
    assert [each.interface_id for each in interfaces(instance, [])] == ["eni-0", "eni-9"]


def test_without_interfaces_the_instance_s_own_groups_count() -> None:
    (only,) = interfaces({"security_groups": [{"group_id": "sg-a"}]}, [group()])
    assert (only.group_ids, only.interface_id) == (("sg-a",), "")
