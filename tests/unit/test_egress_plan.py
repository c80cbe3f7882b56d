# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan of controlled egress: what it adds and removes, and that it never closes what is open and wanted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import (
    OWN,
    Plan,
    State,
    Step,
    dedicated_plan,
    opens_everything,
    plan,
    steps,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_quotas import (
    Quotas,
    arithmetic,
    quota_faults,
    weight,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import IPNetwork, Rule
from hypothesis import given, settings
from hypothesis import strategies as st

ALL = Rule("-1", -1, -1, "ipv4", "0.0.0.0/0")
ALL6 = Rule("-1", -1, -1, "ipv6", "::/0")
HTTPS = Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0")
DATABASE = Rule("tcp", 5432, 5432, "ipv4", "10.20.0.0/16")
OWN_RULE = Rule("tcp", 443, 443, "ipv4", "52.94.0.0/16", OWN)
LISTS: dict[str, Sequence[IPNetwork]] = {
    "pl-canada": [ipaddress.ip_network("198.18.1.0/24")],
    "pl-all": [ipaddress.ip_network("0.0.0.0/0")],
}


def steps_back(recorded: State, created: str = "") -> list[Step]:
    """Return the order in which what was recorded comes back: first all of it, then nothing but that."""
    back = [
        Step("add", recorded.rules),
        Step("attach", attached=recorded.attached if created else {}),
        Step("remove", recorded.rules),
    ]
    return [*back, Step("delete", {created: ()})] if created else back


def after(state: State, step: Step) -> State:
    """Return what stands after a step."""
    rules, attached = dict(state.rules), dict(state.attached)
    for name, wanted in step.rules.items():
        if step.action in ("add", "create"):
            rules[name] = tuple(dict.fromkeys((*rules.get(name, ()), *wanted)))
        elif step.action == "remove":
            rules[name] = tuple(rule for rule in rules[name] if rule in wanted)
        elif step.action == "delete":
            rules.pop(name, None)
    if step.action in ("add", "attach", "remove"):
        attached.update(step.attached)
    return State(rules, attached)


def planned(rules: Sequence[Rule], wanted: Sequence[Rule], **options: bool) -> Plan:
    """Plan for an instance with one interface and one group."""
    return plan(State({"sg-a": tuple(rules)}, {"eni-0": ("sg-a",)}), wanted, LISTS, **options)


@pytest.mark.parametrize(
    ("standing", "wanted", "add", "remove", "foreign"),
    [
        ([ALL], [HTTPS], [HTTPS], [ALL], []),
        ([ALL, ALL6], [HTTPS], [HTTPS], [ALL, ALL6], []),
        ([ALL, DATABASE], [HTTPS], [HTTPS], [ALL], [DATABASE]),
        ([HTTPS], [HTTPS], [], [], []),
        ([], [HTTPS], [HTTPS], [], []),
        ([OWN_RULE, HTTPS], [HTTPS], [], [OWN_RULE], []),
        ([HTTPS], [OWN_RULE], [OWN_RULE], [HTTPS], []),
        ([Rule("tcp", 80, 80, "ipv4", "0.0.0.0/0")], [], [], [], [Rule("tcp", 80, 80, "ipv4", "0.0.0.0/0")]),
    ],
)
def test_what_is_added_removed_and_left_alone(
    standing: list[Rule], wanted: list[Rule], add: list[Rule], remove: list[Rule], foreign: list[Rule]
) -> None:
    (change,) = planned(standing, wanted).changes
    assert (list(change.add), list(change.remove), list(change.foreign)) == (add, remove, foreign)


def test_foreign_rules_go_only_when_asked() -> None:
    (change,) = planned([ALL, DATABASE, HTTPS], [HTTPS], purge=True).changes
    assert change.remove == (ALL, DATABASE)
    assert change.remaining == (HTTPS,)


@pytest.mark.parametrize(
    ("rules", "opening"),
    [
        ([ALL, DATABASE], [ALL]),
        ([Rule("tcp", 1, 65535, "ipv4", "0.0.0.0/0")], [Rule("tcp", 1, 65535, "ipv4", "0.0.0.0/0")]),
        ([Rule("udp", 443, 443, "ipv4", "0.0.0.0/0")], []),
        ([Rule("tcp", 443, 443, "prefix_list", "pl-all")], [Rule("tcp", 443, 443, "prefix_list", "pl-all")]),
        ([Rule("tcp", 443, 443, "prefix_list", "pl-canada")], []),
        ([Rule("tcp", 443, 443, "prefix_list", "pl-unknown")], []),
        (
            [ALL, Rule("-1", -1, -1, "ipv4", "0.0.0.0/1"), Rule("tcp", 443, 443, "ipv4", "128.0.0.0/1")],
            [ALL, Rule("-1", -1, -1, "ipv4", "0.0.0.0/1"), Rule("tcp", 443, 443, "ipv4", "128.0.0.0/1")],
        ),
        ([Rule("-1", -1, -1, "ipv4", "0.0.0.0/1")], []),
    ],
)
def test_which_rules_open_everything(rules: list[Rule], opening: list[Rule]) -> None:
    assert list(opens_everything(rules, LISTS)) == opening


def actions(plan_: Plan) -> list[str]:
    return [step.action for step in steps(plan_)]


def test_the_order_of_change() -> None:
    assert actions(planned([ALL], [HTTPS])) == [
        *("check", "record", "add", "wait", "prove"),
        *("remove", "wait", "prove", "keep"),
    ]
    assert actions(planned([ALL, HTTPS], [HTTPS])) == [
        *("check", "record", "prove", "remove", "wait", "prove", "keep"),
    ]
    assert actions(planned([], [HTTPS])) == ["check", "record", "add", "wait", "prove", "keep"]
    assert actions(planned([HTTPS, DATABASE], [HTTPS])) == []


def test_a_further_interface_keeps_what_is_wanted_when_it_is_narrowed() -> None:
    before = State(
        {"sg-a": (ALL,), "sg-b": (ALL,), "sg-c": (DATABASE,)},
        {"eni-0": ("sg-a",), "eni-1": ("sg-b",), "eni-2": ("sg-c",)},
    )
    first, second, third = plan(before, [HTTPS], LISTS).changes
    assert (first.add, second.add, third.add) == ((HTTPS,), (HTTPS,), ())
    assert (first.remove, second.remove, third.remove) == ((ALL,), (ALL,), ())


def test_rules_are_added_to_the_group_that_is_not_shared() -> None:
    before = State({"sg-a": (DATABASE,), "sg-b": (ALL,)}, {"eni-0": ("sg-a", "sg-b")})
    assert [each.add for each in plan(before, [HTTPS], LISTS, shared={"sg-a"}).changes] == [(), (HTTPS,)]


def test_a_dedicated_group_takes_the_place_of_a_shared_one() -> None:
    before = State({"sg-shared": (ALL, DATABASE), "sg-own": ()}, {"eni-0": ("sg-shared", "sg-own")})
    made = dedicated_plan(before, [HTTPS], LISTS, shared={"sg-shared"}, dedicated="sg-new")
    assert made.attach == {"eni-0": ("sg-shared", "sg-own", "sg-new")}
    assert made.detach == {"eni-0": ("sg-new", "sg-own")}
    end = before
    for step in steps(made):
        end = after(end, step)
    assert end.rules["sg-shared"] == (ALL, DATABASE)
    assert end.rules["sg-new"] == (DATABASE, HTTPS)
    assert end.attached == {"eni-0": ("sg-new", "sg-own")}


# Properties

NETWORKS = st.sampled_from(
    ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "198.18.0.0/15", "198.18.1.0/24", "10.20.0.0/16", "::/0", "fd00::/8"]
)
PORTS = st.sampled_from([("-1", -1, -1), ("tcp", 443, 443), ("tcp", 0, 65535), ("tcp", 8443, 8443), ("udp", 53, 53)])


