# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One report from the shards of several hosts, whichever runs and controllers wrote them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import PASS, UNPROVEN, Finding, moment
from ansible_collections.safesecrets.infra.plugins.module_utils.report import (
    SCHEMA_VERSION,
    FailedTask,
    Run,
    build_report,
    enumerated,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.shards import is_shard

Shard = Mapping[str, Any]

#: So that the same shards give the same report, and a repeat changes nothing.
_NAMESPACE = uuid.UUID("0b0f9a52-6f0e-4f0e-9d6c-2c8f6d1c7a11")


def merged_report(shards: Sequence[Shard], now: datetime, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Merge shards into a report; raise ValueError for those that do not belong together.

    What has expired by now is no proof any more. left_out: hosts whose shards :func:`of_the_newest_run` left out.
    """
    _check(shards)
    first = shards[0]
    observed = [each for shard in shards for each in shard["findings"]]
    if not observed:
        raise ValueError("The shards hold no finding. Run the chain first.")
    moments = sorted(moment(each["observed_at"]) for each in observed)
    run = Run(
        run_id=str(uuid.uuid5(_NAMESPACE, json.dumps(shards, sort_keys=True))),
        started_at=moments[0],
        finished_at=moments[-1],
        playbook="playbooks/report.yml",
        check_mode=False,
        account_id=first["account_id"],
        collection_version=first["collection_version"],
        configuration=first["configuration"]["chain"],
    )
    # A controller is in every run; what its shards say is told apart by the newest of each check.
    observations: dict[str, list[dict[str, Any]]] = {}
    for shard in shards:
        held = [_as_of(now, each, shard["host"]) for each in shard["findings"]]
        observations.setdefault(shard["host"], []).extend(held)
    tasks = [FailedTask(**task) for shard in shards for task in shard["failed_tasks"]]
    notes = [f"Merged from the shards of {enumerated(sorted(observations))}."]
    if left_out:
        notes.append(
            f"Left out, being of another account, configuration or version, or no shard: {enumerated(left_out)}."
        )
    return build_report(run, observations, tasks, notes)


def of_the_newest_run(shards: Sequence[Shard]) -> tuple[list[Shard], list[str]]:
    """Return the shards that agree with the one whose findings are the newest, and the hosts of the others."""
    usable = [shard for shard in shards if is_shard(shard) and shard["findings"]]
    newest = max(usable, key=lambda shard: max(str(each["observed_at"]) for each in shard["findings"]), default=None)
    if newest is None:
        return list(shards), []
    agreeing = [shard for shard in shards if is_shard(shard) and _origin(shard) == _origin(newest)]
    return agreeing, [str(shard.get("host")) for shard in shards if shard not in agreeing]


def _origin(shard: Shard) -> tuple[Any, ...]:
    return shard["account_id"], shard["collection_version"], shard["configuration"]["chain"]


def _as_of(now: datetime, finding: Finding, host: str) -> Finding:
    if finding["status"] != PASS or moment(finding["expires_at"]) > now:
        return finding
    detail = f"{finding['detail']} That held until {finding['expires_at']}."
    return {**finding, "status": UNPROVEN, "detail": detail, "remedy": f"Run the chain again on {host}."}


def _check(shards: Sequence[Shard]) -> None:
    if not shards:
        raise ValueError("There is no shard to merge. Run the chain first, or name the shards of its runs.")
    for shard in shards:
        if not is_shard(shard):
            raise ValueError(
                f"The shard of {shard.get('host', 'an unknown host')} is not in the form of this version: "
                f"schema_version {shard.get('schema_version')}, not {SCHEMA_VERSION}. Run the chain again on its host."
            )
    for name in ("account_id", "collection_version"):
        _agree(name, [(shard["host"], str(shard[name])) for shard in shards])
    _agree("configuration", [(shard["host"], str(shard["configuration"]["chain"])) for shard in shards])


def _agree(name: str, values: Sequence[tuple[str, str]]) -> None:
    if len({value for _host, value in values}) > 1:
        told = ", ".join(f"{host} {value}" for host, value in values)
        raise ValueError(f"The shards are of different runs' {name}: {told}. Run the chain again where it is outdated.")
