# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment file and its two companions: what it was before the collection came, and before a service restarts.

Beside the file stand, with its owner and its rights,

- ``.safesecrets-original``: the file as it was when the first managed block was put into it;
- ``.safesecrets-previous``: the file as it was when a value changed that the service has not taken over yet. While it
  is there, a restart is due, whichever run made the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import (
    ManagedBlock,
    blocks_in,
    damage_faults,
    lost_by_restoring,
    values_of,
    without_block,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import exposure_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault
from ansible_collections.safesecrets.infra.plugins.module_utils.file_replacement import (
    NEW,
    Target,
    replace,
    settle,
)

ORIGINAL = ".safesecrets-original"
PREVIOUS = ".safesecrets-previous"


@dataclass(frozen=True)
class Kept:
    """What stands beside the file: None for what does not."""

    original: bytes | None
    previous: bytes | None


@dataclass(frozen=True)
class Plan:
    """What shall happen to the file and to what stands beside it."""

    #: The file's new content; None leaves the file alone.
    content: bytes | None = None
    keep_original: bool = False
    keep_previous: bool = False
    drop_original: bool = False
    drop_previous: bool = False
    #: Why nothing may happen.
    faults: tuple[Fault, ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether anything happens."""
        return self.content is not None or self.drop_original or self.drop_previous


def companion(target: Target, suffix: str) -> Path:
    """Return the path of what stands beside the file."""
    return target.path.with_name(target.path.name + suffix)


def kept_beside(target: Target) -> Kept:
    """Read what stands beside the file."""

    def content(path: Path) -> bytes | None:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None

    return Kept(content(companion(target, ORIGINAL)), content(companion(target, PREVIOUS)))


def plan_present(target: Target, kept: Kept, block: ManagedBlock, mode: str, service: bool) -> Plan:
    """Plan to put a block in.

    mode: the mode that was asked for, "" for the file's own. service: whether a service restarts for new values.
    """
    before = target.content or b""
    faults = block.examine(before, str(target.path))["faults"]
    if block.secrets and target.found:
        faults += exposure_faults(mode, f"{target.found.st_mode & 0o7777:04o}")
    if faults:
        return Plan(faults=tuple(faults))
    after = block.written_into(before)
    if after == target.content and target.as_wanted:
        return Plan()
    changed = values_of(before) != values_of(after)
    return Plan(
        content=after,
        keep_original=target.content is not None and after != before and not blocks_in(before),
        keep_previous=service and changed and kept.previous is None,
        drop_previous=changed and not service and kept.previous is not None,
    )


def plan_absent(target: Target, kept: Kept, block: str, service: bool) -> Plan:
    """Plan to take a block out."""
    before = target.content or b""
    faults = damage_faults(before, str(target.path))
    if faults:
        return Plan(faults=tuple(faults))
    after = without_block(before, block)
    return _plan_of(before, after, kept, service)


def plan_original(target: Target, kept: Kept, service: bool) -> Plan:
    """Plan to bring the file back as it was before the first managed block."""
    before, path = target.content or b"", str(target.path)
    faults = damage_faults(before, path)
    if not faults and kept.original is None and blocks_in(before):
        what = f"has managed blocks, and there is no {companion(target, ORIGINAL).name} of the time before them"
        faults.append(fault(path, what, "take the blocks out instead, with environment_rollback: blocks"))
    if faults or kept.original is None:
        return Plan(faults=tuple(faults))
    lost = lost_by_restoring(before, kept.original)
    if lost:
        what = f"has lines that were added or changed since its backup and would be lost: {', '.join(map(str, lost))}"
        remedy = "take the blocks out instead, with environment_rollback: blocks, or put the backup in place by hand"
        return Plan(faults=(fault(path, what, remedy),))
    return _plan_of(before, kept.original, kept, service)


def _plan_of(before: bytes, after: bytes, kept: Kept, service: bool) -> Plan:
    changed = values_of(before) != values_of(after)
    return Plan(
        content=after if after != before else None,
        keep_previous=service and changed and kept.previous is None,
        drop_previous=changed and not service and kept.previous is not None,
        drop_original=kept.original == after and not blocks_in(after),
    )


def plan_previous(target: Target, kept: Kept) -> Plan:
    """Plan to bring the file back as it was before the change that the service did not survive."""
    if kept.previous is None:
        return Plan()
    return Plan(
        content=kept.previous if kept.previous != target.content else None,
        drop_previous=True,
        drop_original=kept.previous == kept.original,
    )


def plan_settled(kept: Kept) -> Plan:
    """Plan to note that the service has taken the change over."""
    return Plan(drop_previous=kept.previous is not None)


def carry_out(target: Target, plan: Plan) -> None:
    """Do what was planned, in an order in which every step may be the last.

    Raises OSError; the file is then the old one or the new one.
    """
    before = target.content or b""
    if plan.keep_original:
        replace(target, before, companion(target, ORIGINAL))
    if plan.keep_previous:
        replace(target, before, companion(target, PREVIOUS))
    if plan.content is not None:
        replace(target, plan.content)
    for dropped, suffix in ((plan.drop_previous, PREVIOUS), (plan.drop_original, ORIGINAL)):
        if dropped:
            companion(target, suffix).unlink(missing_ok=True)
            settle(target.path.parent)


def sweep(target: Target) -> None:
    """Remove what an earlier run left that was killed while it wrote."""
    for path in (target.path, companion(target, ORIGINAL), companion(target, PREVIOUS)):
        path.with_name(path.name + NEW).unlink(missing_ok=True)


def changed_names(before: bytes, after: bytes) -> Iterator[str]:
    """Say which variables of the file change, without their values."""
    old, new = values_of(before), values_of(after)
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            yield f"{name}: {'removed' if name not in new else 'added' if name not in old else 'changed'}"
