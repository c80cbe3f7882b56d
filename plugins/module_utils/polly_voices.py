# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whether the voices that a region needs are there, on the engine that it needs them on (INFRA-P2-3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Finding,
    finding,
)

Row = dict[str, Any]

ITEM = "INFRA-P2-3"
ENGINES = ("standard", "neural", "long-form", "generative")
#: How many voices a sentence names; the evidence has them all.
SHOWN = 8


def describe(region: str, engine: str | None, voice: Mapping[str, Any]) -> Row:
    """Build the row of one voice in one region from DescribeVoices' answer."""
    return {
        "region": region,
        "engine": engine,
        "id": voice.get("Id"),
        "name": voice.get("Name"),
        "gender": voice.get("Gender"),
        "language_code": voice.get("LanguageCode"),
        "language_name": voice.get("LanguageName"),
        "additional_language_codes": list(voice.get("AdditionalLanguageCodes", [])),
        "supported_engines": list(voice.get("SupportedEngines", [])),
    }


def engines_to_ask(regions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return each engine that a region names, once, in Polly's order."""
    named = {region["voices"]["engine"] for region in regions.values()}
    return [engine for engine in ENGINES if engine in named]


def findings_of_voices(regions: Mapping[str, Mapping[str, Any]], voices: Sequence[Row]) -> list[Finding]:
    """Judge every region's required voices, and record every list that was seen.

    regions: ``safesecrets_regions``.
    voices: rows of ``polly_voice_info``; every engine of :func:`engines_to_ask` must have been asked in every region.
    """
    engines = engines_to_ask(regions)
    found = []
    for code, region in regions.items():
        engine, required = region["voices"]["engine"], region["voices"].get("required", [])
        here = {each: _on_engine(voices, region["region"], each) for each in engines}
        found += [_required_voice(code, region["region"], engine, voice, here) for voice in required]
        found += [_listing(region["region"], each, here[each], required if each == engine else []) for each in engines]
    return found


def _on_engine(voices: Iterable[Row], region: str, engine: str) -> list[Row]:
    rows = [voice for voice in voices if (voice["region"], voice["engine"]) == (region, engine)]
    return sorted(rows, key=lambda voice: str(voice["id"]))


def _ids(rows: Iterable[Row]) -> list[str]:
    return [str(voice["id"]) for voice in rows]


def _required_voice(code: str, region: str, engine: str, voice: str, here: Mapping[str, Sequence[Row]]) -> Finding:
    there = _ids(here[engine])
    identifier, subject, evidence = "polly_voices.voice_available", f"{voice} ({engine})", {"voices_on_engine": there}
    if voice in there:
        detail = f"Available on the {engine} engine."
        return finding(identifier, ITEM, subject, PASS, detail, region=region, evidence=evidence)
    offered = f"there are {', '.join(there)}" if there else "no voice is on it there"
    others = [other for other, rows in here.items() if voice in _ids(rows)]
    elsewhere = f" {voice} is there on {' and '.join(others)} only." if others else ""
    variable = f"safesecrets_regions.{code}"
    return finding(
        identifier,
        ITEM,
        subject,
        FAIL,
        f"{voice} is not offered on the {engine} engine; {offered}.{elsewhere}",
        region=region,
        remedy=f"Choose voices in {variable}.voices.required that are on this engine, another engine in "
        f"{variable}.voices.engine, or a region that offers {voice}.",
        evidence=evidence,
    )


def _listing(region: str, engine: str, rows: Sequence[Row], required: Sequence[str]) -> Finding:
    some = ", ".join(_ids(rows)[:SHOWN]) + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")
    seen = f"{len(rows)} {'voice' if len(rows) == 1 else 'voices'} on the {engine} engine"
    need = "" if required else "; none is required here"
    return finding(
        "polly_voices.voices_listed",
        ITEM,
        f"all {engine} voices",
        PASS if required and rows else NOT_APPLICABLE,
        f"{seen}{need}{': ' if rows else ''}{some}.",
        region=region,
        evidence={"engine": engine, "voices": list(rows)},
    )
