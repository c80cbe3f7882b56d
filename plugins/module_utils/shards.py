# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is remembered of each host between runs: a shard with the newest findings of every item, of whichever run.

Runs that are limited to one host each are merged from the shards, and a run that renews only what is stale takes the
rest from them. Their form is ``shard`` in ``docs/schemas/report.schema.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.checks import valid_hours
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    NOT_APPLICABLE,
    PASS,
    Finding,
    checked,
    moment,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.report import SCHEMA_VERSION, FailedTask

Shard = dict[str, Any]

#: What has to agree before anything of an earlier run is believed in this one.
ORIGIN = ("schema_version", "account_id", "collection_version", "configuration")
FIELDS = {*ORIGIN, "host", "findings", "failed_tasks"}
TASK = {field.name for field in fields(FailedTask)}
#: Looked at in every run, because every other proof rests on it.
NEVER_TAKEN_OVER = ("prerequisites",)
FINGERPRINT_LETTERS = 16


def file_name(host: str) -> str:
    """Return the name of a host's shard, each its own; a host's name may hold what a file's may not."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", host).lstrip(".")
    return f"{safe}.json" if safe == host else f"{safe}-{fingerprint(host)}.json"


def fingerprint(*values: Any) -> str:
    """Return what tells a configuration from another without showing anything of it."""
    text = json.dumps(values, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:FINGERPRINT_LETTERS]


def updated(
    former: Mapping[str, Any] | None,
    host: str,
    *,
    origin: Mapping[str, Any],
    run_id: str,
    findings: Sequence[Finding],
    failed_tasks: Sequence[Mapping[str, Any]],
) -> Shard:
    """Return the shard after a run: its items replace the former ones, the others stay if they are of the same origin.

    origin: account_id, collection_version and configuration (``chain`` and ``host``) of the run.
    """
    origin = {"schema_version": SCHEMA_VERSION, **origin}
    kept = former["findings"] if former and _agrees(former, {**origin, "host": host}) else []
    renewed = {each["item"] for each in findings} | {task["item"] for task in failed_tasks}
    return {
        **origin,
        "host": host,
        "findings": [
            *(each for each in kept if each["item"] not in renewed),
            *({**each, "run_id": each.get("run_id", run_id)} for each in findings),
        ],
        "failed_tasks": list(failed_tasks),
    }


def holding_proofs(
    shard: Mapping[str, Any] | None, host: str, origin: Mapping[str, Any], now: datetime
) -> list[Finding]:
    """Return the findings of earlier runs that still hold, each for itself.

    Nothing holds of another host, account, configuration or version, and nothing of an item in which a task failed.
    """
    return [each for each in _believed(shard, host, origin) if _holds(each, now)]


def fresh_proofs(
    shard: Mapping[str, Any] | None, host: str, origin: Mapping[str, Any], now: datetime
) -> dict[str, list[Finding]]:
    """Return what need not be proven again: the findings by the item, and by the check, that holds as a whole.

    An item or check with a single finding that failed, is unproven or has expired is not among them.
    """
    groups: dict[str, list[Finding]] = {}
    for each in _believed(shard, host, origin):
        groups.setdefault(each["item"], []).append(each)
        groups.setdefault(each["id"], []).append(each)
    return {name: found for name, found in groups.items() if all(_holds(each, now) for each in found)}


def _believed(shard: Mapping[str, Any] | None, host: str, origin: Mapping[str, Any]) -> list[Finding]:
    wanted = {"schema_version": SCHEMA_VERSION, "host": host, **origin}
    if not shard or not _agrees(shard, wanted):
        return []
    kept_out = {*NEVER_TAKEN_OVER, *(task["item"] for task in shard["failed_tasks"])}
    return [each for each in shard["findings"] if each["item"] not in kept_out]


def _agrees(shard: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(shard[name] == value for name, value in wanted.items())


def _holds(finding: Finding, now: datetime) -> bool:
    return finding["status"] in (PASS, NOT_APPLICABLE) and _unexpired(finding, now)


def _unexpired(finding: Finding, now: datetime) -> bool:
    """Judge by the moment it was observed, too: a file does not make a proof hold longer than its check says."""
    observed, expires = (moment(finding[name]) for name in ("observed_at", "expires_at"))
    return observed <= now < min(expires, observed + timedelta(hours=valid_hours(finding["id"])))


def left_out(
    shards: Iterable[Mapping[str, Any]], origin: Mapping[str, Any], hosts: Iterable[str], now: datetime
) -> list[Shard]:
    """Return the shards of the hosts that a run left out, with what of them has not expired, be it good or bad."""
    seen = set(hosts)
    rest = []
    for shard in shards:
        if shard["host"] not in seen and _is_of_chain(shard, origin):
            unexpired = [each for each in shard["findings"] if _unexpired(each, now)]
            rest.append({**shard, "findings": unexpired})
    return [shard for shard in rest if shard["findings"] or shard["failed_tasks"]]


def _is_of_chain(shard: Mapping[str, Any], origin: Mapping[str, Any]) -> bool:
    """A host that is left out may have variables of its own: only the chain's configuration has to agree."""
    return (
        shard["schema_version"] == SCHEMA_VERSION
        and all(shard[name] == origin[name] for name in ("account_id", "collection_version"))
        and shard["configuration"]["chain"] == origin["configuration"]["chain"]
    )


def parsed(text: str) -> Shard | None:
    """Return the shard, or None for what is no shard of this version: then everything is proven again."""
    try:
        shard = json.loads(text)
    except ValueError:
        return None
    return shard if is_shard(shard) else None


def is_shard(shard: Any) -> bool:
    """Tell whether it has the form that this version writes."""
    if not isinstance(shard, dict) or shard.get("schema_version") != SCHEMA_VERSION or set(shard) != FIELDS:
        return False
    fingerprints, tasks = shard["configuration"], shard["failed_tasks"]
    if not isinstance(fingerprints, dict) or set(fingerprints) != {"chain", "host"} or not isinstance(tasks, list):
        return False
    try:
        for each in checked(shard["findings"]) if shard["findings"] != [] else []:
            moment(each["observed_at"]), moment(each["expires_at"])
    except ValueError:
        return False
    return isinstance(shard["host"], str) and all(isinstance(each, dict) and set(each) == TASK for each in tasks)
