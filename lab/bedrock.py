"""Bedrock's control plane: models, their availability, agreements, the use-case form, inference profiles."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any

from lab import model_catalogue
from lab.model_catalogue import AMAZON, ANTHROPIC, Model, Profile, resource_id
from lab.operations import operation
from lab.policy_evaluation import authorize
from lab.service import Request, ServiceError, fault, page
from lab.state import LabState
from lab.templates import render

DETAILS = (
    "modelName",
    "providerName",
    "inputModalities",
    "outputModalities",
    "responseStreamingSupported",
    "customizationsSupported",
    "inferenceTypesSupported",
)
FORM_FIELDS = ("companyName", "companyWebsite", "intendedUsers", "industryOption", "useCases")
INTENDED_USERS = ("0", "1", "2")
#: AWS's page holds up to 1000; a smaller one finds out a client that forgets nextToken.
PAGE_SIZE = 10
Parameters = Mapping[str, Any]
Answer = Mapping[str, Any]


def _model_resource(_state: LabState, request: Request, parameters: Parameters) -> str:
    return model_catalogue.foundation_model_arn(request.region, resource_id(parameters["modelIdentifier"]))


def _profile_resource(state: LabState, request: Request, parameters: Parameters) -> str:
    profile_id = resource_id(parameters["inferenceProfileIdentifier"])
    profile = model_catalogue.profiles(state, request.region).get(profile_id)
    return profile.arn if profile else model_catalogue.inference_profile_arn(state, request.region, profile_id)


@operation("bedrock")
def list_foundation_models(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """ListFoundationModels, with its four filters."""
    provider, wanted = parameters.get("byProvider"), parameters.get
    summaries = [
        _details(state, model)
        for model in model_catalogue.models(state, request.region).values()
        if provider is None or provider.lower() == model.provider.lower()
        if wanted("byOutputModality") in (None, *model.entry["outputModalities"])
        if wanted("byInferenceType") in (None, *model.entry["inferenceTypesSupported"])
        if wanted("byCustomizationType") in (None, *model.entry["customizationsSupported"])
    ]
    return {"modelSummaries": summaries}


@operation("bedrock", _model_resource)
def get_foundation_model(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """GetFoundationModel."""
    return {"modelDetails": _details(state, _model(state, request, parameters["modelIdentifier"]))}


def _details(state: LabState, model: Model) -> dict[str, Any]:
    details = {name: model.entry[name] for name in DETAILS}
    return {**details, "modelArn": model.arn, "modelId": model.id, "modelLifecycle": model.lifecycle(state.clock())}


@operation("bedrock")
def get_foundation_model_availability(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """GetFoundationModelAvailability: a model of other regions only is not available in this one."""
    model_id = resource_id(parameters["modelId"])
    model = model_catalogue.models(state, request.region).get(model_id)
    if model is None and not model_catalogue.is_known(model_id):
        raise fault("model_unresolved")
    status, error = ("NOT_AVAILABLE", None) if model is None else agreement_status(state, model)
    return {
        "modelId": model_id,
        "agreementAvailability": {"status": status, **({"errorMessage": error} if error else {})},
        "authorizationStatus": model.entry["authorizationStatus"] if model else "NOT_AUTHORIZED",
        "entitlementAvailability": model.entry["entitlementAvailability"] if model else "NOT_AVAILABLE",
        "regionAvailability": "AVAILABLE" if model else "NOT_AVAILABLE",
    }


def agreement_status(state: LabState, model: Model) -> tuple[str, str | None]:
    """Status and error of a model's agreement; Amazon's own need none."""
    return ("AVAILABLE", None) if model.provider == AMAZON else state.agreement_status(model.region, model.id)


@operation("bedrock")
def list_foundation_model_agreement_offers(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """ListFoundationModelAgreementOffers: one public offer for each model that needs an agreement."""
    model = _model_with_agreement(state, request, parameters["modelId"])
    return {"modelId": model.id, "offers": [render("agreement_offer.yml.j2", model=model, token=_offer_token(model))]}


@operation("bedrock")
def create_foundation_model_agreement(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """CreateFoundationModelAgreement: accepted at once, AVAILABLE after the account's delay."""
    model = _model_with_agreement(state, request, parameters["modelId"])
    for action in ("aws-marketplace:ViewSubscriptions", "aws-marketplace:Subscribe"):
        authorize(state, request, action, "*")
    if model.provider == ANTHROPIC and not state.use_case_forms:
        raise fault("form_missing")
    if parameters["offerToken"] != _offer_token(model):
        raise fault("offer_token_invalid")
    if state.agreement_status(model.region, model.id)[0] in ("PENDING", "AVAILABLE"):
        raise fault("agreement_exists")
    state.request_agreement(model.region, model.id)
    return {"modelId": model.id}


