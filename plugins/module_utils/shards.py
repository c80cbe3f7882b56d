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
from datetime import datetime
from hashlib import sha256
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    NOT_APPLICABLE,
    PASS,
    Finding,
    timestamp,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.report import SCHEMA_VERSION

Shard = dict[str, Any]

#: What has to agree before anything of an earlier run is believed in this one.
ORIGIN = ("schema_version", "account_id", "collection_version", "configuration")
#: Looked at in every run, because every other proof rests on it.
NEVER_TAKEN_OVER = ("prerequisites",)
FINGERPRINT_LETTERS = 16


def file_name(host: str) -> str:
    """Return the name of a host's shard; a host's name may hold what a file's may not."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", host).lstrip(".") + ".json"


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
    kept = former["findings"] if former and all(former.get(name) == origin[name] for name in ORIGIN) else []
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


def fresh_proofs(shard: Mapping[str, Any] | None, origin: Mapping[str, Any], now: datetime) -> dict[str, list[Finding]]:
    """Return what need not be proven again: the findings by the item, and by the check, that holds as a whole.

    An item or check with a single finding that failed, is unproven or has expired is not among them, nor is anything
    of another account, configuration or version.
    """
    wanted = {"schema_version": SCHEMA_VERSION, **origin}
    if not shard or any(shard.get(name) != wanted[name] for name in ORIGIN):
        return {}
    failed = {task["item"] for task in shard["failed_tasks"]}
    groups: dict[str, list[Finding]] = {}
    for each in shard["findings"]:
        if each["item"] not in NEVER_TAKEN_OVER and each["item"] not in failed:
            groups.setdefault(each["item"], []).append(each)
            groups.setdefault(each["id"], []).append(each)
    return {name: found for name, found in groups.items() if all(_holds(each, now) for each in found)}


def _holds(finding: Finding, now: datetime) -> bool:
    return finding["status"] in (PASS, NOT_APPLICABLE) and finding["expires_at"] > timestamp(now)


def left_out(
    shards: Iterable[Mapping[str, Any]], origin: Mapping[str, Any], hosts: Iterable[str], now: datetime
) -> list[Shard]:
    """Return the shards of the hosts that a run left out, with what of them has not expired, be it good or bad."""
    seen = set(hosts)
    rest = []
    for shard in shards:
        if shard["host"] not in seen and _is_of_chain(shard, origin):
            unexpired = [each for each in shard["findings"] if each["expires_at"] > timestamp(now)]
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
    return shard if isinstance(shard, dict) and shard.get("schema_version") == SCHEMA_VERSION else None
