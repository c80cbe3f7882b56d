# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the benchmarks count and judge: a contender that leaves something out must not be measured."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from benchmarks import calls, figures, measure, stage, work
from benchmarks.calls import Call

LOG = """\
2026-11-24 23:48:40 INFO [lab] AKIA0A9F ca-central-1 sts GetCallerIdentity -> 200
2026-11-24 23:48:55 INFO [lab] ASIA7DF1 us-west-2 polly SynthesizeSpeech -> 403
2026-11-24 23:48:55 INFO [lab] ASIA7DF1 us-west-2 polly SynthesizeSpeech -> 200
2026-11-24 23:48:56 INFO [lab] AKIA0A9F us-east-1 cloudtrail LookupEvents -> 200
something else -> 200
"""
PLAN = {
    "home": "ca-central-1",
    "control_region": "us-west-2",
    "control_model": "meta.llama3-8b-instruct-v1:0",
    "regions": stage.regions(2),
}


def test_calls_are_read_from_the_log() -> None:
    assert calls.read(LOG) == {
        Call("sts", "GetCallerIdentity", "ca-central-1"): 1,
        Call("polly", "SynthesizeSpeech", "us-west-2", refused=True): 1,
        Call("polly", "SynthesizeSpeech", "us-west-2"): 1,
        Call("cloudtrail", "LookupEvents", "us-east-1"): 1,
    }


def test_look_ups_of_cloudtrail_are_left_out_where_waiting_is_not_counted() -> None:
    assert calls.without_trail(calls.read(LOG).items()) == 3


@pytest.mark.parametrize("converging", [True, False])
def test_who_makes_every_needed_call_lacks_nothing(converging: bool) -> None:
    needed = calls.needed(PLAN, converging=converging)
    assert calls.missing(needed + Counter({Call("sts", "More", "x"): 1}), needed) == []


def test_each_call_that_is_left_out_is_named() -> None:
    needed = calls.needed(PLAN, converging=True)
    for call in needed:
        made = needed - Counter({call: 1})
        assert [each.split(":")[0].split(" (")[0] for each in calls.missing(made, needed)] == [
            f"{call.service} {call.operation} in {call.region}"
        ]


def test_a_refusal_does_not_stand_for_an_answer() -> None:
    good = Call("polly", "SynthesizeSpeech", "us-east-1")
    assert calls.missing(Counter({good._replace(refused=True): 9}), Counter({good: 1}))
    assert calls.missing(Counter({good: 9}), Counter({good._replace(refused=True): 1}))


def test_each_host_makes_its_calls_and_the_account_is_looked_at_once() -> None:
    one, three = calls.needed(PLAN, converging=False), calls.needed(PLAN, converging=False, hosts=3)
    grown = {call.service for call in three if three[call] != one[call]}
    assert grown == {"bedrock", "polly", "transcribe"}
    assert (sum(one.values()), sum(three.values())) == (58, 98)


def test_the_work_is_what_the_configuration_says() -> None:
    made = work.calls(PLAN["regions"], "us-west-2", PLAN["control_model"])
    assert Counter(each["expectation"] for each in made) == {"allowed": 14, "refused": 6}
    assert {each["voice"] for each in made if each["region"] == "us-east-1" and "voice" in each} == {
        "Ruth",
        "Matthew",
        "Joanna",
    }
    assert len(work.simulations(PLAN["regions"], "us-west-2", PLAN["control_model"])) == 6


def test_a_region_that_is_configured_is_no_control() -> None:
    made = work.calls(PLAN["regions"], "us-east-1", PLAN["control_model"])
    assert Counter(each["expectation"] for each in made) == {"allowed": 14, "refused": 2}


def test_more_regions_can_be_had_than_the_lab_configures() -> None:
    assert len(stage.regions(8)) == 8
    for number in (1, 9):
        with pytest.raises(ValueError, match="2 to 8"):
            stage.regions(number)


def simulated(decision: str, *, resource: str = "*") -> list[dict[str, Any]]:
    specific = [{"EvalResourceName": resource, "EvalResourceDecision": decision}]
    return [{"EvalActionName": "polly:SynthesizeSpeech", "EvalDecision": decision, "ResourceSpecificResults": specific}]


@pytest.mark.parametrize(
    ("allowed", "results", "faults"),
    [
        (["*"], simulated("allowed"), 0),
        ([], simulated("implicitDeny"), 0),
        (["*"], simulated("implicitDeny"), 1),
        ([], simulated("allowed"), 1),
        (["*"], simulated("allowed", resource="arn:of:another"), 1),
        ([], [], 1),
    ],
)
def test_simulations_are_judged(allowed: list[str], results: list[dict[str, Any]], faults: int) -> None:
    asked = {"region": "r", "actions": ["polly:SynthesizeSpeech"], "resources": ["*"], "allowed": allowed}
    assert len(work.simulation_faults(asked, results)) == faults


EVERYWHERE = [{"CidrIp": "0.0.0.0/0"}]


@pytest.mark.parametrize(
    ("rule", "open_"),
    [
        ({"IpProtocol": "-1", "IpRanges": EVERYWHERE}, True),
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, False),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": EVERYWHERE}, True),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": EVERYWHERE}, False),
        ({"IpProtocol": "udp", "FromPort": 443, "ToPort": 443, "IpRanges": EVERYWHERE}, False),
    ],
)
def test_rules_are_judged(rule: dict[str, Any], open_: bool) -> None:
    assert work.lets_https_out(rule) is open_


