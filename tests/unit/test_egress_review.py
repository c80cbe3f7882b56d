# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole review from one look, and that what could not be looked at is told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import settings
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_review import host_finding, review
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked

REGION = "ca-central-1"
WANTED = settings({"regions": {"CA": {"region": REGION}}, "services": ["polly"], "instance_region": REGION})
ANYWHERE = {"ip_protocol": "-1", "ip_ranges": [{"cidr_ip": "0.0.0.0/0"}]}


def look(**more: Any) -> dict[str, Any]:
    """Return a look at an instance whose way out is open."""
    return {
        "instance": {
            "instance_id": "i-0abc",
            "private_ip_address": "10.20.1.15",
            "network_interfaces": [
                {"network_interface_id": "eni-0", "subnet_id": "subnet-1", "groups": [{"group_id": "sg-a"}]}
            ],
        },
        "security_groups": [{"group_id": "sg-a", "ip_permissions_egress": [ANYWHERE]}],
        "route_table": {
            "route_table_id": "rtb-1",
            "routes": [{"destination_cidr_block": "0.0.0.0/0", "nat_gateway_id": "nat-1", "state": "active"}],
        },
        "network_acl": {
            "network_acl_id": "acl-1",
            "entries": [
                {"rule_number": 100, "rule_action": "allow", "cidr_block": "0.0.0.0/0", "protocol": "-1", "egress": out}
                for out in (True, False)
            ],
        },
        "unseen": {},
        **more,
    }


def statuses(found: list[dict[str, Any]]) -> dict[str, str]:
    return {each["id"]: each["status"] for each in checked(found)}


def test_an_open_way_out_passes() -> None:
    passing = {"egress.https_open": "pass", "egress.route": "pass", "egress.network_acl": "pass"}
    found = [each for each in review(look(), WANTED) if each["status"] != "not_applicable"]
    assert statuses(found) == passing


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("route_table", "egress.route"),
        ("network_acl", "egress.network_acl"),
        ("vpc_endpoints", "egress.endpoint"),
        ("prefix_lists", "egress.prefix_list"),
    ],
)
def test_what_could_not_be_looked_at_is_told_and_nothing_else_said_of_it(name: str, identifier: str) -> None:
    found = review(look(**{name: None, "unseen": {name: "UnauthorizedOperation (IAM action ec2:X)"}}), WANTED)
    (finding,) = [each for each in found if each["id"] == identifier]
    assert finding["status"] == "unproven"
    assert finding["detail"] == "Could not look: UnauthorizedOperation (IAM action ec2:X)"


def endpoint(**more: Any) -> dict[str, Any]:
    return {
        "vpc_endpoint_id": "vpce-1",
        "vpc_endpoint_type": "Interface",
        "private_dns_enabled": True,
        "state": "available",
        "service_name": f"com.amazonaws.{REGION}.polly",
        "groups": [{"group_id": "sg-e"}],
        "addresses": ["10.20.1.7"],
        **more,
    }


def with_endpoint(source: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    inbound = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, **source}
    groups = [*look()["security_groups"], {"group_id": "sg-e", "ip_permissions": [inbound]}]
    return review(look(security_groups=groups, vpc_endpoints=[endpoint(**more)]), WANTED)


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ({"user_id_group_pairs": [{"group_id": "sg-a"}]}, "pass"),
        ({"ip_ranges": [{"cidr_ip": "10.20.0.0/16"}]}, "pass"),
        ({"ip_ranges": [{"cidr_ip": "10.20.2.0/24"}]}, "fail"),
        ({"user_id_group_pairs": [{"group_id": "sg-b"}]}, "fail"),
        ({"ip_ranges": [{"cidr_ip": "0.0.0.0/0"}], "from_port": 80, "to_port": 80}, "fail"),
    ],
)
def test_an_endpoint_that_does_not_let_the_instance_in_is_named(source: dict[str, Any], status: str) -> None:
    (finding,) = [each for each in with_endpoint(source) if each["id"] == "egress.endpoint"]
    assert (finding["subject"], finding["status"]) == (f"polly.{REGION}.amazonaws.com", status)
    assert status == "pass" or finding["remedy"] == "Let sg-e accept TCP 443 from sg-a."


@pytest.mark.parametrize(
    "other",
    [
        {"private_dns_enabled": False},
        {"state": "pending"},
        {"vpc_endpoint_type": "Gateway"},
        {"service_name": f"com.amazonaws.{REGION}.sqs"},
    ],
)
def test_an_endpoint_that_no_name_leads_to_is_none(other: dict[str, Any]) -> None:
    found = with_endpoint({"ip_ranges": [{"cidr_ip": "0.0.0.0/0"}]}, **other)
    assert [each for each in found if each["id"] == "egress.endpoint"] == []
    (polly,) = [each for each in found if each["subject"] == f"polly.{REGION}.amazonaws.com"]
    assert "endpoint" not in polly["detail"]


def test_files_that_could_not_be_read_are_told() -> None:
    assert host_finding([], REGION, "app") == []
    (finding,) = checked(host_finding(["grep: /etc/resolv.conf: Permission denied"], REGION, "app"))
    assert (finding["status"], "Permission denied" in finding["detail"]) == ("unproven", True)
