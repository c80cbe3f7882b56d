"""Polly in the lab."""

from __future__ import annotations

import io
import itertools
import struct
import wave
from typing import Any

import pytest

from lab import accounts
from lab.polly import PAGE_SIZE, catalogue
from tests.lab.direct_lab import DirectLab, error
from tests.lab.shapes import service_model

SPEAK: dict[str, Any] = {"Text": "Hello", "VoiceId": "Joanna", "OutputFormat": "pcm", "Engine": "neural"}


@pytest.fixture
def lab() -> DirectLab:
    return DirectLab()


def voices(lab: DirectLab, region: str, **query: Any) -> dict[str, dict[str, Any]]:
    pages = lab.client("polly", region).get_paginator("describe_voices").paginate(**query)
    return {voice["Id"]: voice for page in pages for voice in page["Voices"]}


def speak(lab: DirectLab, region: str = "us-east-1", **changes: Any) -> Any:
    return lab.client("polly", region).synthesize_speech(**SPEAK | changes)


def refused(lab: DirectLab, region: str = "us-east-1", **changes: Any) -> tuple[str, str, int]:
    return error(lab.client("polly", region).synthesize_speech, **SPEAK | changes)


def test_the_catalogue_has_every_voice_and_language_that_botocore_knows() -> None:
    model = service_model("polly")
    assert set(catalogue()["voices"]) == set(model.shape_for("VoiceId").enum)
    assert set(catalogue()["languages"]) == set(model.shape_for("LanguageCode").enum)
    assert set(catalogue()["engines"]) == set(model.shape_for("Engine").enum)


GENERATIVE = {
    "us-east-1": ({"Ruth", "Matthew", "Joanna", "Stephen", "Danielle", "Amy"}, {"Gregory", "Emma"}),
    "ca-central-1": ({"Joanna", "Ruth"}, {"Matthew", "Danielle"}),
    "eu-west-1": (set(), {"Joanna", "Ruth", "Matthew"}),
}


def test_a_region_without_an_engine_has_no_voice_on_it() -> None:
    lab = DirectLab("generative_engine_missing")
    assert voices(lab, "us-east-1", Engine="generative") == {}
    assert not any("generative" in voice["SupportedEngines"] for voice in voices(lab, "us-east-1").values())
    assert voices(lab, "ca-central-1", Engine="generative")
    assert refused(lab, VoiceId="Ruth", Engine="generative")[1] == "The selected engine is not supported in this region"


@pytest.mark.parametrize(("region", "there", "missing"), [(r, *sets) for r, sets in GENERATIVE.items()])
def test_generative_voices_of_a_region(lab: DirectLab, region: str, there: set[str], missing: set[str]) -> None:
    found = voices(lab, region, Engine="generative")
    assert there <= set(found)
    assert not missing & set(found)
    assert all("generative" in voice["SupportedEngines"] for voice in found.values())


def test_us_east_1_has_all_engines_of_a_voice_and_canada_has_fewer(lab: DirectLab) -> None:
    assert voices(lab, "us-east-1")["Ruth"]["SupportedEngines"] == ["generative", "long-form", "neural"]
    assert voices(lab, "ca-central-1")["Ruth"]["SupportedEngines"] == ["generative", "neural"]
    assert voices(lab, "ca-central-1")["Matthew"]["SupportedEngines"] == ["neural", "standard"]


def test_a_voice_tells_what_aws_tells(lab: DirectLab) -> None:
    assert voices(lab, "us-east-1", LanguageCode="fr-FR")["Lea"] == {
        "Gender": "Female",
        "Id": "Lea",
        "LanguageCode": "fr-FR",
        "LanguageName": "French",
        "Name": "Léa",
        "AdditionalLanguageCodes": [],
        "SupportedEngines": ["generative", "neural", "standard"],
    }


@pytest.mark.parametrize(("additional", "found"), [(True, {"Aditi", "Kajal"}), (False, set()), (None, set())])
def test_additional_languages_are_asked_for(lab: DirectLab, additional: bool | None, found: set[str]) -> None:
    query = {} if additional is None else {"IncludeAdditionalLanguageCodes": additional}
    assert set(voices(lab, "us-east-1", LanguageCode="hi-IN", **query)) == found


