# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put together what Bedrock answered about a model in a region.

One row per requested model and region; its keys are documented in ``bedrock_model_access_info``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import model_lifecycle
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import (
    INFERENCE_PROFILE,
    ModelIdentifier,
    family,
    model_id_of_arn,
    provider,
    region_of_arn,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import route_of_row

Row = dict[str, Any]

REQUIRES_USE_CASE = frozenset({"anthropic"})


@dataclass(frozen=True)
class RegionCatalogue:
    """What a region offers: model summaries by ID, inference profile summaries, the use-case form's presence."""

    region: str
    models: Mapping[str, Mapping[str, Any]]
    profiles: Sequence[Mapping[str, Any]]
    use_case_submitted: bool


def foundation_model_id(identifier: ModelIdentifier, profile: Mapping[str, Any] | None) -> str | None:
    """Return the foundation model behind an identifier; a profile's own word counts before its name."""
    arns = [model["modelArn"] for model in (profile or {}).get("models", []) if "modelArn" in model]
    return model_id_of_arn(arns[0]) if arns else identifier.foundation_model_id


def describe(
    identifier: ModelIdentifier,
    catalogue: RegionCatalogue,
    profile: Mapping[str, Any] | None,
    availability: Mapping[str, Any] | None,
    now: datetime,
) -> Row:
    """Build the row of one requested model in one region, without a verdict.

    profile: GetInferenceProfile's answer, None for a foundation model and for a profile that does not exist.
    availability: GetFoundationModelAvailability's answer, None where the model is not listed.
    """
    model_id = foundation_model_id(identifier, profile)
    summary = catalogue.models.get(model_id or "", {})
    found = profile is not None or identifier.kind != INFERENCE_PROFILE
    row = {
        "region": catalogue.region,
        "model_id": identifier.given,
        "kind": identifier.kind,
        "foundation_model_id": model_id,
        "model_arn": summary.get("modelArn"),
        "model_name": summary.get("modelName"),
        "provider_name": summary.get("providerName"),
        "requires_use_case": provider(model_id or "") in REQUIRES_USE_CASE,
        "listed": bool(summary) and found,
        "lifecycle": model_lifecycle.lifecycle(summary["modelLifecycle"], now) if "modelLifecycle" in summary else None,
        "inference_types_supported": list(summary.get("inferenceTypesSupported", [])),
        "use_case_submitted": catalogue.use_case_submitted,
        "inference_profile": describe_profile(profile) if profile else None,
        "inference_profiles": profiles_of(model_id, catalogue.profiles),
        "agreement_offered": None,
        "legal_terms_url": None,
        **_availability(availability or {}),
        "successors": successors(model_id, catalogue, now),
    }
    route = route_of_row(row)
    return {**row, "route": route.evidence() if route else None}


def with_offers(row: Row, offers: Sequence[Mapping[str, Any]]) -> Row:
    """Add whether an agreement is offered at all, and where its terms can be read."""
    url = offers[0]["termDetails"]["legalTerm"].get("url") if offers else None
    return {**row, "agreement_offered": bool(offers), "legal_terms_url": url}


def _availability(answer: Mapping[str, Any]) -> Row:
    agreement = answer.get("agreementAvailability", {})
    return {
        "agreement_availability": {"status": agreement.get("status"), "error_message": agreement.get("errorMessage")},
        "authorization_status": answer.get("authorizationStatus"),
        "entitlement_availability": answer.get("entitlementAvailability"),
        "region_availability": answer.get("regionAvailability"),
    }


def describe_profile(answer: Mapping[str, Any]) -> Row:
    """Return what rows say of an inference profile."""
    return {
        "id": answer["inferenceProfileId"],
        "arn": answer["inferenceProfileArn"],
        "type": answer["type"],
        "status": answer["status"],
        "model_arns": [model["modelArn"] for model in answer["models"] if "modelArn" in model],
    }


def profiles_of(model_id: str | None, profiles: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the inference profiles through which a model can be reached, with the regions where it may then run."""
    found = []
    for profile in profiles:
        arns = [model["modelArn"] for model in profile["models"] if "modelArn" in model]
        if model_id in [model_id_of_arn(arn) for arn in arns]:
            regions = sorted({region_of_arn(arn) for arn in arns})
            found.append(
                {"id": profile["inferenceProfileId"], "arn": profile["inferenceProfileArn"], "regions": regions}
            )
    return sorted(found, key=lambda each: str(each["id"]))


def successors(model_id: str | None, catalogue: RegionCatalogue, now: datetime) -> list[Row]:
    """Return the active models of the same provider and family in the region, newest first, with their route.

    A model that is known to be older than the one asked for is none.
    """
    if not model_id:
        return []
    launched = catalogue.models.get(model_id, {}).get("modelLifecycle", {}).get("startOfLifeTime")
    found = []
    for summary in catalogue.models.values():
        candidate, dates = summary["modelId"], summary.get("modelLifecycle", {})
        if launched and dates.get("startOfLifeTime", launched) < launched:
            continue
        life = model_lifecycle.lifecycle(dates, now)
        on_demand = "ON_DEMAND" in summary.get("inferenceTypesSupported", [])
        profiles = profiles_of(candidate, catalogue.profiles)
        related = candidate != model_id and family(candidate) == family(model_id)
        if related and life["phase"] == model_lifecycle.ACTIVE and (on_demand or profiles):
            found.append(
                {
                    "model_id": candidate,
                    "model_name": summary.get("modelName"),
                    "start_of_life_time": life["start_of_life_time"],
                    "route": "on_demand" if on_demand else "inference_profile",
                    "inference_profiles": profiles,
                }
            )
    return sorted(found, key=lambda each: each["start_of_life_time"] or "", reverse=True)
