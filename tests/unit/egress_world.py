# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""EC2 as far as controlled egress changes it, and the calls of the role's tasks, one by one in their order.

What is played here stands in ``roles/egress/tasks``: its filters are the real ones, so that a run can be killed after
any call of EC2, healed, and killed while it heals.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import egress_controlled, egress_way_back
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_groups import TARGETS as MODULE_TARGETS
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_record import BEFORE, CHANGE
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import TARGETS, Rule

REGION = "ca-central-1"
ALL = Rule("-1", -1, -1, "ipv4", "0.0.0.0/0")
WANTED = {"regions": {"CA": {"region": REGION}}, "services": ["polly"], "instance_region": REGION}
#: Nothing is needed but HTTPS, and this stands for all of it.
NEEDED = ("tcp", 443, "198.18.1.10")
Calls = Iterator[None]


@dataclass
class Group:
    """A security group."""

    name: str
    rules: list[Rule] = field(default_factory=list)
    inbound: list[Rule] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The groups, those of each interface of the instance, and those that others have, too."""

    groups: dict[str, Group]
    attached: dict[str, list[str]]
    shared: set[str] = field(default_factory=set)

    def copy(self) -> World:
        """Return it as it is now."""
        return copy.deepcopy(self)

    def stands(self) -> tuple[dict[str, set[Rule]], dict[str, set[str]]]:
        """Return what a change can change: outbound rules and attachments."""
        rules = {name: set(group.rules) for name, group in self.groups.items()}
        return rules, {interface: set(names) for interface, names in self.attached.items()}

    def inbound(self) -> dict[str, set[Rule]]:
        """Return what may come in at each interface."""
        return {
            interface: {rule for name in names for rule in self.groups[name].inbound}
            for interface, names in self.attached.items()
        }

    def is_open(self) -> bool:
        """Tell whether what is needed leaves by the primary interface."""
        protocol, port, target = NEEDED
        rules = [rule for name in self.attached["eni-0"] for rule in self.groups[name].rules]
        return any(rule.lets_out(protocol, port) and rule.target in ("0.0.0.0/0", f"{target}/32") for rule in rules)

    def look(self) -> dict[str, Any]:
        """Return what ``egress_info`` would."""
        attached = [{"network_interface_id": name, "groups": ids(names)} for name, names in self.attached.items()]
        users = {name for names in self.attached.values() for name in names}
        other = {"network_interface_id": "eni-other", "instance_id": "i-0bee", "description": ""}
        return {
            "instance": {"instance_id": "i-0abc", "vpc_id": "vpc-1", "network_interfaces": attached},
            "security_groups": [described(name, group) for name, group in self.groups.items()],
            "group_users": {name: [other] if name in self.shared else [] for name in users},
            "referring_groups": {},
            "reaching_groups": {},
            "prefix_lists": [],
            "vpc_endpoints": [],
            "unseen": {},
        }


def ids(names: Sequence[str]) -> list[dict[str, str]]:
    """Return groups as an interface names them."""
    return [{"group_id": name} for name in names]


def described(group_id: str, group: Group) -> dict[str, Any]:
    """Return a group as EC2 describes it, in snake case."""
    tags = [{"key": name, "value": value} for name, value in group.tags.items()]
    return {
        "group_id": group_id,
        "group_name": group.name,
        "vpc_id": "vpc-1",
        "owner_id": "1",
        "tags": tags,
        "ip_permissions": [permission(rule) for rule in group.inbound],
        "ip_permissions_egress": [permission(rule) for rule in group.rules],
    }


def permission(rule: Rule) -> dict[str, Any]:
    """Return a rule as EC2 describes it."""
    targets, name = TARGETS[rule.kind]
    given: dict[str, Any] = {"ip_protocol": rule.protocol, targets: [{name: rule.target}]}
    return given if rule.from_port == -1 else {**given, "from_port": rule.from_port, "to_port": rule.to_port}


def read(rule: Mapping[str, Any]) -> Rule:
    """Return the rule that the stock module was given."""
    ((kind, (target,)),) = [(kind, rule[name]) for kind, name in MODULE_TARGETS.items() if name in rule]
    protocol = "-1" if rule["proto"] == "all" else rule["proto"]
    return Rule(protocol, rule.get("from_port", -1), rule.get("to_port", -1), kind, target)


# The tasks: each yields after a call of EC2


def change(world: World, **options: Any) -> Calls:
    """Control the outbound rules: plan.yml and change.yml."""
    given = {"choice": {"destinations": "any"}, "purge": False, "shared_group": "refuse", "rules_quota": 60}
    given |= {"groups_quota": 5, "moment": "2026-11-25T00:00:00Z", **options}
    plan = egress_controlled.controlled(world.look(), WANTED, given)
    assert plan["refusals"] == []
    for step in plan["steps"]:
        yield from STEPS.get(step["action"], nothing)(world, step)


def nothing(_world: World, _step: Mapping[str, Any]) -> Calls:
    return iter(())


def record(world: World, step: Mapping[str, Any]) -> Calls:
    for row in step["tags"]:
        world.groups[row["group_id"]].tags |= row["tags"]
        yield


def create(world: World, step: Mapping[str, Any]) -> Calls:
    made = Group(step["group"]["name"], [ALL], [], dict(step["group"]["tags"]))
    world.groups["sg-made"] = made
    yield
    made.inbound = [read(rule) for rule in step["group"]["rules"]]
    yield
    made.rules = [read(rule) for rule in step["group"]["rules_egress"]]
    yield


def add(world: World, step: Mapping[str, Any]) -> Calls:
    yield from authorize(world, step["groups"])
    yield from attach(world, step["attached"])


def remove(world: World, step: Mapping[str, Any]) -> Calls:
    yield from revoke(world, step["groups"])
    yield from attach(world, step["attached"])


def keep(world: World, _step: Mapping[str, Any]) -> Calls:
    rows = egress_way_back.record_names(world.look())
    for row in rows:
        world.groups[row["group_id"]].tags |= row["kept"]
        yield
    yield from forget(world, rows, "change")


STEPS = {"record": record, "create": create, "add": add, "remove": remove, "keep": keep}


def authorize(world: World, groups: Sequence[Mapping[str, Any]]) -> Calls:
    for each in groups:
        standing = world.groups[each["group_id"]].rules
        standing += [rule for rule in map(read, each["rules"]) if rule not in standing]
        yield


def revoke(world: World, groups: Sequence[Mapping[str, Any]]) -> Calls:
    for each in groups:
        wanted = [read(rule) for rule in each["rules"]]
        group = world.groups[each["group_id"]]
        group.rules = [rule for rule in group.rules if rule in wanted]
        yield


def attach(world: World, attached: Mapping[str, Sequence[str]]) -> Calls:
    by_name = {group.name: name for name, group in world.groups.items()}
    for interface, names in attached.items():
        world.attached[interface] = [by_name.get(name, name) for name in names]
        yield


def forget(world: World, rows: Sequence[Mapping[str, Any]], which: str) -> Calls:
    for row in rows:
        tags = world.groups[row["group_id"]].tags
        for name in row[which]:
            tags.pop(name, None)
        yield


def heal(world: World) -> Calls:
    """Restore what an interrupted change recorded: heal.yml."""
    yield from restore(world, egress_way_back.recorded(world.look(), CHANGE))


def restore(world: World, back: Mapping[str, Any]) -> Calls:
    """Restore what was recorded, and take the record off: restore_rules.yml."""
    yield from authorize(world, back["groups"])
    yield from attach(world, back["attached"])
    yield from revoke(world, back["groups"])
    for each in back["discard"]:
        assert not any(each["group_id"] in names for names in world.attached.values())
        del world.groups[each["group_id"]]
        yield
    yield from forget(world, egress_way_back.record_names(world.look()), "change")


def roll_back(world: World) -> Calls:
    """Restore what was before the first change: restore.yml."""
    yield from heal(world)
    yield from restore(world, egress_way_back.recorded(world.look(), BEFORE))
    yield from forget(world, egress_way_back.record_names(world.look()), "before")


def killed(calls: Calls, after: int) -> bool:
    """Make so many calls, then be killed; tell whether there were more to come."""
    return all(next(calls, "end") != "end" for _each in range(after))


def finished(calls: Calls) -> int:
    """Make all the calls; tell how many they were."""
    return sum(1 for _each in calls)
