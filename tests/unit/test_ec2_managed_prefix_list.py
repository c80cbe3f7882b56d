# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A managed prefix list becomes what is wanted, call by call, whoever else changes it, and closes nothing wanted."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import ec2_prefix_lists
from ansible_collections.safesecrets.infra.plugins.module_utils.prefix_list import (
    BATCH,
    Step,
    applied,
    checked_entries,
    size_for,
    steps,
)
from ansible_collections.safesecrets.infra.plugins.modules import ec2_managed_prefix_list
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

HEADROOM = 10


def networks(first: int, count: int) -> list[str]:
    return [f"10.{number // 256}.{number % 256}.0/24" for number in range(first, first + count)]


def sizes(held: list[str], wanted: list[str], room: int, **options: Any) -> list[str]:
    """Name the calls: +n, -n entries, or =n for another maximum."""
    return [
        f"={each.max_entries}" if each.max_entries else f"+{len(each.add)}" if each.add else f"-{len(each.remove)}"
        for each in steps(held, wanted, room, headroom=HEADROOM, **options)
    ]


@pytest.mark.parametrize(
    ("held", "wanted", "room", "calls"),
    [
        ([], networks(0, 250), 275, ["+100", "+100", "+50"]),
        (networks(0, 250), [], 275, ["-100", "-100", "-50"]),
        (networks(0, 250), networks(250, 250), 500, ["+100", "+100", "+50", "-100", "-100", "-50"]),
        # No room for old and new together: what is nobody's any more goes first, and only so much of it.
        (networks(0, 250), networks(250, 250), 250, ["-100", "-100", "-50", "+100", "+100", "+50"]),
        (networks(0, 10), networks(5, 10), 12, ["-3", "+5", "-2"]),
        # Two halves take the place of a whole: both fit only into a larger list, and the whole stays until then.
        (["10.0.0.0/8"], ["10.0.0.0/9", "10.128.0.0/9"], 2, ["=3", "+2", "-1"]),
        (networks(0, 10), networks(0, 12), 10, ["=14", "+2"]),
        (networks(0, 10), networks(0, 10), 10, []),
        # A list is never made smaller.
        (networks(0, 10), networks(0, 2), 100, ["-8"]),
    ],
)
def test_calls_add_first_and_hold_at_most_a_hundred_entries(
    held: list[str], wanted: list[str], room: int, calls: list[str]
) -> None:
    assert sizes(held, wanted, room) == calls


def test_without_purge_only_what_there_is_no_room_for_goes() -> None:
    assert sizes(networks(0, 10), networks(5, 10), 15, purge=False) == ["+5"]
    assert sizes(networks(0, 10), networks(5, 10), 12, purge=False) == ["-3", "+5"]


# Ranges of /24 to /28 within 10.0.0.0/22, collapsed as published ranges are, so that they contain each other often.
RANGES = st.lists(
    st.builds(lambda at, length: f"10.0.{at // 16}.{at % 16 * 16}/{length}", st.integers(0, 63), st.just(28))
    | st.builds(lambda at, length: f"10.0.{at}.0/{length}", st.integers(0, 3), st.just(24)),
    max_size=40,
).map(lambda cidrs: [str(each) for each in ipaddress.collapse_addresses(map(ipaddress.IPv4Network, cidrs))])


def addresses(cidrs: list[str]) -> set[int]:
    """The 64 blocks that ranges cover."""
    return {
        int(block.network_address) for cidr in cidrs for block in ipaddress.IPv4Network(cidr).subnets(new_prefix=28)
    }


def closed(held: list[str], wanted: list[str], calls: Iterable[Step]) -> set[int]:
    """The blocks that were open and wanted before a call and not open after it."""
    found: set[int] = set()
    for step in calls:
        before, held = addresses(held) & addresses(wanted), applied(held, step)
        found |= before - addresses(held)
    return found


@given(RANGES, RANGES, st.integers(0, 20), st.booleans())
def test_no_call_closes_an_address_that_is_wanted(held: list[str], wanted: list[str], room: int, purge: bool) -> None:
    most, entries = max(len(held), 1) + room, held
    calls = list(steps(held, wanted, most, headroom=HEADROOM, purge=purge))
    assert not closed(held, wanted, calls)
    for step in calls:
        most = step.max_entries or most
        entries = applied(entries, step)
        assert max(len(step.add), len(step.remove)) <= BATCH
        assert len(entries) <= most
    assert set(wanted) <= set(entries)
    assert not purge or set(entries) == set(wanted)


