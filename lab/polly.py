"""Polly: DescribeVoices and SynthesizeSpeech."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from lab.audio import SECONDS_PER_CHARACTER, tone
from lab.service import Operation, Request, Response, ServiceError, json_response
from lab.state import LabState

VOICES = Path(__file__).with_name("data") / "voices.yml"
#: Fewer than AWS gives, so that a client that forgets NextToken is found out.
PAGE_SIZE = 25
MAX_CHARACTERS, MAX_BILLED_CHARACTERS = 6000, 3000
COMPRESSED_RATES = ("8000", "16000", "22050", "24000", "44100", "48000")
SAMPLE_RATES = {
    "mp3": COMPRESSED_RATES,
    "ogg_vorbis": COMPRESSED_RATES,
    "ogg_opus": ("48000",),
    "pcm": ("8000", "16000"),
    "mulaw": ("8000",),
    "alaw": ("8000",),
    "json": COMPRESSED_RATES,
}
CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "ogg_vorbis": "audio/ogg",
    "ogg_opus": "audio/ogg",
    "pcm": "audio/pcm",
    "mulaw": "audio/mulaw",
    "alaw": "audio/alaw",
    "json": "application/x-json-stream",
}
SPEECH_MARK_TYPES, TEXT_TYPES = ("sentence", "ssml", "viseme", "word"), ("ssml", "text")
WORD, SENTENCE = re.compile(r"\w[\w']*"), re.compile(r"[^\s.!?][^.!?]*[.!?]*")
TAG, MARK = re.compile(r"<[^>]*>"), re.compile(r"<mark\s+name=[\"'](?P<name>[^\"']*)")


@cache
def catalogue() -> dict[str, Any]:
    """The voices and engines of all regions."""
    content: dict[str, Any] = yaml.safe_load(VOICES.read_text(encoding="utf-8"))
    return content


def engines(state: LabState, region: str) -> list[str]:
    """The engines that run in a region, as the account's file has them or the catalogue."""
    everywhere = catalogue()["engines"]
    return state.account.polly.engines.get(region, [engine for engine in everywhere if region in everywhere[engine]])


def supported_engines(state: LabState, region: str, voice: str) -> list[str]:
    """A voice's engines in a region, as the account's file has them or the catalogue."""
    overrides = state.account.polly.voices.get(region, {})
    if voice in overrides:
        return overrides[voice]
    here, limited = engines(state, region), catalogue()["generative_voices"].get(region)
    return [
        engine
        for engine in catalogue()["voices"][voice]["engines"]
        if engine in here and (engine != "generative" or limited is None or voice in limited)
    ]


def describe_voices(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """DescribeVoices: by engine and language, a page at a time."""
    engine, language = request.parameter("Engine"), request.parameter("LanguageCode")
    _check_enums(("engine", engine, catalogue()["engines"]), ("languageCode", language, catalogue()["languages"]))
    with_additional = request.parameter("IncludeAdditionalLanguageCodes") == "true"
    voices = [
        voice
        for voice in (_voice(state, request.region, voice_id) for voice_id in catalogue()["voices"])
        if voice["SupportedEngines"]
        and engine in (None, *voice["SupportedEngines"])
        and language in (None, voice["LanguageCode"], *(voice["AdditionalLanguageCodes"] if with_additional else ()))
    ]
    query = [engine, language, with_additional]
    start = _page_start(request.parameter("NextToken"), query)
    page: dict[str, Any] = {"Voices": voices[start : start + PAGE_SIZE]}
    if start + PAGE_SIZE < len(voices):
        page["NextToken"] = base64.b64encode(json.dumps([start + PAGE_SIZE, query]).encode()).decode()
    return json_response(page)


def _voice(state: LabState, region: str, voice_id: str) -> dict[str, Any]:
    voice = catalogue()["voices"][voice_id]
    return {
        "Gender": voice["gender"],
        "Id": voice_id,
        "LanguageCode": voice["language"],
        "LanguageName": catalogue()["languages"][voice["language"]],
        "Name": voice.get("name", voice_id),
        "AdditionalLanguageCodes": voice.get("additional", []),
        "SupportedEngines": supported_engines(state, region, voice_id),
    }


def _page_start(token: str | None, query: list[Any]) -> int:
    """Where the page begins; the token of another query is invalid too."""
    if token is None:
        return 0
    try:
        start, of_query = json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, TypeError):
        start, of_query = None, None
    if not isinstance(start, int) or of_query != query:
        raise ServiceError("InvalidNextTokenException", "The NextToken is invalid")
    return start


