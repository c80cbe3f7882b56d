# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What controlled egress wants, refuses, records and says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import egress_controlled as controlled
from ansible_collections.safesecrets.infra.plugins.module_utils import egress_groups, egress_record, egress_way_back
from ansible_collections.safesecrets.infra.plugins.module_utils.egress import Endpoint
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import Destination
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_record import BEFORE, CHANGE, Record
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_wanted import Choice, further_rule, wanted_rules
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Rule
from hypothesis import given
from hypothesis import strategies as st

REGION = "ca-central-1"
POLLY = Destination(f"polly.{REGION}.amazonaws.com", region=REGION, service="polly")
POLLY_US = Destination("polly.us-east-1.amazonaws.com", region="us-east-1", service="polly")
PROVIDER = Destination("api.example.com")
ENDPOINTS = {("polly", REGION): Endpoint("vpce-1", "polly", ("sg-e",), ("10.20.1.7",))}
OPEN = {"ip_protocol": "-1", "ip_ranges": [{"cidr_ip": "0.0.0.0/0", "description": "all"}]}
WANTED = {"regions": {"CA": {"region": REGION}}, "services": ["polly"], "instance_region": REGION}
OPTIONS: dict[str, Any] = {
    "choice": {"destinations": "any"},
    "purge": False,
    "shared_group": "refuse",
    "rules_quota": 60,
    "groups_quota": 5,
    "moment": "2026-11-24T21:00:00Z",
}


def targets(*needed: Destination, **choice: Any) -> list[str]:
    return [str(rule) for rule in wanted_rules(needed, Choice(**choice), ENDPOINTS, REGION)]


@pytest.mark.parametrize(
    ("choice", "rules"),
    [
        ({"destinations": "any"}, ["TCP 443 to 0.0.0.0/0"]),
        ({"destinations": "any", "has_ipv6": True}, ["TCP 443 to 0.0.0.0/0", "TCP 443 to ::/0"]),
        (
            {"destinations": "prefix_list", "prefix_list_ids": ["pl-1"], "provider_cidrs": ["192.0.2.0/24"]},
            ["TCP 443 to prefix list pl-1", "TCP 443 to 192.0.2.0/24"],
        ),
        (
            {"destinations": "vpc_endpoints", "remaining": "any"},
            ["TCP 443 to members of group sg-e", "TCP 443 to 0.0.0.0/0"],
        ),
        (
            {"destinations": "cidrs", "cidrs": ["52.94.0.0/16", "fd00::/8"], "provider_cidrs": ["192.0.2.0/24"]},
            ["TCP 443 to 52.94.0.0/16", "TCP 443 to fd00::/8", "TCP 443 to 192.0.2.0/24"],
        ),
    ],
)
def test_rules_by_the_way_that_was_chosen(choice: dict[str, Any], rules: list[str]) -> None:
    assert targets(POLLY, POLLY_US, PROVIDER, **choice) == rules


@pytest.mark.parametrize(
    ("needed", "choice", "text"),
    [
        (POLLY_US, {"destinations": "vpc_endpoints"}, "cross-region PrivateLink does not cover Bedrock, Polly and"),
        (PROVIDER, {"destinations": "vpc_endpoints"}, "api.example.com is no service of AWS"),
        (
            Destination("sts.x", region=REGION, service="sts"),
            {"destinations": "vpc_endpoints"},
            f"no available interface endpoint with private DNS for com.amazonaws.{REGION}.sts",
        ),
        (PROVIDER, {"destinations": "cidrs", "cidrs": ["10.0.0.0/8"]}, "no host names: nothing says where api.example"),
        (POLLY, {"destinations": "cidrs"}, "egress_cidrs is empty"),
        (POLLY, {"destinations": "cidrs", "cidrs": ["polly.example.com"]}, "which is no CIDR"),
        (PROVIDER, {"destinations": "prefix_list", "provider_cidrs": ["api.example.com"]}, "and no host names"),
    ],
)
def test_what_aws_cannot_do_is_said(needed: Destination, choice: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        targets(needed, **choice)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("given_", "rule"),
    [
        ({"target": "10.0.0.0/8", "port": 5432}, "TCP 5432 to 10.0.0.0/8"),
        ({"target": "sg-1", "protocol": "all"}, "all traffic to members of group sg-1"),
        ({"target": "pl-1", "protocol": "udp"}, "UDP 0-65535 to prefix list pl-1"),
        ({"target": "fd00::/8", "port": 1, "to_port": 9}, "TCP 1-9 to fd00::/8"),
    ],
)
def test_further_rules(given_: dict[str, Any], rule: str) -> None:
    assert str(further_rule(given_)) == rule


