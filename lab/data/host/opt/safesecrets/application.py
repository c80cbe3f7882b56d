#!/usr/bin/env python3
"""The application of the lab's host: it reads its environment file when it starts, and tells its health over HTTP.

With ``--check`` it only says whether it would start.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ENVIRONMENT = Path("/etc/safesecrets.env")
NEEDED = ("PORT",)
NOBODY = 65534


def variables() -> dict[str, str]:
    """The file's variables; a file that is none ends the start."""
    found = {}
    for number, line in enumerate(ENVIRONMENT.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals or not name.isidentifier():
                sys.exit(f"{ENVIRONMENT}, line {number}: no NAME=VALUE")
            found[name] = value.strip("\"'")
    if missing := [name for name in NEEDED if not found.get(name)]:
        sys.exit(f"{ENVIRONMENT}: {', '.join(missing)} missing")
    return found


def health(known: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Status and text of the health page: names of variables, and of values the regions alone."""
    refused = sorted(set(os.environ.get("REFUSES", "").split()) & set(known))
    page = {
        "status": f"unhealthy: {', '.join(refused)}" if refused else "ok",
        "process": os.getpid(),
        "regions": {name: value for name, value in known.items() if "AWS_REGION" in name},
        "variables": sorted(known),
    }
    return 503 if refused else 200, page


def serve(known: dict[str, str]) -> None:
    """Answer ``/health`` until the end, as nobody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, page = health(known) if self.path == "/health" else (404, {})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

    server = HTTPServer(("127.0.0.1", int(known["PORT"])), Handler)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    server.serve_forever()


if __name__ == "__main__":
    read = variables()
    if "--check" not in sys.argv:
        serve(read)
