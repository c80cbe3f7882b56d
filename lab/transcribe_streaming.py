"""Transcribe's StartStreamTranscription: signed audio events in, transcript events out while they come."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ministack.core import iam_evaluator

from lab import event_stream
from lab.event_stream import MalformedMessageError, Message, SignatureChain, SignatureError
from lab.operations import operation
from lab.service import Request, Response, ServiceError, fault
from lab.state import LabState
from lab.transcription import Transcription

HEADER = "x-amzn-transcribe-"
SETTINGS = tuple(f"{HEADER}{name}" for name in ("language-code", "sample-rate", "media-encoding", "session-id"))
#: AWS tells these back even when nobody asked for them.
SWITCHED_OFF = ("show-speaker-label", "enable-channel-identification", "enable-partial-results-stabilization")
LARGEST_CHUNK_BYTES = 32 * 1024
IDLE_SECONDS = 15.0


@operation("transcribe-streaming", invalid="BadRequestException")
def start_stream_transcription(_state: LabState, request: Request, parameters: Mapping[str, Any]) -> Response:
    """Check how the stream is opened; what comes in it is checked as it comes."""
    if request.stream is None:
        raise _bad_request("StartStreamTranscription needs HTTP/2")
    _check_offered(parameters, request.headers)
    credential = iam_evaluator.resolve_credential(request.access_key_id, request.account_id)
    chain = SignatureChain(request.headers, credential.secret_access_key)
    headers = {
        "x-amzn-request-id": request.request_id,
        **{f"{HEADER}{name}": "false" for name in SWITCHED_OFF},
        f"{HEADER}session-id": str(uuid.uuid4()),
        **{name: value for name, value in request.headers.items() if name in SETTINGS and value},
    }
    stream = _transcribe(_audio(request.stream, chain), Transcription(parameters["MediaSampleRateHertz"]))
    return Response(b"", content_type=event_stream.CONTENT_TYPE, headers=headers, stream=stream)


async def _transcribe(audio: AsyncIterator[bytes], transcription: Transcription) -> AsyncIterator[bytes]:
    try:
        async for chunk in audio:
            for results in transcription.hear(chunk):
                yield event_stream.event("TranscriptEvent", {"Transcript": {"Results": results}})
        for results in transcription.finish():
            yield event_stream.event("TranscriptEvent", {"Transcript": {"Results": results}})
    except ServiceError as error:
        yield event_stream.exception(error.code, error.message)


async def _audio(stream: AsyncIterator[bytes], chain: SignatureChain) -> AsyncIterator[bytes]:
    """The audio of every event, until the empty frame that says that no more comes."""
    try:
        async for message in event_stream.messages(_within_time(stream)):
            chain.verify(message)
            chunk = _audio_chunk(event_stream.decode(message.payload)) if message.payload else b""
            if not chunk:
                return
            yield chunk
    except SignatureError as error:
        raise _bad_request(str(error)) from error
    except MalformedMessageError as error:
        raise fault("audio_undecodable") from error
    raise fault("audio_frame_missing")


def _audio_chunk(message: Message) -> bytes:
    if (message.headers.get(":message-type"), message.headers.get(":event-type")) != ("event", "AudioEvent"):
        raise MalformedMessageError("no audio event")
    if len(message.payload) > LARGEST_CHUNK_BYTES:
        raise fault("audio_too_big")
    return bytes(message.payload)


async def _within_time(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise fault("audio_timed_out", seconds=IDLE_SECONDS) from error
        if chunk is None:
            return
        yield chunk


def _check_offered(parameters: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for header, value in headers.items():
        if header.startswith(HEADER) and header not in SETTINGS and value != "false":
            raise _bad_request(f"The lab's Transcribe does not offer {header}: {value}")
    if "LanguageCode" not in parameters:
        raise _bad_request("The lab's Transcribe identifies no languages: LanguageCode must be given")
    if parameters["MediaEncoding"] != "pcm":
        raise _bad_request(f"The lab's Transcribe hears pcm only, not {parameters['MediaEncoding']}")


def _bad_request(message: str) -> ServiceError:
    return ServiceError("BadRequestException", message)
