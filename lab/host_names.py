"""The resolver of the lab's VPC: AWS's own endpoint names lead to the lab, no other name exists."""

from __future__ import annotations

import asyncio
import re
import struct
from ipaddress import IPv4Address, IPv6Address

from lab.certificates import REGIONS

PORT = 53
GLOBAL_REGION = "us-east-1"  # where the services without a region live
DUAL_STACK = "api.aws"
REGIONAL_NAME = re.compile(rf"(?:[a-z0-9-]+\.)+({'|'.join(REGIONS)})\.(amazonaws\.com|api\.aws)")
GLOBAL_NAME = re.compile(r"[a-z0-9-]+\.(amazonaws\.com)")
HEADER = struct.Struct("!6H")
TIME_TO_LIVE = 60
#: Response, recursion available; the bit that asks for recursion is given back.
ANSWERED, RECURSION_DESIRED, NAME_ERROR = 0x8080, 0x0100, 3
A, AAAA, INTERNET = 1, 28, 1


def addresses(region: str) -> tuple[IPv4Address, IPv6Address]:
    """Where a region's endpoints are: one network a region, so that a rule can tell them apart."""
    number = REGIONS.index(region) + 1
    return IPv4Address(f"198.18.{number}.10"), IPv6Address(f"fd5a:fe5e:{number}::10")


def answer(query: bytes) -> bytes:
    """Answer one question."""
    identifier, flags, questions, *_ = HEADER.unpack_from(query)
    name, end = _name(query, HEADER.size)
    kind, network_class = struct.unpack_from("!2H", query, end)
    found = _resolve(name)
    data = [
        address for address in found or () if (kind, network_class) == (A if address.version == 4 else AAAA, INTERNET)
    ]
    status = ANSWERED | (flags & RECURSION_DESIRED) | (NAME_ERROR if found is None else 0)
    header = HEADER.pack(identifier, status, questions, len(data), 0, 0)
    # 0xC00C points to the question's name.
    records = [
        struct.pack("!3HIH", 0xC00C, kind, INTERNET, TIME_TO_LIVE, len(address.packed)) + address.packed
        for address in data
    ]
    return header + query[HEADER.size : end + 4] + b"".join(records)


def _resolve(name: str) -> tuple[IPv4Address | IPv6Address, ...] | None:
    """The addresses of a name; None when there is no such name."""
    match = REGIONAL_NAME.fullmatch(name) or GLOBAL_NAME.fullmatch(name)
    if match is None:
        return None
    region, domain = (GLOBAL_REGION, match[1]) if match.re is GLOBAL_NAME else (match[1], match[2])
    both = addresses(region)
    return both if domain == DUAL_STACK else both[:1]


def _name(message: bytes, start: int) -> tuple[str, int]:
    """The name that begins there, in lower case, and where it ends."""
    labels: list[str] = []
    while length := message[start]:
        labels.append(message[start + 1 : start + 1 + length].decode("ascii"))
        start += 1 + length
    return ".".join(labels).lower(), start + 1


class Resolver(asyncio.DatagramProtocol):
    """The resolver on a UDP socket."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question; silence for what is none."""
        try:
            reply = answer(data)
        except (IndexError, UnicodeDecodeError, struct.error):
            return
        assert isinstance(self._transport, asyncio.DatagramTransport)
        self._transport.sendto(reply, addr)