def test_pages_hold_every_voice_once(lab: DirectLab) -> None:
    polly = lab.client("polly")
    pages = list(polly.get_paginator("describe_voices").paginate())
    listed = [voice["Id"] for page in pages for voice in page["Voices"]]
    assert [len(page["Voices"]) for page in pages] == [PAGE_SIZE] * 4 + [6]
    assert sorted(listed) == sorted(catalogue()["voices"])
    assert "NextToken" not in pages[-1]


@pytest.mark.parametrize("token", ["x", "bm8=", "WzFd", "WzI1LCBbIm5ldXJhbCIsIG51bGwsIGZhbHNlXV0="])
def test_a_token_of_nothing_or_of_another_query_is_invalid(lab: DirectLab, token: str) -> None:
    refusal = error(lab.client("polly").describe_voices, NextToken=token)
    assert refusal[::2] == ("InvalidNextTokenException", 400)


def test_an_account_may_take_an_engine_from_a_voice_in_one_region() -> None:
    lab = DirectLab("voice_missing")
    assert "Matthew" not in voices(lab, "us-east-1", Engine="generative")
    assert "Matthew" in voices(lab, "us-west-2", Engine="generative")
    assert refused(lab, VoiceId="Matthew", Engine="generative") == (
        "ValidationException",
        "This voice does not support the selected engine: generative",
        400,
    )


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        (
            {"Engine": "super"},
            "1 validation error detected: Value 'super' at 'engine' failed to satisfy constraint: Member must satisfy "
            "enum value set: [standard, neural, long-form, generative]",
        ),
        ({"Engine": "super", "LanguageCode": "en"}, "2 validation errors detected: "),
    ],
)
def test_enums_are_checked(lab: DirectLab, query: dict[str, str], fault: str) -> None:
    code, message, status = error(lab.client("polly").describe_voices, **query)
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(fault)


REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown voice": ({"VoiceId": "Ruthless"}, "ValidationException", "Value 'Ruthless' at 'voiceId' failed"),
    "unknown engine": ({"Engine": "quantum"}, "ValidationException", "Value 'quantum' at 'engine' failed"),
    "unknown format": ({"OutputFormat": "wav"}, "ValidationException", "Value 'wav' at 'outputFormat' failed"),
    "no text": ({"Text": None}, "ValidationException", "Value null at 'text' failed"),
    "wrong engine": (
        {"VoiceId": "Gregory", "Engine": "generative"},
        "ValidationException",
        "This voice does not support the selected engine: generative",
    ),
    "standard by default": (
        {"VoiceId": "Ruth", "Engine": "standard"},
        "ValidationException",
        "This voice does not support the selected engine: standard",
    ),
    "other language": ({"LanguageCode": "fr-CA"}, "LanguageNotSupportedException", ""),
    "sample rate of pcm": ({"SampleRate": "24000"}, "InvalidSampleRateException", ""),
    "sample rate of mp3": ({"OutputFormat": "mp3", "SampleRate": "11025"}, "InvalidSampleRateException", ""),
    "text too long": ({"Text": "x" * 3001}, "TextLengthExceededException", "Maximum text length has been exceeded"),
    "markup too long": (
        {"Text": f"<speak>{' ' * 6000}</speak>", "TextType": "ssml"},
        "TextLengthExceededException",
        "Maximum text length has been exceeded",
    ),
    "no ssml": ({"Text": "Hello", "TextType": "ssml"}, "InvalidSsmlException", "Invalid SSML request"),
    "other xml": ({"Text": "<say>Hi</say>", "TextType": "ssml"}, "InvalidSsmlException", "Invalid SSML request"),
    "what the lab's Polly has not": ({"OutputFormat": "alaw"}, "ValidationException", "The lab's Polly has no"),
    "speech marks": ({"SpeechMarkTypes": ["word"]}, "ValidationException", "The lab's Polly has no"),
    "lexicons": ({"LexiconNames": ["acronyms"]}, "ValidationException", "The lab's Polly has no"),
}


