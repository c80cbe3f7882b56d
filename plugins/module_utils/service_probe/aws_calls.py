# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of Bedrock and Polly with botocore's own clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import audio, bodies, libraries
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.outcome import (
    OK,
    UNANSWERED,
    USER_AGENT,
    WRONG_ANSWER,
    Call,
    Outcome,
    WrongAnswerError,
    answered_error,
    outcome,
)

with suppress(ImportError):  # The travelling file brings it.
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

#: What is spoken: short, since characters are billed.
SPOKEN = "Ready."
CONNECTIONS = 32
SERVICES = {"bedrock": "bedrock-runtime", "polly": "polly"}


class Clients:
    """One client per service and region, made before the calls: sessions are not for several threads."""

    def __init__(self, credentials: Any, plan: Mapping[str, Any]) -> None:
        """Make the clients of the plan's calls."""
        session = libraries.session()
        keys = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), credentials))
        config = Config(
            connect_timeout=plan["timeout"],
            read_timeout=plan["timeout"],
            max_pool_connections=CONNECTIONS,
            retries={"total_max_attempts": 1},
            user_agent_extra=USER_AGENT,
        )
        options = {"verify": plan["ca_bundle"], "endpoint_url": plan["endpoint_url"] or None, "config": config}
        wanted = {(call["service"], call["region"]) for call in plan["calls"] if call["service"] in SERVICES}
        self._clients = {
            (service, region): session.create_client(SERVICES[service], region_name=region, **keys, **options)
            for service, region in sorted(wanted)
        }

    def call(self, call: Call) -> Outcome:
        """Make one call and say what came of it."""
        client = self._clients[call["service"], call["region"]]
        return explained(partial(_MAKE[call["operation"]], client, call))


def explained(make: Callable[[], tuple[Mapping[str, Any], dict[str, Any]]]) -> Outcome:
    """Make a call that returns AWS's response and its answer, and say what came of it."""
    try:
        response, answer = make()
    except ClientError as error:
        told, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code, message = told.get("Code", ""), told.get("Message", "")
        return answered_error(code, message, metadata.get("HTTPStatusCode"), metadata.get("RequestId"))
    except WrongAnswerError as error:
        metadata = error.args[1]
        known = {"http_status": metadata.get("HTTPStatusCode"), "request_id": metadata.get("RequestId")}
        return outcome(WRONG_ANSWER, message=str(error.args[0]), **known)
    except BotoCoreError as error:
        return outcome(UNANSWERED, error_code=type(error).__name__, message=str(error))
    metadata = response["ResponseMetadata"]
    return outcome(OK, http_status=metadata["HTTPStatusCode"], request_id=metadata["RequestId"], answer=answer)


def invoke_model(client: Any, call: Call) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Ask a model for one token."""
    response = client.invoke_model(**_invocation(call))
    with closing(response["body"]) as body:
        return response, _checked(response, partial(bodies.answer_of, body.read()))


def invoke_model_with_response_stream(client: Any, call: Call) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Ask a model for one token, as a stream."""
    response = client.invoke_model_with_response_stream(**_invocation(call))
    with closing(response["body"]) as stream:
        chunks = [event["chunk"]["bytes"] for event in stream if "chunk" in event]
        return response, _checked(response, partial(bodies.streamed_answer_of, chunks))


def synthesize_speech(client: Any, call: Call) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Let a voice speak, and see whether what comes is audio."""
    speech = {"Engine": call["engine"], "VoiceId": call["voice"], "OutputFormat": "mp3", "Text": SPOKEN}
    response = client.synthesize_speech(**speech)
    with closing(response["AudioStream"]) as stream:
        content = stream.read()
    if not audio.is_speech(content):
        what = f"Polly answered {len(content)} bytes that are no MP3 audio"
        raise WrongAnswerError(what, response["ResponseMetadata"])
    return response, {"audio_bytes": len(content), "mp3_frames": audio.mp3_frames(content)}


def _invocation(call: Call) -> dict[str, str]:
    kind = "application/json"
    return {
        "modelId": call["model_id"],
        "body": bodies.request_body(call["model_id"]),
        "contentType": kind,
        "accept": kind,
    }


def _checked(response: Mapping[str, Any], read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return read()
    except ValueError as error:
        raise WrongAnswerError(f"Bedrock answered no model's answer: {error}", response["ResponseMetadata"]) from error


_MAKE: dict[str, Callable[[Any, Call], tuple[Mapping[str, Any], dict[str, Any]]]] = {
    "InvokeModel": invoke_model,
    "InvokeModelWithResponseStream": invoke_model_with_response_stream,
    "SynthesizeSpeech": synthesize_speech,
}
