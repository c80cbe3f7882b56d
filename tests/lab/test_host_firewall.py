"""A security group's outbound permissions as rules of the host's network."""

from __future__ import annotations

import subprocess

import pytest

from lab import host_requirements
from lab.host_firewall import Permission, ruleset
from lab.host_network import ALWAYS

ANYWHERE = ("0.0.0.0/0",)
BOTH = ("0.0.0.0/0", "::/0")
CASES = {
    "everything": (Permission("-1", BOTH), ["ip daddr { 0.0.0.0/0 } accept", "ip6 daddr { ::/0 } accept"]),
    "IPv4 leaves IPv6 closed": (Permission("-1", ANYWHERE), ["ip daddr { 0.0.0.0/0 } accept"]),
    "one port": (Permission("tcp", ANYWHERE, 443, 443), ["ip daddr { 0.0.0.0/0 } tcp dport 443-443 accept"]),
    "protocol by number": (Permission("17", ANYWHERE, 0, 65535), ["ip daddr { 0.0.0.0/0 } udp dport 0-65535 accept"]),
    "all ports": (Permission("tcp", ANYWHERE), ["ip daddr { 0.0.0.0/0 } meta l4proto tcp accept"]),
    "overlapping networks": (
        Permission("tcp", ("10.0.0.0/8", "10.1.0.0/16", "198.18.1.7/24"), 80, 81),
        ["ip daddr { 10.0.0.0/8, 198.18.1.0/24 } tcp dport 80-81 accept"],
    ),
    "ping": (Permission("icmp", BOTH, 8, -1), ["ip daddr { 0.0.0.0/0 } icmp type 8 accept"]),
    "all ICMP": (Permission("1", ANYWHERE), ["ip daddr { 0.0.0.0/0 } meta l4proto 1 accept"]),
    "ICMPv6": (Permission("icmpv6", BOTH, 128, 0), ["ip6 daddr { ::/0 } icmpv6 type 128 icmpv6 code 0 accept"]),
    "another protocol": (Permission("50", ANYWHERE), ["ip daddr { 0.0.0.0/0 } meta l4proto 50 accept"]),
    "no destination": (Permission("-1", ()), []),
    "ports that AWS refuses": (Permission("tcp", ANYWHERE, 500, 400), []),
    "protocol that AWS refuses": (Permission("quic", ANYWHERE), []),
    "network that AWS refuses": (Permission("-1", ("10.0.0.0/33", "; flush ruleset")), []),
}


def rules(text: str) -> list[str]:
    """What stands between that which is always let through and the end."""
    lines = [line.strip() for line in text.splitlines()]
    return lines[lines.index(ALWAYS[-1]) + 1 : lines.index("drop")]


@pytest.mark.parametrize(("permission", "expected"), CASES.values(), ids=CASES)
def test_permission_becomes_rules(permission: Permission, expected: list[str]) -> None:
    assert rules(ruleset("vpc", [permission], ALWAYS)) == expected


def test_groups_add_up_and_no_rule_stands_twice() -> None:
    permissions = [permission for permission, _ in CASES.values()]
    expected = list(dict.fromkeys(rule for _, rules_ in CASES.values() for rule in rules_))
    assert rules(ruleset("vpc", [*permissions, *permissions], ALWAYS)) == expected
    assert rules(ruleset("vpc", [], ALWAYS)) == []


def test_nftables_takes_the_rules() -> None:
    try:
        host_requirements.check()
    except host_requirements.HostError as reason:
        pytest.skip(str(reason))
    text = ruleset("vpc", [permission for permission, _ in CASES.values()], ALWAYS)
    command = ["unshare", "--net", "sh", "-c", "nft --file - && nft list ruleset"]
    taken = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout.count(" accept") == text.count(" accept")
