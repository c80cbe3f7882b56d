# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far policies permit a role's calls, configured or not, as far as that can be said without asking IAM.

What is not known is taken to permit: an Allow that may apply counts, a Deny only when it certainly does. A leg is a
pair of the region where a call is made and the region where it may run; they differ for inference profiles only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_conditions import strings
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    BOUNDARY,
    INFERENCE_PROFILE_ARN,
    Policy,
    Request,
    applying,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import ANYWHERE_REGION, REGIONS
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import UNSPECIFIED_REGION

Leg = tuple[str, str]

MODEL = "foundation-model/"
#: What stands for any model and any profile of each kind, where a policy names none.
ANY_MODEL = f"{MODEL}provider.model"
#: What takes the place of wildcards; no name holds it.
WILDCARD = "any_"
PROFILE_KINDS = ("inference-profile/", "application-inference-profile/")
ANY_PROFILES = ("inference-profile/us.provider.model", "inference-profile/global.provider.model")


@dataclass(frozen=True)
class Reach:
    """Where calls of one action may run, and the statements that may permit it, by their titles."""

    legs: Mapping[Leg, tuple[str, ...]]

    def beyond(self, configured: Iterable[Leg]) -> dict[Leg, tuple[str, ...]]:
        """Return the legs that are not configured."""
        known = set(configured)
        return {leg: titles for leg, titles in self.legs.items() if leg not in known}


@dataclass(frozen=True)
class _Judge:
    """The policies of a role, and what every one of its requests carries."""

    policies: Sequence[Policy]
    context: Mapping[str, Any]

    def permitting(self, action: str, resource: str, region: str, profile: str = "") -> tuple[str, ...]:
        """Return the titles of the statements that may permit a request; none where it is denied."""
        keys = {**self.context, **({INFERENCE_PROFILE_ARN: profile} if profile else {})}
        request = Request.of(action, resource, region, keys)
        if any(verdict for _statement, verdict in applying(self.policies, request, denies=True)):
            return ()
        allowing = [statement for statement, _verdict in applying(self.policies, request, denies=False)]
        bounds = [policy for policy in self.policies if policy.policy_type == BOUNDARY]
        bounded = all(any(each.policy is policy for each in allowing) for policy in bounds)
        return tuple(each.title for each in allowing if each.policy.policy_type != BOUNDARY) if bounded else ()


def permitted_reach(policies: Sequence[Policy], action: str, context: Mapping[str, Any] | None = None) -> Reach:
    """Return how far an action without resources may go: Polly's and Transcribe's."""
    judge = _Judge(policies, context or {})
    found = {(region, region): judge.permitting(action, "*", region) for region in REGIONS}
    return Reach({leg: titles for leg, titles in found.items() if titles})


def permitted_model_reach(
    policies: Sequence[Policy],
    action: str,
    sources: Iterable[str],
    *,
    partition: str,
    account_id: str,
    known_profiles: Mapping[str, Iterable[str]],
    context: Mapping[str, Any] | None = None,
) -> Reach:
    """Return how far a Bedrock action may go: directly in every region, from ``sources`` through profiles too.

    known_profiles: by ARN the profiles of which is known where they run. Of another one, its name says which model it
    runs, and the policies where it may.
    """
    judge = _Judge(policies, context or {})
    names = _named_resources(policies)
    models = [ANY_MODEL, *(name for name in names if name.startswith(MODEL))]
    legs: dict[Leg, tuple[str, ...]] = {}
    for region in REGIONS:
        _first(legs, (region, region), (judge.permitting(action, _arn(partition, region, m), region) for m in models))
    profiles = [*ANY_PROFILES, *(name for name in names if name.startswith(PROFILE_KINDS))]
    for source in sources:
        for name in dict.fromkeys(profiles):
            profile = _arn(partition, source, name, account_id)
            if not (judge.permitting(action, profile, source, profile) or judge.permitting(action, profile, source)):
                continue
            behind = [_model_behind(name)] if _model_behind(name) else models
            for region in known_profiles.get(profile, (*REGIONS, ANYWHERE_REGION)):
                in_arn, requested = _asked(region)
                asked = (judge.permitting(action, _arn(partition, in_arn, m), requested, profile) for m in behind)
                _first(legs, (source, region), asked)
    return Reach(legs)


def _asked(region: str) -> tuple[str, str]:
    """Return the region in a model's ARN and the aws:RequestedRegion of a call that runs in a region."""
    return ("", UNSPECIFIED_REGION) if region == ANYWHERE_REGION else (region, region)


def _model_behind(profile: str) -> str:
    """Return the model that a profile's name gives away; none for what stands for many profiles or has no such name."""
    kind, _slash, identifier = profile.partition("/")
    model = "" if WILDCARD in identifier or kind.startswith("application") else identifier.partition(".")[2]
    return model and f"{MODEL}{model}"


def _first(legs: dict[Leg, tuple[str, ...]], leg: Leg, found: Iterable[tuple[str, ...]]) -> None:
    """Add a leg where one of the answers permits it, and ask no further."""
    if leg not in legs:
        titles = next((each for each in found if each), ())
        if titles:
            legs[leg] = titles


def _arn(partition: str, region: str, name: str, account_id: str = "") -> str:
    return f"arn:{partition}:bedrock:{region}:{account_id}:{name}"


def _named_resources(policies: Iterable[Policy]) -> list[str]:
    """Return one resource for each that an Allow names, :data:`WILDCARD` in the place of its wildcards."""
    allows = (statement for policy in policies for statement in policy.statements() if not statement.denies)
    return list(dict.fromkeys(name for each in allows for name in _resources(each.body)))


def _resources(body: Mapping[str, Any]) -> Iterator[str]:
    for pattern in strings(body.get("Resource", [])):
        name = pattern.split(":", 5)[-1] if pattern.startswith("arn:") else ""
        yield re.sub(r"\$\{[^}]*\}|[*?]+", WILDCARD, name)
