# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A list of what AWS publishes takes the place of "anywhere", and gets back what it held where a proof fails."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {"egress_settle_seconds": 1, "egress_proof_timeout": 3, "egress_proof_retries": 1}
OPEN = {("-1", None, "0.0.0.0/0")}
CANADA, US, MOVED = "198.18.1.0/24", "198.18.2.0/24", "198.19.0.0/24"

Group = Callable[[], dict[str, Any]]
Rules = Callable[[], set[tuple[str, int | None, str]]]
Entries = Callable[[], set[str]]
Play = Callable[..., Any]


def listed(directory: Path, *us: str) -> dict[str, Any]:
    """Give the variables for a list of what AWS publishes: one range in Canada, and these in the US."""
    now = datetime.now(UTC)
    dates = {"syncToken": str(int(now.timestamp())), "createDate": f"{now:%Y-%m-%d-%H-%M-%S}"}
    rows = [{"ip_prefix": CANADA, "region": "ca-central-1", "service": "AMAZON"}]
    rows += [{"ip_prefix": cidr, "region": "us-east-1", "service": "AMAZON"} for cidr in us]
    file = directory / "ip-ranges.json"
    file.write_text(json.dumps({**dates, "prefixes": rows, "ipv6_prefixes": []}))
    provider = {"egress_provider_cidrs": ["198.18.100.0/24"]}
    return (
        SETTINGS
        | provider
        | {
            "egress_mode": "controlled",
            "egress_destinations": "prefix_list",
            "egress_ip_ranges_file": str(file),
        }
    )


@pytest.fixture
def entries(aws: Callable[..., Any]) -> Entries:
    """Give what the list holds; nothing when there is none."""

    def look() -> set[str]:
        ec2 = aws("ec2")
        named = [{"Name": "prefix-list-name", "Values": ["safesecrets-aws-ipv4"]}]
        lists = ec2.describe_managed_prefix_lists(Filters=named)["PrefixLists"]
        held = [ec2.get_managed_prefix_list_entries(PrefixListId=each["PrefixListId"])["Entries"] for each in lists]
        return {entry["Cidr"] for each in held for entry in each}

    return look


def lists_named(group: dict[str, Any]) -> list[tuple[int, int]]:
    return [
        (rule["FromPort"], rule["ToPort"])
        for rule in group["IpPermissionsEgress"]
        for _each in rule.get("PrefixListIds", [])
    ]


def test_a_list_takes_the_place_of_the_open_rule(
    tmp_path: Path, play: Play, rules: Rules, group: Group, entries: Entries
) -> None:
    run = play("playbooks/egress.yml", listed(tmp_path, US))
    assert run.status == 0, run.output
    assert re.search(r"add sg-\w+ TCP 443 to prefix list safesecrets-aws-ipv4 \(new\)", run.said), run.output
    assert entries() == {CANADA, US}
    assert lists_named(group()) == [(443, 443)]
    assert rules() == {("tcp", 443, "198.18.100.0/24")}


def test_a_list_gets_back_what_it_held_where_a_proof_fails(
    tmp_path: Path, play: Play, group: Group, entries: Entries
) -> None:
    """AWS publishes another range for the US than the one in which the host needs its endpoints."""
    run = play("playbooks/egress.yml", listed(tmp_path, MOVED))
    assert run.status != 0, run.output
    assert "The host did not reach bedrock.us-east-1.amazonaws.com:443 (no answer in time" in run.said, run.output
    assert entries() == {CANADA, US}
    assert lists_named(group()) == [(443, 443)]
    assert "safesecrets:egress-change" not in str(group()["Tags"])


def test_what_a_run_killed_while_it_fills_the_list_left_is_completed_by_the_next(
    tmp_path: Path, outbound: Callable[..., Any], group: Group, entries: Entries
) -> None:
    added = "198.18.11.0/24"
    wanted = listed(tmp_path, US, added)
    run = outbound(kill_at="Keep the prefix lists", **wanted)
    assert run.status == -signal.SIGKILL, run.output
    assert {CANADA, US} <= entries(), "what the host needs is open"
    run = outbound(**wanted)
    assert run.status == 0, run.output
    assert entries() == {CANADA, US, added}
    assert lists_named(group()) == [(443, 443)]
    assert "safesecrets:egress-change" not in str(group()["Tags"])
    run = outbound(**listed(tmp_path, US))
    assert (run.status, entries()) == (0, {CANADA, US}), run.output


def test_the_rollback_leaves_the_list_to_be_deleted(play: Play, rules: Rules, group: Group, entries: Entries) -> None:
    status, output, _changed = play("playbooks/rollback.yml", SETTINGS, "--tags", "egress")
    assert status == 0, output
    assert (rules(), lists_named(group())) == (OPEN, [])
    assert entries() == {CANADA, US}
    gone = {"egress_prefix_list_state": "absent"}
    status, output, changed = play("playbooks/egress_prefix_list.yml", gone)
    assert (status, changed) == (0, 1), output
    assert entries() == set()
