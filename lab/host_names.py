"""The resolver of the lab's VPC: the names of AWS's own endpoints and of the speech provider, and no others."""

from __future__ import annotations

import asyncio
import re
import struct
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import cast

from lab import provider
from lab.certificates import REGIONS

PORT = 53
GLOBAL_REGION = "us-east-1"  # where the services without a region live
DUAL_STACK = "api.aws"
REGIONAL_NAME = re.compile(rf"(?:[a-z0-9-]+\.)+(?P<region>{'|'.join(REGIONS)})\.(?P<domain>amazonaws\.com|api\.aws)")
GLOBAL_NAME = re.compile(r"[a-z0-9-]+\.amazonaws\.com")
PROVIDER_NAME = re.compile(rf"[a-z-]+\.{re.escape(provider.DOMAIN)}")
PROVIDER_ADDRESS = IPv4Address("198.18.100.10")
HEADER = struct.Struct("!6H")
RESPONSE, RECURSION_DESIRED, RECURSION_AVAILABLE, NAME_ERROR = 0x8000, 0x0100, 0x0080, 3
INTERNET, NAME_OF_THE_QUESTION = 1, 0xC000 + HEADER.size
TIME_TO_LIVE = 60


def addresses(region: str) -> tuple[IPv4Address, IPv6Address]:
    """Where a region's endpoints are: each region has networks of its own, so that a rule can tell them apart."""
    number = REGIONS.index(region) + 1
    return IPv4Address(f"198.18.{number}.10"), IPv6Address(f"fd5a:fe5e:{number}::10")


def records(name: str) -> dict[int, bytes] | None:
    """A name's records by type (A, AAAA); None when there is no such name."""
    if PROVIDER_NAME.fullmatch(name):
        return {1: PROVIDER_ADDRESS.packed}
    regional = REGIONAL_NAME.fullmatch(name)
    if regional is None and not GLOBAL_NAME.fullmatch(name):
        return None
    ipv4, ipv6 = addresses(regional["region"] if regional else GLOBAL_REGION)
    dual_stack = regional is not None and regional["domain"] == DUAL_STACK
    return {1: ipv4.packed, 28: ipv6.packed} if dual_stack else {1: ipv4.packed}


def answer(query: bytes) -> bytes:
    """Answer the one question of a query."""
    identifier, flags, *_ = HEADER.unpack_from(query)
    name, end = _name(query, HEADER.size)
    kind, network_class = struct.unpack_from("!2H", query, end)
    known = records(name)
    data = (known or {}).get(kind) if network_class == INTERNET else None
    status = RESPONSE | RECURSION_AVAILABLE | flags & RECURSION_DESIRED | (NAME_ERROR if known is None else 0)
    reply = HEADER.pack(identifier, status, 1, int(data is not None), 0, 0) + query[HEADER.size : end + 4]
    if data is not None:
        reply += struct.pack("!3HIH", NAME_OF_THE_QUESTION, kind, INTERNET, TIME_TO_LIVE, len(data)) + data
    return reply


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
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question; what is none is left unanswered."""
        with suppress(IndexError, UnicodeDecodeError, struct.error):
            self._transport.sendto(answer(data), addr)
