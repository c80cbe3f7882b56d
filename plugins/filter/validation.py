# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role validation."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import (
    validation_calls,
    validation_denials,
    validation_findings,
    validation_renewal,
    validation_witnesses,
)

ORDER = (
    validation_findings.STATIC_KEYS,
    validation_findings.CALL,
    validation_findings.WITNESSES,
    validation_denials.DENIALS,
)


class FilterModule:
    """Filters on the calls from the hosts and on CloudTrail's events."""

    def filters(self):
        return {
            "simulated_decisions": validation_witnesses.simulated_decisions,
            "trail_awaited": trail_awaited,
            "trail_digest": validation_denials.trail_digest,
            "trail_look": validation_renewal.trail_look,
            "validation_calls": validation_calls.probe_calls,
            "validation_findings": validation_findings_of,
            "validation_renewal": validation_renewal.renewal,
        }


def trail_awaited(trail, results):
    """Return the calls that CloudTrail has not shown yet."""
    return validation_denials.trail_awaited(results, {event["request_id"] for event in trail.get("events", [])})


def validation_findings_of(probe, renewal, regions, *, trail, witnesses, role_arn, window_hours):
    """Take over what is kept, and judge calls, witnesses and denials as far as they are renewed."""
    trail = {**validation_denials.trail_digest({}, [], role_arn), **trail}
    lacking = dict(witnesses.get("lacking") or {})
    if trail.get("failed"):
        lacking["cloudtrail"] = f"CloudTrail could not be looked at: {trail['msg']}"
    seen = validation_witnesses.Seen(
        decisions=witnesses.get("decisions") or [],
        models=witnesses.get("models") or [],
        voices=witnesses.get("voices") or [],
        events=trail["calls"],
        lacking=lacking,
    )
    results = [*renewal["earlier"], *(probe["results"] if renewal["probe"] else [])]
    found = list(renewal["kept"])
    if renewal["probe"]:
        found += validation_findings.findings_of_calls(probe, renewal["planned"], seen)
    if renewal["witnesses"]:
        found += validation_findings.findings_of_witnesses(results, seen)
    if renewal["trail"]:
        names = [region["region"] for region in regions.values()]
        found += validation_denials.findings_of_denials(names, results, trail, role_arn, float(window_hours))
    return sorted(found, key=lambda each: ORDER.index(each["id"]))
