# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which calls from a host prove the configuration: all that it must be able to do, and some that it must not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import FOUNDATION_MODEL, parse
from ansible_collections.safesecrets.infra.plugins.module_utils.model_readiness import READY

Row = dict[str, Any]
Regions = Mapping[str, Mapping[str, Any]]

ALLOWED, REFUSED = "allowed", "refused"
#: The service of the speech provider's call among those to AWS.
PROVIDER = "provider"
MODEL_OPERATIONS = ("InvokeModel", "InvokeModelWithResponseStream")
#: Spoken where a region requires no voice: there on every engine that a region has.
ANY_VOICE = "Joanna"


def probe_calls(regions: Regions, facts: Mapping[str, Any], controls: Mapping[str, str]) -> list[Row]:
    """Return the calls in the form of the module service_probe, each once.

    facts: ``modes`` (safesecrets_modes), ``models`` and ``voices`` as earlier steps found them, or none.
    controls: ``language_code``, and ``region``, ``model``, ``profile`` that the role must not use, empty for no call.
    """
    calls = [*_allowed(regions, facts, controls["language_code"]), *_refused(regions, controls)]
    return list({tuple(sorted(call.items())): call for call in calls}.values())


def _allowed(regions: Regions, facts: Mapping[str, Any], language_code: str) -> Iterator[Row]:
    ready = {(row["region"], row["model_id"]) for row in facts.get("models") or [] if row["state"] == READY}
    for code, entry in regions.items():
        region, models = entry["region"], entry["models"]
        optional = [each for each in models.get("optional", []) if (region, each) in ready]
        for model_id in dict.fromkeys([models["default"], *models.get("allowlist", []), *optional]):
            yield from (_model_call(operation, region, model_id, ALLOWED) for operation in MODEL_OPERATIONS)
        for engine, voice in _voices(code, entry, facts):
            yield _speech(region, engine, voice, ALLOWED)
        yield _transcription(region, language_code, ALLOWED)


def _voices(code: str, entry: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the required voices of the region's engine, and one voice of each other engine that a mode uses there."""
    engine, required = entry["voices"]["engine"], entry["voices"].get("required", [])
    spoken = [mode["speech"] for mode in (facts.get("modes") or {}).values()]
    of_modes = [speech["engine"] for speech in spoken if speech.get("region") == code]
    for each in dict.fromkeys([engine, *of_modes]):
        if each == engine and required:
            yield from ((each, voice) for voice in required)
        else:
            yield each, _some_voice(entry["region"], each, facts.get("voices") or [])


def _some_voice(region: str, engine: str, voices: Iterable[Mapping[str, Any]]) -> str:
    there = [str(row["id"]) for row in voices if (row["region"], row["engine"]) == (region, engine)]
    return ANY_VOICE if ANY_VOICE in there or not there else there[0]


def _refused(regions: Regions, controls: Mapping[str, str]) -> Iterator[Row]:
    """Give calls that the role must not be able to make: without them, "allowed" would prove little."""
    inside = [entry["region"] for entry in regions.values()]
    if controls["model"]:
        yield from (_model_call(MODEL_OPERATIONS[0], region, controls["model"], REFUSED) for region in inside)
    if controls.get("profile"):
        yield from (_model_call(MODEL_OPERATIONS[0], region, controls["profile"], REFUSED) for region in inside)
    outside = controls["region"]
    if not outside or outside in inside:
        return
    model_id = next(_plain_models(regions), controls["model"])
    if model_id:
        yield from (_model_call(operation, outside, model_id, REFUSED) for operation in MODEL_OPERATIONS)
    yield _speech(outside, "neural", ANY_VOICE, REFUSED)
    yield _transcription(outside, controls["language_code"], REFUSED)


def _plain_models(regions: Regions) -> Iterator[str]:
    """Give the configured models that have the same ID in every region."""
    for entry in regions.values():
        for model_id in [entry["models"]["default"], *entry["models"].get("allowlist", [])]:
            if not model_id.startswith("arn:") and parse(model_id, entry["region"]).kind == FOUNDATION_MODEL:
                yield model_id


def _model_call(operation: str, region: str, model_id: str, expectation: str) -> Row:
    return {
        "service": "bedrock",
        "operation": operation,
        "region": region,
        "model_id": model_id,
        "expectation": expectation,
    }


def _speech(region: str, engine: str, voice: str, expectation: str) -> Row:
    return {
        "service": "polly",
        "operation": "SynthesizeSpeech",
        "region": region,
        "engine": engine,
        "voice": voice,
        "expectation": expectation,
    }


def _transcription(region: str, language_code: str, expectation: str) -> Row:
    return {
        "service": "transcribe",
        "operation": "StartStreamTranscription",
        "region": region,
        "language_code": language_code,
        "expectation": expectation,
    }
