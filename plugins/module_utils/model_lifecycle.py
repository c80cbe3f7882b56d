# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a Bedrock foundation model stands in its life.

The API says ACTIVE or LEGACY and gives dates; it has no status for the end of life.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import timestamp

ACTIVE = "active"
LEGACY = "legacy"
EXTENDED_ACCESS = "extended_access"
END_OF_LIFE = "end_of_life"

#: Names of the API's dates, and ours.
DATES = {
    "startOfLifeTime": "start_of_life_time",
    "legacyTime": "legacy_time",
    "publicExtendedAccessTime": "public_extended_access_time",
    "endOfLifeTime": "end_of_life_time",
}


def lifecycle(model_lifecycle: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Describe ``modelLifecycle`` of a foundation model as of now: status, dates, phase and days left."""
    dates: dict[str, datetime | None] = {ours: model_lifecycle.get(theirs) for theirs, ours in DATES.items()}
    end = dates["end_of_life_time"]
    return {
        "status": model_lifecycle.get("status"),
        **{name: timestamp(date) if date else None for name, date in dates.items()},
        "phase": _phase(model_lifecycle.get("status"), dates, now),
        "days_left": max(0, (end - now).days) if end else None,
    }


def _phase(status: str | None, dates: Mapping[str, datetime | None], now: datetime) -> str:
    def reached(name: str) -> bool:
        date = dates[name]
        return date is not None and date <= now

    if reached("end_of_life_time"):
        return END_OF_LIFE
    if reached("public_extended_access_time"):
        return EXTENDED_ACCESS
    if status == "LEGACY" or reached("legacy_time"):
        return LEGACY
    return ACTIVE
