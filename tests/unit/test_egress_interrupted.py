# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run that is killed after any of its calls, and killed again while it heals, leaves all or nothing of the change."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import egress_dedicated, egress_way_back
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import OWN
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_record import CHANGE
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Rule
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.egress_world import ALL, Group, World, change, finished, heal, killed, roll_back

HTTPS = Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0")
OLD = Rule("tcp", 443, 443, "ipv4", "198.18.1.10/32", OWN)
DATABASE = Rule("tcp", 5432, 5432, "ipv4", "10.20.0.0/16")
SSH = Rule("tcp", 22, 22, "ipv4", "10.20.0.0/16")
WEB = Rule("tcp", 443, 443, "ipv6", "::/0")


def groups(**rules: list[Rule]) -> dict[str, Group]:
    return {f"sg-{name}": Group(f"name of {name}", list(of_group)) for name, of_group in rules.items()}


def two_groups() -> World:
    """What is needed is open by the second group, and the first gets the new rule: neither goes without the other."""
    return World(groups(second=[ALL], first=[DATABASE]), {"eni-0": ["sg-first", "sg-second"]})


def shared() -> World:
    """A group that others have, too, beside one of the instance's own; both let something in."""
    world = World(groups(shared=[ALL, DATABASE], own=[]), {"eni-0": ["sg-shared", "sg-own"]}, {"sg-shared"})
    world.groups["sg-shared"].inbound, world.groups["sg-own"].inbound = [SSH], [WEB]
    return world


WORLDS = {"one group": lambda: World(groups(a=[ALL]), {"eni-0": ["sg-a"]}), "two": two_groups, "shared": shared}


def faults(before: World, world: World, end: World) -> list[str]:
    """Say what must never be, whenever a run is killed."""
    found = []
    if before.is_open() and not world.is_open():
        found.append("what is needed is closed")
    if world.inbound() != before.inbound():
        found.append("what comes in is not what came in")
    found += [f"{name} is changed" for name in before.shared if world.groups[name] != before.groups[name]]
    left = [name for name, group in world.groups.items() if any(tag.startswith(CHANGE) for tag in group.tags)]
    if not left and world.stands() not in (before.stands(), end.stands()):
        found.append("a part of the change stands, and no record tells of it")
    return found


def watched(before: World, world: World, calls: Any, end: World, most: int = 99) -> list[str]:
    """Make calls one by one, as many as are wanted, and say what is wrong after any of them."""
    found = []
    for _each in zip(range(most), calls, strict=False):
        found += faults(before, world, end)
    return found


def ended(start: World, **options: Any) -> World:
    """Return what an uninterrupted run leaves."""
    world = start.copy()
    finished(change(world, **options))
    return world


def killed_and_killed_again(start: World, first: int, second: int, **options: Any) -> list[str]:
    """Kill a change after so many calls, the healing after so many; heal, and say what was ever wrong."""
    end, world = ended(start, **options), start.copy()
    found = watched(start, world, change(world, **options), end, first)
    found += watched(start, world, heal(world), end, second)
    found += watched(start, world, heal(world), end)
    if world.stands() not in (start.stands(), end.stands()):
        found.append("after healing neither what was before nor the whole change stands")
    found += watched(start, world, change(world, **options), end)
    if world.stands() != end.stands():
        found.append("the rerun does not end where an uninterrupted run does")
    finished(roll_back(world))
    if world.stands() != start.stands() or any(group.tags for group in world.groups.values()):
        found.append("the way back does not end where it began")
    return found


@pytest.mark.parametrize("name", WORLDS)
def test_a_run_may_be_killed_after_any_call_and_again_while_it_heals(name: str) -> None:
    start = WORLDS[name]()
    options = {"shared_group": "dedicated"}
    length = finished(change(start.copy(), **options))
    assert length >= 5
    for first in range(length + 1):
        world = start.copy()
        killed(change(world, **options), first)
        for second in range(finished(heal(world)) + 1):
            assert killed_and_killed_again(start, first, second, **options) == [], (first, second)


RULES = st.lists(st.sampled_from([ALL, HTTPS, OLD, DATABASE, WEB]), max_size=4, unique=True)
GROUPS = ("sg-a", "sg-b", "sg-c")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw an instance: interfaces, groups with outbound and inbound rules, and which of them others have."""
    made = {name: Group(f"name of {name}", draw(RULES), draw(RULES)) for name in GROUPS}
    some = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True)
    attached = {f"eni-{number}": draw(some) for number in range(draw(st.integers(1, 2)))}
    return World(made, attached, draw(st.sets(st.sampled_from(GROUPS))))


@settings(deadline=None, max_examples=60)
@given(worlds(), st.booleans(), st.integers(0, 20), st.integers(0, 12))
def test_whatever_stood_before_comes_back_or_the_change_stands_whole(
    start: World, purge: bool, first: int, second: int
) -> None:
    assert killed_and_killed_again(start, first, second, purge=purge, shared_group="dedicated") == []


def test_a_record_that_some_groups_lack_is_restored_by_a_wrong_program_and_that_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The record is taken off group by group: what the first group alone had before would close what is needed."""
    monkeypatch.setattr(egress_way_back, "_stands", lambda *_arguments: True)
    length = finished(change(two_groups()))
    found = [fault for first in range(length) for fault in killed_and_killed_again(two_groups(), first, 0)]
    assert "what is needed is closed" in found


def test_inbound_rules_that_are_lost_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_dedicated, "inbound_rules", lambda *_arguments: ())
    assert "what comes in is not what came in" in killed_and_killed_again(shared(), 99, 0, shared_group="dedicated")


def test_a_group_of_the_record_that_is_gone_is_told() -> None:
    world = two_groups()
    killed(change(world), 4)
    del world.groups["sg-second"]
    world.attached["eni-0"] = ["sg-first"]
    with pytest.raises(ValueError, match="sg-second, which it recorded, is no group of the instance any more"):
        finished(heal(world))


def test_the_records_of_another_instance_are_left_alone() -> None:
    world = World(groups(a=[ALL]), {"eni-0": ["sg-a"]})
    killed(change(world), 2)
    world.attached = {"eni-9": ["sg-a"]}
    tags = dict(world.groups["sg-a"].tags)
    assert tags
    assert finished(heal(world)) == 0
    assert world.groups["sg-a"].tags == tags
