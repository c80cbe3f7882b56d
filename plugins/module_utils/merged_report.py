# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One report from the shards of several hosts, whichever runs and controllers wrote them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import moment
from ansible_collections.safesecrets.infra.plugins.module_utils.report import (
    SCHEMA_VERSION,
    FailedTask,
    Run,
    build_report,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.shards import is_shard

#: So that the same shards give the same report, and a repeat changes nothing.
_NAMESPACE = uuid.UUID("0b0f9a52-6f0e-4f0e-9d6c-2c8f6d1c7a11")


def merged_report(shards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge shards into a report; raise ValueError for those that do not belong together."""
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
        observations.setdefault(shard["host"], []).extend(shard["findings"])
    tasks = [FailedTask(**task) for shard in shards for task in shard["failed_tasks"]]
    return build_report(run, observations, tasks, [f"Merged from the shards of {', '.join(sorted(observations))}."])


def _check(shards: Sequence[Mapping[str, Any]]) -> None:
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
