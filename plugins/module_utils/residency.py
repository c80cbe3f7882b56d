# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a user's data may go in each mode, over every route that the configuration lets the application take.

``regions``, ``modes`` and ``provider_jurisdictions`` are ``safesecrets_regions``, ``safesecrets_modes`` and
``safesecrets_provider_jurisdictions``. ``profiles`` are rows of bedrock_inference_profile_info.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import (
    ANYWHERE_REGION,
    jurisdiction,
    keeps,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import region_of_arn
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import (
    configured_inference_profiles,
    configured_model_ids,
    is_profile,
)

Row = Mapping[str, Any]

LANGUAGE_MODEL = "language_model"
TRANSCRIPTION = "transcription"
SPEECH = "speech"
SERVICES = (LANGUAGE_MODEL, TRANSCRIPTION, SPEECH)

ARROW = " → "


@dataclass(frozen=True)
class DataRoute:
    """One way that a mode's data takes.

    service: one of :data:`SERVICES`. region: where the call is made, None outside AWS. steps: what stands between the
    mode and its destinations. reaches: where the data may arrive, each with its jurisdiction, None for one that is not
    known. unread: why more destinations than these are possible. setting: the variable that chose the route.
    """

    service: str
    region: str | None
    route: str
    steps: tuple[str, ...]
    setting: str
    reaches: Mapping[str, Optional[str]] = field(default_factory=dict)  # noqa: UP045 - evaluated on Python 3.9
    unread: str = ""

    def path(self, mode: str, destinations: Iterable[str] | None = None) -> str:
        """Write the way down: ``mode 1 → Bedrock → profile us.… → us-west-2``."""
        ends = list(map(_destination, self.reaches if destinations is None else destinations))
        if self.unread and destinations is None:
            ends.append("what is not known")
        return ARROW.join([f"mode {mode}", *self.steps, ", ".join(ends)])

    def beyond(self, promise: str) -> list[str]:
        """Return the destinations that a promise does not take in."""
        return [name for name, found in self.reaches.items() if not keeps(promise, found)]

    def row(self, mode: str) -> dict[str, Any]:
        """Return the route as evidence."""
        return {
            "service": self.service,
            "region": self.region,
            "route": self.route,
            "regions": [*self.reaches, *(["not known"] if self.unread else [])],
            "jurisdictions": list(dict.fromkeys(found or "not known" for found in self.reaches.values())),
            "path": self.path(mode),
            "unread": self.unread,
        }


def reach(routes: Iterable[DataRoute]) -> frozenset[str]:
    """Return every destination of some routes."""
    return frozenset(name for route in routes for name in route.reaches)


def mode_routes(
    mode: Row, regions: Mapping[str, Row], profiles: Iterable[Row], provider_jurisdictions: Mapping[str, str]
) -> list[DataRoute]:
    """Return every route of a mode: each model that the environment may name, the transcription and the speech."""
    known = {(each["region"], each["model_id"]): each for each in profiles}
    code, speech = mode[LANGUAGE_MODEL], mode[SPEECH]
    return [
        *_model_routes(code, regions[code], known),
        _regional(TRANSCRIPTION, "Transcribe", "stream", regions[mode[TRANSCRIPTION]]["region"]),
        _provider(speech["provider"], provider_jurisdictions)
        if "provider" in speech
        else _regional(SPEECH, "Polly", f"engine {speech['engine']}", regions[speech["region"]]["region"]),
    ]


def mode_profiles(modes: Mapping[str, Row], regions: Mapping[str, Row]) -> list[dict[str, str]]:
    """Return region and ID of each inference profile that a mode may use, once."""
    codes = dict.fromkeys(mode[LANGUAGE_MODEL] for mode in modes.values())
    return configured_inference_profiles({code: regions[code] for code in codes})


def _model_routes(code: str, entry: Row, profiles: Mapping[tuple[str, str], Row]) -> Iterator[DataRoute]:
    region = entry["region"]
    # An optional model is in the allow-list as soon as it is offered.
    for model_id in configured_model_ids(entry):
        setting = f"safesecrets_regions.{code}.models"
        if not is_profile(model_id, region):
            steps = ("Bedrock", model_id)
            yield DataRoute(LANGUAGE_MODEL, region, f"on demand {model_id}", steps, setting, _jurisdictions([region]))
            continue
        row = profiles.get((region, model_id)) or {}
        absent = bool(row) and not row.get("error") and row["inference_profile"] is None
        if absent and model_id in entry["models"].get("optional", []):
            continue  # the environment names it only where it is offered
        steps = ("Bedrock", f"profile {model_id}")
        arns = (row.get("inference_profile") or {}).get("model_arns") or []
        reached = _jurisdictions([region, *map(region_of_arn, arns)])
        unread = "" if arns else _unread(row, model_id, region)
        yield DataRoute(LANGUAGE_MODEL, region, f"inference profile {model_id}", steps, setting, reached, unread)


def _unread(row: Row, model_id: str, region: str) -> str:
    if row.get("error"):
        return str(row["error"])
    if row and row["inference_profile"] is None:
        return f"There is no inference profile {model_id} in {region}"
    return f"Bedrock did not say where the inference profile {model_id} of {region} may run"


def _regional(service: str, name: str, route: str, region: str) -> DataRoute:
    return DataRoute(service, region, route, (name,), "safesecrets_modes", _jurisdictions([region]))


def _provider(name: str, provider_jurisdictions: Mapping[str, str]) -> DataRoute:
    found = provider_jurisdictions.get(name)
    setting = f"safesecrets_provider_jurisdictions.{name}"
    unread = "" if found else f"{setting} does not say where {name} processes data"
    return DataRoute(SPEECH, None, f"provider {name}", (), setting, {name: found} if found else {}, unread)


def _destination(name: str) -> str:
    return "any commercial region" if name == ANYWHERE_REGION else name


def _jurisdictions(regions: Sequence[str]) -> dict[str, str | None]:
    return {region: jurisdiction(region) for region in regions}