def _address_rule(ports: tuple[str, int, int], network: str, description: str) -> Rule:
    return Rule(*ports, "ipv6" if ":" in network else "ipv4", network, description)


RULES = st.one_of(
    st.builds(_address_rule, PORTS, NETWORKS, st.sampled_from(["", OWN])),
    st.builds(
        lambda ports, target: Rule(*ports, "prefix_list" if target.startswith("pl-") else "group", target),
        PORTS,
        st.sampled_from(["pl-canada", "pl-all", "pl-unknown", "sg-endpoints"]),
    ),
)
GROUPS = ("sg-a", "sg-b", "sg-c")
PATHS = [
    (protocol, port, target)
    for protocol, port in (("tcp", 443), ("tcp", 8443), ("tcp", 5432), ("udp", 53))
    for target in ("198.18.1.10", "203.0.113.7", "10.20.0.7", "fd00::1", "2001:db8::1", "pl-unknown", "sg-endpoints")
]


@st.composite
def states(draw: st.DrawFn) -> State:
    """Draw an instance: its interfaces, their groups, the groups' rules."""
    rules = {name: tuple(dict.fromkeys(draw(st.lists(RULES, max_size=6)))) for name in GROUPS}
    some = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True)
    return State(rules, {f"eni-{index}": tuple(draw(some)) for index in range(draw(st.integers(1, 3)))})


