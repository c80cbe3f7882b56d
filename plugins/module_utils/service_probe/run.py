# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole probe: a plan as JSON on standard input, what came of it as JSON on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import (
    metadata_credentials,
    provider_call,
    transcribe_stream,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.aws_calls import Clients
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe.outcome import Call, Outcome, timed

PROVIDER, TRANSCRIBE = "provider", "transcribe"


def run(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Make all the calls at the same time, and say what came of each, in their order."""
    began = time.perf_counter()
    credentials, shown = metadata_credentials.fetch(plan["imds_endpoint"])
    clients, calls = Clients(credentials, plan), _calls(plan)
    with ThreadPoolExecutor(max(len(calls), 1)) as threads:
        started: dict[int, Future[Outcome]] = {}
        for streams in (False, True):
            if streams:
                transcribe_stream.load_http2()  # while the other calls wait for their answers
            for index, call in enumerate(calls):
                if (call["service"] == TRANSCRIBE) is streams:
                    started[index] = threads.submit(timed, call, _maker(call, clients, credentials, plan))
        results = [started[index].result() for index in range(len(calls))]
    return {"credentials": shown, "results": results, "probe_ms": round((time.perf_counter() - began) * 1000)}


def _calls(plan: Mapping[str, Any]) -> list[Call]:
    provider = plan["provider"]
    return [*plan["calls"], *([{"service": PROVIDER, "url": provider["url"]}] if provider else [])]


def _maker(call: Call, clients: Clients, credentials: Any, plan: Mapping[str, Any]) -> Callable[[], Outcome]:
    if call["service"] == PROVIDER:
        return partial(provider_call.call, plan, call["url"], plan["provider"]["key"])
    if call["service"] == TRANSCRIBE:
        return partial(transcribe_stream.call, credentials, plan, call)
    return partial(clients.call, call)


def main() -> int:
    """Run the plan of standard input."""
    plan = json.load(sys.stdin)
    try:
        done = run(plan)
    except metadata_credentials.NoCredentialsError as error:
        done = {"failure": str(error)}
    json.dump(done, sys.stdout)
    return 0
