# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a managed prefix list becomes what is wanted, one call after the other, and nothing wanted is closed between.

Each call is decided from what the list holds at that moment (:func:`next_step`), so that it does not matter who else
changed it since.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Entries that one call may add, or remove.
BATCH = 100


@dataclass(frozen=True)
class Step:
    """One call: another maximum, or entries to add, or entries to remove."""

    max_entries: int = 0
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def next_step(
    held: Sequence[str], wanted: Sequence[str], max_entries: int, *, headroom: int, purge: bool = True
) -> Step | None:
    """Return the next call towards what is wanted, None when nothing is left to do.

    What is missing is added before anything is removed. Where there is no room for that, entries go first in which
    no wanted address is. The list is made larger only where not even that makes room.
    """
    missing = [each for each in wanted if each not in set(held)]
    superfluous = [each for each in held if each not in set(wanted)]
    if missing:
        obsolete = _apart(superfluous, wanted)
        needed = len(wanted) + len(superfluous) - len(obsolete)
        if needed > max_entries:
            return Step(max_entries=max(needed, size_for(len(wanted), headroom)))
        over = len(held) + len(missing) - max_entries
        return Step(remove=tuple(obsolete[: min(over, BATCH)])) if over > 0 else Step(add=tuple(missing[:BATCH]))
    return Step(remove=tuple(superfluous[:BATCH])) if superfluous and purge else None


def steps(
    held: Sequence[str], wanted: Sequence[str], max_entries: int, *, headroom: int, purge: bool = True
) -> Iterator[Step]:
    """Return all calls, if nobody else changes the list."""
    entries = list(held)
    while step := next_step(entries, wanted, max_entries, headroom=headroom, purge=purge):
        yield step
        max_entries = step.max_entries or max_entries
        entries = applied(entries, step)


def applied(held: Sequence[str], step: Step) -> list[str]:
    """Return what a list holds after a step."""
    return [*(each for each in held if each not in set(step.remove)), *step.add]


def size_for(entries: int, headroom: int) -> int:
    """Return the maximum for so many entries: ``headroom`` percent more, for what is published next."""
    return max(entries + -(-entries * headroom // 100), 1)


def checked_entries(entries: Sequence[Mapping[str, Any]], family: str) -> dict[str, str]:
    """Return the entries' descriptions by CIDR, as EC2 writes it. Raises ValueError for what is no entry."""
    found: dict[str, str] = {}
    for each in entries:
        try:
            network = ipaddress.ip_network(str(each["cidr"]))
        except ValueError as error:
            raise ValueError(
                f"entries: {error}. Give CIDRs without host bits; a prefix list holds no names."
            ) from error
        if f"IPv{network.version}" != family:
            raise ValueError(f"entries: {network} is not {family}. Keep a list of its own for the other family.")
        found[str(network)] = str(each.get("description") or "")
    return found


def shown(entries: Mapping[str, str], max_entries: int) -> str:
    """Return a list as lines for a diff."""
    rows = [f"{cidr}  {description}".rstrip() for cidr, description in sorted(entries.items(), key=_address)]
    return "".join(f"{row}\n" for row in [f"max_entries: {max_entries}", *rows])


def _address(entry: tuple[str, str]) -> tuple[int, int]:
    network = ipaddress.ip_network(entry[0])
    return int(network.network_address), network.prefixlen


def _apart(cidrs: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return those that share no address with any of the others."""
    networks = [ipaddress.ip_network(each) for each in others] if cidrs else []
    return [cidr for cidr in cidrs if not any(map(ipaddress.ip_network(cidr).overlaps, networks))]
