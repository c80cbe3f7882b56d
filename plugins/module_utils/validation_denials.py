# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether CloudTrail is free of denials in a region: only once it has shown the probe's own calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    PASS,
    UNPROVEN,
    Finding,
    finding,
    moment,
    timestamp,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.outcome import USER_AGENT
from ansible_collections.safesecrets.infra.plugins.module_utils.trail_events import (
    denials_of,
    explained,
    remedy_of,
    sentence_of,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_calls import REFUSED
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_witnesses import action_of, is_iam_denial

Row = Mapping[str, Any]

ITEM, DENIALS = "validation", "validation.denials"
#: CloudTrail delivers in about 5 minutes, and says that it may take 15.
DELIVERY = timedelta(minutes=15)
#: How many kinds of denials a sentence names; the evidence has them all.
SHOWN = 3


def own_calls(results: Iterable[Row]) -> list[Row]:
    """Return the calls that CloudTrail has to show: those that AWS served, and those that a policy refused."""
    return [
        each
        for each in results
        if each.get("request_id") and (each["status"] == "ok" or is_iam_denial(each)) and each.get("region")
    ]


def trail_awaited(results: Iterable[Row], shown: Collection[str]) -> list[Row]:
    """Return the probe's calls that CloudTrail has not shown yet; shown: request IDs of its events."""
    return [each for each in own_calls(results) if each["request_id"] not in shown]


def trail_digest(trail: Row, results: Sequence[Row], role_arn: str) -> dict[str, Any]:
    """Return of CloudTrail what the judgement of any host needs, so that not every host goes through all of it.

    trail: the result of cloudtrail_event_info; ``failed`` and ``msg`` where it could not look are kept. results: of
    service_probe, those of all hosts.

    ``calls`` are the events of these results, by request ID. ``denials`` are the events of the role's denied calls, the
    newest first, without those that probes made to be refused and that no host expects to succeed. ``events`` is how
    many there were, by region. ``lookups`` are as they were.
    """
    events = trail.get("events", [])
    made = {each["request_id"] for each in results if each.get("request_id")}
    expected = [each for each in results if each.get("expectation") != REFUSED]
    calls: dict[str, Row] = {}
    for event in events:
        if event["request_id"] in made:
            calls.setdefault(event["request_id"], event)
    return {
        "calls": calls,
        "denials": _of_no_probe(denials_of(events, role_arn), results, expected),
        "events": dict(Counter(event["region"] for event in events)),
        "lookups": trail.get("lookups", []),
        **{key: trail[key] for key in ("failed", "msg") if key in trail},
    }


def findings_of_denials(
    regions: Sequence[str], results: Sequence[Row], trail: Row, role_arn: str, window_hours: float
) -> list[Finding]:
    """Judge each region.

    results: of service_probe, this host's. trail: as :func:`trail_digest` gives it. window_hours: how far it looks
    back.
    """
    judged = []
    for region in regions:
        calls = [each for each in results if each.get("region") == region]
        status, detail, remedy, evidence = _verdict(region, calls, trail, role_arn, window_hours)
        facts = {"role_arn": role_arn, "window_hours": window_hours, **evidence}
        judged.append(finding(DENIALS, ITEM, role_arn, status, detail, region=region, remedy=remedy, evidence=facts))
    return judged


def _verdict(
    region: str, calls: Sequence[Row], trail: Row, role_arn: str, window_hours: float
) -> tuple[str, str, str, dict[str, Any]]:
    if trail.get("failed"):
        remedy = "Give the operator cloudtrail:LookupEvents, and run playbooks/validate.yml."
        return UNPROVEN, f"CloudTrail could not be looked at: {trail['msg']}", remedy, {}
    in_region = [event for event in trail["denials"] if event["region"] == region]
    denials = [_told(each, calls) for each in _of_no_probe(in_region, calls)]
    evidence = {"denials": denials, "events": trail["events"].get(region, 0)}
    if standing := [each for each in denials if each["overcome_at"] is None]:
        return FAIL, f"{_counted(standing)}.", _remedy(standing), evidence
    unproven = _undecided(calls, trail, region)
    if unproven:
        return UNPROVEN, *unproven, evidence
    if denials:
        detail = f"{_counted(denials)}. The same has succeeded since, at {denials[0]['overcome_at']}."
        hours = f"A look back of less than {window_hours:g} hours (validation_window_hours) leaves the denial out"
        return UNPROVEN, detail, f"{hours}, as does a run when it is older than that.", evidence
    served, refused = _kinds(calls)
    detail = (
        f"The last {window_hours:g} hours hold no denial of the role but the {len(refused)} that the probe made on "
        f"purpose; its {len(served)} calls that succeeded are there, too."
    )
    return PASS, detail, "", {**evidence, "request_ids": [each["request_id"] for each in own_calls(calls)]}


def _kinds(calls: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    own = own_calls(calls)
    return [each for each in own if each["status"] == "ok"], [each for each in own if each["expectation"] == REFUSED]


def _undecided(calls: Sequence[Row], trail: Row, region: str) -> tuple[str, str] | None:
    """Return why the absence of denials proves nothing yet, and what to do; None where it does."""
    served, refused = _kinds(calls)
    rerun = "Run playbooks/validate.yml without check mode."
    if not served:
        return "No call from the host succeeded here, so that CloudTrail's silence would prove nothing.", rerun
    if not refused:
        what = "No call was refused here on purpose, so that nothing shows that CloudTrail tells of denials."
        return what, "Set validation_control_model to a model that the role must not use, and run again."
    cut = [each for each in trail["lookups"] if each["region"] == region and not each["complete"]]
    if cut:
        what = f"The window was not read to its end, only back to {cut[0]['oldest_event_time']}."
        return what, "Raise validation_max_pages, or shorten validation_window_hours."
    missing = trail_awaited(calls, trail["calls"])
    if missing:
        again = max(moment(each["attempted_at"]) for each in missing) + DELIVERY
        what = f"CloudTrail has not shown {len(missing)} of the probe's {len(own_calls(calls))} calls yet."
        look = f"Look again after {timestamp(again)} with safesecrets_refresh: stale, which repeats no call that passed"
        wait = "raise validation_trail_wait_minutes, with which a run waits for them"
        return what, f"{look}, or {wait}. Calls that it does not show an hour later: run playbooks/validate.yml anew."
    return None


def _of_no_probe(denials: Iterable[Row], results: Iterable[Row], expected: Iterable[Row] = ()) -> list[Row]:
    """Leave out what a probe made to be refused: one of these results, an earlier run's, or another host's.

    expected: calls that are to succeed, of which a denial stays, whatever other hosts make to be refused.
    """
    on_purpose = [each for each in results if each.get("expectation") == REFUSED]
    made = {each["request_id"] for each in on_purpose if each.get("request_id")}
    kinds = _distinct(on_purpose), _distinct(expected)
    return [each for each in denials if each["request_id"] not in made and not _is_of_probe(each, *kinds)]


def _is_of_probe(event: Row, refused: Iterable[Row], expected: Iterable[Row]) -> bool:
    if USER_AGENT not in str(event["user_agent"]):
        return False
    denial = _explained(event)
    return any(_same(denial, call) for call in refused) and not any(_same(denial, call) for call in expected)


def _distinct(calls: Iterable[Row]) -> list[Row]:
    """Return one of the calls of each kind, of which hundreds of hosts make the same."""
    return list({(each.get("region"), action_of(each), _model_of(each)): each for each in calls}.values())


def _explained(event: Row) -> dict[str, Any]:
    return explained(event["region"], str(event["error_message"] or ""), str(event["event_name"]))


def _told(event: Row, calls: Iterable[Row]) -> dict[str, Any]:
    """Return a denial with its explanation, and when the same succeeded later."""
    denial = _explained(event)
    later = [
        each["attempted_at"]
        for each in calls
        if each["status"] == "ok" and each["attempted_at"] > event["event_time"] and _same(denial, each)
    ]
    kept = ("event_id", "event_time", "event_name", "username", "request_id", "error_code", "error_message")
    return {**denial, **{key: event[key] for key in kept}, "overcome_at": min(later, default=None)}


def _same(denial: Row, call: Row) -> bool:
    if (denial["region"], denial["action"]) != (call.get("region"), action_of(call)):
        return False
    model = _model_of(call)
    return denial["resource"] == "*" or not model or str(denial["resource"]).rpartition("/")[2] == model


def _model_of(call: Row) -> str:
    return str(call.get("model_id") or "").rpartition("/")[2]


def _counted(denials: Sequence[Row]) -> str:
    """Name the kinds of denials, each with its number and its newest."""
    kinds: dict[str, list[Row]] = {}
    for each in denials:
        kinds.setdefault(sentence_of(each), []).append(each)
    told = [
        f"{sentence}, {len(each)} {'time' if len(each) == 1 else 'times'}, last at {each[0]['event_time']}"
        f" by {each[0]['username']}"
        for sentence, each in list(kinds.items())[:SHOWN]
    ]
    return "; ".join(told) + (f"; and {len(kinds) - SHOWN} more" if len(kinds) > SHOWN else "")


def _remedy(denials: Sequence[Row]) -> str:
    return " ".join(list(dict.fromkeys(remedy_of(each) for each in denials))[:SHOWN])
