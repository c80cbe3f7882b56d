# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key of the speech provider, on its way from its store to the environment file. No answer here shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.configuration import endpoint_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import VARIABLE_NAME, variable_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault

#: Where the key may come from: the role's variables without their prefix, of which one is set.
SOURCES = ("api_key", "api_key_secret_id", "api_key_parameter", "api_key_environment_variable")
DELIVERIES = ("environment", "credential")
STORES = ("api_key_secret_id", "api_key_parameter")

_SERVICE = re.compile(r"[A-Za-z0-9:_.@\\-]+")
#: A colon, a blank or a percent sign would mean something to systemd.
_DIRECTORY = re.compile(r"(/[A-Za-z0-9._-]+)+")


def source_faults(settings: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the variables of the role ``smartest_ai``, before any store is asked.

    settings: the role's variables without their prefix ``smartest_ai_``: those of :data:`SOURCES`,
    ``api_key_json_key``, ``endpoint``, ``check_url``, ``api_key_name``, ``endpoint_name``, ``delivery``, ``service``,
    ``credential_directory`` and ``unit_directory``.
    """
    return [*_sources(settings), *_endpoints(settings), *_names(settings), *_delivery(settings)]


def _sources(settings: Mapping[str, Any]) -> Iterator[Fault]:
    given = [name for name in SOURCES if settings[name]]
    if len(given) > 1:
        yield fault(
            _prefixed(given), "are set together", 'leave one of them and make the others "": the key has one home'
        )
    if not given:
        remedy = "set one of them, or smartest_ai_enabled: false to go without Smartest.ai"
        yield fault(_prefixed(SOURCES), "are all empty", remedy)
    if settings["api_key_json_key"] and not any(settings[name] for name in STORES):
        remedy = f"it names a key within what {_prefixed(STORES)} holds: leave it empty"
        yield fault("smartest_ai_api_key_json_key", "is set without a store", remedy)


def _prefixed(names: Iterable[str]) -> str:
    return ", ".join(f"smartest_ai_{name}" for name in names)


def key_source(settings: Mapping[str, str]) -> dict[str, str]:
    """Say where the key comes from, without having it.

    settings: ``api_key_secret_id``, ``api_key_parameter``, ``api_key_environment_variable`` and ``api_key_region``.
    kind: the one of :data:`SOURCES`. name: how a person calls the place. remedy: what to do where it gives no key.
    """
    region = settings["api_key_region"]
    if settings["api_key_secret_id"]:
        name = f"the secret {settings['api_key_secret_id']} in {region}"
        return _store("api_key_secret_id", name, "in Secrets Manager")
    if settings["api_key_parameter"]:
        name = f"the parameter {settings['api_key_parameter']} in {region}"
        return _store("api_key_parameter", name, "as a SecureString")
    if variable := settings["api_key_environment_variable"]:
        remedy = "set it for the process that runs ansible-playbook; in AWX a credential of a custom type injects it"
        return {
            "kind": "api_key_environment_variable",
            "name": f"the controller's environment variable {variable}",
            "remedy": remedy,
        }
    remedy = "encrypt the key alone, as text, with Ansible Vault"
    return {"kind": "api_key", "name": "smartest_ai_api_key", "remedy": remedy}


def _store(kind: str, name: str, how: str) -> dict[str, str]:
    remedy = f"store the key {how}, and check smartest_ai_{kind}, smartest_ai_api_key_region and the operator's policy"
    return {"kind": kind, "name": name, "remedy": remedy}


def _endpoints(settings: Mapping[str, Any]) -> Iterator[Fault]:
    if settings["endpoint"] == "":
        yield fault("smartest_ai_endpoint", "is empty", "write the URL that the provider documents, https://...")
    else:
        faults = endpoint_faults("smartest_ai_endpoint", settings["endpoint"])
        yield from faults or variable_faults({"smartest_ai_endpoint": settings["endpoint"]}, named=False)
    if settings["check_url"] != "":
        yield from endpoint_faults("smartest_ai_check_url", settings["check_url"])


def _names(settings: Mapping[str, Any]) -> Iterator[Fault]:
    for option in ("api_key_name", "endpoint_name"):
        if not isinstance(settings[option], str) or not VARIABLE_NAME.fullmatch(settings[option]):
            remedy = "use capitals, digits and _ alone, and no digit at its start"
            yield fault(f"smartest_ai_{option}", "is no name for a variable", remedy)
    if settings["api_key_name"] == settings["endpoint_name"]:
        yield fault("smartest_ai_endpoint_name", "is the name of the key too", "give each its own name")


def _delivery(settings: Mapping[str, Any]) -> Iterator[Fault]:
    service = settings["service"]
    if settings["delivery"] not in DELIVERIES:
        yield fault("smartest_ai_delivery", "is no known delivery", f"write one of {', '.join(DELIVERIES)}")
    if settings["delivery"] == "credential" and service == "":
        yield fault("smartest_ai_service", "is empty", "name the service of systemd that gets the credential")
    if service != "" and not (isinstance(service, str) and _SERVICE.fullmatch(service)):
        yield fault("smartest_ai_service", "is no name of a service", "write it as systemctl shows it")
    for option in ("credential_directory", "unit_directory"):
        if not isinstance(settings[option], str) or not _DIRECTORY.fullmatch(settings[option]):
            remedy = "write an absolute path of letters, digits and ._/- alone, without / at its end"
            yield fault(f"smartest_ai_{option}", "is no directory that a unit can name", remedy)


def key_of(secret: Any, json_key: str = "") -> str:
    """Return the key in a secret, or nothing where :func:`key_faults` says why there is none."""
    value = _object(secret).get(json_key) if json_key else secret
    return value if isinstance(value, str) else ""


def key_faults(secret: Any, source: Mapping[str, str], json_key: str = "", readers: Any = None) -> list[Fault]:
    """Return why a secret is no key that the environment file can hold.

    source: what :func:`key_source` says of where it came from. json_key: the key of the secret's JSON object.
    readers: the readers of the environment file that need the key, where not all do.
    """
    name = source["name"]
    if secret is None or secret == "":
        return [fault(name, "is missing or empty", source["remedy"])]
    if json_key and not _object(secret):
        return [fault(name, "is no JSON object", "correct the secret, or leave smartest_ai_api_key_json_key empty")]
    if json_key and json_key not in _object(secret):
        return [fault(name, f"has no key {json_key}", "correct smartest_ai_api_key_json_key")]
    if not key_of(secret, json_key):
        return [fault(name, "holds no text", source["remedy"])]
    needed = {name: readers} if readers else None
    return variable_faults({name: key_of(secret, json_key)}, named=False, readers=needed)


def _object(secret: Any) -> Mapping[str, Any]:
    try:
        value = json.loads(secret) if isinstance(secret, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