@pytest.mark.parametrize(("changes", "code", "message"), REFUSALS.values(), ids=REFUSALS)
def test_synthesis_is_refused_in_awss_words(lab: DirectLab, changes: dict[str, Any], code: str, message: str) -> None:
    refusal = refused(lab, **changes)
    assert refusal[::2] == (code, 400)
    assert message in refusal[1]


def test_an_engine_that_the_region_has_not(lab: DirectLab) -> None:
    assert refused(lab, "eu-west-1", Engine="generative") == (
        "ValidationException",
        "The selected engine is not supported in this region",
        400,
    )


@pytest.mark.parametrize("rate", ["8000", "16000"])
def test_pcm_is_a_tone_as_long_as_the_text(lab: DirectLab, rate: str) -> None:
    answer = speak(lab, Text="x" * 100, SampleRate=rate)
    samples = [sample for (sample,) in struct.iter_unpack("<h", answer["AudioStream"].read())]
    assert (answer["ContentType"], answer["RequestCharacters"]) == ("audio/pcm", 100)
    assert len(samples) / int(rate) == pytest.approx(6, abs=0.01)
    assert max(samples) > 5000
    crossings = sum(1 for first, second in itertools.pairwise(samples) if first < 0 <= second)
    assert crossings / 6 == pytest.approx(400, rel=0.01)


def test_mp3_is_a_row_of_whole_frames(lab: DirectLab) -> None:
    audio = speak(lab, OutputFormat="mp3")["AudioStream"].read()
    (header,) = struct.unpack_from(">I", audio)
    assert (header >> 21, header >> 19 & 3, header >> 17 & 3) == (0x7FF, 2, 1)  # synchronized, MPEG 2, layer III
    assert (header >> 12 & 15, header >> 10 & 3) == (6, 1)  # 48 kbit/s, 24 kHz
    assert len(audio) % 144 == 0
    assert {audio[at : at + 4] for at in range(0, len(audio), 144)} == {audio[:4]}


@pytest.mark.parametrize(("output_format", "head"), [("ogg_vorbis", b"\1vorbis"), ("ogg_opus", b"OpusHead")])
def test_ogg_is_ogg(lab: DirectLab, output_format: str, head: bytes) -> None:
    answer = speak(lab, OutputFormat=output_format)
    audio = answer["AudioStream"].read()
    assert answer["ContentType"] == "audio/ogg"
    flags = []
    while audio:
        segments = audio[26]
        size = 27 + segments + sum(audio[27 : 27 + segments])
        page, audio = audio[:size], audio[size:]
        assert page[:4] == b"OggS"
        assert struct.unpack_from("<I", page, 22)[0] == _ogg_checksum(page[:22] + bytes(4) + page[26:])
        flags.append(page[5])
        assert len(flags) > 1 or page[28 : 28 + len(head)] == head
    assert (flags[0], flags[-1]) == (2, 4)  # the first page and the last


def _ogg_checksum(page: bytes) -> int:
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum & 0x80000000 else 0)) & 0xFFFFFFFF
    return checksum


def test_pcm_can_be_written_as_a_wave_file(lab: DirectLab) -> None:
    audio = speak(lab)["AudioStream"].read()
    with wave.open(io.BytesIO(), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
        file.writeframes(audio)
        assert file.getnframes() == len(audio) // 2


def test_tags_are_not_billed(lab: DirectLab) -> None:
    text = '<speak>Hello <break time="1s"/>you</speak>'
    assert speak(lab, Text=text, TextType="ssml")["RequestCharacters"] == len("Hello you")


@pytest.mark.parametrize("name", accounts.names())
def test_accounts_change_only_voices_and_engines_that_there_are(name: str) -> None:
    changed = accounts.load(name).polly
    assert {engine for engines in changed.engines.values() for engine in engines} <= set(catalogue()["engines"])
    for changes in changed.voices.values():
        assert set(changes) <= set(catalogue()["voices"])
        assert {engine for engines in changes.values() for engine in engines} <= set(catalogue()["engines"])