@pytest.mark.parametrize("given_", [{}, {"target": "db.example.com"}, {"target": "10.0.0.0/8", "port": "https"}])
def test_a_further_rule_that_is_none_is_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="egress_further_rules has"):
        further_rule(given_)


def group(name: str = "sg-a", rules: Any = (OPEN,), **more: Any) -> dict[str, Any]:
    made = {"group_id": name, "group_name": f"name of {name}", "description": "d", "vpc_id": "vpc-1"}
    return {**made, "owner_id": "1", "ip_permissions_egress": list(rules), "tags": [], **more}


def look(*groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = groups or (group(),)
    names = [{"group_id": each["group_id"]} for each in found]
    return {
        "instance": {
            "instance_id": "i-1",
            "network_interfaces": [{"network_interface_id": "eni-0", "subnet_id": "subnet-1", "groups": names}],
        },
        "security_groups": list(found),
        "group_users": {each["group_id"]: [user("eni-0", "i-1")] for each in found},
        "referring_groups": {},
        "reaching_groups": {},
        "prefix_lists": [],
        "vpc_endpoints": [],
        "unseen": {},
        **more,
    }


def user(interface: str, instance: str = "", description: str = "") -> dict[str, Any]:
    return {"network_interface_id": interface, "instance_id": instance, "description": description}


def test_the_plan_is_data_for_the_tasks() -> None:
    made = controlled.controlled(look(), WANTED, OPTIONS)
    assert made["refusals"] == []
    assert [each["action"] for each in made["steps"]] == [
        *("check", "record", "add", "wait", "prove"),
        *("remove", "wait", "prove", "keep"),
    ]
    (recorded, removed) = (made["steps"][number] for number in (1, 5))
    assert json.loads(recorded["text"])["recorded_at"] == OPTIONS["moment"]
    (removed,) = removed["groups"]
    assert (removed["group_id"], removed["name"]) == ("sg-a", "name of sg-a")
    https = {"proto": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": ["0.0.0.0/0"]}
    assert removed["rules"] == [{**https, "rule_desc": "safesecrets.infra controlled egress"}]
    assert made["connections"] == [{"host": f"polly.{REGION}.amazonaws.com", "port": 443, "tls": True}]
    assert made["table"] == [
        "        group  outbound rule",
        'add     sg-a   TCP 443 to 0.0.0.0/0  "safesecrets.infra controlled egress"',
        'remove  sg-a   all traffic to 0.0.0.0/0  "all"',
        "sg-a IPv4: 1 now, 2 while old and new stand together, 1 then, of 60",
    ]


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (look(group_users={"sg-a": [user("eni-9", "i-other")]}), "sg-a is shared: i-other would be changed, too."),
        (look(group_users={"sg-a": [user("eni-9", "", "ELB app")]}), "sg-a is shared: eni-9 (ELB app) would be"),
        (look(unseen={"users": "UnauthorizedOperation (IAM action ec2:X)"}), "has to be known before they are changed"),
        (
            look(
                group(
                    rules=[OPEN, {"ip_protocol": "-1", "user_id_group_pairs": [{"group_id": "sg-x", "user_id": "2"}]}]
                )
            ),
            "whose target belongs to the account 2",
        ),
    ],
)
def test_a_plan_that_would_go_wrong_is_refused(seen: dict[str, Any], text: str) -> None:
    (refusal,) = controlled.controlled(seen, WANTED, OPTIONS)["refusals"]
    assert text in refusal


def test_the_sixty_first_rule_is_refused_with_the_arithmetic() -> None:
    database = [
        {"ip_protocol": "tcp", "from_port": 5432, "to_port": 5432, "ip_ranges": [{"cidr_ip": f"10.0.{number}.0/24"}]}
        for number in range(59)
    ]
    (refusal,) = controlled.controlled(look(group(rules=[OPEN, *database])), WANTED, OPTIONS)["refusals"]
    assert "count 60, and 61 while old and new stand together" in refusal


