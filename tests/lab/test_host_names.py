"""The resolver knows the endpoint names of AWS and of the speech provider, and no others."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from lab import host_names

A, AAAA, MX = 1, 28, 15


def query(name: str, kind: int, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 4711, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def resolve(name: str, kind: int) -> str | int:
    """The address, or the status of an answer without one."""
    asked = query(name, kind)
    reply = host_names.answer(asked)
    identifier, flags, questions, answers, *_ = struct.unpack_from("!6H", reply)
    assert (identifier, flags & 0xFFF0, questions) == (4711, 0x8180, 1)
    assert reply[12 : len(asked)] == asked[12:]
    if not answers:
        return flags & 0xF
    pointer, record, network_class, _, length = struct.unpack_from("!3HIH", reply, len(asked))
    assert (pointer, record, network_class) == (0xC00C, kind, 1)
    assert len(reply) == len(asked) + 12 + length
    return str(ip_address(reply[-length:]))


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("polly.ca-central-1.amazonaws.com", A, "198.18.1.10"),
        ("bedrock-runtime.us-east-1.amazonaws.com", A, "198.18.2.10"),
        ("Polly.US-East-1.AmazonAWS.com", A, "198.18.2.10"),
        ("iam.amazonaws.com", A, "198.18.2.10"),
        ("polly.us-east-1.amazonaws.com", AAAA, 0),
        ("polly.us-east-1.api.aws", AAAA, "fd5a:fe5e:2::10"),
        ("polly.us-east-1.api.aws", A, "198.18.2.10"),
        ("polly.us-east-1.api.aws", MX, 0),
        ("api.smallest.ai", A, "198.18.100.10"),
        ("captive-portal.smallest.ai", A, "198.18.100.10"),
        ("api.smallest.ai", AAAA, 0),
        ("smallest.ai.example.com", A, 3),
        ("polly.eu-west-9.amazonaws.com", A, 3),
        ("us-east-1.api.aws", A, 3),
        ("amazonaws.com.example.com", A, 3),
        ("example.com", A, 3),
    ],
)
def test_names(name: str, kind: int, expected: str | int) -> None:
    assert resolve(name, kind) == expected


@pytest.mark.parametrize("message", [b"", b"\0" * 12, b"\xff" * 40, query("a.b", A)[:-6]])
def test_no_question_no_answer(message: bytes) -> None:
    sent: list[bytes] = []

    class Transport:
        def sendto(self, data: bytes, _address: tuple[str, int]) -> None:
            sent.append(data)

    resolver = host_names.Resolver()
    resolver.connection_made(Transport())  # type: ignore[arg-type]
    resolver.datagram_received(message, ("10.20.1.15", 5353))
    assert sent == []