@operation("bedrock")
def delete_foundation_model_agreement(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """DeleteFoundationModelAgreement."""
    model = _model_with_agreement(state, request, parameters["modelId"])
    authorize(state, request, "aws-marketplace:Unsubscribe", "*")
    if state.agreements.pop((model.region, model.id), None) is None:
        raise fault("agreement_absent", model=model.id)
    return {}


@operation("bedrock")
def get_use_case_for_model_access(state: LabState, _request: Request, _parameters: Parameters) -> Answer:
    """GetUseCaseForModelAccess: the account's form, from whichever region it was put."""
    for form in state.use_case_forms.values():
        return {"formData": base64.b64encode(form).decode()}
    raise fault("form_absent")


@operation("bedrock")
def put_use_case_for_model_access(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """PutUseCaseForModelAccess: once."""
    form = base64.b64decode(parameters["formData"])
    if not _is_complete(form):
        raise fault("form_incomplete")
    if state.use_case_forms:
        raise fault("form_submitted")
    state.use_case_forms[request.region] = form
    return {}


def _is_complete(form: bytes) -> bool:
    try:
        fields = json.loads(form)
    except ValueError:
        return False
    return (
        isinstance(fields, dict)
        and all(isinstance(fields.get(name), str) and fields[name] for name in FORM_FIELDS)
        and fields["intendedUsers"] in INTENDED_USERS
    )


@operation("bedrock")
def list_inference_profiles(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """ListInferenceProfiles, a page at a time."""
    invalid = ServiceError("ValidationException", "The provided nextToken is invalid.")
    summaries = [
        _profile_details(profile)
        for profile in model_catalogue.profiles(state, request.region).values()
        if parameters.get("typeEquals") in (None, profile.type)
    ]
    found, token = page(summaries, parameters.get("nextToken"), parameters.get("maxResults", PAGE_SIZE), invalid)
    return {"inferenceProfileSummaries": found} | ({"nextToken": token} if token else {})


@operation("bedrock", _profile_resource)
def get_inference_profile(state: LabState, request: Request, parameters: Parameters) -> Answer:
    """GetInferenceProfile: by ID, or by ARN in the region of the call."""
    identifier = parameters["inferenceProfileIdentifier"]
    profile = model_catalogue.profiles(state, request.region).get(resource_id(identifier))
    if profile is None or identifier not in (profile.id, profile.arn):
        raise fault("profile_unknown")
    return _profile_details(profile)


def _profile_details(profile: Profile) -> dict[str, Any]:
    start = profile.model.time("startOfLifeTime")
    created = {name: start.strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("createdAt", "updatedAt") if start}
    return {
        "inferenceProfileName": profile.name,
        "description": profile.description,
        **created,
        "inferenceProfileArn": profile.arn,
        "models": [{"modelArn": arn} for arn in profile.model_arns],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": profile.type,
    }


def _model(state: LabState, request: Request, identifier: str) -> Model:
    model = model_catalogue.models(state, request.region).get(resource_id(identifier))
    if model is None or identifier not in (model.id, model.arn):
        raise fault("model_unresolved")
    return model


def _model_with_agreement(state: LabState, request: Request, identifier: str) -> Model:
    model = _model(state, request, identifier)
    if model.provider == AMAZON:
        raise fault("agreement_not_supported")
    return model


def _offer_token(model: Model) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, model.arn))
