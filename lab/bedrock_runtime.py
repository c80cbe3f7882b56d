"""Bedrock's runtime: InvokeModel and InvokeModelWithResponseStream."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from lab import event_stream, model_catalogue
from lab.bedrock import agreement_status
from lab.model_catalogue import ANTHROPIC, Model, Profile, resource_id
from lab.operations import operation
from lab.policy_evaluation import authorize
from lab.service import Request, Response, ServiceError
from lab.state import LabState

REPLY = "The lab answers in the place of a model."
CHARACTERS_PER_TOKEN = 4
SUBSCRIPTION = ("aws-marketplace:ViewSubscriptions", "aws-marketplace:Subscribe")
#: Where a global profile's call runs when it does not run at home.
ELSEWHERE = ("eu-west-1", "ap-northeast-1", "us-west-2")
MALFORMED = "Malformed input request, please reformat your input and try again."
TRY_AGAIN = "If you recently fixed this issue, try again after 2 minutes."


def _resource(state: LabState, request: Request, parameters: Mapping[str, str]) -> str:
    identifier = resource_id(parameters["modelId"])
    profile = model_catalogue.profiles(state, request.region).get(identifier)
    return profile.arn if profile else model_catalogue.foundation_model_arn(request.region, identifier)


@operation("bedrock-runtime", _resource, invalid=None)
def invoke_model(state: LabState, request: Request, parameters: Mapping[str, str]) -> Response:
    """InvokeModel: a short answer in the model's own format, with its tokens counted."""
    model = _invoked(state, request, parameters["modelId"], "bedrock:InvokeModel")
    body = _input(request, model)
    text, usage, reason = _answer(model, body)
    headers = {
        "X-Amzn-Bedrock-Input-Token-Count": str(usage["input_tokens"]),
        "X-Amzn-Bedrock-Output-Token-Count": str(usage["output_tokens"]),
    }
    payload = _message(model, text, usage, reason) if model.provider == ANTHROPIC else _nova(text, usage, reason)
    return Response(json.dumps(payload).encode(), headers=headers)


@operation("bedrock-runtime", _resource, invalid=None)
def invoke_model_with_response_stream(state: LabState, request: Request, parameters: Mapping[str, str]) -> Response:
    """InvokeModelWithResponseStream: the same answer as an event stream."""
    model = _invoked(state, request, parameters["modelId"], "bedrock:InvokeModelWithResponseStream")
    text, usage, reason = _answer(model, _input(request, model))
    events = _claude_events if model.provider == ANTHROPIC else _nova_events
    return Response(
        b"".join(_chunk(event) for event in events(model, text, usage, reason)),
        content_type=event_stream.CONTENT_TYPE,
        headers={"X-Amzn-Bedrock-Content-Type": "application/json"},
    )


def _chunk(content: Mapping[str, Any]) -> bytes:
    return event_stream.event("chunk", {"bytes": base64.b64encode(json.dumps(content).encode()).decode()})


def _invoked(state: LabState, request: Request, identifier: str, action: str) -> Model:
    """The model that answers, once everything stands that AWS asks for."""
    models, profiles = model_catalogue.models(state, request.region), model_catalogue.profiles(state, request.region)
    profile, model = profiles.get(resource_id(identifier)), models.get(resource_id(identifier))
    if profile is not None and identifier in (profile.id, profile.arn):
        inference_region = _authorize_destinations(state, request, profile, action)
        model = profile.model
    elif model is None or identifier not in (model.id, model.arn):
        raise ServiceError("ValidationException", "The provided model identifier is invalid.")
    _check_lifecycle(state, model)
    if profile is None and not model.is_on_demand:
        raise ServiceError(
            "ValidationException",
            f"Invocation of model ID {model.id} with on-demand throughput isn’t supported. Retry your request with "  # noqa: RUF001
            "the ID or ARN of an inference profile that contains this model.",
        )
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
        raise ServiceError(
            "ResourceNotFoundException",
            "This model version has reached the end of its life. Please refer to the AWS documentation for more "
            "details.",
            404,
        )
    if model.lifecycle(now)["status"] == "LEGACY" and not model.entry["activelyUsed"]:
        raise ServiceError(
            "ResourceNotFoundException",
            "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model "
            "in the last 30 days. Please upgrade to an active model on Amazon Bedrock",
            404,
        )


