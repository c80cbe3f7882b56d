# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a Bedrock model identifier names: a foundation model or an inference profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: The option ``requests`` of the modules that look at models.
REQUESTS_SPEC: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {"region": {"type": "str", "required": True}, "model_id": {"type": "str", "required": True}},
}

FOUNDATION_MODEL = "foundation_model"
INFERENCE_PROFILE = "inference_profile"

#: Stands for the region of an ARN that leaves the choice among all commercial regions to AWS.
ANYWHERE = "global"

ACCEPTED = (
    "a foundation model ID (anthropic.claude-3-haiku-20240307-v1:0), an inference profile ID "
    "(us.anthropic.claude-haiku-4-5-20251001-v1:0) or the ARN of either"
)

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}")
_MODEL_ID = r"[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,2}(?::[a-z0-9-]{1,63}){0,2}"
# No provider has a name of two letters; geographies have, apart from these three.
_GEOGRAPHY = r"(?:[a-z]{2}|us-gov|apac|global)"
_FOUNDATION_MODEL = re.compile(_MODEL_ID)
_INFERENCE_PROFILE = re.compile(rf"{_GEOGRAPHY}\.(?P<model_id>{_MODEL_ID})")
_FOUNDATION_MODEL_ARN = re.compile(
    rf"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]+)::foundation-model/(?P<id>{_MODEL_ID})"
)
_INFERENCE_PROFILE_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]+):\d{12}:(?:application-)?inference-profile/(?P<id>[a-zA-Z0-9:.-]+)"
)
# What tells releases of one family apart: dates, versions, sizes of the context window or of the model.
_RELEASE = re.compile(r"(?:v?\d[\w.]*|\d+[bk])$")


@dataclass(frozen=True)
class ModelIdentifier:
    """A model identifier as it was given, and what it says by itself.

    foundation_model_id: None for an application inference profile, whose models only AWS knows.
    """

    given: str
    kind: str
    foundation_model_id: str | None


def parse(given: str, region: str) -> ModelIdentifier:
    """Tell what an identifier names when it is used in a region; raise ValueError with fault and remedy."""
    for kind, pattern in ((FOUNDATION_MODEL, _FOUNDATION_MODEL_ARN), (INFERENCE_PROFILE, _INFERENCE_PROFILE_ARN)):
        arn = pattern.fullmatch(given)
        if arn:
            if arn["region"] != region:
                raise ValueError(
                    f"{given} is of {arn['region']}, but it is used in {region}: give the ARN of that region"
                )
            model_id = arn["id"] if kind == FOUNDATION_MODEL else _model_of_profile(arn["id"])
            return ModelIdentifier(given, kind, model_id)
    if _model_of_profile(given):
        return ModelIdentifier(given, INFERENCE_PROFILE, _model_of_profile(given))
    if _FOUNDATION_MODEL.fullmatch(given):
        return ModelIdentifier(given, FOUNDATION_MODEL, given)
    raise ValueError(f"{given!r} is no model identifier: give {ACCEPTED}")


def parse_requests(requests: Iterable[Mapping[str, str]]) -> list[tuple[str, ModelIdentifier]]:
    """Return (region, identifier) of each request; raise ValueError naming the first that is wrong."""
    parsed = []
    for index, request in enumerate(requests):
        region = request["region"]
        if not _REGION.fullmatch(region):
            raise ValueError(f"requests[{index}].region: {region!r} is no region: give one like us-east-1")
        try:
            parsed.append((region, parse(request["model_id"], region)))
        except ValueError as error:
            raise ValueError(f"requests[{index}].model_id: {error}") from error
    return parsed


def _model_of_profile(profile_id: str) -> str | None:
    profile = _INFERENCE_PROFILE.fullmatch(profile_id)
    return profile["model_id"] if profile else None


def model_id_of_arn(arn: str) -> str:
    """Return the foundation model ID in the ARN of a foundation model."""
    return arn.rpartition("foundation-model/")[2]


def region_of_arn(arn: str) -> str:
    """Return the region in an ARN, :data:`ANYWHERE` where the ARN names none."""
    return arn.split(":")[3] or ANYWHERE


def provider(model_id: str) -> str:
    """Return the provider in a foundation model ID, in lower case."""
    return model_id.partition(".")[0]


def family(model_id: str) -> frozenset[str]:
    """Return the words of a foundation model ID that its successors keep: provider, line and class.

    ``anthropic.claude-3-haiku-20240307-v1:0`` and ``anthropic.claude-haiku-4-5-20251001-v1:0`` are one family.
    """
    name = model_id.partition(".")[2].partition(":")[0]
    return frozenset({provider(model_id), *(word for word in re.split(r"[-.]", name) if not _RELEASE.match(word))})
