# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What travels to the host: what counts as an answer, and how frames are signed."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import (
    audio,
    aws_calls,
    bodies,
    event_frames,
    outcome,
    transcribe_stream,
)
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EndpointConnectionError

#: MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes; MPEG 2 layer III, 48 kbit/s, 24 kHz: 144 bytes.
FRAME = b"\xff\xfb\x90\x00" + bytes(413)
FRAME_24K = b"\xff\xf3\x64\x00" + bytes(140)
TAG = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
METADATA = {"HTTPStatusCode": 200, "RequestId": "id-1"}


@pytest.mark.parametrize(
    ("content", "frames"),
    [
        (FRAME * 5, 5),
        (FRAME_24K * 6, 6),
        (TAG + FRAME * 4, 4),
        (FRAME * 3 + b"<html>", 3),
        (FRAME * 2 + FRAME[:100], 2),
        (b"", 0),
        (b"<html>Sign in</html>" * 50, 0),
        (b"RIFF....WAVEfmt " + bytes(2000), 0),
        (bytes(4000), 0),
        (b"\xff" * 4000, 0),
        (b"ID3", 0),
    ],
)
def test_frames_of_an_mp3(content: bytes, frames: int) -> None:
    assert audio.mp3_frames(content) == frames
    assert audio.is_speech(content) == (frames >= audio.CONSECUTIVE_FRAMES)


@pytest.mark.parametrize(
    ("model_id", "keys"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", {"anthropic_version", "max_tokens", "messages"}),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", {"anthropic_version", "max_tokens", "messages"}),
        (
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc",
            {"anthropic_version", "max_tokens", "messages"},
        ),
        ("ca.amazon.nova-lite-v1:0", {"messages", "inferenceConfig"}),
        ("meta.llama3-8b-instruct-v1:0", {"prompt", "max_gen_len"}),
    ],
)
def test_a_body_asks_for_one_token_in_the_providers_format(model_id: str, keys: set[str]) -> None:
    body = json.loads(bodies.request_body(model_id))
    assert set(body) == keys
    assert 1 in (body.get("max_tokens"), body.get("max_gen_len"), body.get("inferenceConfig", {}).get("maxTokens"))


