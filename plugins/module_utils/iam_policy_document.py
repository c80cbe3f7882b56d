# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policy that lets the role use its regions, and the simulations that prove it.

``regions`` is ``safesecrets_regions``: by code, each with ``region`` and ``models`` (default, allowlist, optional).
``models`` are rows of bedrock_model_access_info; needed for inference profiles only, whose ARNs AWS alone knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import (
    EXPECTED_ALLOWED,
    EXPECTED_DENIED,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    INFERENCE_PROFILE_ARN,
    REQUESTED_REGION,
    Policy,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import (
    UNSPECIFIED_REGION,
    ModelRoute,
    foundation_model_arn,
    in_region,
    model_routes,
    requested_region,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_guard import (
    guard_questions,
    guard_statements,
    is_guard,
)

BEDROCK_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
SPEAK = "polly:SynthesizeSpeech"
TRANSCRIBE = "transcribe:StartStreamTranscription"
ACTIONS = (*BEDROCK_ACTIONS, SPEAK, TRANSCRIBE)

#: The Sids that this policy's statements have.
_SIDS = re.compile(
    "InvokeFoundationModels|InvokeInferenceProfiles|InvokeModelsBehindProfiles[A-Za-z0-9]+"
    "|SynthesizeSpeech|StartStreamTranscription"
)


def multi_region_policy_document(
    regions: Mapping[str, Any],
    models: Iterable[Mapping[str, Any]] = (),
    partition: str = "aws",
    *,
    residency_guard: bool = False,
) -> dict[str, Any]:
    """Return the policy document that allows the four actions for the configured models and regions, and no more.

    residency_guard: deny everything else of these services explicitly, so that no other policy can allow it.
    Raises ValueError for what is no model ID, and for an inference profile of which ``models`` does not give the ARNs.
    """
    routes = model_routes(regions, models, partition)
    requested = {"StringEquals": {REQUESTED_REGION: _regions(regions)}}
    statements = [
        _allow("InvokeFoundationModels", BEDROCK_ACTIONS, [each.arn for each in routes if not each.is_profile]),
        _allow("InvokeInferenceProfiles", BEDROCK_ACTIONS, [each.arn for each in routes if each.is_profile]),
        *_models_behind_profiles(routes),
        _allow("SynthesizeSpeech", [SPEAK], "*", requested),
        _allow("StartStreamTranscription", [TRANSCRIBE], "*", requested),
        *(guard_statements(routes, _regions(regions)) if residency_guard else []),
    ]
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Resource"]]}


def _models_behind_profiles(routes: Iterable[ModelRoute]) -> Iterator[dict[str, Any]]:
    """Allow the models that profiles may run, for calls through these profiles only.

    Profiles with the same models share a statement, and no profile gets the models of another. A global profile needs
    a third part, for requests that name no region.
    """
    profiles: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in routes:
        if each.is_profile:
            profiles.setdefault((each.code, each.granted_model_arns), []).append(each.arn)
    for number, ((code, arns), profile_arns) in enumerate(profiles.items(), 1):
        sid = f"InvokeModelsBehindProfiles{re.sub('[^A-Za-z0-9]', '', code)}{number}"
        through = {INFERENCE_PROFILE_ARN: _unique(profile_arns)}
        unspecified = {**through, REQUESTED_REGION: UNSPECIFIED_REGION}
        anywhere = [arn for arn in arns if requested_region(arn) == UNSPECIFIED_REGION]
        somewhere = [arn for arn in arns if arn not in anywhere]
        yield _allow(sid, BEDROCK_ACTIONS, somewhere, {"StringEquals": through})
        yield _allow(f"{sid}Global", BEDROCK_ACTIONS, anywhere, {"StringEquals": unspecified})


def _allow(
    sid: str, actions: Sequence[str], resource: str | Iterable[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions) if len(actions) > 1 else actions[0],
        "Resource": resource if isinstance(resource, str) else _unique(resource),
    }
    return {**statement, "Condition": condition} if condition else statement


def _regions(regions: Mapping[str, Any]) -> list[str]:
    return _unique(entry["region"] for entry in regions.values())


def multi_region_simulations(
    regions: Mapping[str, Any],
    models: Iterable[Mapping[str, Any]] = (),
    partition: str = "aws",
    *,
    control_region: str = "",
    control_model: str = "",
    context: Mapping[str, Any] | None = None,
    residency_guard: bool = False,
    control_profile: str = "",
    account_id: str = "",
) -> list[dict[str, Any]]:
    """Return the simulations that prove the policy: what must be allowed, and controls that must be denied.

    The controls are a region and a model that are not configured, of which an empty one is left out, and the models
    behind profiles, called past these where no configuration lets them. With the guard, the region and a profile that
    is not configured have to be denied explicitly.
    """
    routes = model_routes(regions, models, partition)
    questions = [
        *_wanted(routes),
        *((region, [SPEAK, TRANSCRIBE], ["*"], {}, EXPECTED_ALLOWED) for region in _regions(regions)),
        *_controls(regions, routes, partition, control_region, control_model),
    ]
    if residency_guard:
        questions += guard_questions(
            routes,
            _regions(regions),
            bedrock=BEDROCK_ACTIONS,
            speech=[SPEAK, TRANSCRIBE],
            control_region=control_region,
            control_profile_arns=_profile_arns(control_profile, _regions(regions), partition, account_id),
        )
    return [
        {
            "region": region,
            "actions": list(actions),
            "resources": _unique(resources),
            "context": {**(context or {}), **extra},
            "expected": expected,
        }
        for region, actions, resources, extra, expected in questions
        if resources
    ]


_Question = tuple[str, Sequence[str], list[str], dict[str, str], str]


def _wanted(routes: Sequence[ModelRoute]) -> Iterator[_Question]:
    """Ask for models called directly, for profiles, and for every model behind a profile where it would run."""
    for region in _unique(each.region for each in routes):
        direct = [each.arn for each in routes if each.region == region]
        yield region, BEDROCK_ACTIONS, direct, {}, EXPECTED_ALLOWED
    for profile in (each for each in routes if each.is_profile):
        for region in _unique(map(requested_region, profile.granted_model_arns)):
            arns = [arn for arn in profile.granted_model_arns if requested_region(arn) == region]
            yield region, BEDROCK_ACTIONS, arns, {INFERENCE_PROFILE_ARN: profile.arn}, EXPECTED_ALLOWED


def _controls(
    regions: Mapping[str, Any], routes: Sequence[ModelRoute], partition: str, control_region: str, control_model: str
) -> Iterator[_Question]:
    if control_region:
        models = _unique(in_region(each.arn, control_region) for each in routes if not each.is_profile)
        yield control_region, BEDROCK_ACTIONS, models, {}, EXPECTED_DENIED
        yield control_region, [SPEAK, TRANSCRIBE], ["*"], {}, EXPECTED_DENIED
    if control_model:
        for region in _regions(regions):
            arn = foundation_model_arn(control_model, region, partition)
            yield region, BEDROCK_ACTIONS, [arn], {}, EXPECTED_DENIED
    direct = {each.arn for each in routes if not each.is_profile}
    behind = _unique(arn for each in routes if each.is_profile for arn in each.granted_model_arns)
    for region in _unique(map(requested_region, behind)):
        past = [arn for arn in behind if requested_region(arn) == region and arn not in direct]
        yield region, BEDROCK_ACTIONS, past, {}, EXPECTED_DENIED


def _profile_arns(profile_id: str, regions: Iterable[str], partition: str, account_id: str) -> list[str]:
    named = f"{account_id}:inference-profile/{profile_id}"
    return [f"arn:{partition}:bedrock:{region}:{named}" for region in regions] if profile_id else []


def foreign_statements(policies: Iterable[Mapping[str, Any]], policy_name: str) -> list[str]:
    """Return Sid or number of the statements that are not ours in the policy under our name.

    A policy that someone else wrote under this name must not be overwritten. policies: each with name, type, document.
    """
    ours = [Policy(each["name"], each["type"], each["document"]) for each in policies]
    statements = [statement for each in ours if each.name == policy_name for statement in each.statements()]
    foreign = [each for each in statements if not (_SIDS.fullmatch(each.sid or "") or is_guard(each.sid))]
    return [each.sid or f"number {each.index + 1}" for each in foreign]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
