"""``application/vnd.amazon.eventstream``: messages written, read as they arrive, and their chain of signatures."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.eventstream import EventStreamBuffer, ParserError
from ministack.core import sigv4
from ministack.services.bedrock_runtime import _es_encode_message

CONTENT_TYPE = "application/vnd.amazon.eventstream"
TIMESTAMP_HEADER = b"\x05:date\x08"
#: botocore's EventStreamMessage, whose stubs take its headers for a number.
Message = Any
#: What botocore's parser raises besides its own error: a length, a header type or a text that cannot be.
PARSER_ERRORS = (ParserError, struct.error, KeyError, ValueError)


class MalformedMessageError(Exception):
    """Bytes that are no message: a checksum that does not match, a length or a header that cannot be."""


class SignatureError(Exception):
    """A message that its sender did not sign, or not as the next one, or not now; the text is AWS's."""


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message whose headers are all strings."""
    return bytes(_es_encode_message(dict(headers), payload))


def event(event_type: str, content: Mapping[str, Any]) -> bytes:
    """An event with a JSON document."""
    return _json_message({":event-type": event_type}, "event", content)


def exception(exception_type: str, message: str) -> bytes:
    """An exception, after which nothing comes."""
    return _json_message({":exception-type": exception_type}, "exception", {"Message": message})


def _json_message(kind: dict[str, str], message_type: str, content: Mapping[str, Any]) -> bytes:
    headers = {**kind, ":content-type": "application/json", ":message-type": message_type}
    return encode(headers, json.dumps(content, separators=(",", ":")).encode())


async def messages(chunks: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """Every message as soon as its last byte is there."""
    buffer = EventStreamBuffer()
    async for chunk in chunks:
        for message in _parsed(buffer, chunk):
            yield message


def decode(data: bytes) -> Message:
    """The one message that these bytes are."""
    parsed = _parsed(EventStreamBuffer(), data)
    if len(parsed) != 1:
        raise MalformedMessageError(f"{len(parsed)} messages")
    return parsed[0]


def _parsed(buffer: EventStreamBuffer, data: bytes) -> list[Message]:
    buffer.add_data(data)
    try:
        return list(buffer)
    except PARSER_ERRORS as error:
        raise MalformedMessageError(str(error)) from error


class SignatureChain:
    """Signature Version 4 of a stream: each message is signed together with the signature before it.

    The first is the one of the request that opened the stream.
    """

    def __init__(self, opening_headers: Mapping[str, str], secret_access_key: str) -> None:
        signature = sigv4.parse_header_signature(opening_headers)
        if not isinstance(signature, sigv4.HeaderSignature):
            raise SignatureError(signature[1])
        self._opening, self._secret_access_key = signature, secret_access_key
        self._previous = signature.signature

    def verify(self, message: Message) -> None:
        """Check the message as the next one of the chain."""
        milliseconds, signature = message.headers.get(":date"), message.headers.get(":chunk-signature")
        if not isinstance(milliseconds, int) or not isinstance(signature, bytes):
            raise SignatureError(sigv4.SIGNATURE_MISMATCH)
        expected = self._expected(milliseconds, message.payload)
        if not hmac.compare_digest(expected, signature):
            raise SignatureError(sigv4.SIGNATURE_MISMATCH)
        self._previous = expected.hex()

    def _expected(self, milliseconds: int, payload: bytes) -> bytes:
        try:
            stamp = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        except (OverflowError, ValueError, OSError) as error:
            raise SignatureError(sigv4.SIGNATURE_MISMATCH) from error
        if skew := sigv4.request_time_failure(replace(self._opening, amz_date=stamp)):
            raise SignatureError(skew[1])
        scope = (stamp[:8], self._opening.region, self._opening.service)
        header = TIMESTAMP_HEADER + struct.pack(">q", milliseconds)
        lines = (
            "AWS4-HMAC-SHA256-PAYLOAD",
            stamp,
            "/".join((*scope, "aws4_request")),
            self._previous,
            hashlib.sha256(header).hexdigest(),
            hashlib.sha256(payload).hexdigest(),
        )
        key = sigv4.derive_signing_key(self._secret_access_key, *scope)
        return hmac.digest(key, "\n".join(lines).encode(), "sha256")
