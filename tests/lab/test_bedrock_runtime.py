"""Bedrock's runtime in the lab."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.direct_lab import DirectLab, allow, changed, error

HAIKU, SONNET_4_6 = "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-sonnet-4-6"
NOVA = "amazon.nova-lite-v1:0"
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
TO_NOVA = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 100}}
INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")


@pytest.fixture
def lab() -> DirectLab:
    return DirectLab("converged")


def invoke(
    lab: DirectLab, model: str = HAIKU, region: str = "us-east-1", *, stream: bool = False, body: Any = None, **who: str
) -> Any:
    client = lab.client("bedrock-runtime", region, **who)
    call = client.invoke_model_with_response_stream if stream else client.invoke_model
    content = body if body is not None else TO_NOVA if "amazon." in model else CLAUDE
    return call(modelId=model, body=content if isinstance(content, (str, bytes)) else json.dumps(content))


def events(lab: DirectLab, model: str, **body: Any) -> list[dict[str, Any]]:
    answer = invoke(lab, model, stream=True, body=(TO_NOVA if "amazon." in model else CLAUDE) | body)
    assert answer["contentType"] == "application/json"
    return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]


def test_claude_answers_in_its_messages_api(lab: DirectLab) -> None:
    answer = invoke(lab)
    message = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/json"
    assert message.pop("id").startswith("msg_bdrk_")
    text = message["content"][0]["text"]
    assert message == {
        "type": "message",
        "role": "assistant",
        "model": "claude-3-haiku-20240307",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 8, "output_tokens": 10},
    }
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-output-token-count"] == "10"


@pytest.mark.parametrize("tokens", [1, 3])
def test_an_answer_is_cut_to_the_tokens_wanted(lab: DirectLab, tokens: int) -> None:
    message = json.loads(invoke(lab, body=CLAUDE | {"max_tokens": tokens})["body"].read())
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("max_tokens", tokens)
    nova = TO_NOVA | {"inferenceConfig": {"maxTokens": tokens}}
    answer = json.loads(invoke(lab, NOVA, body=nova)["body"].read())
    assert (answer["stopReason"], answer["usage"]["outputTokens"]) == ("max_tokens", tokens)


def test_claude_streams_its_events(lab: DirectLab) -> None:
    streamed = events(lab, HAIKU)
    kinds = [event["type"] for event in streamed]
    deltas = [event["delta"]["text"] for event in streamed if event["type"] == "content_block_delta"]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert "".join(deltas) == json.loads(invoke(lab)["body"].read())["content"][0]["text"]
    assert len(deltas) > 1
    assert streamed[-2]["usage"] == {"output_tokens": 10}


def test_nova_answers_and_streams(lab: DirectLab) -> None:
    answer = json.loads(invoke(lab, NOVA)["body"].read())
    text = answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] == "end_turn"
    streamed = events(lab, NOVA)
    assert [next(iter(event)) for event in streamed] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert streamed[1]["contentBlockDelta"]["delta"]["text"] == text
    assert streamed[-1]["metadata"]["usage"] == answer["usage"]


@pytest.mark.parametrize("identifier", ["arn:aws:bedrock:us-east-1::foundation-model/" + HAIKU, f"us.{NOVA}"])
def test_arns_and_profiles_are_called_too(lab: DirectLab, identifier: str) -> None:
    assert invoke(lab, identifier)["ResponseMetadata"]["HTTPStatusCode"] == 200


BODIES = {
    "no json": ("{", "Malformed input request, please reformat your input and try again."),
    "no object": ("[]", "Malformed input request, please reformat your input and try again."),
    "no version": (CLAUDE | {"anthropic_version": None}, "anthropic_version: Field required"),
    "no tokens": (CLAUDE | {"max_tokens": 0}, "max_tokens: Field required"),
    "no messages": (CLAUDE | {"messages": []}, "messages: Field required"),
}


@pytest.mark.parametrize(("body", "message"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_input_is_refused(lab: DirectLab, body: Any, message: str, stream: bool) -> None:
    assert error(invoke, lab, body=body, stream=stream) == ("ValidationException", message, 400)


@pytest.mark.parametrize(
    "identifier",
    [
        "anthropic.claude-9",
        "anthropic.claude-3-opus-20240229-v1:0",
        f"ca.{NOVA}",
        f"arn:aws:bedrock:ca-central-1::foundation-model/{HAIKU}",
        f"arn:aws:bedrock:ca-central-1:210987654321:inference-profile/us.{SONNET_4_6}",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_region_has_not_is_invalid(lab: DirectLab, identifier: str, stream: bool) -> None:
    refusal = ("ValidationException", "The provided model identifier is invalid.", 400)
    assert error(invoke, lab, identifier, stream=stream) == refusal


def test_a_model_of_profiles_is_not_on_demand(lab: DirectLab) -> None:
    assert error(invoke, lab, SONNET_4_6) == (
        "ValidationException",
        f"Invocation of model ID {SONNET_4_6} with on-demand throughput isn’t supported. Retry your request with the "  # noqa: RUF001
        "ID or ARN of an inference profile that contains this model.",
        400,
    )


def test_a_model_ends() -> None:
    lab = DirectLab("model_end_of_life")
    lab.state.use_case_forms["us-east-1"] = b"{}"
    lab.now = datetime(2026, 9, 9, tzinfo=UTC)
    invoke(lab)
    lab.now = datetime(2026, 9, 10, tzinfo=UTC)
    assert error(invoke, lab) == (
        "ResourceNotFoundException",
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        404,
    )


@pytest.mark.parametrize("used", [True, False])
def test_a_legacy_model_answers_only_those_who_use_it(used: bool) -> None:
    entry = {"modelLifecycle": {"legacyTime": "2026-03-10T00:00:00Z"}, "activelyUsed": used}
    lab = DirectLab(changed("converged", bedrock={"models": {"us-east-1": {HAIKU: entry}}}))
    if used:
        invoke(lab)
        return
    code, message, status = error(invoke, lab)
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message.startswith(
        "Access denied. This Model is marked by provider as Legacy and you have not been actively"
    )
    lab.now = datetime(2026, 3, 9, tzinfo=UTC)
    invoke(lab)


def test_without_agreement_and_form_the_form_is_asked_for() -> None:
    code, message, status = error(invoke, DirectLab())
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message.startswith("Model use case details have not been submitted for this account.")


def test_an_agreement_from_before_needs_no_form() -> None:
    invoke(DirectLab(), region="ca-central-1")


def test_the_first_call_subscribes_if_the_caller_may(lab: DirectLab) -> None:
    profile = f"us.{SONNET_4_6}"
    invoke(lab, profile)
    code, message, status = error(invoke, lab, profile)
    assert (code, status) == ("AccessDeniedException", 403)
    assert message.startswith("Model access is denied due to a subscription in progress.")
    lab.now += timedelta(minutes=15)
    invoke(lab, profile)


def test_the_first_call_names_the_marketplace_if_the_caller_may_not() -> None:
    lab = DirectLab("converged", operator=allow("bedrock:*"))
    code, message, status = error(invoke, lab, f"us.{SONNET_4_6}")
    assert (code, status) == ("AccessDeniedException", 403)
    assert "(aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe)" in message
    assert (lab.account.region, SONNET_4_6) not in lab.state.agreements


def test_a_failed_agreement_names_its_error() -> None:
    lab = DirectLab("agreement_in_error")
    lab.state.use_case_forms["us-east-1"] = b"{}"
    lab.state.request_agreement("us-east-1", HAIKU)
    lab.now += timedelta(minutes=1)
    code, message, status = error(invoke, lab)
    assert (code, status) == ("AccessDeniedException", 403)
    assert "Model access is denied due to INVALID_PAYMENT_INSTRUMENT" in message


@pytest.mark.parametrize(
    "change", [{"authorizationStatus": "NOT_AUTHORIZED"}, {"entitlementAvailability": "NOT_AVAILABLE"}]
)
def test_an_account_that_the_model_is_not_for(change: dict[str, str]) -> None:
    lab = DirectLab(changed("converged", bedrock={"models": {"us-east-1": {HAIKU: change}}}))
    assert error(invoke, lab) == ("AccessDeniedException", f"{HAIKU} is not available for this account.", 403)


@pytest.mark.parametrize(("stream", "action"), [(False, INVOKE[0]), (True, INVOKE[1])])
def test_each_way_needs_its_own_action(stream: bool, action: str) -> None:
    other = INVOKE[0] if stream else INVOKE[1]
    lab = DirectLab("converged", operator=allow(other))
    code, message, status = error(invoke, lab, stream=stream)
    assert (code, status) == ("AccessDeniedException", 403)
    assert message == (
        f"User: arn:aws:iam::210987654321:user/operator is not authorized to perform: {action} on resource: "
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU} because no identity-based policy allows the {action} "
        "action"
    )


PROFILE = f"arn:aws:bedrock:us-east-1:210987654321:inference-profile/us.{SONNET_4_6}"
MODELS = [
    f"arn:aws:bedrock:{region}::foundation-model/{SONNET_4_6}" for region in ("us-east-1", "us-east-2", "us-west-2")
]


def profile_lab(*resources: str, **conditions: Any) -> DirectLab:
    """The profile is always allowed, the models under the conditions."""
    policy = allow(*INVOKE, resource=PROFILE)
    policy["Statement"] += allow(*INVOKE, resource=list(resources), **conditions)["Statement"]
    lab = DirectLab("converged", operator=policy)
    lab.state.agreements[("us-east-1", SONNET_4_6)] = lab.state.agreements[("us-east-1", HAIKU)]
    return lab


def outcomes(lab: DirectLab, calls: int = 3) -> list[str | None]:
    """For each call the resource that it was denied on."""
    denied: list[str | None] = []
    for _ in range(calls):
        try:
            invoke(lab, PROFILE)
            denied.append(None)
        except lab.client("bedrock-runtime").exceptions.AccessDeniedException as caught:
            denied.append(str(caught).split("on resource: ")[1].split()[0])
    return denied


def test_a_profile_needs_all_its_destinations_and_shows_it_only_now_and_then() -> None:
    assert outcomes(profile_lab(*MODELS), 6) == [None] * 6
    assert outcomes(profile_lab(*MODELS[:2]), 6) == [None, None, MODELS[2]] * 2
    assert outcomes(profile_lab()) == [MODELS[0]] * 3


def test_a_profiles_models_are_called_in_its_name() -> None:
    condition = {"StringEquals": {"bedrock:InferenceProfileArn": PROFILE}}
    assert outcomes(profile_lab(*MODELS, **condition)) == [None] * 3
    other = {"StringEquals": {"bedrock:InferenceProfileArn": PROFILE.replace("sonnet", "haiku")}}
    assert outcomes(profile_lab(*MODELS, **other)) == [MODELS[0]] * 3


def test_the_requested_region_is_the_destinations() -> None:
    two_regions = {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "ca-central-1"]}}
    assert outcomes(profile_lab(*MODELS, **two_regions)) == [None, MODELS[1], MODELS[2]]


def test_the_models_alone_do_not_allow_the_profile() -> None:
    lab = DirectLab("converged", operator=allow(*INVOKE, resource=MODELS))
    assert f"on resource: {PROFILE} because" in error(invoke, lab, f"us.{SONNET_4_6}")[1]


def test_a_global_profile_runs_in_no_region_in_particular() -> None:
    profile = PROFILE.replace("/us.", "/global.")
    anywhere = f"arn:aws:bedrock:::foundation-model/{SONNET_4_6}"
    policy = allow(*INVOKE, resource=[profile, MODELS[0]])
    policy["Statement"] += allow(*INVOKE, resource=anywhere, StringEquals={"aws:RequestedRegion": "unspecified"})[
        "Statement"
    ]
    lab = DirectLab("converged", operator=policy)
    lab.state.agreements[("us-east-1", SONNET_4_6)] = lab.state.agreements[("us-east-1", HAIKU)]
    for _ in range(3):
        invoke(lab, profile)
