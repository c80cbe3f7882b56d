"""The speech provider: a list of voices for whoever has a key, and everything that may answer in its place.

A fault is the account's, or that of a name: ``captive-portal.smallest.ai`` answers so whatever the account says.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from socket import socket

import trustme
from aiohttp import web

from lab import certificates
from lab.accounts import FAULTS
from lab.templates import read

DOMAIN = "smallest.ai"
VOICES = re.compile(r"/waves/v1/[a-z0-9.-]+/get_voices")
ELSEWHERE = "elsewhere.example"
#: What answers whoever asks, with whichever key, and what the provider says itself.
ANSWERS, OWN = read("provider.yml")["in_its_place"], read("provider.yml")["itself"]


class Provider:
    """The provider, for as long as it serves."""

    def __init__(self, authority: trustme.CA, keys: Sequence[str], fault: str | None = None) -> None:
        self._keys, self._fault = keys, fault
        names = (f"*.{DOMAIN}", "localhost", *certificates.ADDRESSES)
        long_ago, yesterday = (datetime.now(UTC) - timedelta(days=days) for days in (2, 1))
        self._contexts = {
            None: _context(authority.issue_cert(*names)),
            "certificate_expired": _context(authority.issue_cert(*names, not_before=long_ago, not_after=yesterday)),
            "certificate_of_another_name": _context(authority.issue_cert(ELSEWHERE)),
            "certificate_of_nobody": _context(certificates.authority().issue_cert(*names)),
        }
        #: Name and Authorization of each request that came.
        self.received: list[tuple[str, str]] = []

    async def serve(self, listeners: Sequence[socket]) -> None:
        """Serve on these sockets until the end."""
        context = self._context_of(self._fault)
        context.sni_callback = self._choose
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0)
        await runner.setup()
        try:
            for listener in listeners:
                await web.SockSite(runner, listener, ssl_context=context).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    def _context_of(self, fault: str | None) -> ssl.SSLContext:
        return self._contexts.get(fault, self._contexts[None])

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._context_of(self._fault_of(name or ""))

    def _fault_of(self, name: str) -> str | None:
        label = name.partition(".")[0].replace("-", "_")
        return label if label in FAULTS else self._fault

    async def _answer(self, request: web.Request) -> web.Response:
        name, authorization = request.host.partition(":")[0], request.headers.get("Authorization", "")
        self.received.append((name, authorization))
        fault = self._fault_of(name)
        if fault == "silent":
            await asyncio.Event().wait()  # until the client has had enough
        if fault in ANSWERS:
            return web.Response(**ANSWERS[fault])
        if request.method != "GET" or not VOICES.fullmatch(request.path):
            return web.Response(**OWN["not_found"])
        if authorization not in [f"Bearer {key}" for key in self._keys]:
            return web.Response(**OWN["unknown_key"])
        return web.Response(**OWN[fault if fault in OWN else "voices"])


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