@pytest.mark.parametrize(
    ("actions", "open_"), [([(100, "allow")], True), ([(90, "deny"), (100, "allow")], False), ([], False)]
)
def test_acls_are_judged(actions: list[tuple[int, str]], open_: bool) -> None:
    entries = [{"RuleNumber": n, "RuleAction": a, "Egress": True, "Protocol": "-1"} for n, a in actions]
    assert work.acl_lets_https_out(entries) is open_


def test_models_are_judged() -> None:
    alive = {"inferenceTypesSupported": ["ON_DEMAND"], "modelLifecycle": {"status": "ACTIVE"}}
    assert work.is_alive(alive)
    assert not work.is_alive(None)
    assert not work.is_alive({**alive, "modelLifecycle": {"status": "LEGACY"}})
    assert not work.is_alive({**alive, "inferenceTypesSupported": ["INFERENCE_PROFILE"]})
    ready = {
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    }
    assert work.is_accessible(ready)
    for name in ready:
        missing: Any = {"status": "PENDING"} if name == "agreementAvailability" else "NOT_AVAILABLE"
        assert not work.is_accessible({**ready, name: missing})


def test_the_file_is_written_once() -> None:
    once = work.with_blocks("A=1\n", {"x": {"B": "2"}})
    assert once.startswith("A=1\n# BEGIN safesecrets.infra x\n")
    assert work.with_blocks(once, {"x": {"B": "2"}}) == once
    assert work.with_blocks(once, {"x": {"B": "3"}}).count("BEGIN") == 1


def test_policies_are_the_same_in_any_order() -> None:
    one = {"Statement": [{"Effect": "Allow", "Action": ["b", "a"]}]}
    assert work.normal(one) == work.normal({"Statement": [{"Action": ["a", "b"], "Effect": "Allow"}]})
    assert work.normal(one) != work.normal({"Statement": [{"Action": ["a"], "Effect": "Allow"}]})
    assert work.denies({"Statement": [{"Effect": "Deny"}]})
    assert not work.denies(one)


def test_denials_of_the_role_alone_count() -> None:
    issuer = {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/app"}}}
    event = {"errorCode": "AccessDeniedException", "userIdentity": issuer}
    assert work.is_denial_of(event, "app")
    assert not work.is_denial_of(event, "pp")
    assert not work.is_denial_of({**event, "errorCode": None}, "app")


def sample(seconds: float, **more: Any) -> dict[str, Any]:
    return {**dict.fromkeys(figures.FIGURES, 1.0), "seconds": seconds, "modules": [], **more}


def test_ratios_are_taken_within_a_round() -> None:
    one, other = [sample(1), sample(10), sample(3)], [sample(2), sample(10), sample(12)]
    assert figures.ratio(one, other, "seconds") == figures.Ratio(0.5, 0.25, 1.0)
    for wrong in ([], [sample(1)]):
        with pytest.raises(ValueError, match="cannot be compared"):
            figures.ratio(one, wrong, "seconds")


def test_the_median_is_no_mean() -> None:
    assert figures.medians([sample(1), sample(2), sample(100)])["seconds"] == 2


def test_modules_are_counted_on_the_host_that_has_most() -> None:
    noted = (
        '{"host": "h", "module": "safesecrets.infra.service_probe"}\n' * 2 + '{"host": "localhost", "module": "m"}\n'
    )
    assert measure.count_modules(noted) == {("h", "safesecrets.infra.service_probe"): 2, ("localhost", "m"): 1}
    modules = [
        {"host": "localhost", "module": "safesecrets.infra.environment_file", "count": 7},
        {"host": "h", "module": "safesecrets.infra.environment_file", "count": 2},
        {"host": "i", "module": "safesecrets.infra.service_probe", "count": 1},
        {"host": "i", "module": "ansible.legacy.uri", "count": 4},
    ]
    assert figures.per_host(modules) == {"files": 2, "probe": 1, "others": 4}


def grown(*seconds: tuple[int, float]) -> list[dict[str, Any]]:
    return [{"size": size, **dict.fromkeys(figures.FIGURES, of_size)} for size, of_size in seconds]


def test_growth_is_flat_where_a_further_host_costs_the_same() -> None:
    assert figures.further_cost(grown((1, 10), (10, 19), (50, 99)), "seconds") == [(1, 10, 1.0), (10, 50, 2.0)]
    assert figures.is_flat([(1, 10, 1.0), (10, 50, 1.2)]) is True
    assert figures.is_flat([(1, 10, 1.0), (10, 50, 2.0)]) is False
    assert figures.is_flat([(1, 10, 1.0)]) is None


def verdicts(idle: float, runbook: float, floor: float, **more: Any) -> list[bool | None]:
    samples = {"b": [sample(idle, **more)], "c": [sample(runbook)], "e": [sample(floor)]}
    return [each.met for each in figures.targets(samples, grown((1, 10), (10, 19), (50, 59)))]


def test_targets_are_met_or_not() -> None:
    probe = {"host": "h", "module": "service_probe", "count": 2}
    assert verdicts(8, 16, 1) == [True, True, True, True, True]
    assert verdicts(8.1, 16, 1, calls=1.3, modules=[probe]) == [False, False, False, False, True]
    assert [each.met for each in figures.targets({"b": [sample(1)]}, [])] == [None, None, None, True, None]


def test_the_table_has_a_row_for_each_that_was_measured() -> None:
    shown = figures.table([("site.yml", [sample(1), sample(3)]), ("nothing", [])])
    assert len(shown.splitlines()) == 2
    assert "(1.0 to 3.0)" in shown
