# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes and network ACLs: named where they are missing, and never taken for a fault of the security group."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.network_path import (
    ANSWERS,
    HTTPS,
    acl_finding,
    route_finding,
    way,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Interface

REGION = "ca-central-1"
LOCAL = {"destination_cidr_block": "10.20.0.0/16", "gateway_id": "local", "state": "active"}


def interface(*, public: bool = False) -> Interface:
    return Interface("eni-0", "subnet-1", ("sg-a",), False, public, (), ())


def route(target: str = "nat-1", cidr: str = "0.0.0.0/0", state: str = "active") -> dict[str, Any]:
    kind = {"nat": "nat_gateway_id", "igw": "gateway_id", "tgw": "transit_gateway_id"}[target[:3]]
    return {"destination_cidr_block": cidr, kind: target, "state": state}


@pytest.mark.parametrize(
    ("routes", "public", "status", "text"),
    [
        ([LOCAL, route()], False, "pass", "rtb-1 leads out by 0.0.0.0/0 to nat-1."),
        ([LOCAL, route("igw-1")], True, "pass", "rtb-1 leads out by 0.0.0.0/0 to igw-1."),
        (
            [route("tgw-1", "0.0.0.0/1"), route("tgw-1", "128.0.0.0/1")],
            False,
            "pass",
            "0.0.0.0/1 to tgw-1, 128.0.0.0/1",
        ),
        (
            [LOCAL],
            False,
            "fail",
            "has no route to 0.0.0.0/0, only 10.20.0.0/16 to local. No security group is at fault.",
        ),
        ([], False, "fail", "has no route to 0.0.0.0/0, only none at all."),
        ([{"destination_ipv6_cidr_block": "::/0", "gateway_id": "eigw-1"}], False, "fail", "no route to 0.0.0.0/0"),
        ([LOCAL, route("igw-1")], False, "fail", "igw-1, which drops what comes from no public IPv4 address"),
        ([LOCAL, route(state="blackhole")], False, "fail", "0.0.0.0/0 to nat-1, a black hole: its target is gone."),
    ],
)
def test_routes(routes: list[dict[str, Any]], public: bool, status: str, text: str) -> None:
    table = {"route_table_id": "rtb-1", "routes": routes}
    finding = route_finding(interface(public=public), table, REGION)
    assert (finding["status"], text in finding["detail"]) == (status, True), finding
    if status == "fail":
        assert "Give rtb-1 a route of 0.0.0.0/0 to a NAT gateway" in finding["remedy"]
        assert "No security group is at fault." in finding["detail"]


def entry(
    number: int, action: str, cidr: str = "0.0.0.0/0", ports: tuple[int, int] | None = None, egress: bool = True
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "rule_number": number,
        "rule_action": action,
        "cidr_block": cidr,
        "protocol": "6" if ports else "-1",
        "egress": egress,
    }
    return {**made, "port_range": {"from": ports[0], "to": ports[1]}} if ports else made


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([entry(100, "allow"), entry(32767, "deny")], "allow"),
        ([entry(32767, "deny"), entry(100, "allow")], "allow"),
        ([entry(100, "allow", ports=(443, 443)), entry(32767, "deny")], "allow"),
        ([entry(90, "deny", ports=(443, 443)), entry(100, "allow")], "deny"),
        ([entry(90, "deny", ports=(25, 25)), entry(100, "allow")], "allow"),
        ([entry(90, "deny", "52.0.0.0/8"), entry(100, "allow")], "partly"),
        ([entry(90, "allow", "52.0.0.0/8"), entry(100, "allow")], "allow"),
        ([entry(90, "allow", "52.0.0.0/8"), entry(32767, "deny")], "partly"),
        ([entry(90, "allow", "52.0.0.0/8")], "partly"),
        ([], "deny"),
        ([{**entry(100, "allow"), "protocol": "17"}], "deny"),
        ([{**entry(100, "allow"), "cidr_block": None, "ipv6_cidr_block": "::/0"}], "deny"),
    ],
)
def test_the_first_rule_that_matches_decides(entries: list[dict[str, Any]], says: str) -> None:
    assert way(entries, HTTPS).says == says


def test_answers_need_all_of_their_ports() -> None:
    assert way([entry(100, "allow", ports=(1024, 65535)), entry(32767, "deny")], ANSWERS).says == "allow"
    assert way([entry(100, "allow", ports=(49152, 65535)), entry(32767, "deny")], ANSWERS).says == "partly"


@pytest.mark.parametrize(
    ("out", "back", "status", "text"),
    [
        ("allow", "allow", "pass", "acl-1 lets HTTPS out and its answers in."),
        ("deny", "allow", "fail", "acl-1 of subnet-1 denies TCP 443 out (rule 100 (deny ports 0-65535, 0.0.0.0/0))."),
        ("allow", "deny", "fail", "denies the answers in (rule 100"),
        ("deny", "deny", "fail", "denies TCP 443 out (rule 100 (deny ports 0-65535, 0.0.0.0/0)) and the answers in"),
    ],
)
def test_acls(out: str, back: str, status: str, text: str) -> None:
    acl = {"network_acl_id": "acl-1", "entries": [entry(100, out), entry(100, back, egress=False)]}
    finding = acl_finding(interface(), acl, REGION)
    assert (finding["status"], text in finding["detail"]) == (status, True), finding
    if status == "fail":
        assert "No security group is at fault." in finding["detail"]
        assert "a network ACL keeps no state" in finding["remedy"]


def test_an_acl_that_treats_addresses_apart_is_undecided() -> None:
    entries = [entry(90, "allow", "52.0.0.0/8"), entry(32767, "deny"), entry(100, "allow", egress=False)]
    finding = acl_finding(interface(), {"network_acl_id": "acl-1", "entries": entries}, REGION)
    assert finding["status"] == "unproven"
    assert "TCP 443 out (rule 90 (allow ports 0-65535, 52.0.0.0/8), rule 32767" in finding["detail"]


def test_what_is_not_described_is_undecided() -> None:
    assert route_finding(interface(), None, REGION)["status"] == "unproven"
    assert acl_finding(interface(), None, REGION)["status"] == "unproven"
