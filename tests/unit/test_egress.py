# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether security groups let HTTPS out: a verdict for each destination, with the rule that decides."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.filter import egress as egress_filter
from ansible_collections.safesecrets.infra.plugins.module_utils.egress import (
    Endpoint,
    Known,
    egress_findings,
    egress_unseen,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import (
    Settings,
    destinations,
    settings,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked

REGIONS = {"CA": {"region": "ca-central-1", "name": "CANADA"}, "US": {"region": "us-east-1"}}
POLLY = "polly.us-east-1.amazonaws.com"
CALLED = {"regions": REGIONS, "services": ["sts"], "instance_region": "ca-central-1"}
ALL = {"ip_protocol": "-1"}
HTTPS = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}
HTTP = {"ip_protocol": "tcp", "from_port": 80, "to_port": 80}


def to(*targets: str) -> dict[str, Any]:
    """Return the targets of a rule in EC2's form."""
    return {
        "ip_ranges": [{"cidr_ip": each} for each in targets if "." in each],
        "ipv6_ranges": [{"cidr_ipv6": each} for each in targets if ":" in each],
        "prefix_list_ids": [{"prefix_list_id": each} for each in targets if each.startswith("pl-")],
        "user_id_group_pairs": [{"group_id": each} for each in targets if each.startswith("sg-")],
    }


def instance(*groups: str, ipv6: bool = False, others: tuple[tuple[str, ...], ...] = ()) -> dict[str, Any]:
    """Return an instance whose primary interface has these groups, and its other interfaces theirs."""
    return {
        "instance_id": "i-0abc",
        "network_interfaces": [
            {
                "network_interface_id": f"eni-{index}",
                "attachment": {"device_index": index},
                "groups": [{"group_id": name} for name in names],
                "ipv6_addresses": [{"ipv6_address": "2001:db8::1"}] if ipv6 else [],
            }
            for index, names in enumerate((groups, *others))
        ],
    }


def groups(**rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return groups named sg-a, sg-b with these rules."""
    return [{"group_id": f"sg-{name}", "ip_permissions_egress": each} for name, each in rules.items()]


def wanted(*services: str, regions: Any = REGIONS, provider: str = "", **more: Any) -> Settings:
    """Return what is called, from an instance in Canada."""
    values = {"regions": regions, "services": services, "instance_region": "ca-central-1"}
    return settings({**values, "provider_endpoint": provider, **more})


def only(
    host: dict[str, Any],
    security_groups: list[dict[str, Any]],
    provider: str = "",
    subject: str = POLLY,
    known: Known | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the finding on one destination."""
    called = wanted("polly", "transcribestreaming", provider=provider, **more)
    found = egress_findings(host, security_groups, called, known or Known())
    checked(found)
    (finding,) = [each for each in found if each["subject"] == subject]
    return finding


def called(**settings_: Any) -> list[tuple[str, str | None, str]]:
    """Return subject and region of each destination but those of Systems Manager, and who alone needs it."""
    found = destinations(
        wanted(**settings_) if "services" not in settings_ else wanted(*settings_.pop("services"), **settings_)
    )
    return [(each.subject, each.region, each.only_for) for each in found if each.only_for != "Systems Manager"]


def test_a_destination_for_each_service_region_and_the_provider() -> None:
    assert called(services=["polly", "sts"], provider="https://api.example.com:8443/v1") == [
        ("polly.ca-central-1.amazonaws.com", "ca-central-1", ""),
        ("sts.ca-central-1.amazonaws.com", "ca-central-1", ""),
        ("polly.us-east-1.amazonaws.com", "us-east-1", ""),
        ("sts.us-east-1.amazonaws.com", "us-east-1", ""),
        ("api.example.com:8443", None, ""),
    ]


def test_a_region_under_two_codes_stands_once() -> None:
    regions = {"US": {"region": "us-east-1"}, "XX": {"region": "us-east-1"}}
    assert [each[0] for each in called(services=["sts"], regions=regions)] == ["sts.us-east-1.amazonaws.com"]


def test_transcribe_has_a_port_for_websockets() -> None:
    regions = {"US": REGIONS["US"]}
    use = "streaming to Transcribe over WebSocket"
    host = "transcribestreaming.us-east-1.amazonaws.com"
    assert called(services=["transcribestreaming"], regions=regions) == [
        (host, "us-east-1", ""),
        (f"{host}:8443", "us-east-1", use),
    ]
    needed = called(services=["transcribestreaming"], regions=regions, transcribe_websocket=True)
    assert needed[1] == (f"{host}:8443", "us-east-1", "")


def test_what_the_host_and_its_administrators_call() -> None:
    assert called(
        os_repositories=["https://cdn.example.com/al2023", "http://mirror.example.com/"],
        name_servers=["10.0.0.9"],
        time_servers=["time.example.com"],
    ) == [
        ("cdn.example.com", None, ""),
        ("mirror.example.com:80", None, ""),
        ("10.0.0.9:53/udp", None, ""),
        ("10.0.0.9:53", None, ""),
        ("time.example.com:123/udp", None, "a second source beside Amazon Time Sync"),
    ]
    assert called(time_servers=["192.0.2.1"], amazon_time=False) == [("192.0.2.1:123/udp", None, "")]


@pytest.mark.parametrize("systems_manager", [True, False])
def test_systems_manager_is_needed_where_it_is_the_way_in(systems_manager: bool) -> None:
    found = destinations(wanted(systems_manager=systems_manager))
    assert {each.host: not each.only_for for each in found} == {
        f"{service}.ca-central-1.amazonaws.com": systems_manager for service in ("ssm", "ssmmessages", "ec2messages")
    }


def test_what_nobody_needs_may_be_closed() -> None:
    https = groups(a=[{**HTTPS, **to("0.0.0.0/0")}])
    host = "transcribestreaming.us-east-1.amazonaws.com:8443"
    finding = only(instance("sg-a"), https, subject=host)
    assert finding["status"] == "not_applicable"
    assert finding["detail"].startswith("Closed, and not needed: it is for streaming to Transcribe over WebSocket.")
    assert only(instance("sg-a"), https, subject=host, transcribe_websocket=True)["status"] == "fail"


OPEN = [
    ([{**ALL, **to("0.0.0.0/0")}], "Open by sg-a (all traffic to 0.0.0.0/0). No action required."),
    ([{**HTTPS, **to("0.0.0.0/0")}], "Open by sg-a (TCP 443 to 0.0.0.0/0). No action required."),
    (
        [{"ip_protocol": "tcp", "from_port": 1, "to_port": 65535, **to("0.0.0.0/0")}],
        "Open by sg-a (TCP 1-65535 to 0.0.0.0/0). No action required.",
    ),
    (
        [{**HTTPS, **to("0.0.0.0/1")}, {**ALL, **to("128.0.0.0/1")}],
        "Open by sg-a (TCP 443 to 0.0.0.0/1), sg-a (all traffic to 128.0.0.0/1). No action required.",
    ),
    (
        [{**HTTP, **to("0.0.0.0/0")}, {**HTTPS, **to("pl-1", "0.0.0.0/0")}],
        "Open by sg-a (TCP 443 to 0.0.0.0/0). No action required.",
    ),
]


@pytest.mark.parametrize(("rules", "detail"), OPEN)
def test_open(rules: list[dict[str, Any]], detail: str) -> None:
    finding = only(instance("sg-a"), groups(a=rules))
    assert (finding["status"], finding["detail"], finding["remedy"]) == ("pass", detail, "")
    assert finding["region"] == "us-east-1"
    assert finding["evidence"]["groups"] == ["sg-a"]


CLOSED = [
    ([], "No outbound rule of sg-a lets TCP 443 out."),
    ([{**HTTP, **to("0.0.0.0/0")}], "No outbound rule of sg-a lets TCP 443 out."),
    ([{"ip_protocol": "udp", "from_port": 443, "to_port": 443, **to("0.0.0.0/0")}], "No outbound rule of sg-a"),
    (
        [{**ALL, **to("::/0")}],
        "Open to IPv6 only, by sg-a (all traffic to ::/0), and the interface has no IPv6 address.",
    ),
]


@pytest.mark.parametrize(("rules", "detail"), CLOSED)
def test_closed(rules: list[dict[str, Any]], detail: str) -> None:
    finding = only(instance("sg-a"), groups(a=rules))
    assert finding["status"] == "fail"
    assert finding["detail"].startswith(detail)
    assert finding["remedy"] == "Add to sg-a an outbound rule: TCP 443 to 0.0.0.0/0."


UNDECIDED = [
    ([{**HTTPS, **to("52.94.0.0/16")}], ["sg-a (TCP 443 to 52.94.0.0/16) only", "whether the name is within"]),
    ([{**HTTPS, **to("10.20.0.0/16")}], ["Private 10.20.0.0/16 reaches it by an interface endpoint only"]),
    ([{**HTTPS, **to("pl-0123")}], ["sg-a (TCP 443 to prefix list pl-0123) only"]),
    ([{**ALL, **to("sg-endpoints")}], ["sg-a (all traffic to members of group sg-endpoints) only"]),
    ([{**ALL, **to("0.0.0.0/1")}], ["sg-a (all traffic to 0.0.0.0/1) only"]),
    ([{**ALL, **to("::/0", "10.0.0.0/8")}], ["10.0.0.0/8", "::/0"]),
    ([{**HTTPS, **to(*(f"52.{each}.0.0/16" for each in range(9)))}], ["52.3.0.0/16) and 5 more only"]),
]


@pytest.mark.parametrize(("rules", "texts"), UNDECIDED)
def test_a_rule_does_not_decide_for_a_host_name(rules: list[dict[str, Any]], texts: list[str]) -> None:
    finding = only(instance("sg-a"), groups(a=rules))
    assert finding["status"] == "unproven"
    assert [each for each in texts if each not in finding["detail"]] == [], finding["detail"]
    assert finding["remedy"].startswith("Prove it by a call from the host. If that fails: Add to sg-a")


def test_ipv6_needs_dual_stack_endpoints() -> None:
    finding = only(instance("sg-a", ipv6=True), groups(a=[{**ALL, **to("::/0")}]))
    assert finding["status"] == "unproven"
    assert finding["detail"] == (
        "Open to IPv6 only, by sg-a (all traffic to ::/0); the name needs IPv4. "
        "Over IPv6 only the dual-stack endpoint answers, polly.us-east-1.api.aws."
    )
    assert "AWS_USE_DUALSTACK_ENDPOINT=true" in finding["remedy"]
    assert "TCP 443 to 0.0.0.0/0" in finding["remedy"]


ENDPOINT = Known(endpoints={("polly", "us-east-1"): Endpoint("vpce-1", "polly", ("sg-e",), ("10.20.1.7", "10.20.2.7"))})


@pytest.mark.parametrize(
    ("rules", "status", "text"),
    [
        ([{**HTTPS, **to("sg-e")}], "pass", "Open by sg-a (TCP 443 to members of group sg-e), through the interface"),
        ([{**HTTPS, **to("10.20.0.0/16")}], "pass", "endpoint vpce-1 that its name leads to. No action required."),
        ([{**HTTPS, **to("10.20.1.0/24")}], "fail", "sg-e is outside of what sg-a (TCP 443 to 10.20.1.0/24) opens."),
        ([{**HTTPS, **to("52.94.0.0/16")}], "fail", "sg-e is outside of what sg-a (TCP 443 to 52.94.0.0/16) opens."),
        ([{**HTTPS, **to("pl-1")}], "unproven", "Whether sg-a (TCP 443 to prefix list pl-1) holds sg-e is not in"),
        ([], "fail", "No outbound rule of sg-a lets TCP 443 out."),
    ],
)
def test_a_name_that_leads_to_an_interface_endpoint_is_decided(
    rules: list[dict[str, Any]], status: str, text: str
) -> None:
    finding = only(instance("sg-a"), groups(a=rules), known=ENDPOINT)
    assert (finding["status"], text in finding["detail"]) == (status, True), finding
    assert status == "pass" or "TCP 443 to sg-e." in finding["remedy"]


def test_a_prefix_list_that_holds_all_published_addresses_opens_the_region() -> None:
    networks = [ipaddress.ip_network("198.18.2.0/24"), ipaddress.ip_network("198.19.0.0/16")]
    listed = groups(a=[{**HTTPS, **to("pl-1")}])
    known = Known(prefix_lists={"pl-1": [ipaddress.ip_network("198.18.0.0/15")]}, published={"us-east-1": networks})
    finding = only(instance("sg-a"), listed, known=known)
    assert finding["status"] == "pass"
    assert "which hold every address that AWS publishes of us-east-1" in finding["detail"]
    known = Known(prefix_lists={"pl-1": [networks[0]]}, published={"us-east-1": networks})
    finding = only(instance("sg-a"), listed, known=known)
    assert finding["status"] == "unproven"
    assert "pl-1 has 1 entries." in finding["detail"]


def test_a_provider_s_name_over_ipv6_is_undecided() -> None:
    finding = only(
        instance("sg-a", ipv6=True), groups(a=[{**ALL, **to("::/0")}]), "https://api.example.com", "api.example.com"
    )
    assert finding["status"] == "unproven"
    assert "dual-stack" not in finding["detail"] + finding["remedy"]


def test_groups_add_up() -> None:
    halves = groups(a=[{**HTTPS, **to("0.0.0.0/1")}], b=[{**HTTPS, **to("128.0.0.0/1")}])
    assert only(instance("sg-a", "sg-b"), halves)["status"] == "pass"
    assert only(instance("sg-a"), halves)["status"] == "unproven"


def test_a_group_of_no_interface_opens_nothing() -> None:
    finding = only(instance("sg-a"), groups(a=[], other=[{**ALL, **to("0.0.0.0/0")}]))
    assert finding["status"] == "fail"


def test_a_group_that_ec2_did_not_describe_is_not_taken_for_empty() -> None:
    finding = only(instance("sg-a", "sg-gone"), groups(a=[]))
    assert (finding["status"], "EC2 did not describe sg-gone" in finding["detail"]) == ("unproven", True)
    assert only(instance("sg-a", "sg-gone"), groups(a=[{**ALL, **to("0.0.0.0/0")}]))["status"] == "pass"


ADDRESSES = [
    ("https://192.0.2.7/v1", "192.0.2.7", ["192.0.2.0/24"], "pass"),
    ("https://192.0.2.7/v1", "192.0.2.7", ["198.51.100.0/24"], "fail"),
    ("https://192.0.2.7/v1", "192.0.2.7", ["::/0"], "fail"),
    ("https://192.0.2.7/v1", "192.0.2.7", ["198.51.100.0/24", "pl-1"], "unproven"),
    ("https://[2001:db8::7]/v1", "2001:db8::7", ["2001:db8::/32"], "pass"),
    ("https://[2001:db8::7]/v1", "2001:db8::7", ["0.0.0.0/0"], "fail"),
]


@pytest.mark.parametrize(("endpoint", "subject", "open_to", "status"), ADDRESSES)
def test_an_address_is_decided(endpoint: str, subject: str, open_to: list[str], status: str) -> None:
    finding = only(instance("sg-a"), groups(a=[{**HTTPS, **to(*open_to)}]), endpoint, subject)
    assert finding["status"] == status, finding


def test_the_provider_s_own_port_counts() -> None:
    security_groups = groups(a=[{**HTTPS, **to("0.0.0.0/0")}])
    assert only(instance("sg-a"), security_groups, "https://api.example.com:8443", "api.example.com:8443")[
        "detail"
    ] == ("No outbound rule of sg-a lets TCP 8443 out.")
    assert only(instance("sg-a"), security_groups, "https://api.example.com/v1", "api.example.com")["status"] == "pass"


def test_no_provider_is_not_applicable() -> None:
    assert only(instance("sg-a"), groups(a=[]), subject="smartest_ai_endpoint")["status"] == "not_applicable"


@pytest.mark.parametrize("endpoint", ["http://api.example.com", "api.example.com", "https://", "https:///path"])
def test_an_endpoint_that_is_no_https_address_is_refused(endpoint: str) -> None:
    look = {"instance": instance("sg-a"), "security_groups": groups(a=[])}
    with pytest.raises(AnsibleFilterError, match="egress_provider_endpoint is no https address: set it to"):
        egress_filter.FilterModule().filters()["egress_findings"](look, {**CALLED, "provider_endpoint": endpoint})


def test_the_primary_interface_decides_and_the_others_are_named() -> None:
    security_groups = groups(a=[{**ALL, **to("0.0.0.0/0")}], b=[], c=[{**HTTPS, **to("0.0.0.0/0")}])
    host = instance("sg-a", others=(("sg-b",), ("sg-c",)))
    found = egress_findings(host, security_groups, wanted("polly", "sts", provider="https://api.example.com"), Known())
    others = [each for each in found if each["id"] == "egress.other_interface"]
    assert {each["status"] for each in found if each not in others} == {"pass"}
    assert [(each["subject"], each["status"]) for each in others] == [("eni-1", "not_applicable")]
    assert "(sg-b) decide otherwise for 8 of 8 destinations" in others[0]["detail"]


def test_an_open_second_interface_does_not_open_the_primary() -> None:
    security_groups = groups(a=[], b=[{**ALL, **to("0.0.0.0/0")}])
    assert only(instance("sg-a", others=(("sg-b",),)), security_groups)["status"] == "fail"


def test_an_instance_without_groups_is_an_error_and_no_pass() -> None:
    with pytest.raises(ValueError, match="i-0abc without a security group"):
        egress_findings(instance(), groups(), wanted("sts"), Known())


def test_what_could_not_be_looked_at_says_what_aws_said() -> None:
    (finding,) = checked(egress_unseen("i-0abc", "ca-central-1", "UnauthorizedOperation: not authorized"))
    assert finding["status"] == "unproven"
    assert "i-0abc in ca-central-1: UnauthorizedOperation" in finding["detail"]
    assert "ec2:DescribeSecurityGroups" in finding["remedy"]