def synthesize_speech(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """SynthesizeSpeech: audio as long as the text, or its speech marks."""
    body = request.json()
    _check_present(body, "Text", "VoiceId", "OutputFormat")
    voice_id, output_format = body["VoiceId"], body["OutputFormat"]
    engine, text_type = body.get("Engine", "standard"), body.get("TextType", "text")
    _check_enums(
        ("voiceId", voice_id, catalogue()["voices"]),
        ("engine", engine, catalogue()["engines"]),
        ("outputFormat", output_format, CONTENT_TYPES),
        ("textType", text_type, TEXT_TYPES),
        ("languageCode", body.get("LanguageCode"), catalogue()["languages"]),
        *(("speechMarkTypes", mark, SPEECH_MARK_TYPES) for mark in body.get("SpeechMarkTypes", ())),
    )
    _check_voice(state, request.region, voice_id, engine, body.get("LanguageCode"))
    text = _spoken(body["Text"], text_type)
    _check_output(body, output_format, text_type, engine)
    headers = {"x-amzn-RequestCharacters": str(len(text))}
    if output_format == "json":
        content = _speech_marks(body["Text"], body.get("SpeechMarkTypes", ()))
    else:
        content = tone(output_format, int(_sample_rate(body, output_format, engine)), len(text))
    return Response(content, content_type=CONTENT_TYPES[output_format], headers=headers)


def _check_present(body: Mapping[str, Any], *names: str) -> None:
    faults = [
        f"Value null at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null"
        for name in names
        if body.get(name) is None
    ]
    if faults:
        raise _invalid(faults)


def _check_enums(*values: tuple[str, str | None, Iterable[str]]) -> None:
    faults = [
        f"Value '{value}' at '{name}' failed to satisfy constraint: Member must satisfy enum value set: "
        f"[{', '.join(allowed)}]"
        for name, value, allowed in values
        if value is not None and value not in allowed
    ]
    if faults:
        raise _invalid(faults)


def _invalid(faults: list[str]) -> ServiceError:
    plural = "s" if len(faults) > 1 else ""
    return ServiceError("ValidationException", f"{len(faults)} validation error{plural} detected: {'; '.join(faults)}")


def _check_voice(state: LabState, region: str, voice_id: str, engine: str, language: str | None) -> None:
    if engine not in engines(state, region):
        raise ServiceError("ValidationException", "The selected engine is not supported in this region")
    if engine not in supported_engines(state, region, voice_id):
        raise ServiceError("ValidationException", f"This voice does not support the selected engine: {engine}")
    voice = catalogue()["voices"][voice_id]
    if language not in (None, voice["language"], *voice.get("additional", ())):
        raise ServiceError("LanguageNotSupportedException", "This voice does not support the selected language")


def _spoken(text: str, text_type: str) -> str:
    """The billed characters: the text without its tags."""
    if len(text) > MAX_CHARACTERS:
        raise ServiceError("TextLengthExceededException", "Maximum text length has been exceeded")
    if text_type == "ssml":
        try:
            root = ElementTree.fromstring(text)  # noqa: S314  (of a client on the same machine)
        except ElementTree.ParseError:
            root = ElementTree.Element("invalid")
        if root.tag != "speak":
            raise ServiceError("InvalidSsmlException", "Invalid SSML request")
        text = "".join(root.itertext())
    if len(text) > MAX_BILLED_CHARACTERS:
        raise ServiceError("TextLengthExceededException", "Maximum text length has been exceeded")
    return text


def _check_output(body: Mapping[str, Any], output_format: str, text_type: str, engine: str) -> None:
    marks = body.get("SpeechMarkTypes", ())
    if body.get("LexiconNames"):
        raise ServiceError("LexiconNotFoundException", "Lexicon not found", 404)
    if marks and output_format != "json":
        raise ServiceError("MarksNotSupportedForFormatException", "Speech marks are only supported for json format")
    if "ssml" in marks and text_type != "ssml":
        raise ServiceError("SsmlMarksNotSupportedForTextTypeException", "SSML marks are not supported for plain text")
    if output_format == "json" and (not marks or engine == "generative"):
        raise ServiceError("ValidationException", "The json format needs speech mark types that the engine supports")
    if _sample_rate(body, output_format, engine) not in SAMPLE_RATES[output_format]:
        raise ServiceError("InvalidSampleRateException", "The specified sample rate is not valid")


def _sample_rate(body: Mapping[str, Any], output_format: str, engine: str) -> str:
    default = "22050" if engine == "standard" else "24000"
    rates = SAMPLE_RATES[output_format]
    return str(body.get("SampleRate") or (default if default in rates else rates[-1]))


def _speech_marks(text: str, types: Iterable[str]) -> bytes:
    """One JSON object a line; offsets are bytes of the text as it was sent."""
    found: list[tuple[int, str, str]] = []
    for kind, pattern in (("sentence", SENTENCE), ("word", WORD)):
        if kind in types:
            found += [(match.start(), kind, match[0]) for match in pattern.finditer(TAG.sub(_blank, text))]
    if "ssml" in types:
        found += [(match.start(), "ssml", match["name"]) for match in MARK.finditer(text)]
    if "viseme" in types:
        found.append((len(text), "viseme", "sil"))
    return "".join(_speech_mark(text, *mark) for mark in sorted(found)).encode()


def _speech_mark(text: str, position: int, kind: str, value: str) -> str:
    mark: dict[str, Any] = {"time": round(position * SECONDS_PER_CHARACTER * 1000), "type": kind}
    if kind in ("sentence", "word"):
        start = len(text[:position].encode())
        mark |= {"start": start, "end": start + len(value.encode())}
    return json.dumps({**mark, "value": value}, ensure_ascii=False) + "\n"


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _operation(name: str, method: str, path: str, handler: Callable[..., Response]) -> Operation:
    return Operation(name, "polly", method, re.compile(path), f"polly:{name}", handler)


OPERATIONS = (
    _operation("DescribeVoices", "GET", "/v1/voices", describe_voices),
    _operation("SynthesizeSpeech", "POST", "/v1/speech", synthesize_speech),
)
