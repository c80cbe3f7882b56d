# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of a group as they were, kept in its tags: a run that is killed is healed by the next one.

A tag's value holds 256 characters and a resource 50 tags, so the rules are compressed and cut into several tags. The
first tag has the number of the others and a digest: what somebody changed, or took a part of, is not restored.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Rule

#: Stands on the group while it is changed.
CHANGE = "safesecrets:egress-change"
#: Stands on it afterwards: the rules before it was first controlled.
BEFORE = "safesecrets:egress-before"
VERSION = "1"
VALUE_LENGTH = 256
MOST_TAGS = 50


@dataclass(frozen=True)
class Record:
    """The rules of one group and the groups of the instance's interfaces, at a time.

    ``groups`` are all that were recorded then: a record that some of them lack is not, or no longer, of a change.
    """

    recorded_at: str
    rules: tuple[Rule, ...]
    attached: Mapping[str, tuple[str, ...]]
    groups: tuple[str, ...] = ()


def encode(record: Record, name: str, other_tags: int = 0) -> dict[str, str]:
    """Return the tags that hold a record, small enough to stand twice: under two names for a moment.

    Descriptions are left out where they would need more tags than the group may have. Raises ValueError when the
    rules alone do.
    """
    for described in (True, False):
        tags = _tags(record, name, described)
        if 2 * len(tags) + other_tags <= MOST_TAGS:
            return tags
    raise ValueError(
        f"The record of {len(record.rules)} rules needs {2 * len(tags)} tags, and the group has {other_tags} of "
        f"the {MOST_TAGS} that it may have. Take tags off the group."
    )


def decode(tags: Mapping[str, str], name: str) -> Record | None:
    """Return the record that the tags hold, None where there is none.

    Raises ValueError when it is not whole.
    """
    head = tags.get(name)
    if head is None:
        return None
    version, count, digest, recorded_at = (*head.split(" "), "", "", "", "")[:4]
    numbers = range(1, int(count) + 1) if count.isdigit() else range(0)
    packed = "".join(tags.get(f"{name}:{number}", "") for number in numbers)
    if version != VERSION or _digest(packed) != digest:
        raise ValueError(
            f"The record in the tags {name}* is not whole. Set the group's outbound rules by hand, with the help of "
            "the record on the controller that made it, then remove these tags."
        )
    content = json.loads(zlib.decompress(base64.b64decode(packed)))
    rules = tuple(Rule(*row) for row in content["rules"])
    attached = {interface: tuple(names) for interface, names in content["attached"].items()}
    return Record(recorded_at, rules, attached, tuple(content["groups"]))


def names(tags: Mapping[str, str], name: str) -> list[str]:
    """Return the names of the tags that hold a record."""
    return [each for each in tags if each == name or each.startswith(f"{name}:")]


def renamed(tags: Mapping[str, str], name: str, other: str) -> dict[str, str]:
    """Return the tags of a record under another name."""
    return {other + each[len(name) :]: tags[each] for each in names(tags, name)}


def _tags(record: Record, name: str, described: bool) -> dict[str, str]:
    rows = [_row(rule, described) for rule in record.rules]
    content = {"rules": rows, "attached": record.attached, "groups": record.groups}
    text = json.dumps(content, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    parts: Sequence[str] = [packed[at : at + VALUE_LENGTH] for at in range(0, len(packed), VALUE_LENGTH)]
    head = f"{VERSION} {len(parts)} {_digest(packed)} {record.recorded_at}"
    return {name: head, **{f"{name}:{number}": part for number, part in enumerate(parts, 1)}}


def _row(rule: Rule, described: bool) -> list[str | int]:
    row: list[str | int] = [rule.protocol, rule.from_port, rule.to_port, rule.kind, rule.target]
    return [*row, rule.description if described else "", rule.owner_id]


def _digest(packed: str) -> str:
    return hashlib.sha256(packed.encode()).hexdigest()[:32]
