"""Bedrock's control plane: models, their availability, agreements, the use-case form, inference profiles."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from lab import model_catalogue
from lab.model_catalogue import AMAZON, ANTHROPIC, Model, Profile, resource_id
from lab.policy_evaluation import authorize
from lab.service import Operation, Request, Resource, Response, ServiceError, any_resource, json_response
from lab.state import LabState

DETAILS = (
    "modelName",
    "providerName",
    "inputModalities",
    "outputModalities",
    "responseStreamingSupported",
    "customizationsSupported",
    "inferenceTypesSupported",
)
FORM_MISSING = "You have not filled out the request form. Fill out the form before getting access."
FORM_FIELDS = ("companyName", "companyWebsite", "intendedUsers", "industryOption", "useCases")
FORM_SIZE = range(10, 16384 + 1)
INTENDED_USERS = ("0", "1", "2")
PROFILE_TYPES = (model_catalogue.SYSTEM_DEFINED, model_catalogue.APPLICATION)
#: AWS's page holds up to 1000; a smaller one finds out a client that forgets nextToken.
PAGE_SIZE = 10
GREATEST_PAGE_SIZE = 1000
Parameters = Mapping[str, str]


def list_foundation_models(state: LabState, request: Request, _parameters: Parameters) -> Response:
    """ListFoundationModels, with its four filters."""
    provider, output = request.parameter("byProvider"), request.parameter("byOutputModality")
    inference, customization = request.parameter("byInferenceType"), request.parameter("byCustomizationType")
    _check_enum("byOutputModality", output, ("TEXT", "IMAGE", "EMBEDDING"))
    _check_enum("byInferenceType", inference, ("ON_DEMAND", "PROVISIONED"))
    _check_enum("byCustomizationType", customization, ("FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"))
    summaries = [
        _details(state, model)
        for model in model_catalogue.models(state, request.region).values()
        if provider is None or provider.lower() == model.provider.lower()
        if output in (None, *model.entry["outputModalities"])
        if inference in (None, *model.entry["inferenceTypesSupported"])
        if customization in (None, *model.entry["customizationsSupported"])
    ]
    return json_response({"modelSummaries": summaries})


def get_foundation_model(state: LabState, request: Request, parameters: Parameters) -> Response:
    """GetFoundationModel."""
    return json_response({"modelDetails": _details(state, _model(state, request, parameters["model"]))})


def _details(state: LabState, model: Model) -> dict[str, Any]:
    details = {name: model.entry[name] for name in DETAILS}
    return {**details, "modelArn": model.arn, "modelId": model.id, "modelLifecycle": model.lifecycle(state.clock())}


def get_foundation_model_availability(state: LabState, request: Request, parameters: Parameters) -> Response:
    """GetFoundationModelAvailability: a model of other regions only is not available in this one."""
    model_id = resource_id(parameters["model"])
    model = model_catalogue.models(state, request.region).get(model_id)
    if model is None and not model_catalogue.is_known(model_id):
        raise _unresolved()
    status, error = ("NOT_AVAILABLE", None) if model is None else agreement_status(state, model)
    return json_response(
        {
            "modelId": model_id,
            "agreementAvailability": {"status": status, **({"errorMessage": error} if error else {})},
            "authorizationStatus": model.entry["authorizationStatus"] if model else "NOT_AUTHORIZED",
            "entitlementAvailability": model.entry["entitlementAvailability"] if model else "NOT_AVAILABLE",
            "regionAvailability": "AVAILABLE" if model else "NOT_AVAILABLE",
        }
    )


def agreement_status(state: LabState, model: Model) -> tuple[str, str | None]:
    """Status and error of a model's agreement; Amazon's own need none."""
    return ("AVAILABLE", None) if model.provider == AMAZON else state.agreement_status(model.region, model.id)


def list_foundation_model_agreement_offers(state: LabState, request: Request, parameters: Parameters) -> Response:
    """ListFoundationModelAgreementOffers: one public offer for each model that needs an agreement."""
    _check_enum("offerType", request.parameter("offerType"), ("ALL", "PUBLIC"))
    model = _model_with_agreement(state, request, parameters["model"])
    dimensions = [
        {"dimension": f"{model.region}_{kind}_tokens", "price": price, "description": f"{kind} tokens", "unit": "1000"}
        for kind, price in (("input", "0.00025"), ("output", "0.00125"))
    ]
    offer = {
        "offerId": f"offer-{_offer_token(model)[:13]}",
        "offerToken": _offer_token(model),
        "termDetails": {
            "usageBasedPricingTerm": {"rateCard": dimensions},
            "legalTerm": {"url": f"https://marketplace.invalid/{model.id}/eula"},
            "supportTerm": {"refundPolicyDescription": "No refunds"},
        },
    }
    return json_response({"modelId": model.id, "offers": [offer]})


def create_foundation_model_agreement(state: LabState, request: Request, _parameters: Parameters) -> Response:
    """CreateFoundationModelAgreement: accepted at once, AVAILABLE after the account's delay."""
    body = _body(request, "offerToken", "modelId")
    model = _model_with_agreement(state, request, body["modelId"])
    for action in ("aws-marketplace:ViewSubscriptions", "aws-marketplace:Subscribe"):
        authorize(state, request, action, "*")
    if model.provider == ANTHROPIC and not state.use_case_forms:
        raise ServiceError("AccessDeniedException", FORM_MISSING, 403)
    if body["offerToken"] != _offer_token(model):
        raise ServiceError("ValidationException", "The provided offer token is invalid.")
    if state.agreement_status(model.region, model.id)[0] in ("PENDING", "AVAILABLE"):
        raise ServiceError("ConflictException", "Could not create agreement - Agreement already exists")
    state.request_agreement(model.region, model.id)
    return json_response({"modelId": model.id}, 202)


