# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose law holds where: the jurisdiction of every commercial AWS region, and what a mode's promise takes in."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import model_identifiers

#: The region of what AWS may run in any commercial region: a model behind a global inference profile.
ANYWHERE_REGION = model_identifiers.ANYWHERE
ANYWHERE = "anywhere"
CANADA = "canada"
US = "us"

REGIONS = {
    "ca-central-1": CANADA,
    "ca-west-1": CANADA,
    "us-east-1": US,
    "us-east-2": US,
    "us-west-1": US,
    "us-west-2": US,
    "mx-central-1": "mexico",
    "sa-east-1": "brazil",
    "eu-central-1": "germany",
    "eu-central-2": "switzerland",
    "eu-north-1": "sweden",
    "eu-south-1": "italy",
    "eu-south-2": "spain",
    "eu-west-1": "ireland",
    "eu-west-2": "united_kingdom",
    "eu-west-3": "france",
    "af-south-1": "south_africa",
    "il-central-1": "israel",
    "me-central-1": "united_arab_emirates",
    "me-south-1": "bahrain",
    "ap-east-1": "hong_kong",
    "ap-east-2": "taiwan",
    "ap-northeast-1": "japan",
    "ap-northeast-2": "south_korea",
    "ap-northeast-3": "japan",
    "ap-south-1": "india",
    "ap-south-2": "india",
    "ap-southeast-1": "singapore",
    "ap-southeast-2": "australia",
    "ap-southeast-3": "indonesia",
    "ap-southeast-4": "australia",
    "ap-southeast-5": "malaysia",
    "ap-southeast-6": "new_zealand",
    "ap-southeast-7": "thailand",
}
JURISDICTIONS = tuple(dict.fromkeys(REGIONS.values()))

#: What ``data`` of a mode promises: the jurisdictions that a user's data may reach, None for all of them.
PROMISES: dict[str, frozenset[str] | None] = {
    "canada": frozenset({CANADA}),
    "canada_and_us": frozenset({CANADA, US}),
    "us": frozenset({US}),
    ANYWHERE: None,
}


def jurisdiction(region: str) -> str | None:
    """Return the jurisdiction of a region, None for one that the table does not know."""
    return ANYWHERE if region == ANYWHERE_REGION else REGIONS.get(region)


def keeps(promise: str, found: str | None) -> bool:
    """Tell whether a promise takes in a jurisdiction; one that is not known only a promise without limits."""
    allowed = PROMISES[promise]
    return allowed is None or found in allowed


def places(promise: str) -> str:
    """Name the places of a promise in a sentence."""
    allowed = PROMISES[promise]
    names = {CANADA: "Canada", US: "the US"}
    return ANYWHERE if allowed is None else " and ".join(names[each] for each in names if each in allowed)
