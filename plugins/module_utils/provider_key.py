# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key of the speech provider, on its way from its store to the environment file. No answer here shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.configuration import Fault, endpoint_faults, fault
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import VARIABLE_NAME, variable_faults


def source_faults(settings: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the variables of the role ``smartest_ai``, before any store is asked.

    settings: the role's variables without their prefix ``smartest_ai_``: ``api_key``, ``api_key_secret_id``,
    ``api_key_secret_json_key``, ``endpoint``, ``api_key_name``, ``endpoint_name``.
    """
    return [*_sources(settings), *_endpoint(settings["endpoint"]), *_names(settings)]


def _sources(settings: Mapping[str, Any]) -> Iterator[Fault]:
    both = "smartest_ai_api_key, smartest_ai_api_key_secret_id"
    if settings["api_key"] and settings["api_key_secret_id"]:
        yield fault(both, "are both set", 'leave one of them "": the key has one home')
    if not settings["api_key"] and not settings["api_key_secret_id"]:
        remedy = "set one of them, or smartest_ai_enabled: false to go without Smartest.ai"
        yield fault(both, "are both empty", remedy)
    if settings["api_key_secret_json_key"] and not settings["api_key_secret_id"]:
        remedy = "it names a key within the secret of smartest_ai_api_key_secret_id: leave it empty"
        yield fault("smartest_ai_api_key_secret_json_key", "is set without a secret", remedy)


def _endpoint(endpoint: Any) -> Iterator[Fault]:
    if endpoint == "":
        yield fault("smartest_ai_endpoint", "is empty", "write the URL that the provider documents, https://...")
        return
    faults = endpoint_faults("smartest_ai_endpoint", endpoint)
    yield from faults or variable_faults({"smartest_ai_endpoint": endpoint}, named=False)


def _names(settings: Mapping[str, Any]) -> Iterator[Fault]:
    for option in ("api_key_name", "endpoint_name"):
        if not isinstance(settings[option], str) or not VARIABLE_NAME.fullmatch(settings[option]):
            remedy = "use capitals, digits and _ alone, and no digit at its start"
            yield fault(f"smartest_ai_{option}", "is no name for a variable", remedy)
    if settings["api_key_name"] == settings["endpoint_name"]:
        yield fault("smartest_ai_endpoint_name", "is the name of the key too", "give each its own name")


def key_of(secret: Any, json_key: str = "") -> str:
    """Return the key in a secret, or nothing where :func:`key_faults` says why there is none."""
    value = _object(secret).get(json_key) if json_key else secret
    return value if isinstance(value, str) else ""


def key_faults(secret: Any, source: str, json_key: str = "") -> list[Fault]:
    """Return why a secret is no key that the environment file can hold.

    source: where the secret came from, in the operator's words. json_key: the key of the secret's JSON object.
    """
    if json_key and not _object(secret):
        remedy = "correct the secret, or leave smartest_ai_api_key_secret_json_key empty"
        return [fault(source, "is no JSON object", remedy)]
    if json_key and json_key not in _object(secret):
        return [fault(source, f"has no key {json_key}", "correct smartest_ai_api_key_secret_json_key")]
    if not secret or not key_of(secret, json_key):
        return [fault(source, "holds no text", "store the key alone, as text")]
    return variable_faults({source: key_of(secret, json_key)}, named=False)


def _object(secret: Any) -> Mapping[str, Any]:
    try:
        value = json.loads(secret) if isinstance(secret, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
