"""Streams audio to Transcribe with AWS's SDK for Python: a request as JSON in, what came of it as JSON out."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

from amazon_transcribe.auth import CredentialResolver, Credentials
from amazon_transcribe.client import TranscribeStreamingClient
from amazon_transcribe.endpoints import StaticEndpointResolver
from amazon_transcribe.exceptions import ServiceException
from awscrt.io import ClientTlsContext, TlsContextOptions


class Resolver(CredentialResolver):
    """The credentials of the request; those of the events may have another secret."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request, self._asked = request, 0

    async def get_credentials(self) -> Credentials:
        self._asked += 1
        secret = self._request["secret_access_key"] if self._asked == 1 else self._request["event_secret_access_key"]
        return Credentials(self._request["access_key_id"], secret, self._request["session_token"])


async def stream(request: dict[str, Any], outcome: dict[str, Any]) -> None:
    """Send the audio while the results come."""
    client = TranscribeStreamingClient(
        region=request["region"],
        endpoint_resolver=StaticEndpointResolver(request["endpoint"]),
        credential_resolver=Resolver(request),
    )
    options = TlsContextOptions()
    options.override_default_trust_store_from_path(ca_filepath=request["ca_bundle"])
    client._session_manager._tls_ctx = ClientTlsContext(options)  # it has no setting for that
    opened = await client.start_stream_transcription(
        language_code=request["language_code"],
        media_sample_rate_hz=request["sample_rate"],
        media_encoding=request["media_encoding"],
        session_id=request["session_id"],
    )
    outcome["opened"] = {
        "request_id": opened.response.request_id,
        "session_id": opened.response.session_id,
        "language_code": opened.response.language_code,
        "sample_rate": opened.response.media_sample_rate_hz,
        "media_encoding": opened.response.media_encoding,
    }
    sending = asyncio.create_task(send(opened.input_stream, request))
    async for event in opened.output_stream:
        outcome["results"].append([described(result) for result in event.transcript.results])
    await sending


async def send(input_stream: Any, request: dict[str, Any]) -> None:
    """All the audio, then the empty frame."""
    audio = base64.b64decode(request["audio"])
    for start in range(0, len(audio), request["chunk_bytes"]):
        await input_stream.send_audio_event(audio_chunk=audio[start : start + request["chunk_bytes"]])
        await asyncio.sleep(0)
    await input_stream.end_stream()


def described(result: Any) -> dict[str, Any]:
    """What the test looks at."""
    alternative = result.alternatives[0]
    return {
        "id": result.result_id,
        "partial": result.is_partial,
        "transcript": alternative.transcript,
        "start": result.start_time,
        "end": result.end_time,
        "items": [item.content for item in alternative.items],
    }


def main() -> None:
    """Run one request."""
    outcome: dict[str, Any] = {"results": []}
    try:
        asyncio.run(stream(json.load(sys.stdin), outcome))
    except ServiceException as error:
        outcome["error"] = {
            "code": getattr(error, "error_code", type(error).__name__),
            "message": error.message,
            "status": error.status_code if "opened" not in outcome else None,
        }
    json.dump(outcome, sys.stdout)


main()
