"""Transcribe's stream frame by frame, for a client that breaks its rules, and what is heard in its audio."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab import transcribe_streaming
from lab.service import ServiceError
from lab.transcription import Transcription
from tests.lab import raw_stream
from tests.lab.audio import chunks, silence, tone
from tests.lab.raw_stream import RawStream, audio_event, frame

WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
UNDECODABLE = (
    "Could not decode the audio stream that you provided. "
    "Check that the audio stream is valid and try your request again."
)


@pytest.fixture
def raw(lab: Any) -> Callable[..., RawStream]:
    """``raw(settings={…})`` opens a stream as the lab's host."""
    credentials = lab.role_credentials()
    return lambda **options: RawStream(lab, credentials, **options)


class TestFrames:
    """What the lab makes of every frame."""

    def test_a_result_comes_while_the_audio_goes_on(self, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            client.send(client.signer.sign(audio_event(tone(0.4))))
            kind, first = client.read(messages=1)[0]
            assert (kind, first["Transcript"]["Results"][0]["IsPartial"]) == ("TranscriptEvent", True)
            client.send(client.signer.sign(audio_event(tone(0.5))))
            client.send(client.signer.sign(b""), end=True)
            assert client.finish().messages()[-1][1]["Transcript"]["Results"][0]["EndTime"] == 0.9

    def test_the_response_is_opened_with_awss_headers(self, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            client.send(client.signer.sign(b""), end=True)
            headers = client.finish().headers
        assert headers.pop("date")
        assert headers.pop("x-amzn-requestid") == headers.pop("x-amzn-request-id")
        assert len(headers.pop("x-amzn-transcribe-session-id")) == 36
        assert headers == {
            "content-type": "application/vnd.amazon.eventstream",
            "x-amzn-transcribe-language-code": "en-US",
            "x-amzn-transcribe-media-encoding": "pcm",
            "x-amzn-transcribe-sample-rate": "16000",
            "x-amzn-transcribe-show-speaker-label": "false",
            "x-amzn-transcribe-enable-channel-identification": "false",
            "x-amzn-transcribe-enable-partial-results-stabilization": "false",
        }

    @pytest.mark.parametrize("empty_frame", [b"", audio_event(b"")])
    def test_an_empty_frame_ends_the_stream(self, raw: Callable[..., RawStream], empty_frame: bytes) -> None:
        with raw() as client:
            for chunk in chunks(tone(0.5)):
                client.send(client.signer.sign(audio_event(chunk)))
            client.send(client.signer.sign(empty_frame))
            kind, last = client.finish().messages()[-1]
            assert (kind, last["Transcript"]["Results"][0]["IsPartial"]) == ("TranscriptEvent", False)

    def test_a_frame_in_small_pieces_is_one_frame(self, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            for piece in chunks(client.signer.sign(audio_event(tone(0.3))), 1000):
                client.send(piece)
            client.send(client.signer.sign(b""), end=True)
            assert [kind for kind, _ in client.finish().messages()] == ["TranscriptEvent"] * 2

    @pytest.mark.parametrize("broken", ["audio", "prelude", "length", "text"])
    def test_bytes_that_are_no_frame_end_the_stream(self, raw: Callable[..., RawStream], broken: str) -> None:
        with raw() as client:
            signed = bytearray(client.signer.sign(audio_event(tone(0.3))))
            signed[{"audio": -100, "prelude": 9, "length": 0, "text": 0}[broken]] ^= 0x40
            client.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n" if broken == "text" else bytes(signed))
            assert client.finish().messages() == [("BadRequestException", {"Message": UNDECODABLE})]

    @pytest.mark.parametrize("payload", [audio_event(b"..", "ConfigurationEvent"), b"audio without its event"])
    def test_a_signed_frame_that_holds_no_audio_ends_the_stream(
        self, raw: Callable[..., RawStream], payload: bytes
    ) -> None:
        with raw() as client:
            client.send(client.signer.sign(payload))
            assert client.finish().messages() == [("BadRequestException", {"Message": UNDECODABLE})]

    def test_a_tampered_frame_with_right_checksums_ends_the_stream(self, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            client.send(client.signer.sign(audio_event(tone(0.3))))
            client.read(messages=1)
            signed = client.signer.sign(audio_event(tone(0.3)))
            headers = {":date": _milliseconds(signed), ":chunk-signature": bytes.fromhex(client.signer.previous)}
            assert frame(headers, audio_event(tone(0.3))) == signed
            client.send(frame(headers, audio_event(tone(0.3, 500))))
            assert client.finish().messages()[-1] == ("BadRequestException", {"Message": WRONG_SIGNATURE})

    @pytest.mark.parametrize("end", ["replayed", "left out", "unsigned", "of another secret"])
    def test_a_frame_out_of_the_chain_ends_the_stream(self, raw: Callable[..., RawStream], end: str) -> None:
        with raw() as client:
            first = client.signer.sign(audio_event(tone(0.3)))
            client.send(first)
            client.read(messages=1)
            if end == "left out":
                client.signer.sign(audio_event(tone(0.3)))
            elif end == "of another secret":
                client.signer._secret_access_key = "x" * 40
            wrong = {"replayed": first, "unsigned": audio_event(tone(0.3))}.get(end) or client.signer.sign(b"")
            client.send(wrong)
            assert client.finish().messages()[-1] == ("BadRequestException", {"Message": WRONG_SIGNATURE})

    @pytest.mark.parametrize(("seconds_ago", "fault"), [(360, "expired"), (-360, "not yet current")])
    def test_a_frame_of_another_time_ends_the_stream(
        self, raw: Callable[..., RawStream], seconds_ago: float, fault: str
    ) -> None:
        with raw() as client:
            client.send(client.signer.sign(audio_event(tone(0.3)), seconds_ago))
            [(kind, content)] = client.finish().messages()
            assert kind == "BadRequestException"
            assert content["Message"].startswith(f"Signature {fault}: 20")

    def test_a_stream_without_its_empty_frame_is_told_so(self, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            client.send(client.signer.sign(audio_event(tone(0.1))), end=True)
            assert client.finish().messages() == [
                (
                    "BadRequestException",
                    {"Message": "A complete signal was sent without the preceding empty frame."},
                )
            ]

    def test_the_stream_that_opens_over_http_1_is_refused(self, lab: Any) -> None:
        headers = raw_stream.opening_headers(lab, lab.role_credentials(), "ca-central-1", raw_stream.SETTINGS)
        address = urlsplit(lab.facts["endpoint_url"])
        context = ssl.create_default_context(cafile=lab.facts["ca_bundle"])
        connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=20, context=context)
        connection.request("POST", raw_stream.PATH, headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("x-amzn-errortype")) == (400, "BadRequestException")
        assert json.loads(answer.read()) == {"message": "StartStreamTranscription needs HTTP/2"}
        connection.close()


class TestOpening:
    """Headers that no SDK would send."""

    @pytest.mark.parametrize(
        ("settings", "code", "message"),
        [
            (
                {},
                "BadRequestException",
                "2 validation errors detected: "
                "Value null at 'mediaSampleRateHertz' failed to satisfy constraint: Member must not be null; "
                "Value null at 'mediaEncoding' failed to satisfy constraint: Member must not be null",
            ),
            (
                raw_stream.SETTINGS | {"x-amzn-transcribe-sample-rate": "high"},
                "SerializationException",
                "STRING_VALUE can not be converted to an Integer",
            ),
            (
                {name: value for name, value in raw_stream.SETTINGS.items() if "language" not in name},
                "BadRequestException",
                "The lab's Transcribe identifies no languages: LanguageCode must be given",
            ),
            (
                raw_stream.SETTINGS | {"x-amzn-transcribe-vocabulary-name": "ours"},
                "BadRequestException",
                "The lab's Transcribe does not offer x-amzn-transcribe-vocabulary-name: ours",
            ),
        ],
    )
    def test_missing_or_impossible_headers_open_no_stream(
        self, raw: Callable[..., RawStream], settings: dict[str, str], code: str, message: str
    ) -> None:
        with raw(settings=settings) as client:
            answer = client.finish()
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, code)
        assert json.loads(answer.body) == {"message": message}

    def test_a_wrong_signature_opens_no_stream(self, lab: Any) -> None:
        with RawStream(lab, lab.role_credentials() | {"aws_secret_access_key": "x" * 40}) as client:
            answer = client.finish()
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")

    def test_a_switch_that_is_off_is_none(self, raw: Callable[..., RawStream]) -> None:
        with raw(settings=raw_stream.SETTINGS | {"x-amzn-transcribe-show-speaker-label": "false"}) as client:
            client.send(client.signer.sign(b""), end=True)
            assert client.finish().status == 200


class TestHttp2:
    """Both ends of a stream end when they end."""

    def test_a_refused_client_that_sends_on_is_told_to_stop_and_may_open_another_stream(
        self, raw: Callable[..., RawStream]
    ) -> None:
        with raw(region="us-east-1") as client:
            assert client.finish().status == 403
            client.send(client.signer.sign(audio_event(tone(1))))
            assert client.wait_for_reset() == 0
            client.open()
            assert client.finish().status == 403

    def test_a_client_that_opens_no_more_streams_ends_the_one_that_it_has(self, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            last = client.signer.sign(audio_event(tone(0.3))) + client.signer.sign(b"")
            client.leave(last)
            kind, content = client.finish().messages()[-1]
            assert (kind, content["Transcript"]["Results"][0]["IsPartial"]) == ("TranscriptEvent", False)

    def test_a_client_that_goes_leaves_no_trace(self, lab: Any, raw: Callable[..., RawStream]) -> None:
        with raw() as client:
            client.send(client.signer.sign(audio_event(tone(0.4))))
            client.read(messages=1)
        with raw() as client:
            client.send(client.signer.sign(b""), end=True)
            assert client.finish().status == 200
        assert "Traceback" not in (lab.directory / "lab.log").read_text()


def test_a_client_that_sends_no_audio_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def read() -> None:
        async for _ in transcribe_streaming._within_time(nothing()):
            pass

    monkeypatch.setattr(transcribe_streaming, "IDLE_SECONDS", 0.01)
    with pytest.raises(ServiceError, match="Your request timed out because no new audio was received for 0 seconds"):
        asyncio.run(read())


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 48000])
@pytest.mark.parametrize("chunk_bytes", [1, 1000, 10**6])
def test_what_is_heard_does_not_depend_on_how_the_audio_is_cut(rate: int, chunk_bytes: int) -> None:
    audio = silence(0.3, rate) + tone(0.5, 300, rate) + silence(0.7, rate) + tone(0.2, 200, rate)
    transcription = Transcription(rate)
    heard = [results for chunk in chunks(audio, chunk_bytes) for results in transcription.hear(chunk)]
    final = [result for results in [*heard, *transcription.finish()] for result in results if not result["IsPartial"]]
    assert [len(result["Alternatives"][0]["Items"]) for result in final] == [2 + 1, 1 + 1]


def _milliseconds(signed: bytes) -> int:
    """The ``:date`` of a signed frame, its first header."""
    number: int = struct.unpack_from(">q", signed, 12 + len(b"\x05:date\x08"))[0]
    return number
