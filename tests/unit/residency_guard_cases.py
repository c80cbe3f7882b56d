# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls with what the residency guard has to say to them, in words of its purpose, for more than one judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import (
    GEOGRAPHIC_PROFILE,
    ON_DEMAND,
    ModelRoute,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_guard import guard_statements
from hypothesis import strategies as st

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
REGIONS = ["ca-central-1", "us-east-1", "us-west-2", "eu-west-1"]
#: What another policy of the role may say.
WIDE = {"Sid": "Wide", "Effect": "Allow", "Action": "*", "Resource": "*"}


def model(region: str) -> str:
    return f"arn:aws:bedrock:{'' if region == 'unspecified' else region}::foundation-model/{MODEL}"


def profile_arn(source: str, profile_id: str) -> str:
    return f"arn:aws:bedrock:{source}:111122223333:inference-profile/{profile_id}"


def direct(region: str) -> ModelRoute:
    return ModelRoute(region, region, MODEL, ON_DEMAND, model(region), (model(region),))


def through(source: str, profile_id: str, destinations: Sequence[str]) -> ModelRoute:
    arns = tuple(map(model, destinations))
    return ModelRoute(source, source, profile_id, GEOGRAPHIC_PROFILE, profile_arn(source, profile_id), arns)


DESTINATIONS = st.lists(st.sampled_from([*REGIONS, "unspecified"]), min_size=1, unique=True)
ROUTES = st.lists(
    st.builds(direct, st.sampled_from(REGIONS))
    | st.builds(through, st.sampled_from(REGIONS), st.sampled_from(["us.a", "global.a", "ca.a"]), DESTINATIONS),
    min_size=1,
    max_size=5,
    unique_by=lambda route: (route.region, route.arn),
)


@dataclass(frozen=True)
class GuardedCall:
    """One question to IAM, and whether the routes take it in."""

    action: str
    resource: str
    region: str
    profile: str | None
    permitted: bool


def configured(routes: Sequence[ModelRoute]) -> list[str]:
    return list(dict.fromkeys(route.region for route in routes))


def calls(routes: Sequence[ModelRoute]) -> Iterator[GuardedCall]:
    """Give every kind of call in every region: without a profile, through each profile, and through a foreign one."""
    inside = configured(routes)
    everywhere = [*REGIONS, "sa-east-1", "unspecified"]
    profiles = {route.arn: {route.region, *map(region_of, route.model_arns)} for route in routes if route.is_profile}
    foreign = [profile_arn(region, "eu.b") for region in REGIONS]
    for region in everywhere:
        for action in ("polly:SynthesizeSpeech", "transcribe:StartStreamTranscription", "transcribe:StartAnything"):
            yield GuardedCall(action, "*", region, None, region in inside)
        for action in ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"):
            yield GuardedCall(action, model(region), region, None, region in inside)
            for arn, reached in profiles.items():
                yield GuardedCall(action, model(region), region, arn, region in reached)
            for arn in foreign:
                yield GuardedCall(action, model(region), region, arn, False)
    for route in routes:
        if route.is_profile:  # whether IAM gives the key when it judges the profile itself is not documented
            yield GuardedCall("bedrock:InvokeModel", route.arn, route.region, None, True)
            yield GuardedCall("bedrock:InvokeModel", route.arn, route.region, route.arn, True)


def region_of(arn: str) -> str:
    return arn.split(":")[3] or "unspecified"


def guarded(routes: Sequence[ModelRoute]) -> dict[str, Any]:
    """Give a policy that allows everything but for the guard."""
    return {"Version": "2012-10-17", "Statement": [WIDE, *guard_statements(routes, configured(routes))]}