def test_removing_first_would_be_noticed() -> None:
    """The property's own control."""
    whole, halves = ["10.0.0.0/24"], ["10.0.0.0/25", "10.0.0.128/25"]
    assert closed(whole, halves, [Step(remove=("10.0.0.0/24",)), Step(add=tuple(halves))])
    assert not closed(whole, halves, steps(whole, halves, 3, headroom=0))


@pytest.mark.parametrize(("entries", "headroom", "size"), [(495, 10, 545), (10, 0, 10), (1, 10, 2), (0, 10, 1)])
def test_the_size_has_headroom(entries: int, headroom: int, size: int) -> None:
    assert size_for(entries, headroom) == size


@pytest.mark.parametrize(
    ("cidr", "text"),
    [
        ("polly.example.com", "a prefix list holds no names"),
        ("10.0.0.1/8", "without host bits"),
        ("fd00::/8", "fd00::/8 is not IPv4"),
    ],
)
def test_entries_are_ranges_of_one_family(cidr: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        checked_entries([{"cidr": cidr}], "IPv4")


# The module, against a list that behaves as EC2's do

TAGS = {"safesecrets:owner": "safesecrets.infra"}


class PrefixList:
    """One list in EC2: in progress for one look after each change, with versions that conflict."""

    def __init__(self, aws: StubbedClients, cidrs: list[str], room: int, **more: Any) -> None:
        self.held, self.version, self.there = dict.fromkeys(cidrs, "of before"), 1, True
        self.described: dict[str, Any] = {
            "PrefixListId": "pl-1",
            "PrefixListName": "addresses",
            "AddressFamily": "IPv4",
            "MaxEntries": room,
            "State": "create-complete",
            "OwnerId": "1",
            "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()],
            **more,
        }
        self.users: list[str] = []
        #: What happens just before the next changes, one each.
        self.meanwhile: list[Callable[[], None]] = []
        #: The state that the next changes end in, where it is not the usual one.
        self.outcome, self.next_state = "", ""
        for name in ("describe", "create", "modify", "delete"):
            plural = "s" if name == "describe" else ""
            aws.answer("ec2", f"{name}_managed_prefix_list{plural}", getattr(self, name))
        aws.answer("ec2", "get_managed_prefix_list_entries", self.entries)
        aws.answer("ec2", "get_managed_prefix_list_associations", self.associations)

    def describe(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        shown = [{**self.described, "Version": self.version}] if self.there else []
        if self.next_state:
            self.described["State"], self.next_state = self.next_state, ""
        return {"PrefixLists": shown}

    def entries(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert asked["TargetVersion"] == self.version
        return {"Entries": [{"Cidr": cidr, "Description": told} for cidr, told in self.held.items()]}

    def associations(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"PrefixListAssociations": [{"ResourceId": each, "ResourceOwner": "1"} for each in self.users]}

    def create(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.there, self.held = True, {}
        self.described |= {"MaxEntries": asked["MaxEntries"], "Tags": asked["TagSpecifications"][0]["Tags"]}
        return self._moving("create")

    def modify(self, asked: Mapping[str, Any]) -> Any:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.described["State"].endswith("-in-progress"):
            return aws_error("IncorrectState", "ModifyManagedPrefixList")
        if asked.get("CurrentVersion", self.version) != self.version:
            return aws_error("PrefixListVersionMismatch", "ModifyManagedPrefixList")
        answer = self._moving("modify")
        if self.described["State"] == "modify-in-progress" and not self.next_state.endswith("-failed"):
            self.described["MaxEntries"] = asked.get("MaxEntries", self.described["MaxEntries"])
            self.change(asked.get("AddEntries", []), asked.get("RemoveEntries", []))
        return answer

    def delete(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        self.there = False
        return {"PrefixList": {**self.described, "State": "delete-in-progress"}}

    @property
    def cidrs(self) -> list[str]:
        return list(self.held)

    def change(self, adding: Any, removing: Any = ()) -> None:
        gone = {each["Cidr"] for each in removing}
        self.held = {cidr: told for cidr, told in self.held.items() if cidr not in gone}
        self.held |= {each["Cidr"]: each.get("Description", "") for each in adding}
        self.version += int(bool(adding or gone))
        assert len(self.held) <= self.described["MaxEntries"]

    def _moving(self, doing: str) -> dict[str, Any]:
        self.described["State"], self.next_state = f"{doing}-in-progress", self.outcome or f"{doing}-complete"
        return {"PrefixList": {**self.described, "Version": self.version}}


@pytest.fixture
def run(run_module: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the module for these ranges."""
    monkeypatch.setattr(f"{ec2_prefix_lists.__name__}.time.sleep", lambda _seconds: None)

    def call(cidrs: list[str], check_mode: bool = False, **more: Any) -> Any:
        entries = [{"cidr": cidr, "description": "of AWS"} for cidr in cidrs]
        arguments = {"name": "addresses", "entries": entries, "tags": TAGS, **more}
        return run_module(ec2_managed_prefix_list, arguments, check_mode=check_mode, diff=True)

    return call


def changes(aws: StubbedClients) -> list[Mapping[str, Any]]:
    return [
        call.parameters
        for name in ("create", "modify", "delete")
        for call in aws.calls("ec2", f"{name}_managed_prefix_list")
    ]


def test_entries_are_changed_against_the_version_that_was_read(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, ["198.18.1.0/24", "192.0.2.0/24"], 3)
    result = run(["198.18.1.0/24", "198.18.2.0/24"])
    assert (result["added"], result["removed"], result.changed) == (["198.18.2.0/24"], ["192.0.2.0/24"], True)
    added, removed = changes(aws)
    assert (added["CurrentVersion"], removed["CurrentVersion"]) == (1, 2)
    assert added["AddEntries"] == [{"Cidr": "198.18.2.0/24", "Description": "of AWS"}]
    assert held.cidrs == result["prefix_list"]["entries"] == ["198.18.1.0/24", "198.18.2.0/24"]
    assert result["before"]["entries"][1] == {"cidr": "192.0.2.0/24", "description": "of before"}
    diff = result["diff"]
    assert diff["before"] == "max_entries: 3\n192.0.2.0/24  of before\n198.18.1.0/24  of before\n"
    assert diff["after"] == "max_entries: 3\n198.18.1.0/24  of before\n198.18.2.0/24  of AWS\n"
    assert result["prefix_list"]["tags"] == TAGS


def test_check_mode_predicts_what_the_run_does_and_a_second_run_changes_nothing(
    aws: StubbedClients, run: Callable[..., Any]
) -> None:
    held = PrefixList(aws, networks(0, 30), 30)
    wanted = networks(20, 150)
    predicted = run(wanted, check_mode=True)
    assert (predicted.changed, changes(aws)) == (True, [])
    done = run(wanted)
    for name in ("added", "removed", "before", "diff", "changed"):
        assert predicted[name] == done[name], name
    assert predicted["prefix_list"]["max_entries"] == done["prefix_list"]["max_entries"] == size_for(150, 10)
    so_far = len(changes(aws))
    again = run(wanted)
    assert (again.changed, again["added"], again["removed"], len(changes(aws))) == (False, [], [], so_far)
    assert set(held.cidrs) == set(wanted)


def test_a_missing_list_is_made_with_its_tags_filled_in_hundreds(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, [], 1)
    held.there = False
    wanted = networks(0, 250)
    predicted = run(wanted, check_mode=True)
    assert (predicted["prefix_list"]["prefix_list_id"], predicted["prefix_list"]["max_entries"]) == ("", 275)
    assert not held.there
    assert run(wanted).changed
    made, *filled = changes(aws)
    assert (made["MaxEntries"], made["TagSpecifications"][0]["ResourceType"]) == (275, "prefix-list")
    assert [len(each["AddEntries"]) for each in filled] == [100, 100, 50]
    assert set(held.cidrs) == set(wanted)
    assert held.described["Tags"] == [{"Key": "safesecrets:owner", "Value": "safesecrets.infra"}]


def test_the_size_is_changed_first_and_by_itself(aws: StubbedClients, run: Callable[..., Any]) -> None:
    PrefixList(aws, networks(0, 2), 2)
    assert run(networks(0, 3))["prefix_list"]["max_entries"] == 4
    resized, added = changes(aws)
    assert resized == {"PrefixListId": "pl-1", "MaxEntries": 4}
    assert "MaxEntries" not in added


def test_without_purge_foreign_entries_stay(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, networks(0, 2), 10)
    assert not run(networks(0, 1), purge_entries=False).changed
    assert run(networks(1, 2), purge_entries=False)["removed"] == []
    assert held.cidrs == networks(0, 3)


@pytest.mark.parametrize("moment", [0, 1])
def test_what_somebody_else_does_meanwhile_is_taken_into_account(
    aws: StubbedClients, run: Callable[..., Any], moment: int
) -> None:
    """Somebody removes an entry that is wanted, and adds one that is not, before a call of ours."""
    held = PrefixList(aws, networks(0, 2), 300)
    wanted = networks(0, 150)
    meddle = lambda: held.change([{"Cidr": "192.0.2.0/24"}], [{"Cidr": wanted[0]}])  # noqa: E731
    held.meanwhile = [*[lambda: None] * moment, meddle]
    result = run(wanted)
    assert not result.failed, result.values
    assert set(held.cidrs) == set(wanted)
    assert result["prefix_list"]["version"] == held.version


def test_a_list_that_somebody_else_is_changing_is_waited_for(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, networks(0, 1), 10)

    def busy() -> None:
        held.described["State"], held.next_state = "modify-in-progress", "modify-complete"

    held.meanwhile = [busy]
    assert run(networks(0, 2)).changed
    assert held.cidrs == networks(0, 2)


def test_a_fight_over_a_list_ends(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, networks(0, 1), 300)
    held.meanwhile = [lambda: held.change([{"Cidr": f"192.0.2.{held.version}/32"}])] * 50
    result = run(networks(0, 2))
    assert "was changed by somebody else 6 times" in result["msg"]
    assert "nothing that is asked for was removed" in result["msg"]


def test_a_failed_change_says_what_ec2_says(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, networks(0, 2), 2, StateMessage="sg-1 cannot support the maximum")
    held.outcome = "modify-failed"
    result = run(networks(0, 3))
    assert "pl-1 is modify-failed: sg-1 cannot support the maximum" in result["msg"]
    held.outcome = ""
    assert run(networks(0, 3)).changed, "what failed once is not given up"


def test_an_entry_keeps_its_description(aws: StubbedClients, run: Callable[..., Any]) -> None:
    PrefixList(aws, networks(0, 1), 2)
    assert not run(networks(0, 1)).changed


def test_a_list_is_deleted_unless_something_names_it(aws: StubbedClients, run: Callable[..., Any]) -> None:
    held = PrefixList(aws, networks(0, 1), 2)
    held.users = ["sg-1", "rtb-1"]
    for check_mode in (True, False):
        refused = run([], check_mode, state="absent")
        assert "is named by sg-1, rtb-1, so it was not deleted" in refused["msg"]
    held.users = []
    predicted = run([], True, state="absent")
    assert (predicted.changed, predicted["removed"], held.there) == (True, networks(0, 1), True)
    assert run([], state="absent").changed
    assert not held.there
    assert not run([], state="absent").changed
    assert len(aws.calls("ec2", "delete_managed_prefix_list")) == 1


@pytest.mark.parametrize(
    ("more", "arguments", "text"),
    [
        ({"Tags": []}, {}, "it belongs to somebody else, and nothing was changed"),
        ({"Tags": [{"Key": "safesecrets:owner", "Value": "x"}]}, {"state": "absent"}, "belongs to somebody else"),
        ({"AddressFamily": "IPv6"}, {}, "which cannot be changed to IPv4"),
        ({"State": "create-failed", "StateMessage": "no"}, {}, "pl-1 is create-failed: no"),
        ({"State": "modify-in-progress"}, {"wait_timeout": 0}, "still modify-in-progress after 0 s"),
        ({}, {"entries": [{"cidr": "polly.example.com"}]}, "a prefix list holds no names"),
        ({}, {"entries": None}, "entries is null"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_changed(
    aws: StubbedClients, run: Callable[..., Any], more: dict[str, Any], arguments: dict[str, Any], text: str
) -> None:
    PrefixList(aws, networks(0, 1), 9, **more)
    result = run(networks(0, 2), **arguments)
    assert result.failed
    assert text in result["msg"]
    assert changes(aws) == []


def test_two_lists_of_ours_are_an_error_and_others_of_the_name_are_passed_over(
    aws: StubbedClients, run: Callable[..., Any]
) -> None:
    held = PrefixList(aws, networks(0, 1), 9)
    one = held.describe({})["PrefixLists"][0]
    aws.answer("ec2", "describe_managed_prefix_lists", {"PrefixLists": [one, {**one, "PrefixListId": "pl-2"}]})
    assert "several prefix lists named addresses with these tags: pl-1, pl-2" in run(networks(0, 1))["msg"]
    aws.answer("ec2", "describe_managed_prefix_lists", {"PrefixLists": [one, {**one, "Tags": []}]})
    assert not run(networks(0, 1)).changed


def test_a_denial_is_never_a_missing_list(aws: StubbedClients, run: Callable[..., Any]) -> None:
    PrefixList(aws, networks(0, 1), 9)
    aws.answer("ec2", "describe_managed_prefix_lists", aws_error("UnauthorizedOperation", "DescribeManagedPrefixLists"))
    result = run(networks(0, 1))
    assert result.failed
    assert "ec2:DescribeManagedPrefixLists" in result["msg"]
    assert changes(aws) == []
