# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deny statements that keep the role's calls where they are configured, whatever another policy allows.

A call through an inference profile is judged where it is made and at every destination, there with the profile's ARN as
a condition key. So a Deny by region alone would break such calls: the guard leaves the configured profiles to a
statement that knows their destinations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import EXPLICIT_DENY
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    INFERENCE_PROFILE_ARN,
    REQUESTED_REGION,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import REGIONS
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import (
    ModelRoute,
    in_region,
    requested_region,
)

SID_PREFIX = "ResidencyGuard"

Statement = dict[str, Any]
Question = tuple[str, Sequence[str], list[str], dict[str, str], str]


def is_guard(sid: str | None) -> bool:
    """Tell whether a Sid is one of the guard's."""
    return (sid or "").startswith(SID_PREFIX)


def guard_statements(routes: Sequence[ModelRoute], regions: Iterable[str]) -> list[Statement]:
    """Return the guard.

    routes: of the configured models. regions: the configured ones.
    """
    allowed = list(regions)
    profiles = _unique(route.arn for route in routes if route.is_profile)
    outside: dict[str, Any] = {REQUESTED_REGION: allowed}
    other: dict[str, Any] = {INFERENCE_PROFILE_ARN: profiles} if profiles else {}
    through_any = {"Null": {INFERENCE_PROFILE_ARN: "false"}}
    return [
        _deny("Speech", ["polly:*", "transcribe:*"], {"StringNotEquals": outside}),
        _deny("Models", "bedrock:*", {"StringNotEquals": {**outside, **other}}),
        _deny("Profiles", "bedrock:*", {**through_any, **({"StringNotEquals": other} if other else {})}),
        *_destinations(routes),
    ]


def _destinations(routes: Iterable[ModelRoute]) -> Iterator[Statement]:
    """Hold each profile to its destinations of today; profiles with the same ones share a statement."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for route in routes:
        if route.is_profile:
            groups.setdefault(_reached(route), []).append(route.arn)
    for number, (reached, profiles) in enumerate(groups.items(), 1):
        through = {INFERENCE_PROFILE_ARN: _unique(profiles)}
        condition = {"StringEquals": through, "StringNotEquals": {REQUESTED_REGION: list(reached)}}
        yield _deny(f"Destinations{number}", "bedrock:*", condition)


def _reached(route: ModelRoute) -> tuple[str, ...]:
    """Return the values of aws:RequestedRegion that a call through a profile has."""
    return tuple(sorted({route.region, *map(requested_region, route.model_arns)}))


def _deny(name: str, actions: str | list[str], condition: Mapping[str, Any]) -> Statement:
    sid = f"{SID_PREFIX}{name}"
    return {"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": "*", "Condition": dict(condition)}


def guard_questions(
    routes: Sequence[ModelRoute],
    regions: Sequence[str],
    *,
    bedrock: Sequence[str],
    speech: Sequence[str],
    control_region: str,
    control_profile_arns: Iterable[str],
) -> Iterator[Question]:
    """Ask for what the guard must deny explicitly, since an implicit denial would prove nothing of it.

    bedrock, speech: the actions. control_region: one that is not configured, or "".
    control_profile_arns: profiles that are not configured, none without that control.
    """
    models = _unique(route.model_arns[0] for route in routes)
    if control_region:
        yield control_region, speech, ["*"], {}, EXPLICIT_DENY
        yield control_region, bedrock, _unique(in_region(arn, control_region) for arn in models), {}, EXPLICIT_DENY
    for profile in control_profile_arns:
        for region in regions:
            arns = _unique(in_region(arn, region) for arn in models)
            yield region, bedrock, arns, {INFERENCE_PROFILE_ARN: profile}, EXPLICIT_DENY
    for route in routes:
        beyond = next((region for region in REGIONS if region not in (*_reached(route), *regions)), None)
        if route.is_profile and beyond:
            arn = in_region(route.model_arns[0], beyond)
            yield beyond, bedrock, [arn], {INFERENCE_PROFILE_ARN: route.arn}, EXPLICIT_DENY


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