def lets_out(rules: Sequence[Rule], path: tuple[str, int, str]) -> bool:
    """Tell whether rules open a path, to an address or to what only a rule of that kind names."""
    protocol, port, target = path
    for rule in rules:
        if not rule.lets_out(protocol, port):
            continue
        if rule.target == target:
            return True
        if target[0] not in "ps" and any(ipaddress.ip_address(target) in network for network in rule.networks(LISTS)):
            return True
    return False


def open_paths(state: State) -> set[tuple[str, tuple[str, int, str]]]:
    return {
        (interface, path)
        for interface, names in state.attached.items()
        for path in PATHS
        if lets_out([rule for name in names for rule in state.rules.get(name, ())], path)
    }


Needed = set[tuple[str, tuple[str, int, str]]]


def needed_paths(before: State, wanted: Sequence[Rule]) -> Needed:
    return {(interface, path) for interface, path in open_paths(before) if lets_out(wanted, path)}


def closed_on_the_way(before: State, order: Sequence[Step], needed: Needed) -> list[str]:
    """Name the steps after which a path is closed that is needed."""
    state, closed = before, []
    for step in order:
        state = after(state, step)
        closed += [f"{step.action} closes {each}" for each in needed - open_paths(state)]
    return closed


WANTED = st.lists(RULES, max_size=6, unique=True)
SHARED = st.sets(st.sampled_from(GROUPS))


@settings(deadline=None)
@given(states(), WANTED, SHARED, st.booleans())
def test_no_prefix_of_a_plan_closes_what_is_open_and_wanted(
    before: State, wanted: list[Rule], shared: set[str], purge: bool
) -> None:
    order = steps(plan(before, wanted, LISTS, shared=shared, purge=purge))
    assert closed_on_the_way(before, order, needed_paths(before, wanted)) == []


@settings(deadline=None)
@given(states(), WANTED, SHARED, st.booleans())
def test_no_prefix_of_a_plan_with_a_group_of_its_own_does(
    before: State, wanted: list[Rule], shared: set[str], purge: bool
) -> None:
    order = steps(dedicated_plan(before, wanted, LISTS, shared=shared, dedicated="sg-new", purge=purge))
    assert closed_on_the_way(before, order, needed_paths(before, wanted)) == []


@settings(deadline=None)
@given(states(), WANTED, SHARED, st.booleans(), st.integers(0, 10))
def test_the_way_back_from_any_step_closes_nothing_and_ends_where_it_began(
    before: State, wanted: list[Rule], shared: set[str], purge: bool, reached: int
) -> None:
    state = before
    made = dedicated_plan(before, wanted, LISTS, shared=shared, dedicated="sg-new", purge=purge)
    done = steps(made)[:reached]
    for step in done:
        state = after(state, step)
    back = steps_back(before, made.created if "create" in [step.action for step in done] else "")
    assert closed_on_the_way(state, back, open_paths(before) & open_paths(state)) == []
    for step in back:
        state = after(state, step)
    assert {name: set(rules) for name, rules in state.rules.items()} == {
        name: set(rules) for name, rules in before.rules.items()
    }
    assert state.attached == before.attached


@settings(deadline=None)
@given(states(), WANTED, SHARED, st.booleans())
def test_a_second_plan_changes_nothing(before: State, wanted: list[Rule], shared: set[str], purge: bool) -> None:
    state = before
    for step in steps(plan(before, wanted, LISTS, shared=shared, purge=purge)):
        state = after(state, step)
    assert steps(plan(state, wanted, LISTS, shared=shared, purge=purge)) == []


@settings(deadline=None)
@given(states(), WANTED)
def test_the_primary_interface_has_what_is_wanted_at_the_end(before: State, wanted: list[Rule]) -> None:
    state = before
    for step in steps(plan(before, wanted, LISTS)):
        state = after(state, step)
    rules = [rule for name in state.attached["eni-0"] for rule in state.rules[name]]
    assert [rule for rule in wanted if rule not in rules] == []