def delete_foundation_model_agreement(state: LabState, request: Request, _parameters: Parameters) -> Response:
    """DeleteFoundationModelAgreement."""
    model = _model_with_agreement(state, request, _body(request, "modelId")["modelId"])
    authorize(state, request, "aws-marketplace:Unsubscribe", "*")
    if state.agreements.pop((model.region, model.id), None) is None:
        raise ServiceError("ResourceNotFoundException", f"There is no agreement for model {model.id}.", 404)
    return json_response({}, 202)


def get_use_case_for_model_access(state: LabState, _request: Request, _parameters: Parameters) -> Response:
    """GetUseCaseForModelAccess: the account's form, from whichever region it was put."""
    for form in state.use_case_forms.values():
        return json_response({"formData": base64.b64encode(form).decode()})
    raise ServiceError("ResourceNotFoundException", FORM_MISSING, 404)


def put_use_case_for_model_access(state: LabState, request: Request, _parameters: Parameters) -> Response:
    """PutUseCaseForModelAccess: once."""
    try:
        form = base64.b64decode(_body(request, "formData")["formData"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceError("ValidationException", "formData is not base64") from error
    if len(form) not in FORM_SIZE:
        bound = "greater than or equal to 10" if len(form) < FORM_SIZE.start else "less than or equal to 16384"
        raise _constraint("formData", f"Member must have length {bound}")
    if not _is_complete(form):
        raise ServiceError("ValidationException", "The use case form is incomplete or invalid.")
    if state.use_case_forms:
        raise ServiceError("ValidationException", "The use case form was already submitted and cannot be updated.")
    state.use_case_forms[request.region] = form
    return json_response({}, 201)


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


def list_inference_profiles(state: LabState, request: Request, _parameters: Parameters) -> Response:
    """ListInferenceProfiles, a page at a time."""
    kind, token = request.parameter("type"), request.parameter("nextToken") or "0"
    _check_enum("typeEquals", kind, PROFILE_TYPES)
    size = int(request.parameter("maxResults") or PAGE_SIZE)
    if not 1 <= size <= GREATEST_PAGE_SIZE:
        raise _constraint("maxResults", "Member must have value between 1 and 1000")
    if not token.isdigit():
        raise ServiceError("ValidationException", "The provided nextToken is invalid.")
    summaries = [
        _profile_details(profile)
        for profile in model_catalogue.profiles(state, request.region).values()
        if kind in (None, profile.type)
    ]
    end = int(token) + size
    page = {"inferenceProfileSummaries": summaries[int(token) : end]}
    return json_response({**page, "nextToken": str(end)} if end < len(summaries) else page)


def get_inference_profile(state: LabState, request: Request, parameters: Parameters) -> Response:
    """GetInferenceProfile: by ID, or by ARN in the region of the call."""
    identifier = parameters["profile"]
    profile = model_catalogue.profiles(state, request.region).get(resource_id(identifier))
    if profile is None or identifier not in (profile.id, profile.arn):
        raise ServiceError("ResourceNotFoundException", "The provided inference profile identifier is not found.", 404)
    return json_response(_profile_details(profile))


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
        raise _unresolved()
    return model


def _unresolved() -> ServiceError:
    text = "Could not resolve the foundation model from the provided model identifier."
    return ServiceError("ResourceNotFoundException", text, 404)


def _model_with_agreement(state: LabState, request: Request, identifier: str) -> Model:
    model = _model(state, request, identifier)
    if model.provider == AMAZON:
        raise ServiceError("ValidationException", "Agreement not supported for this model")
    return model


def _offer_token(model: Model) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, model.arn))


