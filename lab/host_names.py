"""The resolver of the lab's VPC: the names of AWS's own endpoints and of the speech provider, and no others."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import cast

from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSError, DNSRecord

from lab import provider
from lab.certificates import REGIONS

PORT = 53
GLOBAL_REGION = "us-east-1"  # where the services without a region live
DUAL_STACK = "api.aws"
REGIONAL_NAME = re.compile(rf"(?:[a-z0-9-]+\.)+(?P<region>{'|'.join(REGIONS)})\.(?P<domain>amazonaws\.com|api\.aws)")
GLOBAL_NAME = re.compile(r"[a-z0-9-]+\.amazonaws\.com")
PROVIDER_NAME = re.compile(rf"[a-z-]+\.{re.escape(provider.DOMAIN)}")
PROVIDER_ADDRESS = "198.18.100.10"
TIME_TO_LIVE = 60


def addresses(region: str) -> tuple[str, str]:
    """Where a region's endpoints are: each region has networks of its own, so that a rule can tell them apart."""
    number = REGIONS.index(region) + 1
    return f"198.18.{number}.10", f"fd5a:fe5e:{number}::10"


def records(name: str) -> dict[str, A | AAAA] | None:
    """A name's records by type; None when there is no such name."""
    if PROVIDER_NAME.fullmatch(name):
        return {"A": A(PROVIDER_ADDRESS)}
    regional = REGIONAL_NAME.fullmatch(name)
    if regional is None and not GLOBAL_NAME.fullmatch(name):
        return None
    ipv4, ipv6 = addresses(regional["region"] if regional else GLOBAL_REGION)
    dual_stack = regional is not None and regional["domain"] == DUAL_STACK
    return {"A": A(ipv4), "AAAA": AAAA(ipv6)} if dual_stack else {"A": A(ipv4)}


def answer(query: bytes) -> bytes:
    """Answer the one question of a query."""
    asked = DNSRecord.parse(query)
    question = asked.questions[0]
    reply, known = asked.reply(aa=0), records(str(question.qname).rstrip(".").lower())
    if known is None:
        reply.header.rcode = RCODE.NXDOMAIN
    for kind, data in (known or {}).items():
        if kind == QTYPE.get(question.qtype):
            reply.add_answer(RR(question.qname, question.qtype, rdata=data, ttl=TIME_TO_LIVE))
    return bytes(reply.pack())


class Resolver(asyncio.DatagramProtocol):
    """The resolver on a UDP socket."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question; what is none is left unanswered."""
        with suppress(DNSError, IndexError, UnicodeDecodeError):
            self._transport.sendto(answer(data), addr)
