# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether each mode keeps its promise of where a user's data may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import FAIL, PASS, UNPROVEN, Finding, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import (
    ANYWHERE,
    ANYWHERE_REGION,
    REGIONS,
    places,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.residency import (
    LANGUAGE_MODEL,
    SERVICES,
    DataRoute,
    mode_routes,
    reach,
)

Row = Mapping[str, Any]

ITEM = "prerequisites"
IDENTIFIER = "residency.mode"
#: The promise that nothing may be left open of.
STRICT_PROMISE = "canada"


def residency_findings(configuration: Mapping[str, Any], profiles: Sequence[Row]) -> list[Finding]:
    """Return a finding per mode.

    configuration: the variables of ``group_vars/all/safesecrets.yml`` by name, without faults.
    profiles: rows of bedrock_inference_profile_info for the profiles that the modes may use.
    """
    jurisdictions = configuration["safesecrets_provider_jurisdictions"]
    return [
        _mode(key, mode, mode_routes(mode, configuration["safesecrets_regions"], profiles, jurisdictions))
        for key, mode in configuration["safesecrets_modes"].items()
    ]


def _mode(key: str, mode: Row, routes: Sequence[DataRoute]) -> Finding:
    promise = mode["data"]
    exceeding = [route for route in routes if route.beyond(promise)]
    unread = [route for route in routes if route.unread] if promise != ANYWHERE else []
    evidence = {
        "mode": key,
        "name": mode["name"],
        "promise": promise,
        "reach": {each: sorted(reach(r for r in routes if r.service == each)) for each in SERVICES},
        "services": [route.row(key) for route in routes],
        "exceeds": [_exceeding(key, route, promise) for route in exceeding],
    }
    if exceeding:
        status, detail, remedy = FAIL, _broken(key, mode, exceeding), _listed(_remedy(key, mode, r) for r in exceeding)
    elif unread:
        status = FAIL if promise == STRICT_PROMISE else UNPROVEN
        detail, remedy = _open(key, mode, unread), _listed(_remedy_of_unread(key, r) for r in unread)
    else:
        status, detail, remedy = PASS, _kept(mode, routes), ""
    return finding(IDENTIFIER, ITEM, f"mode {key} ({mode['name']})", status, detail, remedy=remedy, evidence=evidence)


def _exceeding(key: str, route: DataRoute, promise: str) -> dict[str, Any]:
    beyond = route.beyond(promise)
    return {
        "service": route.service,
        "regions": beyond,
        "jurisdictions": list(dict.fromkeys(route.reaches[name] or "not known" for name in beyond)),
        "path": route.path(key, beyond),
    }


def _broken(key: str, mode: Row, exceeding: Iterable[DataRoute]) -> str:
    paths = _listed((route.path(key, route.beyond(mode["data"])) for route in exceeding), "; ")
    return f"It promises that data stays in {places(mode['data'])}, but data may leave: {paths}."


def _open(key: str, mode: Row, unread: Iterable[DataRoute]) -> str:
    reasons = _listed(f"{route.path(key)} ({route.unread.rstrip('.')})" for route in unread)
    return f"It promises that data stays in {places(mode['data'])}, and that cannot be said of {reasons}."


def _kept(mode: Row, routes: Iterable[DataRoute]) -> str:
    reached = [name for route in routes for name in route.reaches]
    if mode["data"] == ANYWHERE:
        return f"Its data may go anywhere; it reaches {_listed(reached, ', ')}."
    return f"Its data stays in {places(mode['data'])}: it reaches {_listed(reached, ', ')}."


def _remedy(key: str, mode: Row, route: DataRoute) -> str:
    promise, variable = places(mode["data"]), f"safesecrets_modes.{key}"
    beyond = route.beyond(mode["data"])
    unknown = [name for name in beyond if name not in REGIONS and route.region and name != ANYWHERE_REGION]
    if unknown:
        return f"{_listed(unknown, ', ')} is in no jurisdiction that is known here: configure another region."
    if route.region in beyond:
        return f"Let {variable}.{route.service} name a region in {promise}, or promise less in {variable}.data."
    if route.service == LANGUAGE_MODEL:
        instead = f"Configure in {route.setting} a model that {route.region} offers on demand"
        others = f"serve the mode from another region ({variable}.{LANGUAGE_MODEL})"
        only = ' (a global profile needs "anywhere")' if ANYWHERE_REGION in beyond else ""
        return f"{instead}, {others}, or promise less in {variable}.data{only}."
    return f"Let Polly speak in {variable}.{route.service}, or promise less in {variable}.data."


def _remedy_of_unread(key: str, route: DataRoute) -> str:
    if route.service == LANGUAGE_MODEL:
        return (
            f"Let the operator read the profile (bedrock:GetInferenceProfile in {route.region}) and check how it is "
            f"written, or configure in {route.setting} a model that {route.region} offers on demand."
        )
    return f"Write in {route.setting} the jurisdiction in which the provider processes data."


def _listed(texts: Iterable[str], separator: str = " ") -> str:
    return separator.join(dict.fromkeys(texts))