def _body(request: Request, *names: str) -> dict[str, Any]:
    body = request.json()
    for name in names:
        if not body.get(name):
            raise _constraint(name, "Member must not be null")
    return body


def _check_enum(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value not in (None, *allowed):
        raise _constraint(name, f"Member must satisfy enum value set: [{', '.join(allowed)}]", value)


def _constraint(name: str, constraint: str, value: str | None = None) -> ServiceError:
    shown = f"Value '{value}'" if value is not None else "Value"
    text = f"1 validation error detected: {shown} at '{name}' failed to satisfy constraint: {constraint}"
    return ServiceError("ValidationException", text)


def _model_resource(_state: LabState, request: Request, parameters: Parameters) -> str:
    return model_catalogue.foundation_model_arn(request.region, resource_id(parameters["model"]))


def _profile_resource(state: LabState, request: Request, parameters: Parameters) -> str:
    profile_id = resource_id(parameters["profile"])
    profile = model_catalogue.profiles(state, request.region).get(profile_id)
    return profile.arn if profile else model_catalogue.inference_profile_arn(state, request.region, profile_id)


def _operation(
    method: str, path: str, name: str, handler: Callable[..., Response], resource: Resource = any_resource
) -> Operation:
    return Operation(name, "bedrock", method, re.compile(path), f"bedrock:{name}", handler, resource)


MODEL, OFFERS = "(?P<model>.+)", "/list-foundation-model-agreement-offers/"
AGREEMENT, FORM = "foundation-model-agreement", "/use-case-for-model-access"
OPERATIONS = (
    _operation("GET", "/foundation-models", "ListFoundationModels", list_foundation_models),
    _operation("GET", f"/foundation-models/{MODEL}", "GetFoundationModel", get_foundation_model, _model_resource),
    _operation(
        "GET",
        f"/foundation-model-availability/{MODEL}",
        "GetFoundationModelAvailability",
        get_foundation_model_availability,
    ),
    _operation("GET", OFFERS + MODEL, "ListFoundationModelAgreementOffers", list_foundation_model_agreement_offers),
    _operation("POST", f"/create-{AGREEMENT}", "CreateFoundationModelAgreement", create_foundation_model_agreement),
    _operation("POST", f"/delete-{AGREEMENT}", "DeleteFoundationModelAgreement", delete_foundation_model_agreement),
    _operation("GET", FORM, "GetUseCaseForModelAccess", get_use_case_for_model_access),
    _operation("POST", FORM, "PutUseCaseForModelAccess", put_use_case_for_model_access),
    _operation("GET", "/inference-profiles", "ListInferenceProfiles", list_inference_profiles),
    _operation(
        "GET", "/inference-profiles/(?P<profile>.+)", "GetInferenceProfile", get_inference_profile, _profile_resource
    ),
)
