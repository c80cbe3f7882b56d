"""The speech provider: a list of voices for whoever has a key, and everything that may answer in its place.

A fault is the account's, or that of a name: ``captive-portal.smallest.ai`` answers so whatever the account says.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from socket import socket

from lab.certificates import Authority

DOMAIN = "smallest.ai"
VOICES = re.compile(r"/waves/v1/[a-z0-9.-]+/get_voices")
ELSEWHERE = "elsewhere.example"
SILENT = "silent"
Answer = tuple[HTTPStatus, str, str, Mapping[str, str]]

JSON, HTML = "application/json", "text/html"
#: What answers whoever asks, with whichever key.
ANSWERS: dict[str, Answer] = {
    "captive_portal": (HTTPStatus.OK, HTML, "<html><title>Welcome</title></html>", {}),
    "redirect_to_http": (HTTPStatus.FOUND, HTML, "", {"Location": f"http://{ELSEWHERE}/login"}),
    "redirect_to_other_host": (HTTPStatus.FOUND, HTML, "", {"Location": f"https://{ELSEWHERE}/"}),
    "unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, JSON, '{"error": "Try again later"}', {}),
}
CERTIFICATES = ("certificate_expired", "certificate_of_another_name", "certificate_of_nobody")
FAULTS = (*ANSWERS, *CERTIFICATES, "refused_key", SILENT)


class Provider:
    """The provider, for as long as it serves."""

    def __init__(self, authority: Authority, keys: Sequence[str], fault: str | None = None) -> None:
        self._keys, self._fault = keys, fault
        names, none = [f"*.{DOMAIN}", "localhost"], ()
        self._contexts = {
            None: _context(authority.issue(names)),
            "certificate_expired": _context(authority.issue(names, lifetime=timedelta(days=-1))),
            "certificate_of_another_name": _context(authority.issue([ELSEWHERE], none)),
            "certificate_of_nobody": _context(Authority().issue(names)),
        }
        #: Name and Authorization of each request that came.
        self.received: list[tuple[str, str]] = []

    async def serve(self, listeners: Sequence[socket]) -> None:
        """Serve on these sockets until the end."""
        context = self._context_of(self._fault)
        context.sni_callback = self._choose
        servers = [await asyncio.start_server(self._answer, sock=each, ssl=context) for each in listeners]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    def _context_of(self, fault: str | None) -> ssl.SSLContext:
        return self._contexts.get(fault, self._contexts[None])

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._context_of(self._fault_of(name or ""))

    def _fault_of(self, name: str) -> str | None:
        label = name.partition(".")[0].replace("-", "_")
        return label if label in FAULTS else self._fault

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            method, path, headers = _head((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            name, authorization = headers.get("host", "").partition(":")[0], headers.get("authorization", "")
            self.received.append((name, authorization))
            fault = self._fault_of(name)
            if fault == SILENT:
                await reader.read()  # until the client has had enough
            else:
                writer.write(_response(ANSWERS.get(fault or "") or self._voices(method, path, authorization, fault)))
                await writer.drain()
        writer.close()

    def _voices(self, method: str, path: str, authorization: str, fault: str | None) -> Answer:
        if method != "GET" or not VOICES.fullmatch(path):
            return HTTPStatus.NOT_FOUND, JSON, json.dumps({"error": "Not Found"}), {}
        if authorization not in [f"Bearer {key}" for key in self._keys]:
            return HTTPStatus.UNAUTHORIZED, JSON, json.dumps({"error": "Invalid or missing API key"}), {}
        if fault == "refused_key":
            return HTTPStatus.FORBIDDEN, JSON, json.dumps({"error": "This key may not list voices"}), {}
        return HTTPStatus.OK, JSON, json.dumps({"voices": [{"voiceId": "emily", "displayName": "Emily"}]}), {}


def _context(certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # the only way in; it is its owner's alone
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _head(text: str) -> tuple[str, str, dict[str, str]]:
    """Method, path and headers of a request."""
    first, *lines = text.strip().split("\r\n")
    method, path, _version = first.split(" ")
    headers = (line.partition(":") for line in lines)
    return method, path, {name.lower(): value.strip() for name, _colon, value in headers}


def _response(answer: Answer) -> bytes:
    status, kind, body, headers = answer
    fields = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", body]).encode()
