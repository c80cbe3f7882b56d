# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of the Bedrock API, one a function, and the concurrent look at many models in many regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all
from ansible_collections.safesecrets.infra.plugins.module_utils.model_access import (
    RegionCatalogue,
    Row,
    describe,
    describe_profile,
    foundation_model_id,
    with_offers,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import (
    INFERENCE_PROFILE,
    ModelIdentifier,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_readiness import judge, needs_agreement

Client = Any
Answer = dict[str, Any]
#: The most that ListInferenceProfiles gives at once; a region has far fewer.
PAGE_SIZE = 1000


@api_call("list the foundation models", "bedrock:ListFoundationModels")
def list_foundation_models(client: Client) -> list[Answer]:
    """Return every model summary of the region; the API does not paginate."""
    return list(client.list_foundation_models()["modelSummaries"])


@api_call("list the inference profiles", "bedrock:ListInferenceProfiles")
def list_inference_profiles(client: Client) -> list[Answer]:
    """Return every inference profile summary of the region that AWS defined."""
    pages = client.get_paginator("list_inference_profiles").paginate(typeEquals="SYSTEM_DEFINED", maxResults=PAGE_SIZE)
    return [profile for page in pages for profile in page["inferenceProfileSummaries"]]


@api_call("look up the inference profile {identifier}", "bedrock:GetInferenceProfile")
def get_inference_profile(client: Client, identifier: str) -> Answer | None:
    """Return an inference profile, None where there is none."""
    try:
        return dict(client.get_inference_profile(inferenceProfileIdentifier=identifier))
    except is_boto3_error_code("ResourceNotFoundException"):
        return None


@api_call("look at the availability of {model_id}", "bedrock:GetFoundationModelAvailability")
def get_foundation_model_availability(client: Client, model_id: str) -> Answer:
    """Return agreement, authorization, entitlement and region availability of a model."""
    return dict(client.get_foundation_model_availability(modelId=model_id))


@api_call("look for the use-case form", "bedrock:GetUseCaseForModelAccess")
def is_use_case_submitted(client: Client) -> bool:
    """Tell whether the account has submitted the use-case form."""
    try:
        client.get_use_case_for_model_access()
    except is_boto3_error_code("ResourceNotFoundException"):
        return False
    return True


@api_call("submit the use-case form", "bedrock:PutUseCaseForModelAccess")
def put_use_case(client: Client, form_data: bytes) -> None:
    """Submit the use-case form; AWS lets it be submitted once."""
    client.put_use_case_for_model_access(formData=form_data)


@api_call("list the agreement offers for {model_id}", "bedrock:ListFoundationModelAgreementOffers")
def list_agreement_offers(client: Client, model_id: str) -> list[Answer]:
    """Return the public offers for a model, none for a model that is not sold through AWS Marketplace."""
    try:
        return list(client.list_foundation_model_agreement_offers(modelId=model_id, offerType="PUBLIC")["offers"])
    except is_boto3_error_code("ResourceNotFoundException"):
        return []


@api_call(
    "create the agreement for {model_id}",
    "bedrock:CreateFoundationModelAgreement, aws-marketplace:Subscribe and ViewSubscriptions",
)
def create_agreement(client: Client, model_id: str, offer_token: str) -> bool:
    """Accept an offer; False where the agreement exists by now."""
    try:
        client.create_foundation_model_agreement(modelId=model_id, offerToken=offer_token)
    except is_boto3_error_code("ConflictException"):
        return False
    return True


def look_at_profiles(clients: Mapping[str, Client], requests: Sequence[tuple[str, str]]) -> list[Row]:
    """Return one row per requested (region, inference profile); all are asked at the same time."""
    return list(
        run_all(
            {(region, given): partial(_profile_row, clients[region], region, given) for region, given in requests}
        ).values()
    )


def _profile_row(client: Client, region: str, given: str) -> Row:
    """Keep why a profile could not be read: one that is denied says nothing of the others."""
    row: Row = {"region": region, "model_id": given, "inference_profile": None, "error": None}
    try:
        profile = get_inference_profile(client, given)
    except AnsibleAWSError as error:
        return {**row, "error": f"{error}"}
    return {**row, "inference_profile": describe_profile(profile) if profile else None}


def look_at_models(
    clients: Mapping[str, Client], requests: Sequence[tuple[str, ModelIdentifier]], now: datetime
) -> list[Row]:
    """Return one row per requested (region, model); all regions are asked at the same time.

    Three rounds, since each needs the one before: catalogues and profiles, availability of what is listed, offers of
    agreements that are missing.
    """
    catalogues = _catalogues(clients)
    profiles = run_all(
        {
            (region, identifier.given): partial(get_inference_profile, clients[region], identifier.given)
            for region, identifier in requests
            if identifier.kind == INFERENCE_PROFILE
        }
    )
    models = {
        (region, identifier.given): foundation_model_id(identifier, profiles.get((region, identifier.given)))
        for region, identifier in requests
    }
    availability = run_all(
        {
            (region, model_id): partial(get_foundation_model_availability, clients[region], model_id)
            for (region, _given), model_id in models.items()
            if model_id and model_id in catalogues[region].models
        }
    )
    rows = [
        describe(
            identifier,
            catalogues[region],
            profiles.get((region, identifier.given)),
            availability.get((region, models[region, identifier.given] or "")),
            now,
        )
        for region, identifier in requests
    ]
    return [{**row, **judge(row)} for row in _with_offers(clients, rows)]


def _catalogues(clients: Mapping[str, Client]) -> dict[str, RegionCatalogue]:
    looks = (list_foundation_models, list_inference_profiles, is_use_case_submitted)
    answers: dict[Any, Any] = run_all(
        {(region, look): partial(look, client) for region, client in clients.items() for look in looks}
    )
    return {
        region: RegionCatalogue(
            region,
            {summary["modelId"]: summary for summary in answers[region, list_foundation_models]},
            answers[region, list_inference_profiles],
            answers[region, is_use_case_submitted],
        )
        for region in clients
    }


def _with_offers(clients: Mapping[str, Client], rows: Sequence[Row]) -> list[Row]:
    def model(row: Row) -> tuple[str, str]:
        return row["region"], row["foundation_model_id"]

    missing = [
        model(row)
        for row in rows
        if row["agreement_availability"]["status"] == "NOT_AVAILABLE" and needs_agreement(row["foundation_model_id"])
    ]
    offers = run_all(
        {(region, model_id): partial(list_agreement_offers, clients[region], model_id) for region, model_id in missing}
    )
    return [with_offers(row, offers[model(row)]) if model(row) in offers else row for row in rows]
