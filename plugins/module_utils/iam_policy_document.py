# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inline policy that lets the role use its regions, and the simulations that prove it.

``regions`` is ``safesecrets_regions``: by code, each with ``region`` and ``models`` (default, allowlist, optional).
``models`` are rows of bedrock_model_access_info; needed for inference profiles only, whose ARNs AWS alone knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import (
    EXPECTED_ALLOWED,
    EXPECTED_DENIED,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    INFERENCE_PROFILE_ARN,
    INLINE,
    REQUESTED_REGION,
    Policy,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import INFERENCE_PROFILE, parse

BEDROCK_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
SPEAK = "polly:SynthesizeSpeech"
TRANSCRIBE = "transcribe:StartStreamTranscription"
ACTIONS = (*BEDROCK_ACTIONS, SPEAK, TRANSCRIBE)

#: The Sids that this policy's statements have.
_SIDS = re.compile(
    "InvokeFoundationModels|InvokeInferenceProfiles|InvokeModelsBehindProfiles[A-Za-z0-9]+"
    "|SynthesizeSpeech|StartStreamTranscription"
)

#: The region that a request has when a global inference profile leaves the choice to AWS.
UNSPECIFIED_REGION = "unspecified"


@dataclass(frozen=True)
class _Target:
    """A configured model: a foundation model's ARN, or a profile's ARN and those of the models behind it."""

    code: str
    region: str
    arn: str
    model_arns: tuple[str, ...] = ()


def configured_inference_profiles(regions: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return region and ID of the configured models that are inference profiles."""
    return [
        {"region": entry["region"], "model_id": model_id}
        for entry in regions.values()
        for model_id in _model_ids(entry)
        if _is_profile(model_id, entry["region"])
    ]


def multi_region_policy_document(
    regions: Mapping[str, Any], models: Iterable[Mapping[str, Any]] = (), partition: str = "aws"
) -> dict[str, Any]:
    """Return the policy document that allows the four actions for the configured models and regions, and no more.

    Raises ValueError for what is no model ID, and for an inference profile of which ``models`` does not give the ARNs.
    """
    targets = _targets(regions, models, partition)
    requested = {"StringEquals": {REQUESTED_REGION: _regions(regions)}}
    statements = [
        _allow("InvokeFoundationModels", BEDROCK_ACTIONS, [each.arn for each in targets if not each.model_arns]),
        _allow("InvokeInferenceProfiles", BEDROCK_ACTIONS, [each.arn for each in targets if each.model_arns]),
        *(_models_behind_profiles(code, targets) for code in regions),
        _allow("SynthesizeSpeech", [SPEAK], "*", requested),
        _allow("StartStreamTranscription", [TRANSCRIBE], "*", requested),
    ]
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Resource"]]}


def _models_behind_profiles(code: str, targets: Sequence[_Target]) -> dict[str, Any]:
    """Allow the models that a region's profiles may run, for calls through these profiles only."""
    profiles = [each for each in targets if each.code == code and each.model_arns]
    arns = [arn for profile in profiles for arn in profile.model_arns]
    condition = {"StringEquals": {INFERENCE_PROFILE_ARN: _unique(profile.arn for profile in profiles)}}
    return _allow(f"InvokeModelsBehindProfiles{re.sub('[^A-Za-z0-9]', '', code)}", BEDROCK_ACTIONS, arns, condition)


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


def _targets(regions: Mapping[str, Any], models: Iterable[Mapping[str, Any]], partition: str) -> list[_Target]:
    profiles = {(row["region"], row["model_id"]): row.get("inference_profile") for row in models}
    targets = []
    for code, entry in regions.items():
        for model_id in _model_ids(entry):
            if _is_profile(model_id, entry["region"]):
                profile = profiles.get((entry["region"], model_id))
                if profile:
                    targets.append(_Target(code, entry["region"], profile["arn"], tuple(profile["model_arns"])))
                elif model_id not in entry["models"].get("optional", []):
                    raise ValueError(_unknown_profile(code, entry, model_id))
            else:
                arn = _foundation_model_arn(model_id, entry["region"], partition)
                targets.append(_Target(code, entry["region"], arn))
    return targets


def _unknown_profile(code: str, entry: Mapping[str, Any], model_id: str) -> str:
    return (
        f"iam_policy_regions.{code}.models: {model_id} is an inference profile, and its ARNs in {entry['region']} are "
        f"not known. Name a profile that {entry['region']} offers (aws bedrock list-inference-profiles --region "
        f"{entry['region']})."
    )


def _is_profile(model_id: str, region: str) -> bool:
    return parse(model_id, region).kind == INFERENCE_PROFILE


def _model_ids(entry: Mapping[str, Any]) -> list[str]:
    models = entry["models"]
    return _unique([models["default"], *models.get("allowlist", []), *models.get("optional", [])])


def _foundation_model_arn(model_id: str, region: str, partition: str) -> str:
    return model_id if model_id.startswith("arn:") else f"arn:{partition}:bedrock:{region}::foundation-model/{model_id}"


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
) -> list[dict[str, Any]]:
    """Return the simulations that prove the policy: what must be allowed, and two controls that must be denied.

    The controls are a region and a model that are not configured; an empty one is left out.
    """
    targets = _targets(regions, models, partition)
    questions = [
        *_wanted(targets),
        *((region, [SPEAK, TRANSCRIBE], ["*"], {}, EXPECTED_ALLOWED) for region in _regions(regions)),
        *_controls(regions, targets, partition, control_region, control_model),
    ]
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


def _wanted(targets: Sequence[_Target]) -> Iterator[_Question]:
    """Ask for models called directly, for profiles, and for every model behind a profile where it would run."""
    for region in _unique(each.region for each in targets):
        direct = [each.arn for each in targets if each.region == region]
        yield region, BEDROCK_ACTIONS, direct, {}, EXPECTED_ALLOWED
    for profile in (each for each in targets if each.model_arns):
        for region in _unique(_region_of(arn) for arn in profile.model_arns):
            arns = [arn for arn in profile.model_arns if _region_of(arn) == region]
            yield region, BEDROCK_ACTIONS, arns, {INFERENCE_PROFILE_ARN: profile.arn}, EXPECTED_ALLOWED


def _controls(
    regions: Mapping[str, Any], targets: Sequence[_Target], partition: str, control_region: str, control_model: str
) -> Iterator[_Question]:
    if control_region:
        models = _unique(_in_region(each.arn, control_region) for each in targets if not each.model_arns)
        yield control_region, BEDROCK_ACTIONS, models, {}, EXPECTED_DENIED
        yield control_region, [SPEAK, TRANSCRIBE], ["*"], {}, EXPECTED_DENIED
    if control_model:
        for region in _regions(regions):
            arn = _foundation_model_arn(control_model, region, partition)
            yield region, BEDROCK_ACTIONS, [arn], {}, EXPECTED_DENIED


def _region_of(arn: str) -> str:
    return arn.split(":")[3] or UNSPECIFIED_REGION


def _in_region(arn: str, region: str) -> str:
    parts = arn.split(":", 5)
    return ":".join([*parts[:3], region, *parts[4:]])


def foreign_statements(policies: Iterable[Mapping[str, Any]], policy_name: str) -> list[str]:
    """Return Sid or number of the statements that are not ours in the inline policy under our name.

    A policy that someone else wrote under this name must not be overwritten. policies: of iam_role_access_info.
    """
    ours = [Policy(each["name"], INLINE, each["document"]) for each in policies if each["type"] == INLINE]
    statements = [statement for each in ours if each.name == policy_name for statement in each.statements()]
    return [each.sid or f"number {each.index + 1}" for each in statements if not _SIDS.fullmatch(each.sid or "")]


def inline_policy_characters(documents: Iterable[Mapping[str, Any]]) -> int:
    """Count the characters of inline policies as IAM does: of all together, without white space."""
    return sum(len(re.sub(r"\s", "", json.dumps(document))) for document in documents)


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
