# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that say which proofs of earlier runs still hold."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.safesecrets.infra.plugins.module_utils import shards
from ansible_collections.safesecrets.infra.plugins.module_utils.collection_version import collection_version
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import ITEMS


def fresh_proofs(shard, host, account_id, configuration):
    origin = _origin(account_id, configuration)
    return shards.fresh_proofs(shards.parsed(shard), host, origin, datetime.now(timezone.utc))


def holding_proofs(shard, host, account_id, configuration):
    origin = _origin(account_id, configuration)
    return shards.holding_proofs(shards.parsed(shard), host, origin, datetime.now(timezone.utc))


def _origin(account_id, configuration):
    return {
        "account_id": account_id,
        "collection_version": collection_version(Path(__file__).parents[2]),
        "configuration": configuration,
    }


def fresh_items(proofs):
    return [finding for item in ITEMS for finding in proofs.get(item, [])]


class FilterModule:
    """Filters that say which proofs of earlier runs still hold."""

    def filters(self):
        return {
            "configuration_fingerprint": shards.fingerprint,
            "fresh_items": fresh_items,
            "fresh_proofs": fresh_proofs,
            "holding_proofs": holding_proofs,
            "shard_file_name": shards.file_name,
        }
