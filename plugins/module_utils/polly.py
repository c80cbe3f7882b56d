# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of the Polly API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all
from ansible_collections.safesecrets.infra.plugins.module_utils.polly_voices import Row, describe

Client = Any


@api_call("list the voices", "polly:DescribeVoices")
def describe_voices(client: Client, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every voice of the region that the filters let through."""
    pages = client.get_paginator("describe_voices").paginate(**filters)
    return [voice for page in pages for voice in page["Voices"]]


def look_at_voices(clients: Mapping[str, Client], engines: Sequence[str], filters: Mapping[str, Any]) -> list[Row]:
    """Return one row per voice, region and engine, all asked at the same time; no engines stand for any."""
    asked: list[dict[str, Any]] = [{**filters, "Engine": engine} for engine in engines] or [dict(filters)]
    voices = run_all(
        {
            (region, each.get("Engine")): partial(describe_voices, client, each)
            for region, client in clients.items()
            for each in asked
        }
    )
    return [describe(region, engine, voice) for (region, engine), found in voices.items() for voice in found]