def kept(there: str = "pl-1", size: int = 55, before: int = 50, **changes: list[str]) -> dict[str, Any]:
    listed = {"prefix_list_id": there, "prefix_list_name": "aws-ipv4", "address_family": "IPv4", "max_entries": size}
    return {
        "prefix_list": {**listed, "entries": ["198.18.1.0/24", *changes.get("added", [])]},
        "before": {"prefix_list_id": there, "max_entries": before if there else 0, "entries": []},
        "added": [],
        "removed": [],
        **changes,
    }


LISTED = {**OPTIONS, "choice": {"destinations": "prefix_list"}}


def test_a_kept_list_is_filled_before_its_rule_and_purged_after_the_proof() -> None:
    lists = [kept(added=["198.18.2.0/24"], removed=["192.0.2.0/24"])]
    made = controlled.controlled(look(), WANTED, {**LISTED, "lists": lists})
    assert made["refusals"] == []
    assert [each["action"] for each in made["steps"]] == [
        *("check", "record", "fill_lists", "add", "wait", "prove"),
        *("purge_lists", "remove", "wait", "prove", "keep"),
    ]
    assert made["table"] == [
        "        group  outbound rule",
        "list    pl-1   aws-ipv4 will hold 2 entries of 55: 1 to add (198.18.2.0/24), 1 to remove (192.0.2.0/24); "
        "its maximum was 50",
        'add     sg-a   TCP 443 to prefix list pl-1  "safesecrets.infra controlled egress"',
        'remove  sg-a   all traffic to 0.0.0.0/0  "all"',
        "sg-a IPv4: 1 now, 56 while old and new stand together, 55 then, of 60",
    ]


def test_a_list_that_does_not_fit_is_refused_before_it_is_made() -> None:
    (refusal,) = controlled.controlled(look(), WANTED, {**LISTED, "lists": [kept("", 545)]})["refusals"]
    assert "aws-ipv4 (new) counts 545); the quota is 60" in refusal
    assert "have AWS raise the quota" in refusal


def test_a_given_list_counts_its_maximum_and_an_unknown_one_is_refused() -> None:
    choice = {"destinations": "prefix_list", "prefix_list_ids": ["pl-9"]}
    (refusal,) = controlled.controlled(look(), WANTED, {**OPTIONS, "choice": choice})["refusals"]
    assert "EC2 does not know the prefix list pl-9 in the instance's region" in refusal
    seen = {"prefix_list_id": "pl-9", "max_entries": 60, "address_family": "IPv4", "entries": ["198.18.1.0/24"]}
    (refusal,) = controlled.controlled(look(prefix_lists=[seen]), WANTED, {**OPTIONS, "choice": choice})["refusals"]
    assert "and 61 while old and new stand together (1 to add, pl-9 counts 60)" in refusal
    fits = look(prefix_lists=[{**seen, "max_entries": 59}])
    assert controlled.controlled(fits, WANTED, {**OPTIONS, "choice": choice})["refusals"] == []


def test_no_list_at_all_is_no_way_to_close_everything() -> None:
    with pytest.raises(ValueError, match="No prefix list holds AWS's addresses"):
        controlled.controlled(look(), WANTED, LISTED)


DEDICATED = {**OPTIONS, "shared_group": "dedicated"}
SSH = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22, "ip_ranges": [{"cidr_ip": "10.20.0.0/16"}]}
PEERS = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "user_id_group_pairs": [{"group_id": "sg-lb"}]}


def shared(*inbound: Any, **more: Any) -> dict[str, Any]:
    """Look at an instance whose only group another instance has, too."""
    users = {"sg-a": [user("eni-0", "i-1"), user("eni-9", "i-other")]}
    return look(group(ip_permissions=list(inbound)), **{"group_users": users, **more})


