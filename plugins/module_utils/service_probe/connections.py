# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fresh connections: TCP, then TLS with the certificate checked. No request is sent."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

#: Where systems keep the certificates that they trust, if Python's own OpenSSL looks elsewhere.
TRUSTED = (
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)


def trusted_certificates() -> str:
    """Return the file of the certificates that the host trusts; raise FileNotFoundError when there is none."""
    own = ssl.get_default_verify_paths().cafile
    for path in (own, *TRUSTED):
        if path and Path(path).is_file():
            return path
    raise FileNotFoundError(f"no file with trusted certificates is on the host: looked at {', '.join(TRUSTED)}")


def connect(wanted: Mapping[str, Any], ca_bundle: str, timeout: float) -> dict[str, Any]:
    """Open one connection and say how far it got."""
    result: dict[str, Any] = {
        "host": wanted["host"],
        "port": wanted["port"],
        "connected": False,
        "address": None,
        "tls_version": None,
        "error": None,
        "attempted_at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    began = time.perf_counter()
    try:
        with socket.create_connection((wanted["host"], wanted["port"]), timeout) as connection:
            result["address"] = connection.getpeername()[0]
            if wanted["tls"]:
                result["tls_version"] = _handshake(connection, wanted["host"], ca_bundle)
        result["connected"] = True
    except OSError as error:
        result["error"] = _explained(error, result["address"])
    result["latency_ms"] = round((time.perf_counter() - began) * 1000)
    return result


def _handshake(connection: socket.socket, host: str, ca_bundle: str) -> str | None:
    context = ssl.create_default_context(cafile=ca_bundle)
    with context.wrap_socket(connection, server_hostname=host) as secured:
        return secured.version()


def _explained(error: OSError, address: str | None) -> str:
    """Say at which step it ended: the name, the way there, or what answers."""
    if isinstance(error, socket.gaierror):
        return f"the name could not be resolved: {error.strerror}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {getattr(error, 'verify_message', '') or error.reason or error}"
    if isinstance(error, socket.timeout):
        return "no answer in time" if address is None else "TLS failed: no answer in time"
    return error.strerror or str(error)