def test_the_property_finds_an_order_that_closes() -> None:
    before = State({"sg-a": (ALL,)}, {"eni-0": ("sg-a",)})
    wrong = [Step("remove", {"sg-a": ()}), Step("add", {"sg-a": (HTTPS,)})]
    assert closed_on_the_way(before, wrong, needed_paths(before, [HTTPS])) != []


# Quotas


def addresses(count: int, kind: str = "ipv4") -> list[Rule]:
    return [
        Rule("tcp", 5432, 5432, kind, f"10.0.{number}.0/24" if kind == "ipv4" else f"fd00:{number:x}::/32")
        for number in range(count)
    ]


def test_sixty_rules_are_as_many_as_there_may_be() -> None:
    assert quota_faults(planned(addresses(59), [HTTPS]), Quotas()) == []
    (fault,) = quota_faults(planned(addresses(60), [HTTPS]), Quotas())
    assert "sg-a holds outbound IPv4 rules that count 60, and 61 while old and new stand together (1 to add)" in fault
    assert "L-0EA8095F) to 61 or more and set egress_rules_quota" in fault
    assert quota_faults(planned(addresses(60), [HTTPS]), Quotas(rules=61)) == []


def test_a_group_that_is_full_may_lose_rules() -> None:
    assert quota_faults(planned([*addresses(60), HTTPS, ALL], [HTTPS]), Quotas()) == []


def test_families_are_counted_apart() -> None:
    assert quota_faults(planned([*addresses(60, "ipv6"), *addresses(59)], [HTTPS]), Quotas()) == []


def test_a_prefix_list_counts_its_weight_in_its_family_and_a_group_in_both() -> None:
    rules = [Rule("tcp", 443, 443, "prefix_list", "pl-1"), Rule("tcp", 443, 443, "group", "sg-b"), *addresses(3)]
    quotas = Quotas(weights={"pl-1": 55}, families={"pl-1": 4})
    assert (weight(rules, 4, quotas), weight(rules, 6, quotas)) == (59, 1)
    (fault,) = quota_faults(planned(addresses(6), rules[:1]), quotas)
    assert "(1 to add, pl-1 counts 55)" in fault


NAMING = Rule("tcp", 443, 443, "prefix_list", "pl-1")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (
            545,
            "545 or more and set egress_rules_quota to it. AWS then allows 1 group(s) an interface (1000 rules in all)",
        ),
        (150, "to 151 or more and set egress_rules_quota to it. A list counts its maximum in each rule that names it"),
        (1200, "AWS raises it to 1000 at most, for all groups of an interface together. A list counts its maximum"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_with_what_would_help(size: int, text: str) -> None:
    standing = [ALL] if size == 150 else []
    (fault,) = quota_faults(planned(standing, [NAMING]), Quotas(weights={"pl-1": size}, families={"pl-1": 4}))
    assert text in fault
    assert f"pl-1 counts {size}" in fault


def test_a_list_that_grows_counts_what_it_will_though_no_rule_is_added() -> None:
    quotas = Quotas(weights={"pl-1": 66}, families={"pl-1": 4}, weights_before={"pl-1": 55})
    made = planned([NAMING, *addresses(2)], [NAMING, *addresses(2)])
    (row,) = arithmetic(made.changes[0], quotas)
    assert (row["before"], row["together"], row["after"]) == (57, 68, 68)
    (fault,) = quota_faults(made, quotas)
    assert "count 57, and 68 while old and new stand together (0 to add, pl-1 counts 66)" in fault
    assert quota_faults(made, Quotas(weights={"pl-1": 66}, families={"pl-1": 4})) == [], (
        "what is beyond a quota already is nobody's change"
    )


def test_the_arithmetic_is_told() -> None:
    (change,) = planned([ALL, DATABASE], [HTTPS]).changes
    assert arithmetic(change, Quotas()) == [
        {"group": "sg-a", "family": "IPv4", "before": 2, "together": 3, "after": 2, "quota": 60}
    ]


def test_a_sixth_group_is_refused() -> None:
    names = tuple(f"sg-{number}" for number in range(5))
    before = State({name: (ALL,) if name == "sg-0" else () for name in names}, {"eni-0": names})
    made = dedicated_plan(before, [HTTPS], LISTS, shared={"sg-0"}, dedicated="sg-new")
    (fault,) = quota_faults(made, Quotas())
    assert "eni-0 has 5 security groups and would have 6" in fault