def test_a_group_of_the_instance_s_own_takes_the_place_of_a_shared_one() -> None:
    made = controlled.controlled(shared(SSH, PEERS), WANTED, DEDICATED)
    assert made["refusals"] == []
    assert [each["action"] for each in made["steps"]] == [
        *("check", "record", "create", "add", "wait", "prove"),
        *("remove", "wait", "prove", "keep"),
    ]
    _check, recorded, create, add, *_proven, remove, _wait, _prove, _keep = made["steps"]
    assert recorded["tags"] == [], "the tags of the shared group are not this instance's"
    assert create["group"]["rules"] == [
        {"proto": "tcp", "from_port": 22, "to_port": 22, "cidr_ip": ["10.20.0.0/16"]},
        {"proto": "tcp", "from_port": 443, "to_port": 443, "group_id": ["sg-lb"]},
    ]
    assert [each["cidr_ip"] for each in create["group"]["rules_egress"]] == [["0.0.0.0/0"]]
    assert create["group"]["tags"]["safesecrets:owner"] == "safesecrets.infra"
    assert CHANGE in create["group"]["tags"]
    own = "safesecrets-egress-i-1"
    assert (add["groups"], add["attached"]) == ([], {"eni-0": ["sg-a", own]})
    assert (remove["groups"], remove["attached"]) == ([], {"eni-0": [own]})
    assert [each["name"] for each in made["back"]["discard"]] == [own]
    assert (made["back"]["groups"], made["back"]["attached"]) == ([], {"eni-0": ["sg-a"]})
    assert made["table"] == [
        "         group                   outbound rule",
        "create   safesecrets-egress-i-1  in the place of sg-a, which others have, too",
        "inbound  safesecrets-egress-i-1  TCP 22 from 10.20.0.0/16, as before",
        "inbound  safesecrets-egress-i-1  TCP 443 from members of group sg-lb, as before",
        'add      safesecrets-egress-i-1  TCP 443 to 0.0.0.0/0  "safesecrets.infra controlled egress"',
        "attach   eni-0                   sg-a, safesecrets-egress-i-1",
        "detach   eni-0                   leaves safesecrets-egress-i-1",
        "safesecrets-egress-i-1 IPv4: 0 now, 1 while old and new stand together, 1 then, of 60",
    ]


FOREIGN_PEER = {"ip_protocol": "-1", "user_id_group_pairs": [{"group_id": "sg-x", "user_id": "2"}]}
MANY = {**SSH, "ip_ranges": [{"cidr_ip": f"10.0.{number}.0/24"} for number in range(61)]}
FULL = tuple(group(f"sg-{name}", rules=[OPEN] if name == "a" else []) for name in "abcde")


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (
            shared(SSH, referring_groups={"sg-a": ["sg-db"]}),
            "sg-a is the source of inbound rules of sg-db: without it the instance would be kept out of what has those",
        ),
        (
            shared(SSH, reaching_groups={"sg-a": ["sg-lb"]}),
            "sg-a is the target of outbound rules of sg-lb: without it the instance is out of reach of what has those",
        ),
        (shared(FOREIGN_PEER), "sg-a has a rule for sg-x, a group of the account 2, which this role could not give"),
        (shared(MANY), "safesecrets-egress-i-1 would hold the 61 inbound IPv4 rules of sg-a; the quota is 60"),
        (
            look(*FULL, group_users={"sg-a": [user("eni-9", "i-other")]}),
            "eni-0 has 5 security groups and would have 6 while old and new stand together; the quota is 5",
        ),
    ],
)
def test_what_a_group_of_its_own_would_break_is_refused(seen: dict[str, Any], text: str) -> None:
    (refusal,) = controlled.controlled(seen, WANTED, DEDICATED)["refusals"]
    assert text in refusal


def test_a_group_of_that_name_is_not_taken_for_one_that_is_made() -> None:
    seen = shared(SSH)
    seen["security_groups"].append(group("sg-left", group_name="safesecrets-egress-i-1"))
    (refusal,) = controlled.controlled(seen, WANTED, DEDICATED)["refusals"]
    assert "sg-left (safesecrets-egress-i-1) is the instance's own, and no interface has it." in refusal


def test_a_second_shared_group_is_not_mixed_into_the_one_that_was_made() -> None:
    own = group("sg-own", rules=[], group_name="safesecrets-egress-i-1")
    seen = look(own, group(), group_users={"sg-own": [], "sg-a": [user("eni-9", "i-other")]})
    (refusal,) = controlled.controlled(seen, WANTED, DEDICATED)["refusals"]
    assert "sg-a is shared and would be changed, too" in refusal


