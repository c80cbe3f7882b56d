# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is remembered of a host, and what of it need not be proven again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter import freshness
from ansible_collections.safesecrets.infra.plugins.module_utils.checks import CHECKS, title, valid_hours
from ansible_collections.safesecrets.infra.plugins.module_utils.collection_version import collection_version
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import finding
from ansible_collections.safesecrets.infra.plugins.module_utils.merged_report import merged_report, of_the_newest_run
from ansible_collections.safesecrets.infra.plugins.module_utils.report import SCHEMA_VERSION
from ansible_collections.safesecrets.infra.plugins.module_utils.shards import (
    file_name,
    fingerprint,
    fresh_proofs,
    holding_proofs,
    left_out,
    parsed,
    updated,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FIRST, SECOND = "6a4ba836-a642-46d7-9db9-9974a6e5a274", "1c1d7a52-91c5-4b58-8a0e-3b4f3fb7a1de"
ORIGIN: dict[str, Any] = {
    "account_id": "123456789012",
    "collection_version": "0.1.0",
    "configuration": {"chain": "00112233445566ff", "host": "8899aabbccddeeff"},
}
TASK = {"host": "app-1", "task": "Write", "item": "INFRA-P2-5", "message": "No space", "unreachable": False}


def observed(
    status: str = "pass", item: str = "INFRA-P2-5", identifier: str = "environment.variables", **more: Any
) -> dict[str, Any]:
    return finding(identifier, item, more.pop("subject", "file"), status, "Seen.", remedy="Mend it.", observed_at=NOON)


def shard(*findings: dict[str, Any], failed: tuple[dict[str, Any], ...] = (), **origin: Any) -> dict[str, Any]:
    return updated(None, "app-1", origin=ORIGIN | origin, run_id=FIRST, findings=findings, failed_tasks=failed)


def other(**changed: Any) -> dict[str, Any]:
    return ORIGIN | changed


def test_an_item_is_replaced_as_a_whole_and_the_others_stay_with_their_run() -> None:
    former = shard(
        observed(), observed(subject="gone"), observed(item="INFRA-P2-6", identifier="smartest_ai.configured")
    )
    now = updated(former, "app-1", origin=ORIGIN, run_id=SECOND, findings=[observed("fail")], failed_tasks=[])
    assert [(each["item"], each["status"], each["run_id"]) for each in now["findings"]] == [
        ("INFRA-P2-6", "pass", FIRST),
        ("INFRA-P2-5", "fail", SECOND),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"account_id": "999999999999"},
        {"collection_version": "0.2.0"},
        {"configuration": {"chain": "ffffffffffffffff", "host": "8899aabbccddeeff"}},
        {"configuration": {"chain": "00112233445566ff", "host": "ffffffffffffffff"}},
    ],
    ids=str,
)
def test_nothing_of_another_origin_is_kept_or_believed(changed: dict[str, Any]) -> None:
    former = shard(observed())
    now = updated(
        former,
        "app-1",
        origin=other(**changed),
        run_id=SECOND,
        findings=[observed(item="INFRA-P2-6", identifier="smartest_ai.configured")],
        failed_tasks=[],
    )
    assert [each["item"] for each in now["findings"]] == ["INFRA-P2-6"]
    assert fresh_proofs(former, "app-1", ORIGIN, NOON), "the control: of the same origin it is believed"
    assert fresh_proofs(former, "app-1", other(**changed), NOON) == {}


@pytest.mark.parametrize(
    ("findings", "failed", "hours", "fresh"),
    [
        ([observed()], (), 0, ["INFRA-P2-5", "environment.variables"]),
        ([observed("not_applicable")], (), 0, ["INFRA-P2-5", "environment.variables"]),
        ([observed("fail")], (), 0, []),
        ([observed("unproven")], (), 0, []),
        ([observed(), observed("fail", subject="other")], (), 0, []),
        ([observed()], (), 23, ["INFRA-P2-5", "environment.variables"]),
        ([observed()], (), 24, []),
        ([observed()], (TASK,), 0, []),
        ([observed(item="prerequisites", identifier="prerequisites.account")], (), 0, []),
        (
            [
                observed(item="validation", identifier="validation.call"),
                observed("unproven", item="validation", identifier="validation.denials"),
            ],
            (),
            0,
            ["validation.call"],
        ),
        (
            [
                observed(item="validation", identifier="validation.call"),
                observed(item="validation", identifier="validation.denials"),
            ],
            (),
            7,
            ["validation.call"],
        ),
    ],
    ids=[
        "passed",
        "not applicable",
        "failed",
        "unproven",
        "one of two failed",
        "an hour before it expires",
        "expired",
        "a task failed",
        "prerequisites",
        "a check of an item",
        "a check that expires sooner",
    ],
)
def test_what_need_not_be_proven_again(
    findings: list[dict[str, Any]], failed: tuple[dict[str, Any], ...], hours: int, fresh: list[str]
) -> None:
    found = fresh_proofs(shard(*findings, failed=failed), "app-1", ORIGIN, NOON + timedelta(hours=hours))
    assert sorted(found) == sorted(fresh)
    assert all(each["run_id"] == FIRST for group in found.values() for each in group)


