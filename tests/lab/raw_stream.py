"""A client of Transcribe's HTTP/2 stream that can break every rule, made of h2 and botocore's signer."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import struct
import time
import zlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset
from hyperframe.frame import GoAwayFrame

TIMEOUT_SECONDS = 20
PATH = "/stream-transcription"
SETTINGS = {
    "x-amzn-transcribe-language-code": "en-US",
    "x-amzn-transcribe-sample-rate": "16000",
    "x-amzn-transcribe-media-encoding": "pcm",
}


@dataclass
class Answer:
    """What came back so far."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    def messages(self) -> list[tuple[str, Any]]:
        """Kind and content of every message."""
        buffer = EventStreamBuffer()
        buffer.add_data(self.body)
        kinds = (":exception-type", ":event-type")
        return [
            (next(message.headers[kind] for kind in kinds if kind in message.headers), json.loads(message.payload))
            for message in buffer
        ]


def opening_headers(lab: Any, credentials: dict[str, str], region: str, settings: dict[str, str]) -> dict[str, str]:
    """The signed headers that open a stream, as the Developer Guide has them."""
    headers = {
        "content-type": "application/vnd.amazon.eventstream",
        "x-amz-target": "com.amazonaws.transcribe.Transcribe.StartStreamTranscription",
        "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        **settings,
    }
    request = AWSRequest("POST", lab.facts["endpoint_url"] + PATH, headers=headers)
    signer = Credentials(
        credentials["aws_access_key_id"], credentials["aws_secret_access_key"], credentials.get("aws_session_token")
    )
    SigV4Auth(signer, "transcribe", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def frame(headers: dict[str, str | bytes | int], payload: bytes) -> bytes:
    """One message: a header is a string, bytes or, as a number, a time in milliseconds."""
    encoded = b"".join(bytes([len(name)]) + name.encode() + _value(value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _value(value: str | bytes | int) -> bytes:
    if isinstance(value, int):
        return struct.pack(">Bq", 8, value)
    content, kind = (value.encode(), 7) if isinstance(value, str) else (value, 6)
    return struct.pack(">BH", kind, len(content)) + content


def audio_event(audio: bytes, event_type: str = "AudioEvent") -> bytes:
    """The message that stands inside a signed one."""
    return frame(
        {":message-type": "event", ":event-type": event_type, ":content-type": "application/octet-stream"}, audio
    )


class Signer:
    """Signs one message after the other."""

    def __init__(self, opening: dict[str, str], secret_access_key: str, region: str) -> None:
        self.previous = opening["authorization"].rpartition("Signature=")[2]
        self._secret_access_key, self._region = secret_access_key, region

    def sign(self, payload: bytes, seconds_ago: float = 0) -> bytes:
        """The signed message around a payload."""
        milliseconds = int((time.time() - seconds_ago) * 1000)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(milliseconds // 1000))
        scope = [stamp[:8], self._region, "transcribe", "aws4_request"]
        date_header = b"\x05:date" + _value(milliseconds)
        hashes = (hashlib.sha256(part).hexdigest() for part in (date_header, payload))
        text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", stamp, "/".join(scope), self.previous, *hashes))
        key = f"AWS4{self._secret_access_key}".encode()
        for part in (*scope, text):
            key = hmac.digest(key, part.encode(), "sha256")
        self.previous = key.hex()
        return frame({":date": milliseconds, ":chunk-signature": key}, payload)


class RawStream:
    """One connection, one stream at a time; ``with`` closes it."""

    def __init__(
        self,
        lab: Any,
        credentials: dict[str, str],
        region: str = "ca-central-1",
        settings: dict[str, str] | None = None,
    ) -> None:
        self._opening = opening_headers(lab, credentials, region, SETTINGS if settings is None else settings)
        self.signer = Signer(self._opening, credentials["aws_secret_access_key"], region)
        address = urlsplit(lab.facts["endpoint_url"])
        context = ssl.create_default_context(cafile=lab.facts["ca_bundle"])
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT_SECONDS)
        self._socket = context.wrap_socket(plain, server_hostname=address.hostname)
        self._authority = address.netloc
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._connection.initiate_connection()
        self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def open(self) -> None:
        """Open a stream, the first or, when that has ended, another."""
        self.answer = Answer()
        self.stream_id = self._connection.get_next_available_stream_id()
        pseudo = [(":method", "POST"), (":path", PATH), (":scheme", "https"), (":authority", self._authority)]
        self._connection.send_headers(self.stream_id, [*pseudo, *self._opening.items()])
        self._flush()

    def send(self, data: bytes, *, end: bool = False) -> None:
        """Some bytes of the body, and whether they are the last."""
        size = self._connection.max_outbound_frame_size
        for start in range(0, len(data), size):
            part = data[start : start + size]
            while self._connection.local_flow_control_window(self.stream_id) < len(part):
                self._receive()
            self._connection.send_data(self.stream_id, part)
            self._flush()
        if end:
            self._connection.end_stream(self.stream_id)
            self._flush()

    def leave(self, last: bytes) -> None:
        """Say that no more streams will be opened, then send the last of this one, which h2 itself would not do."""
        goaway = GoAwayFrame(0, last_stream_id=0, error_code=ErrorCodes.NO_ERROR)
        self._socket.sendall(goaway.serialize())
        self.send(last, end=True)

    def read(self, messages: int) -> list[tuple[str, Any]]:
        """Wait for that many messages, or for the end."""
        while len(self.answer.messages()) < messages and not self.answer.ended:
            self._receive()
        return self.answer.messages()

    def finish(self) -> Answer:
        """Wait for the end of the response."""
        while not self.answer.ended:
            self._receive()
        return self.answer

    def wait_for_reset(self) -> int | None:
        """Wait until the server tells the client to stop; its error code."""
        while self.answer.reset is None:
            self._receive()
        return self.answer.reset

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the lab closed the connection")
        for event in self._connection.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            self.answer.headers = dict(event.headers)
            self.answer.status = int(self.answer.headers.pop(":status"))
        elif isinstance(event, DataReceived):
            self.answer.body += event.data
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamReset):
            self.answer.ended, self.answer.reset = True, event.error_code
        elif isinstance(event, StreamEnded):
            self.answer.ended = True

    def _flush(self) -> None:
        self._socket.sendall(self._connection.data_to_send())
