# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is recorded before outbound rules are changed, and what of it has to be restored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import egress_record
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_groups import (
    Look,
    described,
    own_group,
    own_name,
    shared_groups,
    state,
    tags_of,
    told,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import Plan, State
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_record import BEFORE, CHANGE, Record


def record_tags(look: Look, moment: str, created: str = "") -> list[dict[str, Any]]:
    """Return the tags that hold what stands now, for each group that may be changed, and the one that is made.

    A group that others have, too, is not changed, and its tags are not this instance's.
    """
    now, shared = state(look), shared_groups(look)
    names = [name for name in now.rules if name not in shared] + ([created] if created else [])
    return [
        {
            "group_id": name,
            "tags": egress_record.encode(
                Record(moment, now.rules.get(name, ()), now.attached, tuple(names)), CHANGE, _other_tags(look, name)
            ),
        }
        for name in names
    ]


def record_text(look: Look, moment: str) -> str:
    """Return the record as the controller keeps it, with every description."""
    now = state(look)
    content = {
        "instance_id": look["instance"]["instance_id"],
        "recorded_at": moment,
        "attached": now.attached,
        "rules": {name: [asdict(rule) for rule in rules] for name, rules in now.rules.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def planned_back(look: Look, made: Plan) -> dict[str, Any]:
    """Return what undoes a plan that fails: what stood before it."""
    shared = shared_groups(look)
    return {
        "groups": [told(look, name, rules) for name, rules in made.before.rules.items() if name not in shared],
        "attached": {name: list(made.before.attached[name]) for name in made.attach},
        "discard": [{**told(look, made.created, ()), "group_id": ""}] if made.created else [],
    }


def recorded(look: Look, name: str) -> dict[str, Any]:
    """Return what the records under a name tell to restore, for the tasks; nothing where there is nothing to.

    A change whose record some of its groups lack had not begun, or had ended: then nothing of it is restored. Raises
    ValueError when a record is not whole, or one of its groups is gone.
    """
    records = _records(look, name)
    own = str((own_group(look) or {}).get("group_id", ""))
    if name == CHANGE and not _stands(look, records, own):
        records = {}
    made_here = own in records and all(own not in each for each in records[own].attached.values())
    return {
        "groups": [
            told(look, group_id, record.rules)
            for group_id, record in records.items()
            if not (made_here and group_id == own)
        ],
        "attached": _attached_before(state(look), records[own], own) if made_here else {},
        "discard": [told(look, own, ())] if made_here else [],
    }


def record_names(look: Look) -> list[dict[str, Any]]:
    """Return the tags of each group that hold a change's record, and those that keep it as what was before all."""
    rows = []
    for group_id in dict.fromkeys([*_records(look, CHANGE), *_records(look, BEFORE)]):
        tags = tags_of(described(look, group_id))
        change, before = ({each: tags[each] for each in egress_record.names(tags, name)} for name in (CHANGE, BEFORE))
        kept = {} if before else egress_record.renamed(tags, CHANGE, BEFORE)
        rows.append({"group_id": group_id, "change": change, "before": before, "kept": kept})
    return rows


def _records(look: Look, name: str) -> dict[str, Record]:
    """Return the records of this instance: a group may have been another's before."""
    now, own = state(look), own_group(look)
    found = {}
    for group_id in dict.fromkeys([*now.rules, *([str(own["group_id"])] if own else [])]):
        record = egress_record.decode(tags_of(described(look, group_id)), name)
        if record and set(record.attached) & set(now.attached):
            found[group_id] = record
    return found


def _stands(look: Look, records: Mapping[str, Record], own: str) -> bool:
    """Tell whether a change stands in the middle: every group that was recorded with it still has its record."""
    made = own_name(str(look["instance"]["instance_id"]))
    missing = {name for each in records.values() for name in each.groups} - set(records)
    if own in records:
        missing.discard(made)
    gone = sorted(name for name in missing - {made} if not described(look, name))
    if gone:
        raise ValueError(
            f"A change of the outbound rules was interrupted, and {', '.join(gone)}, which it recorded, is no group of "
            "the instance any more. Set the rules by hand, with the help of the record on the controller that made "
            f"it, then remove the tags {CHANGE}* from {', '.join(sorted(records))}."
        )
    return not missing


def _attached_before(now: State, record: Record, own: str) -> dict[str, list[str]]:
    """Return the groups that the interfaces had; what somebody gave them since, they keep."""
    found = {}
    for interface, names in now.attached.items():
        had = record.attached.get(interface, ())
        found[interface] = list(dict.fromkeys((*had, *(name for name in names if name != own))))
    return {interface: names for interface, names in found.items() if names}


def _other_tags(look: Look, group_id: str) -> int:
    tags = tags_of(described(look, group_id))
    return len(tags) - len(egress_record.names(tags, CHANGE))
