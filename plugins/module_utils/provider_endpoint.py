# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A look at the speech provider's endpoint from the host: name, connection, TLS, and what it answers to a key."""

from __future__ import annotations

import errno
import json
import signal
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

Seen = dict[str, Any]

#: Who asks for a key answers so without one.
ASKS_FOR_KEY = (400, 401, 403, 422)
#: No list of voices is longer.
LARGEST_BODY = 4 * 1024 * 1024
_NO_NAME = {getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)}


def look(url: str, key: str, seconds: float, context: ssl.SSLContext) -> dict[str, Seen | None]:
    """Ask without the key first, and with it only where that is refused as it should be.

    So nothing gets the key that does not ask for one: no captive portal, no redirect, no page in the provider's place.
    And an endpoint that answers to everybody is not taken for one that knows the key.
    """
    without_key = ask(url, {}, seconds, context)
    asked = without_key.get("http_status") in ASKS_FOR_KEY
    with_key = ask(url, {"Authorization": f"Bearer {key}"}, seconds, context) if asked else None
    return {"without_key": without_key, "with_key": with_key}


def ask(url: str, headers: Mapping[str, str], seconds: float, context: ssl.SSLContext) -> Seen:
    """Make one GET and say how far it came. No redirect is followed, and of the body only its kind is told."""
    parts = urlsplit(url)
    seen: Seen = {"phase": "resolve", "error": None, "attempted_at": _now()}
    began = time.monotonic()
    try:
        with _at_most(seconds):
            _exchange(seen, parts, headers, seconds, context)
    except (OSError, HTTPException) as error:
        seen.update(_error(error))
    return {**seen, "latency_ms": round((time.monotonic() - began) * 1000)}


def _exchange(
    seen: Seen, parts: SplitResult, headers: Mapping[str, str], seconds: float, context: ssl.SSLContext
) -> None:
    host, port = str(parts.hostname), parts.port or 443
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    seen.update(addresses=list(dict.fromkeys(str(each[4][0]) for each in found)), phase="connect")
    with socket.create_connection((host, port), seconds) as connection:
        seen["phase"] = "tls"
        with context.wrap_socket(connection, server_hostname=host) as secured:
            seen.update(certificate=_certificate(secured.getpeercert() or {}), phase="answer")
            client = HTTPSConnection(host, port, timeout=seconds)
            client.sock = secured
            sent = {"Accept": "application/json", "User-Agent": "safesecrets-infra", "Connection": "close", **headers}
            client.request("GET", parts.path or "/", headers=sent)
            answer = client.getresponse()
            seen.update(_answer(answer, parts), phase="answered")


def _answer(answer: HTTPResponse, parts: SplitResult) -> Seen:
    body = answer.read(LARGEST_BODY)
    location = urlsplit(urljoin(parts.geturl(), answer.getheader("Location", "")))
    return {
        "http_status": answer.status,
        "content_type": str(answer.getheader("Content-Type", "")).partition(";")[0].strip().lower(),
        "is_json": _is_json(body),
        # Not the whole address: it may carry a session of somebody's.
        "redirect": {"scheme": location.scheme, "host": location.netloc.rpartition("@")[2]}
        if answer.getheader("Location")
        else None,
        "request_id": answer.getheader("x-request-id"),
    }


def _certificate(certificate: Mapping[str, Any]) -> dict[str, str]:
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    names = ("organizationName", "commonName")
    return {
        "issuer": next((issuer[name] for name in names if name in issuer), ""),
        "not_after": str(certificate.get("notAfter", "")),
    }


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), (dict, list))
    except ValueError:
        return False


def _error(error: Exception) -> Seen:
    """Name the kind of an error; its text is the library's own and holds nothing that was sent."""
    if isinstance(error, socket.gaierror):
        return {"error": "no_such_name" if error.errno in _NO_NAME else "resolver", "error_text": str(error.strerror)}
    if isinstance(error, ssl.SSLCertVerificationError):
        return {"error": "certificate", "error_code": error.verify_code, "error_text": error.verify_message}
    if isinstance(error, (TimeoutError, socket.timeout)):
        return {"error": "timeout", "error_text": "timed out"}
    if isinstance(error, ssl.SSLError):
        return {"error": "tls", "error_text": str(getattr(error, "reason", ""))}
    if isinstance(error, HTTPException):
        return {"error": "no_http", "error_text": type(error).__name__}
    number = error.errno if isinstance(error, OSError) and error.errno else 0
    return {"error": "connection", "error_text": errno.errorcode.get(number, type(error).__name__)}


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError when the time is over: a socket's own limit begins anew with each byte."""

    def end(_signal: int, _frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
