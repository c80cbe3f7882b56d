# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a plan and the findings say of the prefix lists that the role keeps."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import State, Step
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_prefix_lists import (
    list_findings,
    list_rows,
    list_unseen,
    ordered,
    with_lists,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked


def kept(added: int = 0, removed: int = 0, there: str = "pl-1", before: int = 110) -> dict[str, Any]:
    new, old = ([f"10.{part}.{number}.0/24" for number in range(count)] for part, count in ((1, added), (2, removed)))
    return {
        "prefix_list": {
            "prefix_list_id": there,
            "prefix_list_name": "safesecrets-aws-ipv4",
            "address_family": "IPv4",
            "max_entries": 110,
            "entries": ["192.0.2.0/24", *new],
        },
        "before": {"prefix_list_id": there, "max_entries": before if there else 0, "entries": []},
        "added": new,
        "removed": old,
    }


CHANGE = [Step(name) for name in ("check", "record", "add", "wait", "prove", "remove", "wait", "prove", "keep")]


@pytest.mark.parametrize(
    ("order", "lists", "actions"),
    [
        (CHANGE, [kept()], "check record add wait prove remove wait prove keep"),
        (CHANGE, [kept(1)], "check record fill_lists add wait prove remove wait prove keep"),
        (CHANGE, [kept(1, 1)], "check record fill_lists add wait prove purge_lists remove wait prove keep"),
        ([], [kept(1, 1)], "check record fill_lists wait prove purge_lists wait prove keep"),
        ([], [kept(1)], "check record fill_lists wait prove keep"),
        ([], [kept(0, 1)], "check record purge_lists wait prove keep"),
        ([], [kept()], ""),
        (
            [Step(name) for name in ("check", "record", "prove", "remove", "wait", "prove", "keep")],
            [kept(1)],
            "check record fill_lists wait prove remove wait prove keep",
        ),
    ],
)
def test_lists_are_filled_before_a_proof_and_purged_after_it(order: Any, lists: Any, actions: str) -> None:
    assert [step.action for step in ordered(order, State({}, {}), lists)] == actions.split()


def test_rows_tell_how_much_and_of_what_size() -> None:
    assert list_rows([kept()]) == []
    ((_sign, name, told),) = list_rows([kept(7, 1, before=100)])
    assert name == "pl-1"
    assert told == (
        "safesecrets-aws-ipv4 will hold 8 entries of 110: 7 to add (10.1.0.0/24, 10.1.1.0/24, 10.1.2.0/24, "
        "10.1.3.0/24, 10.1.4.0/24, ...), 1 to remove (10.2.0.0/24); its maximum was 100"
    )
    ((_sign, name, _told),) = list_rows([kept(1, there="")])
    assert name == "safesecrets-aws-ipv4 (new)"


def test_a_look_has_lists_as_they_will_be() -> None:
    look = {"prefix_lists": [{"prefix_list_id": "pl-1", "max_entries": 1}, {"prefix_list_id": "pl-2"}]}
    lists = {each["prefix_list_id"]: each for each in with_lists(look, [kept(), kept(there="")])["prefix_lists"]}
    assert set(lists) == {"pl-1", "pl-2", "safesecrets-aws-ipv4 (new)"}
    assert lists["pl-1"]["max_entries"] == 110


@pytest.mark.parametrize(
    ("lists", "status", "text"),
    [
        (kept(), "pass", "pl-1 (safesecrets-aws-ipv4) holds all 1 prefixes that AWS published on 2026-11-20 of"),
        (kept(2), "unproven", "is not what AWS published on 2026-11-20 of ca-central-1: 2 to add"),
        (kept(0, 1), "unproven", "1 to remove (10.2.0.0/24)"),
        (kept(2, there=""), "not_applicable", "is not made yet. It would hold 2 prefixes"),
    ],
)
def test_a_stale_list_is_a_finding(lists: dict[str, Any], status: str, text: str) -> None:
    (found,) = list_findings([lists], "ca-central-1", ["ca-central-1"], "2026-11-20T00:00:00Z")
    checked([found])
    assert found["status"] == status
    assert text in found["detail"]
    assert bool(found["remedy"]) == (status != "pass")
    assert found["evidence"]["missing"] == lists["added"]


def test_what_could_not_be_compared_is_unproven() -> None:
    (found,) = list_unseen("safesecrets-aws", "ca-central-1", "  AccessDenied\n ec2:x ")
    checked([found])
    assert (found["status"], found["detail"].endswith("could not be seen. AccessDenied ec2:x")) == ("unproven", True)