def test_nothing_is_made_where_nothing_shared_would_change() -> None:
    assert controlled.controlled(look(), WANTED, DEDICATED) == controlled.controlled(look(), WANTED, OPTIONS)
    https = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "ip_ranges": [{"cidr_ip": "0.0.0.0/0"}]}
    seen = look(group(rules=[https]), group_users={"sg-a": [user("eni-9", "i-other")]})
    assert controlled.controlled(seen, WANTED, DEDICATED)["steps"] == []


@pytest.mark.parametrize(("systems_manager", "hosts"), [(False, 1), (True, 4)])
def test_the_way_in_by_systems_manager_is_proven_where_it_is_the_way_in(systems_manager: bool, hosts: int) -> None:
    made = controlled.controlled(look(), {**WANTED, "systems_manager": systems_manager}, OPTIONS)
    reached = {each["host"] for each in made["connections"]}
    assert len(reached) == hosts
    assert (f"ssmmessages.{REGION}.amazonaws.com" in reached) == systems_manager


def test_an_instance_with_ipv6_alone_open_gets_both_families() -> None:
    everything = {"ip_protocol": "-1", "ipv6_ranges": [{"cidr_ipv6": "::/0"}]}
    seen = look(group(rules=[everything]))
    seen["instance"]["network_interfaces"][0]["ipv6_addresses"] = [{"ipv6_address": "fd00::1"}]
    made = controlled.controlled(seen, WANTED, OPTIONS)
    add, remove = (next(each for each in made["steps"] if each["action"] == name) for name in ("add", "remove"))
    opened = [each.get("cidr_ip", each.get("cidr_ipv6")) for each in remove["groups"][0]["rules"]]
    assert opened == [["0.0.0.0/0"], ["::/0"]]
    assert {"proto": "all", "cidr_ipv6": ["::/0"]} in add["groups"][0]["rules"]
    without = controlled.controlled(look(group(rules=[everything])), WANTED, OPTIONS)
    removed = next(each for each in without["steps"] if each["action"] == "remove")
    assert [each["cidr_ip"] for each in removed["groups"][0]["rules"]] == [["0.0.0.0/0"]]


@pytest.mark.parametrize(
    ("rule", "form"),
    [
        (Rule("-1", -1, -1, "ipv6", "::/0"), {"proto": "all", "cidr_ipv6": ["::/0"]}),
        (
            Rule("icmp", 8, -1, "ipv4", "0.0.0.0/0"),
            {"proto": "icmp", "icmp_type": 8, "icmp_code": -1, "cidr_ip": ["0.0.0.0/0"]},
        ),
        (Rule("50", -1, -1, "prefix_list", "pl-1"), {"proto": "50", "ip_prefix": ["pl-1"]}),
        (
            Rule("udp", 53, 53, "group", "sg-b", "dns"),
            {"proto": "udp", "from_port": 53, "to_port": 53, "group_id": ["sg-b"], "rule_desc": "dns"},
        ),
    ],
)
def test_rules_in_the_form_of_the_module(rule: Rule, form: dict[str, Any]) -> None:
    assert egress_groups.ansible_rule(rule) == form


# Records


def tagged(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in tags.items()]


RULES = st.builds(
    Rule,
    st.sampled_from(["-1", "tcp", "udp", "50"]),
    st.integers(-1, 65535),
    st.integers(-1, 65535),
    st.sampled_from(["ipv4", "ipv6", "prefix_list", "group"]),
    st.text("0123456789abcdef.:/-plsg", min_size=1, max_size=40),
    st.text(max_size=255),
)


@given(st.lists(RULES, max_size=120, unique=True))
def test_a_record_comes_back_as_it_was(rules: list[Rule]) -> None:
    record = Record("2026-11-24T21:00:00Z", tuple(rules), {"eni-0": ("sg-a", "sg-b")}, ("sg-a",))
    tags = egress_record.encode(record, CHANGE)
    assert all(len(value) <= egress_record.VALUE_LENGTH for value in tags.values())
    assert 2 * len(tags) <= egress_record.MOST_TAGS
    assert egress_record.decode(tags, CHANGE) == record
    assert egress_record.decode(egress_record.renamed(tags, CHANGE, BEFORE), BEFORE) == record


