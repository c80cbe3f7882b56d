"""Bedrock's runtime: InvokeModel and InvokeModelWithResponseStream."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from lab import event_stream, model_catalogue
from lab.bedrock import agreement_status
from lab.model_catalogue import ANTHROPIC, Model, Profile, resource_id
from lab.operations import operation
from lab.policy_evaluation import authorize
from lab.service import Request, Response, ServiceError, fault
from lab.state import LabState
from lab.templates import render

REPLY = "The lab answers in the place of a model."
CHARACTERS_PER_TOKEN = 4
SUBSCRIPTION = ("aws-marketplace:ViewSubscriptions", "aws-marketplace:Subscribe")
#: Where a global profile's call runs when it does not run at home.
ELSEWHERE = ("eu-west-1", "ap-northeast-1", "us-west-2")


def _resource(state: LabState, request: Request, parameters: Mapping[str, str]) -> str:
    identifier = resource_id(parameters["modelId"])
    profile = model_catalogue.profiles(state, request.region).get(identifier)
    return profile.arn if profile else model_catalogue.foundation_model_arn(request.region, identifier)


@operation("bedrock-runtime", _resource)
def invoke_model(state: LabState, request: Request, parameters: Mapping[str, Any]) -> Response:
    """InvokeModel: a short answer in the model's own format, with its tokens counted."""
    model = _invoked(state, request, parameters["modelId"], "bedrock:InvokeModel")
    answer = _answer(model, _input(request, model))
    counts = {kind: str(answer[f"{kind.lower()}_tokens"]) for kind in ("Input", "Output")}
    headers = {f"X-Amzn-Bedrock-{kind}-Token-Count": count for kind, count in counts.items()}
    return Response(json.dumps(answer["message"]).encode(), headers=headers)


@operation("bedrock-runtime", _resource)
def invoke_model_with_response_stream(state: LabState, request: Request, parameters: Mapping[str, Any]) -> Response:
    """InvokeModelWithResponseStream: the same answer as an event stream."""
    model = _invoked(state, request, parameters["modelId"], "bedrock:InvokeModelWithResponseStream")
    chunks = [json.dumps(event).encode() for event in _answer(model, _input(request, model))["events"]]
    return Response(
        b"".join(event_stream.event("chunk", {"bytes": base64.b64encode(chunk).decode()}) for chunk in chunks),
        content_type=event_stream.CONTENT_TYPE,
        headers={"X-Amzn-Bedrock-Content-Type": "application/json"},
    )


def _invoked(state: LabState, request: Request, identifier: str, action: str) -> Model:
    """The model that answers, once everything stands that AWS asks for."""
    models, profiles = model_catalogue.models(state, request.region), model_catalogue.profiles(state, request.region)
    profile, model = profiles.get(resource_id(identifier)), models.get(resource_id(identifier))
    if profile is not None and identifier in (profile.id, profile.arn):
        inference_region = _authorize_destinations(state, request, profile, action)
        model = profile.model
    elif model is None or identifier not in (model.id, model.arn):
        raise fault("model_identifier_invalid")
    _check_lifecycle(state, model)
    if profile is None and not model.is_on_demand:
        raise fault("on_demand_not_supported", model=model.id)
    _check_access(state, request, model)
    if profile is not None:
        request.additional_event_data["inferenceRegion"] = inference_region
    return model


def _authorize_destinations(state: LabState, request: Request, profile: Profile, action: str) -> str:
    """A profile's call needs the model in the source region and where it runs: one region after the other.

    Gives the region where it runs.
    """
    calls = state.profile_calls.get(profile.arn, 0)
    state.profile_calls[profile.arn] = calls + 1
    destination = profile.destinations[calls % len(profile.destinations)]
    context = {"bedrock:inferenceprofilearn": [profile.arn]}
    for region in dict.fromkeys((request.region, destination)):
        arn = model_catalogue.foundation_model_arn(region, profile.model.id)
        authorize(state, request, action, arn, region=region or "unspecified", context=context)
    return destination or ELSEWHERE[calls % len(ELSEWHERE)]


def _check_lifecycle(state: LabState, model: Model) -> None:
    now = state.clock()
    if model.has_passed("endOfLifeTime", now):
        raise fault("end_of_life")
    if model.lifecycle(now)["status"] == "LEGACY" and not model.entry["activelyUsed"]:
        raise fault("legacy_and_idle")


def _check_access(state: LabState, request: Request, model: Model) -> None:
    """An agreement that stands is enough; without one, the form is asked for, then the first call subscribes."""
    if (model.entry["authorizationStatus"], model.entry["entitlementAvailability"]) != ("AUTHORIZED", "AVAILABLE"):
        raise fault("not_available_for_account", model=model.id)
    status, error = agreement_status(state, model)
    if status == "NOT_AVAILABLE" and model.provider == ANTHROPIC and not state.use_case_forms:
        raise fault("use_case_missing")
    if status == "NOT_AVAILABLE":
        _subscribe(state, request, model)
    elif status != "AVAILABLE":
        raise fault("access_denied_due_to", reason=error or "a subscription in progress.")


def _subscribe(state: LabState, request: Request, model: Model) -> None:
    try:
        for action in SUBSCRIPTION:
            authorize(state, request, action, "*")
    except ServiceError as denial:
        raise fault("subscription_denied", actions=", ".join(SUBSCRIPTION)) from denial
    state.request_agreement(model.region, model.id)


def _input(request: Request, model: Model) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise fault("input_malformed")
    required = ("anthropic_version", "max_tokens", "messages") if model.provider == ANTHROPIC else ("messages",)
    for name in required:
        if not body.get(name):
            raise ServiceError("ValidationException", f"{name}: Field required")
    return body


def _answer(model: Model, body: Mapping[str, Any]) -> dict[str, Any]:
    """Message and events in the model's own format, cut to the tokens that the caller wants."""
    wanted = body.get("max_tokens") or body.get("inferenceConfig", {}).get("maxTokens") or len(REPLY)
    tokens = len(REPLY) // CHARACTERS_PER_TOKEN
    output = min(tokens, int(wanted))
    text = REPLY if output == tokens else REPLY[: output * CHARACTERS_PER_TOKEN]
    answer: dict[str, Any] = {
        "input_tokens": len(json.dumps(body["messages"])) // CHARACTERS_PER_TOKEN,
        "output_tokens": output,
        "reason": "end_turn" if output == tokens else "max_tokens",
        "words": re.findall(r"\S+\s*", text),
        "identifier": uuid.uuid4().hex[:24],
        "name": model.id.removeprefix("anthropic.").partition("-v1")[0],
    }
    return {**answer, **render(f"answer_{model.provider.lower()}.yml.j2", **answer)}
