"""Transcribe's StartStreamTranscription: signed audio events in, transcript events out while they come."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml
from ministack.core import iam_evaluator

from lab import event_stream
from lab.event_stream import MalformedMessageError, Message, SignatureChain, SignatureError
from lab.service import Operation, Request, Response, ServiceError
from lab.state import LabState
from lab.transcription import Transcription

LANGUAGES = Path(__file__).with_name("data") / "transcribe_languages.yml"
HEADER = "x-amzn-transcribe-"
SETTINGS = {
    "languageCode": f"{HEADER}language-code",
    "mediaSampleRateHertz": f"{HEADER}sample-rate",
    "mediaEncoding": f"{HEADER}media-encoding",
    "sessionId": f"{HEADER}session-id",
}
#: AWS tells these back even when nobody asked for them.
SWITCHED_OFF = ("show-speaker-label", "enable-channel-identification", "enable-partial-results-stabilization")
MEDIA_ENCODINGS = ("ogg-opus", "flac", "pcm")
SAMPLE_RATES = range(8000, 48001)
SESSION_ID = r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}"
LARGEST_CHUNK_BYTES = 32 * 1024
IDLE_SECONDS = 15.0


@cache
def languages() -> list[str]:
    """Every language code that the service takes."""
    content: dict[str, list[str]] = yaml.safe_load(LANGUAGES.read_text(encoding="utf-8"))
    return content["languages"]


def start_stream_transcription(_state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """Check how the stream is opened; what comes in it is checked as it comes."""
    if request.stream is None:
        raise _bad_request("StartStreamTranscription needs HTTP/2")
    settings = {name: request.headers.get(header) for name, header in SETTINGS.items()}
    _validate(settings, request.headers)
    credential = iam_evaluator.resolve_credential(request.access_key_id, request.account_id)
    chain = SignatureChain(request.headers, credential.secret_access_key)
    session_id = settings["sessionId"] or str(uuid.uuid4())
    headers = {
        "x-amzn-request-id": request.request_id,
        **{f"{HEADER}{name}": "false" for name in SWITCHED_OFF},
        **{SETTINGS[name]: value for name, value in settings.items() if value},
        SETTINGS["sessionId"]: session_id,
    }
    transcription = Transcription(int(settings["mediaSampleRateHertz"] or 0))
    stream = _transcribe(_audio(request.stream, chain), transcription)
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
        raise _bad_request(
            "Could not decode the audio stream that you provided. "
            "Check that the audio stream is valid and try your request again."
        ) from error
    raise _bad_request("A complete signal was sent without the preceding empty frame.")


def _audio_chunk(message: Message) -> bytes:
    if (message.headers.get(":message-type"), message.headers.get(":event-type")) != ("event", "AudioEvent"):
        raise MalformedMessageError("no audio event")
    if len(message.payload) > LARGEST_CHUNK_BYTES:
        raise _bad_request("Your stream is too big. Reduce the frame size and try your request again.")
    return message.payload


async def _within_time(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise _bad_request(
                f"Your request timed out because no new audio was received for {IDLE_SECONDS:.0f} seconds."
            ) from error
        if chunk is None:
            return
        yield chunk


def _validate(settings: Mapping[str, str | None], headers: Mapping[str, str]) -> None:
    sample_rate = settings["mediaSampleRateHertz"]
    if sample_rate is not None and not re.fullmatch(r"-?\d{1,9}", sample_rate):
        raise ServiceError("SerializationException", "STRING_VALUE can not be converted to an Integer")
    if faults := list(_faults(settings)):
        number = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected"
        raise _bad_request(f"{number}: {'; '.join(faults)}")
    for header, value in headers.items():
        if header.startswith(HEADER) and header not in SETTINGS.values() and value != "false":
            raise _bad_request(f"The lab's Transcribe does not offer {header}: {value}")
    if settings["languageCode"] is None:
        raise _bad_request("The lab's Transcribe identifies no languages: LanguageCode must be given")
    if settings["mediaEncoding"] != "pcm":
        raise _bad_request(f"The lab's Transcribe hears pcm only, not {settings['mediaEncoding']}")


def _faults(settings: Mapping[str, str | None]) -> Iterator[str]:
    """The constraints of the service model that the settings do not keep, in AWS's words."""
    for name in ("mediaSampleRateHertz", "mediaEncoding"):
        if settings[name] is None:
            yield f"Value null at '{name}' failed to satisfy constraint: Member must not be null"
    for name, allowed in (("languageCode", languages()), ("mediaEncoding", MEDIA_ENCODINGS)):
        if settings[name] not in (None, *allowed):
            yield _fault(settings, name, f"satisfy enum value set: [{', '.join(allowed)}]")
    rate = settings["mediaSampleRateHertz"]
    if rate is not None and int(rate) < SAMPLE_RATES.start:
        yield _fault(settings, "mediaSampleRateHertz", f"have value greater than or equal to {SAMPLE_RATES.start}")
    if rate is not None and int(rate) >= SAMPLE_RATES.stop:
        yield _fault(settings, "mediaSampleRateHertz", f"have value less than or equal to {SAMPLE_RATES.stop - 1}")
    if settings["sessionId"] and not re.fullmatch(SESSION_ID, settings["sessionId"]):
        yield _fault(settings, "sessionId", f"satisfy regular expression pattern: {SESSION_ID}")


def _fault(settings: Mapping[str, str | None], name: str, constraint: str) -> str:
    return f"Value '{settings[name]}' at '{name}' failed to satisfy constraint: Member must {constraint}"


def _bad_request(message: str) -> ServiceError:
    return ServiceError("BadRequestException", message)


OPERATIONS = (
    Operation(
        name="StartStreamTranscription",
        service="transcribe",
        method="POST",
        path=re.compile(r"/stream-transcription"),
        iam_action="transcribe:StartStreamTranscription",
        handler=start_stream_transcription,
        streaming=True,
    ),
)