def test_a_record_that_is_not_whole_is_not_restored() -> None:
    record = Record("2026-11-24T21:00:00Z", tuple(Rule("tcp", n, n, "ipv4", "10.0.0.0/8") for n in range(60)), {})
    tags = egress_record.encode(record, CHANGE)
    assert egress_record.decode({}, CHANGE) is None
    for broken in (
        {**tags, f"{CHANGE}:1": "x" + tags[f"{CHANGE}:1"][1:]},
        {name: value for name, value in tags.items() if name != f"{CHANGE}:1"},
        {**tags, CHANGE: "9" + tags[CHANGE][1:]},
        {**tags, CHANGE: "nonsense"},
    ):
        with pytest.raises(ValueError, match="is not whole"):
            egress_record.decode(broken, CHANGE)


def test_a_group_without_room_for_the_record_is_refused() -> None:
    record = Record("2026-11-24T21:00:00Z", (Rule("tcp", 443, 443, "ipv4", "10.0.0.0/8"),), {})
    with pytest.raises(ValueError, match="Take tags off the group"):
        egress_record.encode(record, CHANGE, other_tags=49)


def test_the_tasks_get_what_to_record_keep_and_restore() -> None:
    (row,) = egress_way_back.record_tags(look(), "2026-11-24T21:00:00Z")
    seen = look(group(rules=[], tags=tagged({**row["tags"], "Name": "x"})))
    (names,) = egress_way_back.record_names(seen)
    assert (names["change"], names["before"]) == (row["tags"], {})
    assert set(names["kept"]) == {BEFORE, f"{BEFORE}:1"}
    back = egress_way_back.recorded(seen, CHANGE)
    assert [each["rules"] for each in back["groups"]] == [
        [{"proto": "all", "cidr_ip": ["0.0.0.0/0"], "rule_desc": "all"}]
    ]
    assert (back["attached"], back["discard"]) == ({}, [])
    kept = look(group(tags=tagged({**row["tags"], **names["kept"]})))
    assert egress_way_back.record_names(kept)[0]["kept"] == {}
    assert not any(egress_way_back.recorded(look(), CHANGE).values())
    assert json.loads(egress_way_back.record_text(look(), "now"))["rules"]["sg-a"][0]["description"] == "all"


# Findings


def test_what_the_host_reached_is_proven_and_nothing_else() -> None:
    evidence = {"port": 443, "rules": ["sg-a (TCP 443 to prefix list pl-1)"]}
    found = [
        finding("egress.https_open", "INFRA-P2-4", host, status, "d", remedy="r", evidence=evidence)
        for host, status in (("a.example", "unproven"), ("b.example", "unproven"), ("c.example", "fail"))
    ]
    connections = [
        {"host": host, "port": 443, "connected": host != "b.example", "address": "192.0.2.1"}
        for host in ("a.example", "b.example", "c.example")
    ]
    shown = checked(controlled.proven(found, connections))
    assert [each["status"] for each in shown] == ["pass", "unproven", "fail"]
    assert "reached it at 192.0.2.1 by a fresh connection" in shown[0]["detail"]


def test_what_was_missed_tells_whether_it_was_reached_before() -> None:
    after = [{"host": name, "port": 443, "connected": False, "error": "no answer in time"} for name in "ab"]
    before = [{"host": "a", "port": 443, "connected": True}]
    assert controlled.missed(after, before) == [
        "a:443 (no answer in time)",
        "b:443 (no answer in time; nor was it reached before the change)",
    ]


def test_foreign_rules_are_told() -> None:
    database = {"ip_protocol": "tcp", "from_port": 5432, "to_port": 5432, "ip_ranges": [{"cidr_ip": "10.0.0.0/8"}]}
    made = controlled.controlled(look(group(rules=[OPEN, database])), WANTED, OPTIONS)
    (told,) = checked(controlled.foreign_findings(made["foreign"], REGION))
    assert (told["status"], "TCP 5432 to 10.0.0.0/8" in told["detail"]) == ("unproven", True)
    purged = controlled.controlled(look(group(rules=[OPEN, database])), WANTED, {**OPTIONS, "purge": True})
    assert purged["foreign"] == {}