def _check_access(state: LabState, request: Request, model: Model) -> None:
    """An agreement that stands is enough; without one, the form is asked for, then the first call subscribes."""
    if (model.entry["authorizationStatus"], model.entry["entitlementAvailability"]) != ("AUTHORIZED", "AVAILABLE"):
        raise _access_denied(f"{model.id} is not available for this account.")
    status, error = agreement_status(state, model)
    if status == "NOT_AVAILABLE" and model.provider == ANTHROPIC and not state.use_case_forms:
        raise ServiceError(
            "ResourceNotFoundException",
            "Model use case details have not been submitted for this account. Fill out the Anthropic use case details "
            "form before using the model. If you have already filled out the form, try again in 15 minutes.",
            404,
        )
    if status == "NOT_AVAILABLE":
        _subscribe(state, request, model)
    elif status != "AVAILABLE":
        raise _access_denied(f"Model access is denied due to {error or 'a subscription in progress.'} {TRY_AGAIN}")


def _access_denied(text: str) -> ServiceError:
    return ServiceError("AccessDeniedException", text, 403)


def _subscribe(state: LabState, request: Request, model: Model) -> None:
    try:
        for action in SUBSCRIPTION:
            authorize(state, request, action, "*")
    except ServiceError as denial:
        raise _access_denied(
            "Model access is denied due to IAM user or service role is not authorized to perform the required AWS "
            f"Marketplace actions ({', '.join(SUBSCRIPTION)}) to enable access to this model. Refer to the Amazon "
            "Bedrock documentation for further details. Your AWS Marketplace subscription for this model cannot be "
            f"completed at this time. {TRY_AGAIN}"
        ) from denial
    state.request_agreement(model.region, model.id)


def _input(request: Request, model: Model) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceError("ValidationException", MALFORMED)
    required = ("anthropic_version", "max_tokens", "messages") if model.provider == ANTHROPIC else ("messages",)
    for name in required:
        if not body.get(name):
            raise ServiceError("ValidationException", f"{name}: Field required")
    return body


def _answer(model: Model, body: Mapping[str, Any]) -> tuple[str, dict[str, int], str]:
    """The text, the usage and why it ends, cut to the tokens that the caller wants."""
    wanted = body.get("max_tokens") or body.get("inferenceConfig", {}).get("maxTokens") or len(REPLY)
    tokens = len(REPLY) // CHARACTERS_PER_TOKEN
    output = min(tokens, int(wanted))
    usage = {"input_tokens": len(json.dumps(body["messages"])) // CHARACTERS_PER_TOKEN, "output_tokens": output}
    if output == tokens:
        return REPLY, usage, "end_turn"
    return REPLY[: output * CHARACTERS_PER_TOKEN], usage, "max_tokens"


def _message(model: Model, text: str, usage: Mapping[str, int], reason: str | None) -> dict[str, Any]:
    return {
        "id": f"msg_bdrk_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": model.id.removeprefix("anthropic.").partition("-v1")[0],
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _claude_events(model: Model, text: str, usage: dict[str, int], reason: str) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message(model, "", {**usage, "output_tokens": 0}, None)}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for word in re.findall(r"\S+\s*", text):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
    yield {"type": "content_block_stop", "index": 0}
    delta = {"stop_reason": reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _nova(text: str, usage: Mapping[str, int], reason: str) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": reason,
        "usage": _nova_usage(usage),
    }


def _nova_events(_model: Model, text: str, usage: dict[str, int], reason: str) -> Iterator[dict[str, Any]]:
    yield {"messageStart": {"role": "assistant"}}
    yield {"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": 0}}
    yield {"contentBlockStop": {"contentBlockIndex": 0}}
    yield {"messageStop": {"stopReason": reason}}
    yield {"metadata": {"usage": _nova_usage(usage)}}


def _nova_usage(usage: Mapping[str, int]) -> dict[str, int]:
    total = usage["input_tokens"] + usage["output_tokens"]
    return {"inputTokens": usage["input_tokens"], "outputTokens": usage["output_tokens"], "totalTokens": total}
