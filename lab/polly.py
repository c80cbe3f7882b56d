"""Polly: DescribeVoices and SynthesizeSpeech."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from lab.operations import operation
from lab.service import Request, Response, ServiceError, page
from lab.state import LabState
from lab.templates import DATA, read

#: Fewer than AWS gives, so that a client that forgets NextToken is found out.
PAGE_SIZE = 25
MAX_CHARACTERS, MAX_BILLED_CHARACTERS = 6000, 3000
TONE_HERTZ, AMPLITUDE, SECONDS_PER_CHARACTER = 400, 8000, 0.06


def catalogue() -> dict[str, Any]:
    """The voices and engines of all regions."""
    return dict(read("voices.yml"))


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


@operation("polly")
def describe_voices(state: LabState, request: Request, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """DescribeVoices: by engine and language, a page at a time."""
    engine, language = parameters.get("Engine"), parameters.get("LanguageCode")
    with_additional = parameters.get("IncludeAdditionalLanguageCodes", False)
    voices = [
        voice
        for voice in (_voice(state, request.region, voice_id) for voice_id in catalogue()["voices"])
        if voice["SupportedEngines"]
        and engine in (None, *voice["SupportedEngines"])
        and language in (None, voice["LanguageCode"], *(voice["AdditionalLanguageCodes"] if with_additional else ()))
    ]
    invalid, query = (
        ServiceError("InvalidNextTokenException", "The NextToken is invalid"),
        [engine, language, with_additional],
    )
    found, token = page(voices, parameters.get("NextToken"), PAGE_SIZE, invalid, query)
    return {"Voices": found} | ({"NextToken": token} if token else {})


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


@operation("polly")
def synthesize_speech(state: LabState, request: Request, parameters: Mapping[str, Any]) -> Response:
    """SynthesizeSpeech: audio that is audio, as AWS's clients take it; it says no words."""
    engine, output_format = parameters.get("Engine", "standard"), parameters["OutputFormat"]
    _check_voice(state, request.region, parameters["VoiceId"], engine, parameters.get("LanguageCode"))
    text = _spoken(parameters["Text"], parameters.get("TextType"))
    formats = catalogue()["formats"]
    if output_format not in formats or parameters.get("LexiconNames") or parameters.get("SpeechMarkTypes"):
        raise ServiceError("ValidationException", "The lab's Polly has no lexicons, speech marks and telephony formats")
    content_type, rates = formats[output_format]["content_type"], formats[output_format]["sample_rates"]
    default = "22050" if engine == "standard" else "24000"
    rate = parameters.get("SampleRate") or (default if default in rates else rates[-1])
    if rate not in rates:
        raise ServiceError("InvalidSampleRateException", "The specified sample rate is not valid")
    headers = {"x-amzn-RequestCharacters": str(len(text))}
    return Response(_tone(output_format, int(rate), len(text)), content_type=content_type, headers=headers)


def _tone(output_format: str, rate: int, characters: int) -> bytes:
    """A tone, as PCM as long as the text; the compressed formats are one that was recorded."""
    if output_format != "pcm":
        return (DATA / f"tone.{output_format}").read_bytes()
    samples = rate // TONE_HERTZ
    period = (round(AMPLITUDE * math.sin(2 * math.pi * sample / samples)) for sample in range(samples))
    return struct.pack(f"<{samples}h", *period) * math.ceil(characters * SECONDS_PER_CHARACTER * TONE_HERTZ)


def _check_voice(state: LabState, region: str, voice_id: str, engine: str, language: str | None) -> None:
    if engine not in engines(state, region):
        raise ServiceError("ValidationException", "The selected engine is not supported in this region")
    if engine not in supported_engines(state, region, voice_id):
        raise ServiceError("ValidationException", f"This voice does not support the selected engine: {engine}")
    voice = catalogue()["voices"][voice_id]
    if language not in (None, voice["language"], *voice.get("additional", ())):
        raise ServiceError("LanguageNotSupportedException", "This voice does not support the selected language")


def _spoken(text: str, text_type: str | None) -> str:
    """The billed characters: the text without its tags."""
    if text_type == "ssml":
        try:
            root = ElementTree.fromstring(text)  # noqa: S314  (of a client on the same machine)
        except ElementTree.ParseError:
            root = ElementTree.Element("invalid")
        if root.tag != "speak":
            raise ServiceError("InvalidSsmlException", "Invalid SSML request")
        spoken = "".join(root.itertext())
    else:
        spoken = text
    if len(text) > MAX_CHARACTERS or len(spoken) > MAX_BILLED_CHARACTERS:
        raise ServiceError("TextLengthExceededException", "Maximum text length has been exceeded")
    return spoken
