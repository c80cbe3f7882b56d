# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role ``egress`` has to do, as data that its tasks carry out, and what it says of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import egress_record
from ansible_collections.safesecrets.infra.plugins.module_utils.egress import ITEM
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import (
    Destination,
    destinations,
    settings,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import (
    Plan,
    State,
    dedicated_plan,
    plan,
    steps,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_quotas import (
    Quotas,
    arithmetic,
    quota_faults,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_review import endpoints, prefix_lists
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_wanted import Choice, wanted_rules
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    PASS,
    UNPROVEN,
    Finding,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import (
    Rule,
    interfaces,
    outbound_rules,
)

Look = Mapping[str, Any]
#: The name that a group of the instance's own has, before it has an ID.
DEDICATED = "safesecrets-egress"
#: What ``amazon.aws.ec2_security_group`` calls the targets.
TARGETS = {"ipv4": "cidr_ip", "ipv6": "cidr_ipv6", "prefix_list": "ip_prefix", "group": "group_id"}


def controlled(look: Look, wanted: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan for the role's tasks: what refuses it, its steps, what is proven, and how it reads.

    Raises ValueError for variables that ask for what cannot be.
    """
    called = settings(wanted)
    needed = [each for each in destinations(called) if not each.only_for]
    before = state(look)
    names = [name for each in before.attached.values() for name in each]
    choice = Choice(**options["choice"], has_ipv6=interfaces(look["instance"], [])[0].has_ipv6)
    rules = wanted_rules(needed, choice, endpoints(look, called.instance_region), called.instance_region)
    shared = shared_groups(look)
    known = prefix_lists(look)
    made = plan(before, rules, known, shared=shared, purge=options["purge"])
    if options["dedicated"]:
        own = next((name for name in names if _group(look, name).get("group_name") == DEDICATED), DEDICATED)
        made = dedicated_plan(before, rules, known, shared=shared, dedicated=own, purge=options["purge"])
    quotas = _quotas(look, options)
    return {
        "refusals": [*refusals(look, made, shared), *quota_faults(made, quotas)],
        "steps": [
            {
                "action": step.action,
                "groups": [_told(look, name, rules) for name, rules in step.rules.items()],
                "attached": {interface: list(names) for interface, names in step.attached.items()},
            }
            for step in steps(made)
        ],
        "connections": [_connection(each) for each in needed if each.protocol == "tcp"],
        "table": table(made, quotas),
        "foreign": {each.group_id: [str(rule) for rule in each.foreign] for each in made.changes if each.foreign},
    }


def state(look: Look) -> State:
    """Return what stands: the rules of the instance's groups, and the groups of its interfaces."""
    attached = {each.interface_id: each.group_ids for each in interfaces(look["instance"], look["security_groups"])}
    names = {name for each in attached.values() for name in each}
    return State(
        {
            str(group["group_id"]): tuple(outbound_rules(group))
            for group in look["security_groups"]
            if group["group_id"] in names
        },
        attached,
    )


def shared_groups(look: Look) -> dict[str, list[str]]:
    """Return the groups that something else has, too, and what that is."""
    own = {each["network_interface_id"] for each in look["instance"]["network_interfaces"]}
    users = {
        name: [
            each["instance_id"] or f"{each['network_interface_id']} ({each['description']})"
            for each in found
            if each["network_interface_id"] not in own
        ]
        for name, found in look["group_users"].items()
    }
    return {name: found for name, found in users.items() if found}


def refusals(look: Look, made: Plan, shared: Mapping[str, Sequence[str]]) -> list[str]:
    """Say why a plan is not carried out."""
    changed = {each.group_id: each for each in made.changes if each.add or each.remove}
    faults = [
        f"{name} is shared: {', '.join(shared[name])} would be changed, too. Give the instance a group of its own."
        for name in changed
        if name in shared
    ]
    unseen = look.get("unseen") or {}
    faults += [
        f"Who else has the groups, and what is in the lists that they name, has to be known before they are changed. "
        f"{unseen[name]}."
        for name in ("users", "referring", "prefix_lists")
        if name in unseen
    ]
    described = {each["group_id"] for each in look["security_groups"]}
    names = [name for each in made.before.attached.values() for name in each]
    faults += [f"EC2 did not describe {name}, a group of the instance." for name in names if name not in described]
    account = str(_group(look, names[0]).get("owner_id", "")) if names else ""
    faults += [
        f"{name} has the rule {rule}, whose target belongs to the account {rule.owner_id}. This role could not restore "
        "it: remove it, or give the address range instead."
        for name, change in changed.items()
        for rule in change.standing
        if rule.owner_id not in ("", account)
    ]
    left = [
        name for interface, kept in made.detach.items() for name in made.before.attached[interface] if name not in kept
    ]
    faults += [
        f"{name} is the source of inbound rules of {', '.join(referring)}: without it the instance would be kept out "
        "of what has those. Let them name another source first."
        for name in dict.fromkeys(left)
        if (referring := look["referring_groups"].get(name))
    ]
    return faults


def table(made: Plan, quotas: Quotas) -> list[str]:
    """Return the plan as lines of a table."""
    rows = [("", "group", "outbound rule")]
    for change in made.changes:
        for sign, rules in (("add", change.add), ("remove", change.remove), ("foreign", change.foreign)):
            rows += [(sign, change.group_id, f"{rule}{_described(rule)}") for rule in rules]
    rows += [("attach", interface, ", ".join(names)) for interface, names in made.attach.items()]
    rows += [("detach", interface, f"leaves {', '.join(names)}") for interface, names in made.detach.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in rows]
    counts = [
        f"{row['group']} {row['family']}: {row['before']} now, {row['together']} while old and new stand together, "
        f"{row['after']} then, of {row['quota']}"
        for change in made.changes
        for row in arithmetic(change, quotas)
    ]
    return [*lines, *counts]


def ansible_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule in the form of ``amazon.aws.ec2_security_group``."""
    given: dict[str, Any] = {"proto": "all" if rule.protocol == "-1" else rule.protocol}
    if rule.protocol in ("icmp", "icmpv6"):
        given |= {"icmp_type": rule.from_port, "icmp_code": rule.to_port}
    elif rule.protocol in ("tcp", "udp"):
        given |= {"from_port": rule.from_port, "to_port": rule.to_port}
    given[TARGETS[rule.kind]] = [rule.target]
    return {**given, "rule_desc": rule.description} if rule.description else given


def record_tags(look: Look, moment: str) -> list[dict[str, Any]]:
    """Return the tags that hold what stands now, for each group of the instance."""
    now = state(look)
    return [
        {
            "group_id": name,
            "tags": egress_record.encode(
                egress_record.Record(moment, rules, now.attached), egress_record.CHANGE, _other_tags(look, name)
            ),
        }
        for name, rules in now.rules.items()
    ]


def recorded(look: Look, name: str) -> list[dict[str, Any]]:
    """Return what the tags of the instance's groups hold under a name, for the tasks that restore it."""
    found = []
    for group_id in state(look).rules:
        group = _group(look, group_id)
        record = egress_record.decode(_tags(group), name)
        if record:
            told = _told(look, group_id, record.rules)
            found.append({**told, "recorded_at": record.recorded_at, "attached": dict(record.attached)})
    return found


def record_names(look: Look) -> list[dict[str, Any]]:
    """Return the tags of each group that hold a change's record, and those that keep it as what was before all."""
    rows = []
    for group_id in state(look).rules:
        tags = _tags(_group(look, group_id))
        change, before = (
            {each: tags[each] for each in egress_record.names(tags, name)}
            for name in (egress_record.CHANGE, egress_record.BEFORE)
        )
        kept = {} if before else egress_record.renamed(tags, egress_record.CHANGE, egress_record.BEFORE)
        rows.append({"group_id": group_id, "change": change, "before": before, "kept": kept})
    return rows


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


def proven(found: Iterable[Finding], connections: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Turn what rules did not decide into what the connections from the host showed."""
    reached = {(each["host"], int(each["port"])): each for each in connections if each["connected"]}
    shown = []
    for each in found:
        host = str(each["subject"]).partition(":")[0]
        key = (host, int(each["evidence"].get("port", 0)))
        if each["id"] == "egress.https_open" and each["status"] == UNPROVEN and key in reached:
            rules = ", ".join(each["evidence"]["rules"])
            detail = f"Open by {rules}: the host reached it at {reached[key]['address']} by a fresh connection."
            shown.append({**each, "status": PASS, "detail": detail, "remedy": ""})
        else:
            shown.append(each)
    return shown


def missed(connections: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name what was not reached, and whether it was before anything was changed."""
    reached = {(each["host"], each["port"]) for each in before if each["connected"]}
    return [
        f"{each['host']}:{each['port']} ({each['error']}"
        + ("" if not before or (each["host"], each["port"]) in reached else "; nor was it reached before the change")
        + ")"
        for each in connections
        if not each["connected"]
    ]


def foreign_findings(foreign: Mapping[str, Sequence[str]], region: str) -> list[Finding]:
    """Return a finding for each group with outbound rules that nothing needs and nobody here made."""
    return [
        finding(
            "egress.foreign_rules",
            ITEM,
            group_id,
            UNPROVEN,
            f"{len(rules)} outbound rules are neither needed nor made here, and were left: {', '.join(rules)}.",
            region=region,
            remedy="Name what they are for in egress_further_rules, or set egress_purge: true to remove them.",
            evidence={"rules": list(rules)},
        )
        for group_id, rules in foreign.items()
    ]


def _connection(each: Destination) -> dict[str, Any]:
    return {"host": each.host, "port": each.port, "tls": each.service is not None or each.port not in (53, 80)}


def _described(rule: Rule) -> str:
    return f'  "{rule.description}"' if rule.description else ""


def _told(look: Look, group_id: str, rules: Collection[Rule]) -> dict[str, Any]:
    group = _group(look, group_id)
    return {
        "group_id": group_id,
        "name": group.get("group_name", group_id),
        "description": group.get("description", ""),
        "vpc_id": group.get("vpc_id", look["instance"].get("vpc_id", "")),
        "rules": [ansible_rule(rule) for rule in rules],
    }


def _group(look: Look, group_id: str) -> Mapping[str, Any]:
    return next((each for each in look["security_groups"] if each["group_id"] == group_id), {})


def _tags(group: Mapping[str, Any]) -> dict[str, str]:
    return {each.get("key", each.get("Key")): each.get("value", each.get("Value")) for each in group.get("tags") or []}


def _other_tags(look: Look, group_id: str) -> int:
    tags = _tags(_group(look, group_id))
    return len(tags) - len(egress_record.names(tags, egress_record.CHANGE))


def _quotas(look: Look, options: Mapping[str, Any]) -> Quotas:
    lists = look.get("prefix_lists") or []
    return Quotas(
        int(options["rules_quota"]),
        int(options["groups_quota"]),
        {each["prefix_list_id"]: int(each.get("max_entries") or len(each["entries"])) for each in lists},
        {each["prefix_list_id"]: int(str(each.get("address_family", "IPv4"))[-1]) for each in lists},
    )