def test_no_shard_is_nothing_fresh() -> None:
    assert fresh_proofs(None, "app-1", ORIGIN, NOON) == {}
    assert holding_proofs(None, "app-1", ORIGIN, NOON) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', '{"schema_version": 1}', "null"])
def test_what_is_no_shard_of_this_version_is_none(text: str) -> None:
    assert parsed(text) is None


def test_a_shard_survives_its_file() -> None:
    assert parsed(json.dumps(shard(observed()))) == shard(observed())


@pytest.mark.parametrize(
    ("changed", "hosts", "hours", "taken"),
    [
        ({}, ["app-2"], 0, ["app-1"]),
        ({}, ["app-1"], 0, []),
        ({}, ["app-2"], 25, []),
        ({"account_id": "999999999999"}, ["app-2"], 0, []),
        ({"collection_version": "0.2.0"}, ["app-2"], 0, []),
        ({"configuration": {"chain": "ffffffffffffffff", "host": "8899aabbccddeeff"}}, ["app-2"], 0, []),
        ({"configuration": {"chain": "00112233445566ff", "host": "of its own"}}, ["app-2"], 0, ["app-1"]),
    ],
)
def test_hosts_that_a_run_left_out(changed: dict[str, Any], hosts: list[str], hours: int, taken: list[str]) -> None:
    found = left_out([shard(observed("fail"))], other(**changed), hosts, NOON + timedelta(hours=hours))
    assert [each["host"] for each in found] == taken


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("app-1", "app-1.json"),
        ("fe80::1", "fe80__1-<>.json"),
        ("fe80__1", "fe80__1.json"),
        ("../../etc/passwd", "_.._etc_passwd-<>.json"),
        ("..", "-<>.json"),
    ],
)
def test_the_name_of_a_shard_is_its_own_and_leads_nowhere_else(host: str, name: str) -> None:
    assert file_name(host) == name.replace("<>", fingerprint(host))
    assert "/" not in file_name(host)


def test_a_fingerprint_tells_configurations_apart_and_shows_nothing() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"key": "canary-secret"}) != fingerprint({"key": "another"})
    assert len(fingerprint("x")) == 16


def test_the_filters_read_the_file_of_this_version() -> None:
    of_this_version = ORIGIN | {"collection_version": collection_version(freshness.Path(freshness.__file__).parents[2])}
    just_now = datetime.now(UTC)
    seen = finding("environment.variables", "INFRA-P2-5", "file", "pass", "Seen.", observed_at=just_now)
    text = json.dumps(shard(seen, observed("unproven"), **of_this_version))
    asked = ("app-1", ORIGIN["account_id"], ORIGIN["configuration"])
    assert freshness.fresh_proofs(text, *asked) == {}
    assert [each["subject"] for each in freshness.holding_proofs(text, *asked)] == ["file"]
    found = freshness.fresh_proofs(json.dumps(shard(seen, **of_this_version)), *asked)
    assert [each["id"] for each in freshness.fresh_items(found)] == ["environment.variables"]
    assert freshness.fresh_proofs(text, "app-1", "999999999999", ORIGIN["configuration"]) == {}


FORGED: list[dict[str, Any]] = [
    {"expires_at": "2999-01-01T00:00:00Z", "observed_at": "2026-11-23T11:00:00Z"},
    {"expires_at": "2999-01-01T00:00:00Z", "observed_at": "2999-01-01T00:00:00Z"},
    {"expires_at": "2026-11-24T12:00:00Z"},
]


@pytest.mark.parametrize("forged", FORGED, ids=["held longer", "from the future", "held shorter"])
def test_a_proof_holds_no_longer_than_its_check_says(forged: dict[str, Any]) -> None:
    told = shard(observed() | forged)
    assert fresh_proofs(told, "app-1", ORIGIN, NOON) == {}
    assert holding_proofs(told, "app-1", ORIGIN, NOON) == []
    assert left_out([told], ORIGIN, [], NOON) == []


