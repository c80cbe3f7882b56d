# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role validation."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import (
    validation_calls,
    validation_denials,
    validation_findings,
    validation_witnesses,
)


class FilterModule:
    """Filters on the calls from the hosts and on CloudTrail's events."""

    def filters(self):
        return {
            "simulated_decisions": validation_witnesses.simulated_decisions,
            "trail_awaited": trail_awaited,
            "trail_window_start": validation_denials.window_start,
            "validation_calls": validation_calls.probe_calls,
            "validation_findings": validation_findings_of,
        }


def trail_awaited(trail, results):
    """Return the calls that CloudTrail has not shown yet."""
    return validation_denials.trail_awaited(results, trail.get("events", []))


def validation_findings_of(probe, calls, regions, *, trail, witnesses, role_arn, window_hours):
    """Judge calls, witnesses and denials."""
    lacking = dict(witnesses.get("lacking") or {})
    if trail.get("failed"):
        lacking["cloudtrail"] = f"CloudTrail could not be looked at: {trail['msg']}"
    seen = validation_witnesses.Seen(
        decisions=witnesses.get("decisions") or [],
        models=witnesses.get("models") or [],
        voices=witnesses.get("voices") or [],
        events=trail.get("events", []),
        lacking=lacking,
    )
    names = [region["region"] for region in regions.values()]
    return [
        *validation_findings.findings_of_calls(probe, calls, seen),
        *validation_denials.findings_of_denials(names, probe["results"], trail, role_arn, float(window_hours)),
    ]
