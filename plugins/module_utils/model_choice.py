# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of the configured models the environment names (INFRA-P2-5), and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import PASS, UNPROVEN, Finding, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.model_access_findings import (
    CONFIGURED,
    INVOCABLE,
    configured,
    is_awaited,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_readiness import READY, name_route

Row = dict[str, Any]
Regions = Mapping[str, Mapping[str, Any]]

ITEM = "INFRA-P2-5"
IDENTIFIER = "bedrock_access.model_choice"

#: Why a model is named by the environment, or is not.
FOUND, PLANNED, TRUSTED, LEFT_OUT = "found_invocable", "would_be_invocable", "configured", "left_out"


def _choice(row: Row, check_mode: bool, environment_models: str) -> str:
    if row["state"] == READY:
        return FOUND
    if check_mode and is_awaited(row):
        return PLANNED
    return TRUSTED if environment_models == CONFIGURED and row["required"] else LEFT_OUT


def model_choices(
    rows: Sequence[Row], regions: Regions, check_mode: bool = False, environment_models: str = INVOCABLE
) -> dict[str, list[Row]]:
    """Return for each code its configured models with choice, reason and route, in the order of the configuration.

    rows: ``safesecrets_models``.
    """
    seen = {(row["code"], row["model_id"]): row for row in rows}
    choices: dict[str, list[Row]] = {code: [] for code in regions}
    for request in configured(regions):
        row = seen[request["code"], request["model_id"]]
        choice = _choice(row, check_mode, environment_models)
        reason = f"It is called {name_route(row['route'])}." if choice == FOUND else row["reason"]
        choices[request["code"]].append(
            {"model_id": row["model_id"], "choice": choice, "reason": reason, "route": row["route"]}
        )
    return choices


def model_ids(
    rows: Sequence[Row], regions: Regions, check_mode: bool = False, environment_models: str = INVOCABLE
) -> dict[str, Any]:
    """Return ``safesecrets_model_ids``: for each code the default model and the allow-list.

    Only models that are ready are named; in check mode also those that the run would have made ready, and with
    ``environment_models`` configured all that are required.
    """
    choices = model_choices(rows, regions, check_mode, environment_models)
    return {
        code: {
            "default": region["models"]["default"],
            "allowlist": [each["model_id"] for each in choices[code] if each["choice"] != LEFT_OUT],
        }
        for code, region in regions.items()
    }


def model_choice_findings(
    rows: Sequence[Row], regions: Regions, check_mode: bool = False, environment_models: str = INVOCABLE
) -> list[Finding]:
    """Return for each code which models the environment names, and the reason."""
    choices = model_choices(rows, regions, check_mode, environment_models)
    return [_finding(code, region, choices[code]) for code, region in regions.items()]


def _finding(code: str, region: Mapping[str, Any], models: Sequence[Row]) -> Finding:
    named = {kind: [each["model_id"] for each in models if each["choice"] == kind] for kind in (PLANNED, TRUSTED)}
    default = region["models"]["default"]
    status, remedy = PASS, ""
    (of_default,) = [each for each in models if each["model_id"] == default]
    detail = f"The default is {default}. {of_default['reason']}"
    if named[TRUSTED]:
        status = UNPROVEN
        detail += f" Not found invocable, and named all the same: {', '.join(named[TRUSTED])}."
        remedy = (
            "Mend what INFRA-P2-2 says of these models, and set bedrock_access_environment_models to invocable again."
        )
    elif named[PLANNED]:
        status, remedy = UNPROVEN, "Run without check mode."
        detail += f" Would be named once access is there: {', '.join(named[PLANNED])}."
    return finding(
        IDENTIFIER,
        ITEM,
        f"BEDROCK_MODEL_ID_{code}, BEDROCK_MODEL_ALLOWLIST_{code}",
        status,
        detail,
        region=region["region"],
        remedy=remedy,
        evidence={"code": code, "default": default, "models": list(models)},
    )