def test_a_shard_of_another_host_proves_nothing_of_this_one() -> None:
    former = shard(observed())
    assert fresh_proofs(former, "app-2", ORIGIN, NOON) == {}
    now = updated(former, "app-2", origin=ORIGIN, run_id=SECOND, findings=[], failed_tasks=[])
    assert now["findings"] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"findings": None},
        {"findings": [{}]},
        {"findings": [observed() | {"item": ["INFRA-P2-5"]}]},
        {"findings": [observed() | {"observed_at": "2026-11-31T12:00:00Z"}]},
        {"findings": [observed() | {"evidence": "none"}]},
        {"failed_tasks": [{"task": "Write"}]},
        {"failed_tasks": "none"},
        {"configuration": "00112233445566ff"},
        {"host": 1},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_mangled_is_no_shard(broken: dict[str, Any]) -> None:
    assert parsed(json.dumps(shard(observed()) | broken)) is None


def test_each_finding_holds_for_itself() -> None:
    former = shard(observed(), observed("fail", subject="other"), failed=())
    assert [each["subject"] for each in holding_proofs(former, "app-1", ORIGIN, NOON)] == ["file"]
    assert holding_proofs(shard(observed(), failed=(TASK,)), "app-1", ORIGIN, NOON) == []


def test_shards_become_one_report() -> None:
    second = {**shard(observed("fail", subject="second")), "host": "app-2", "failed_tasks": [{**TASK, "host": "app-2"}]}
    report = merged_report([shard(observed()), second], NOON)
    assert {each["subject"]: each["hosts"] for each in report["findings"]} == {"file": ["app-1"], "second": ["app-2"]}
    assert report["failed_tasks"][0]["host"] == "app-2"
    assert report == merged_report([shard(observed()), second], NOON), "a repeat is the same report"
    assert report["run_id"] not in (FIRST, SECOND)


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ([], "There is no shard to merge"),
        ([shard()], "hold no finding"),
        ([{**shard(observed()), "schema_version": SCHEMA_VERSION - 1}], "not in the form of this version"),
        ([shard(observed()), shard(observed(), account_id="999999999999")], "account_id: .*999999999999"),
        ([shard(observed()), shard(observed(), collection_version="0.2.0")], "collection_version"),
        (
            [shard(observed()), shard(observed(), configuration={"chain": "ffffffffffffffff", "host": "x"})],
            "configuration",
        ),
    ],
)
def test_shards_that_do_not_belong_together_are_refused(shards: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        merged_report(shards, NOON)


def test_what_has_expired_is_no_proof_in_a_merged_report() -> None:
    later = NOON + timedelta(hours=24)
    (held,) = merged_report([shard(observed())], later - timedelta(seconds=1))["findings"]
    (expired,) = merged_report([shard(observed())], later)["findings"]
    assert (held["status"], expired["status"]) == ("pass", "unproven")
    assert "That held until 2026-11-25T12:00:00Z" in expired["detail"]
    assert expired["remedy"] == "Run the chain again on app-1."
    (failed,) = merged_report([shard(observed("fail"))], later)["findings"]
    assert failed["status"] == "fail"


def test_outdated_shards_are_left_out_and_named() -> None:
    changed = {"chain": "ffffffffffffffff", "host": "x"}
    newer = finding(
        "environment.variables", "INFRA-P2-5", "new", "pass", "Seen.", observed_at=NOON + timedelta(hours=1)
    )
    shards = [shard(observed()), shard(newer, configuration=changed) | {"host": "app-2"}, {"host": "app-3"}]
    kept, left_out = of_the_newest_run(shards)
    assert ([each["host"] for each in kept], left_out) == (["app-2"], ["app-1", "app-3"])
    report = merged_report(kept, NOON, left_out)
    assert report["notes"][1].endswith("or no shard: app-1, app-3.")
    assert of_the_newest_run([]) == ([], [])


def test_a_hundred_shards_become_one_report() -> None:
    hosts = [f"app-{number:03}" for number in range(100)]
    report = merged_report([shard(observed()) | {"host": host} for host in hosts], NOON)
    (together,) = report["findings"]
    assert together["hosts"] == hosts
    assert report["notes"] == [f"Merged from the shards of {', '.join(hosts[:10])} and 90 more."]


def test_every_check_of_the_table_has_a_name_and_a_lifetime() -> None:
    assert all(check.title and check.valid_hours > 0 for check in CHECKS.values())
    assert title("polly_voices.new_check") == "New check"
    assert valid_hours("polly_voices.new_check") == 24
    assert (
        valid_hours("validation.denials") < valid_hours("validation.call") < valid_hours("polly_voices.voices_listed")
    )
