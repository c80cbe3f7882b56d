# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Event frames to AWS, each signed together with the signature before it.

The first signature is the one of the request that opened the stream. botocore reads such frames but writes none.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from hashlib import sha256

STREAMING_PAYLOAD = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"

_BYTES, _STRING, _TIMESTAMP = 6, 7, 8

#: Gives the signature, in hexadecimal digits, of a text at a time like 20261124T201500Z.
Sign = Callable[[str, str], str]


def encode(headers: Mapping[str, object], payload: bytes) -> bytes:
    """Return one message. A header is a text, bytes, or a time in milliseconds."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    head = prelude + struct.pack("!I", crc32(prelude)) + encoded + payload
    return head + struct.pack("!I", crc32(head))


def _header(name: str, value: object) -> bytes:
    head = struct.pack("!B", len(name)) + name.encode()
    if isinstance(value, int):
        return head + struct.pack("!Bq", _TIMESTAMP, value)
    content = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
    return head + struct.pack("!BH", _STRING if isinstance(value, str) else _BYTES, len(content)) + content


def audio_event(audio: bytes) -> bytes:
    """Return the event that carries audio, before it is signed."""
    headers = {
        ":content-type": "application/octet-stream",
        ":event-type": "AudioEvent",
        ":message-type": "event",
    }
    return encode(headers, audio)


class SignatureChain:
    """Signs frame after frame."""

    def __init__(self, opening_signature: str, scope: str, sign: Sign) -> None:
        """Begin with the signature of the opening request; scope: REGION/SERVICE."""
        self._previous, self._scope, self._sign = opening_signature, scope, sign

    def frame(self, payload: bytes, moment: datetime) -> bytes:
        """Return the signed frame around an event; an empty one says that no more comes."""
        stamp = moment.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        date = {":date": int(moment.timestamp() * 1000)}
        lines = (
            ALGORITHM,
            stamp,
            f"{stamp[:8]}/{self._scope}/aws4_request",
            self._previous,
            sha256(_header(":date", date[":date"])).hexdigest(),
            sha256(payload).hexdigest(),
        )
        self._previous = self._sign("\n".join(lines), stamp)
        return encode({**date, ":chunk-signature": bytes.fromhex(self._previous)}, payload)
