# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run of controlled egress that is killed at any of its steps, and what the next run makes of it.

The next run sees EC2 alone, so that states which are the same are gone on from once. What may happen between the calls
of one task, and with several groups, is in ``tests/unit/test_egress_interrupted.py``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

OPEN, HTTPS = ("-1", None, "0.0.0.0/0"), ("tcp", 443, "0.0.0.0/0")
CHANGE, BEFORE = "safesecrets:egress-change", "safesecrets:egress-before"
HEALED = "Add the outbound rules that were there"


class State(NamedTuple):
    """What a killed run leaves: the outbound rules, and the records that the group has."""

    rules: frozenset[tuple[str, int | None, str]]
    records: frozenset[str]


def state(*rules: tuple[str, int | None, str], records: tuple[str, ...] = ()) -> State:
    return State(frozenset(rules), frozenset(records))


UNTOUCHED = state(OPEN)
RECORDED = state(OPEN, records=(CHANGE,))
ADDED = state(OPEN, HTTPS, records=(CHANGE,))
REMOVED = state(HTTPS, records=(CHANGE,))
KEPT = state(HTTPS, records=(CHANGE, BEFORE))
ENDED = state(HTTPS, records=(BEFORE,))

#: Step, the task at whose beginning it is killed, the how-manieth of that name, and what is left.
KILLS = [
    ("check", "Reach the host by a new connection", 1, UNTOUCHED),
    ("record", "Record the rules on the groups", 1, UNTOUCHED),
    ("add", "Add the outbound rules that are missing", 1, RECORDED),
    ("wait", "Wait until EC2 has applied the rules", 1, ADDED),
    ("prove", "Check that everything was reached", 1, ADDED),
    ("remove", "Remove the outbound rules that are not needed", 1, ADDED),
    ("wait again", "Wait until EC2 has applied the rules", 2, REMOVED),
    ("prove again", "Check that everything was reached", 2, REMOVED),
    ("keep", "Keep as what was before, where nothing is kept yet", 1, REMOVED),
    ("forget", "Remove the record of the change from the groups", 2, KEPT),
    ("after", "Look at what stands now", 1, ENDED),
]
#: Killed while it heals what was left by a run that was killed while it waited for the removal.
KILLS_WHILE_HEALING = [
    ("add back", "Add the outbound rules that were there", REMOVED),
    ("remove the rest", "Remove every other outbound rule", ADDED),
    ("take the record off", "Remove the record of the change from the groups", RECORDED),
]
LEFT = {"untouched": UNTOUCHED, "recorded": RECORDED, "added": ADDED, "removed": REMOVED, "kept": KEPT, "ended": ENDED}


@pytest.fixture
def seen(group: Callable[[], dict[str, Any]], rules: Callable[[], Any]) -> Callable[[], State]:
    """Look at what stands."""

    def look() -> State:
        tags = {tag["Key"] for tag in group().get("Tags", [])}
        return State(frozenset(rules()), frozenset(tags & {CHANGE, BEFORE}))

    return look


class Ground:
    """The group of the instance, put into a state that a killed run left before."""

    def __init__(self, ec2: Any, group: Callable[[], dict[str, Any]]) -> None:
        self._ec2, self._group = ec2, group
        self._left: dict[State, tuple[list[dict[str, Any]], list[dict[str, str]]]] = {}

    def note(self, left: State) -> None:
        """Keep what stands now as an example of that state."""
        group = self._group()
        self._left[left] = (group["IpPermissionsEgress"], group.get("Tags", []))

    def put(self, left: State) -> None:
        """Make it stand again."""
        group, (permissions, tags) = self._group(), self._left[left]
        target = {"GroupId": group["GroupId"]}
        self._ec2.revoke_security_group_egress(**target, IpPermissions=group["IpPermissionsEgress"])
        self._ec2.authorize_security_group_egress(**target, IpPermissions=permissions)
        if group.get("Tags"):
            self._ec2.delete_tags(
                Resources=list(target.values()), Tags=[{"Key": each["Key"]} for each in group["Tags"]]
            )
        if tags:
            self._ec2.create_tags(Resources=list(target.values()), Tags=tags)


@pytest.fixture(scope="module")
def noted() -> dict[str, Ground]:
    """Keep the ground from test to test."""
    return {}


@pytest.fixture
def ground(aws: Callable[..., Any], group: Callable[[], dict[str, Any]], noted: dict[str, Ground]) -> Iterator[Ground]:
    """Start from open rules, and end there."""
    if not noted:
        noted["ground"] = Ground(aws("ec2"), group)
        noted["ground"].note(UNTOUCHED)
    noted["ground"].put(UNTOUCHED)
    yield noted["ground"]
    noted["ground"].put(UNTOUCHED)


@pytest.mark.parametrize(("step", "task", "time", "left"), KILLS, ids=[row[0] for row in KILLS])
def test_what_a_run_that_is_killed_leaves(
    ground: Ground,
    outbound: Callable[..., Any],
    seen: Callable[[], State],
    step: str,
    task: str,
    time: int,
    left: State,
) -> None:
    assert seen() == UNTOUCHED
    run = outbound(kill_at=task, time=time)
    assert run.status == -signal.SIGKILL, f"not killed at {step}: {run.output}"
    assert seen() == left
    ground.note(left)


@pytest.mark.parametrize(("step", "task", "left"), KILLS_WHILE_HEALING, ids=[row[0] for row in KILLS_WHILE_HEALING])
def test_what_is_left_by_a_run_that_is_killed_while_it_heals(
    ground: Ground, outbound: Callable[..., Any], seen: Callable[[], State], step: str, task: str, left: State
) -> None:
    ground.put(REMOVED)
    run = outbound(kill_at=task)
    assert run.status == -signal.SIGKILL, f"not killed at {step}: {run.output}"
    assert seen() == left


@pytest.mark.parametrize("name", LEFT)
def test_the_next_run_heals_what_was_left_and_ends_the_change(
    ground: Ground, outbound: Callable[..., Any], seen: Callable[[], State], name: str
) -> None:
    left = LEFT[name]
    ground.put(left)
    run = outbound()
    assert run.status == 0, run.output
    assert seen() == ENDED
    assert (HEALED in run.output) == (CHANGE in left.records)
    assert (run.changed == 0) == (left == ENDED)
