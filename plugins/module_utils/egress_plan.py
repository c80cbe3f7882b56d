# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which outbound rules have to be added and removed, and in which order.

Nothing that is open and wanted is ever closed on the way: whatever is needed is added, and proven, before anything
is taken away. The order is data (:func:`steps`), and :func:`after` says what stands after each step.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import ANY, PrefixLists, Rule

#: What the rules of this collection say of themselves: by it a rule of an earlier configuration is known as its own.
OWN = "safesecrets.infra controlled egress"
HTTPS = 443


@dataclass(frozen=True)
class State:
    """The outbound rules of each group, and the groups of each interface of the instance, the primary one first."""

    rules: Mapping[str, tuple[Rule, ...]]
    attached: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Change:
    """What is to happen to one group. ``foreign`` rules are neither needed nor this collection's: they stay."""

    group_id: str
    standing: tuple[Rule, ...]
    add: tuple[Rule, ...]
    remove: tuple[Rule, ...]
    foreign: tuple[Rule, ...]

    @property
    def together(self) -> tuple[Rule, ...]:
        """What stands when all is added and nothing removed yet: the most that the group holds on the way."""
        return (*self.standing, *self.add)

    @property
    def remaining(self) -> tuple[Rule, ...]:
        """What stands at the end."""
        return tuple(rule for rule in self.together if rule not in self.remove)


@dataclass(frozen=True)
class Plan:
    """The changes of the groups' rules, and of which groups an interface has.

    ``created`` is the group that has to be made, and ``replaced`` are those that it takes the place of.
    """

    before: State
    changes: tuple[Change, ...]
    attach: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    detach: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    created: str = ""
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step: what an interface has for groups and a group for rules when it is done, where it changes that."""

    action: str
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(
    before: State,
    wanted: Sequence[Rule],
    prefix_lists: PrefixLists,
    *,
    shared: Collection[str] = (),
    purge: bool = False,
    narrowed: Collection[str] = (),
) -> Plan:
    """Plan to have what is wanted, and nothing that is open to everything.

    The primary interface gets what is wanted. A further one gets it only when something of its own is taken away or
    it is ``narrowed`` otherwise, so that what was open there and is wanted stays open. Rules are added to a group
    that is not ``shared`` where there is one.
    """
    removed = {name: superfluous(rules, wanted, prefix_lists, purge=purge) for name, rules in before.rules.items()}
    added: dict[str, list[Rule]] = {name: [] for name in before.rules}
    for position, (interface, names) in enumerate(before.attached.items()):
        untouched = interface not in narrowed and not any(removed[name] for name in names)
        if not names or (position and untouched):
            continue
        home = next((name for name in names if name not in shared), names[0])
        standing = [rule for name in names for rule in (*before.rules[name], *added[name])]
        added[home] += [rule for rule in wanted if rule not in standing]
    changes = [_change(name, rules, added[name], removed[name], wanted) for name, rules in before.rules.items()]
    return Plan(before, tuple(changes))


def dedicated_plan(
    before: State,
    wanted: Sequence[Rule],
    prefix_lists: PrefixLists,
    *,
    shared: Collection[str],
    dedicated: str,
    purge: bool = False,
) -> Plan:
    """Plan as :func:`plan` does, with a group of the instance's own in the place of each shared one that would change.

    The new group has what is wanted, and what else the groups had that it replaces. Shared groups stay as they are.
    """
    plain = plan(before, wanted, prefix_lists, shared=shared, purge=purge)
    replaced = {each.group_id: each for each in plain.changes if each.group_id in shared and (each.add or each.remove)}
    if not replaced:
        return plain
    joined = {
        interface: tuple(dict.fromkeys((*names, dedicated)))
        for interface, names in before.attached.items()
        if any(name in replaced for name in names)
    }
    left = {
        interface: tuple(dict.fromkeys((dedicated, *(name for name in names if name not in replaced))))
        for interface, names in joined.items()
    }
    kept = [rule for each in replaced.values() for rule in each.standing if rule not in each.remove]
    standing = before.rules.get(dedicated, ())
    together = tuple(dict.fromkeys((*standing, *kept)))
    others = {name: rules for name, rules in before.rules.items() if name not in replaced}
    inner = plan(
        State({**others, dedicated: together}, {**before.attached, **left}),
        wanted,
        prefix_lists,
        shared=shared,
        purge=purge,
        narrowed=left,
    )
    new = tuple(rule for rule in together if rule not in standing)
    changes = [
        Change(each.group_id, standing, (*new, *each.add), each.remove, each.foreign)
        if each.group_id == dedicated
        else each
        for each in inner.changes
    ]
    created = "" if dedicated in before.rules else dedicated
    return Plan(before, tuple(changes), joined, left, created, tuple(replaced))


def superfluous(
    rules: Sequence[Rule], wanted: Sequence[Rule], prefix_lists: PrefixLists, *, purge: bool
) -> tuple[Rule, ...]:
    """Return the rules to remove: those that open everything, those of an earlier plan, and with ``purge`` all."""
    opening = opens_everything(rules, prefix_lists)
    return tuple(rule for rule in rules if rule not in wanted and (purge or rule in opening or rule.description == OWN))


def opens_everything(rules: Sequence[Rule], prefix_lists: PrefixLists) -> tuple[Rule, ...]:
    """Return the rules that let HTTPS out to a whole address family, alone or together."""
    out = [rule for rule in rules if rule.lets_out("tcp", HTTPS)]
    opening: list[Rule] = []
    for version, everywhere in ANY.items():
        alone = [rule for rule in out if everywhere in rule.networks(prefix_lists)]
        rest = [
            rule
            for rule in out
            if rule not in alone and any(each.version == version for each in rule.networks(prefix_lists))
        ]
        networks = [each for rule in rest for each in rule.networks(prefix_lists) if each.version == version]
        together = everywhere in list(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]
        opening += [*alone, *(rest if together else [])]
    return tuple(dict.fromkeys(opening))


def steps(planned: Plan) -> list[Step]:
    """Return the order of change; nothing when there is nothing to do."""
    changed = [each for each in planned.changes if each.group_id != planned.created]
    created = {each.group_id: each.together for each in planned.changes if each not in changed}
    adding = {each.group_id: each.together for each in changed if each.add}
    removing = {each.group_id: each.remaining for each in changed if each.remove}
    if not adding and not removing and not planned.attach:
        return []
    order = [Step("check"), Step("record", planned.before.rules, planned.before.attached)]
    if created:
        order.append(Step("create", created))
    if adding or planned.attach:
        order += [Step("add", adding, planned.attach), Step("wait")]
    order.append(Step("prove"))
    if removing or planned.detach:
        order += [Step("remove", removing, planned.detach), Step("wait"), Step("prove")]
    return [*order, Step("keep")]


def _change(
    group_id: str, standing: Sequence[Rule], add: Sequence[Rule], remove: tuple[Rule, ...], wanted: Sequence[Rule]
) -> Change:
    foreign = tuple(rule for rule in standing if rule not in wanted and rule not in remove)
    return Change(group_id, tuple(standing), tuple(add), remove, foreign)