class Client:
    """Answers every operation alike."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def _give(self, **_parameters: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"ResponseMetadata": METADATA, **self._answer}

    invoke_model = invoke_model_with_response_stream = synthesize_speech = _give


class Stream(list[Any]):
    """Events that can be closed."""

    def close(self) -> None:
        """Do nothing."""


def chunks(*events: Mapping[str, Any]) -> Stream:
    return Stream({"chunk": {"bytes": json.dumps(event).encode()}} for event in events)


CALL = {"model_id": "anthropic.claude-3-haiku-20240307-v1:0", "voice": "Ruth", "engine": "generative"}


@pytest.mark.parametrize(
    ("make", "answer", "status", "says"),
    [
        (aws_calls.synthesize_speech, {"AudioStream": io.BytesIO(FRAME * 9)}, "ok", "'mp3_frames': 9"),
        (
            aws_calls.synthesize_speech,
            {"AudioStream": io.BytesIO(b"<html>")},
            "wrong_answer",
            "6 bytes that are no MP3",
        ),
        (aws_calls.synthesize_speech, {"AudioStream": io.BytesIO()}, "wrong_answer", "0 bytes that are no MP3"),
        (
            aws_calls.invoke_model,
            {"body": io.BytesIO(b'{"content": [], "stop_reason": "max_tokens"}')},
            "ok",
            "max_tok",
        ),
        (aws_calls.invoke_model, {"body": io.BytesIO(b"{}")}, "wrong_answer", "no model's answer"),
        (aws_calls.invoke_model, {"body": io.BytesIO(b"<html>")}, "wrong_answer", "no model's answer"),
        (aws_calls.invoke_model_with_response_stream, {"body": chunks({"type": "message_stop"})}, "ok", "'events': 1"),
        (aws_calls.invoke_model_with_response_stream, {"body": chunks()}, "wrong_answer", "broke off after 0 events"),
        (
            aws_calls.invoke_model_with_response_stream,
            {"body": chunks({"type": "message_start"})},
            "wrong_answer",
            "broke off after 1 events",
        ),
        (
            aws_calls.invoke_model,
            EndpointConnectionError(endpoint_url="https://nowhere"),
            "unanswered",
            "EndpointConnectionError",
        ),
    ],
)
def test_what_counts_as_an_answer(make: Any, answer: Any, status: str, says: str) -> None:
    made = aws_calls.explained(partial(make, Client(answer), CALL))
    assert made["status"] == status
    assert says in str(made)


@pytest.mark.parametrize(
    ("code", "status"),
    [("AccessDeniedException", "refused"), ("ThrottlingException", "failed"), ("ResourceNotFoundException", "failed")],
)
def test_a_denial_is_told_from_other_errors(code: str, status: str) -> None:
    response = {
        "Error": {"Code": code, "Message": "AWS's own words"},
        "ResponseMetadata": {"HTTPStatusCode": 403, "RequestId": "id-2"},
    }
    made = aws_calls.explained(partial(aws_calls.invoke_model, Client(ClientError(response, "InvokeModel")), CALL))  # type: ignore[arg-type]
    assert made == outcome.outcome(
        status, http_status=403, error_code=code, message="AWS's own words", request_id="id-2"
    )


# Frames


def parsed(frame: bytes) -> Any:
    buffer = EventStreamBuffer()
    buffer.add_data(frame)
    return next(iter(buffer))


def test_frames_are_signed_in_a_chain() -> None:
    signed: list[str] = []

    def sign(text: str, _stamp: str) -> str:
        signed.append(text)
        return f"{len(signed):064x}"

    chain = event_frames.SignatureChain("a" * 64, "us-east-1/transcribe", sign)
    moment = datetime(2026, 11, 24, 20, 15, 0, 250_000, tzinfo=UTC)
    first, last = (chain.frame(payload, moment) for payload in (event_frames.audio_event(b"\0\0"), b""))
    assert parsed(parsed(first).payload).headers[":event-type"] == "AudioEvent"
    assert parsed(first).headers[":chunk-signature"] == bytes.fromhex(f"{1:064x}")
    assert parsed(last).payload == b""
    assert [text.split("\n")[:4] for text in signed] == [
        ["AWS4-HMAC-SHA256-PAYLOAD", "20261124T201500Z", "20261124/us-east-1/transcribe/aws4_request", previous]
        for previous in ("a" * 64, f"{1:064x}")
    ]


def message(kind: str, headers: Mapping[str, object], payload: bytes) -> bytes:
    return event_frames.encode({":message-type": kind, **headers}, payload)


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {}, b"", ("ok", None)),
        (200, {}, message("event", {":event-type": "TranscriptEvent"}, b"{}"), ("ok", None)),
        (200, {}, b"<html>" * 9, ("wrong_answer", None)),
        (
            200,
            {},
            message("exception", {":exception-type": "BadRequestException"}, b'{"Message": "no"}'),
            ("failed", "no"),
        ),
        (403, {"x-amzn-errortype": "AccessDeniedException:http://x"}, b'{"message": "no"}', ("refused", "no")),
        (503, {}, b"busy", ("failed", "busy")),
    ],
)
def test_what_a_stream_comes_to(
    status: int, headers: dict[str, str], body: bytes, expected: tuple[str, str | None]
) -> None:
    made = transcribe_stream._judged({":status": str(status), "x-amzn-requestid": "id-3", **headers}, body)
    assert made["request_id"] == "id-3"
    if expected[1] is not None:
        assert (made["status"], made["message"]) == expected
    assert made["status"] == expected[0]
