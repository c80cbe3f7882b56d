# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""StartStreamTranscription over HTTP/2: a signed opening, signed frames of silence, and what comes back until the end.

botocore has no client for it: its signer, its reader of event frames and its table of endpoints do what they can.
"""

from __future__ import annotations

import importlib
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import libraries
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.event_frames import (
    STREAMING_PAYLOAD,
    SignatureChain,
    audio_event,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.outcome import (
    OK,
    UNANSWERED,
    USER_AGENT,
    WRONG_ANSWER,
    Call,
    Outcome,
    answered_error,
    outcome,
)

with suppress(ImportError):  # The travelling file brings it.
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.eventstream import EventStreamBuffer, ParserError

SIGNING_NAME, ENDPOINT_NAME = "transcribe", "transcribestreaming"
PATH = "/stream-transcription"
SAMPLE_RATE, SAMPLE_BYTES = 16_000, 2
FRAME_MILLISECONDS, FRAMES = 100, 5
EVENT_STREAM = "application/vnd.amazon.eventstream"
HTTP_OK = 200
READ_BYTES = 65_536


def endpoint(plan: Mapping[str, Any], region: str) -> str:
    """Return the URL of a region's endpoint."""
    if plan["endpoint_url"]:
        return str(plan["endpoint_url"]).rstrip("/")
    resolver = libraries.session().get_component("endpoint_resolver")
    return f"https://{resolver.construct_endpoint(ENDPOINT_NAME, region)['hostname']}"


def call(credentials: Any, plan: Mapping[str, Any], asked: Call) -> Outcome:
    """Stream half a second of silence, and say what came of it."""
    url = endpoint(plan, asked["region"])
    signer = SigV4Auth(credentials, SIGNING_NAME, asked["region"])
    request = _opening(signer, url, asked["language_code"])
    try:
        with _connection(url, plan) as connection:
            return _exchange(connection, request, list(_frames(signer, request, asked["region"])))
    except (OSError, ssl.SSLError, BrokenStreamError) as error:
        return outcome(UNANSWERED, error_code=type(error).__name__, message=str(error) or "no answer in time")


class BrokenStreamError(Exception):
    """The connection ended, or is no HTTP/2."""


def _opening(signer: Any, url: str, language_code: str) -> Any:
    headers = {
        "Content-Type": EVENT_STREAM,
        "User-Agent": USER_AGENT,
        "X-Amz-Content-SHA256": STREAMING_PAYLOAD,
        "x-amzn-transcribe-language-code": language_code,
        "x-amzn-transcribe-media-encoding": "pcm",
        "x-amzn-transcribe-sample-rate": str(SAMPLE_RATE),
    }
    request = AWSRequest("POST", f"{url}{PATH}", headers=headers)
    signer.add_auth(request)
    return request


def _frames(signer: Any, request: Any, region: str) -> Iterator[bytes]:
    opening = request.headers["Authorization"].rpartition("Signature=")[2]

    def sign(text: str, stamp: str) -> str:
        request.context["timestamp"] = stamp
        return str(signer.signature(text, request))

    chain = SignatureChain(opening, f"{region}/{SIGNING_NAME}", sign)
    silence = bytes(SAMPLE_RATE * SAMPLE_BYTES * FRAME_MILLISECONDS // 1000)
    for payload in [*([audio_event(silence)] * FRAMES), b""]:
        yield chain.frame(payload, datetime.now(timezone.utc))


def _connection(url: str, plan: Mapping[str, Any]) -> ssl.SSLSocket:
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=plan["ca_bundle"])
    context.set_alpn_protocols(["h2"])
    address = (parts.hostname or "", parts.port or 443)
    connection = context.wrap_socket(socket.create_connection(address, plan["timeout"]), server_hostname=parts.hostname)
    if connection.selected_alpn_protocol() != "h2":
        connection.close()
        raise BrokenStreamError("the endpoint does not speak HTTP/2")
    return connection


def _exchange(connection: ssl.SSLSocket, request: Any, frames: list[bytes]) -> Outcome:
    """Send everything, and read until the end of the answer."""
    http2 = importlib.import_module("h2.connection")
    configuration = importlib.import_module("h2.config").H2Configuration(client_side=True, header_encoding="utf-8")
    protocol = http2.H2Connection(configuration)
    protocol.initiate_connection()
    authority = urlsplit(request.url).netloc
    pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", authority), (":path", PATH)]
    protocol.send_headers(1, pseudo + [(name.lower(), value) for name, value in request.headers.items()])
    for number, frame in enumerate(frames, 1):
        protocol.send_data(1, frame, end_stream=number == len(frames))
    connection.sendall(protocol.data_to_send())
    headers, body = _answer(connection, protocol)
    return _judged(headers, body)


def _answer(connection: ssl.SSLSocket, protocol: Any) -> tuple[dict[str, str], bytes]:
    events = importlib.import_module("h2.events")
    headers: dict[str, str] = {}
    body = b""
    while data := connection.recv(READ_BYTES):
        for event in protocol.receive_data(data):
            if isinstance(event, events.ResponseReceived):
                headers = dict(event.headers)
            elif isinstance(event, events.DataReceived):
                body += event.data
                protocol.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, events.StreamEnded):
                return headers, body
            elif isinstance(event, events.StreamReset) and headers.get(":status", "200") != "200":
                return headers, body  # refused: it wants to hear no more of the audio
            elif isinstance(event, (events.ConnectionTerminated, events.StreamReset)):
                raise BrokenStreamError(f"the endpoint broke the stream off (HTTP/2 error {int(event.error_code)})")
        connection.sendall(protocol.data_to_send())
    raise BrokenStreamError("the endpoint closed the connection before its answer ended")


def _judged(headers: Mapping[str, str], body: bytes) -> Outcome:
    status, request_id = int(headers[":status"]), headers.get("x-amzn-requestid") or headers.get("x-amzn-request-id")
    if status != HTTP_OK:
        code = headers.get("x-amzn-errortype", "").partition(":")[0]
        return answered_error(code or f"HTTP{status}", _message_of(body), status, request_id)
    try:
        events = list(_events(body))
    except (ParserError, ValueError) as error:
        return outcome(WRONG_ANSWER, message=f"no event stream: {error}", http_status=status, request_id=request_id)
    for event in events:
        if event.headers.get(":message-type") != "event":
            code = event.headers.get(":exception-type") or event.headers.get(":error-code") or "UnknownException"
            return answered_error(code, _message_of(event.payload), status, request_id)
    answer = {"clean_end": True, "events": len(events), "session_id": headers.get("x-amzn-transcribe-session-id")}
    return outcome(OK, http_status=status, request_id=request_id, answer=answer)


def _events(body: bytes) -> Iterator[Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    yield from buffer


def _message_of(body: bytes) -> str:
    with suppress(ValueError):
        content = json.loads(body)
        return str(content.get("Message") or content.get("message") or "")
    return body.decode(errors="replace")[:500]


def load_http2() -> None:
    """Import what is slow to import, in one thread: several would see it half done."""
    importlib.import_module("h2.connection")
