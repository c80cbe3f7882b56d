# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role ``egress`` has to do, as data that its tasks carry out, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import egress_dedicated
from ansible_collections.safesecrets.infra.plugins.module_utils.egress import ITEM
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import (
    Destination,
    destinations,
    settings,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_groups import (
    Look,
    described,
    own_group,
    own_name,
    shared_groups,
    state,
    told,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import (
    Plan,
    Step,
    dedicated_plan,
    plan,
    steps,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_prefix_lists import (
    Kept,
    list_id,
    list_rows,
    ordered,
    unknown_lists,
    with_lists,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_quotas import (
    Quotas,
    arithmetic,
    quota_faults,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_review import endpoints, prefix_lists
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_wanted import Choice, wanted_rules
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_way_back import (
    planned_back,
    record_tags,
    record_text,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    PASS,
    UNPROVEN,
    Finding,
    finding,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Rule, interfaces


def controlled(look: Look, wanted: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan for the role's tasks: what refuses it, its steps, what is proven, and how it reads.

    Raises ValueError for variables that ask for what cannot be.
    """
    kept: Sequence[Kept] = options.get("lists") or ()
    look = with_lists(look, kept)
    called = settings(wanted)
    needed = [each for each in destinations(called) if not each.only_for]
    before = state(look)
    lists = options["choice"].get("prefix_list_ids") or [list_id(each) for each in kept]
    given = {**options["choice"], "prefix_list_ids": lists}
    choice = Choice(**given, has_ipv6=interfaces(look["instance"], [])[0].has_ipv6)
    rules = wanted_rules(needed, choice, endpoints(look, called.instance_region), called.instance_region)
    shared = shared_groups(look)
    made = plan(before, rules, prefix_lists(look), shared=shared, purge=options["purge"])
    if options["shared_group"] == "dedicated":
        own = str((own_group(look) or {}).get("group_id", ""))
        own = own if own in before.rules else own_name(str(look["instance"]["instance_id"]))
        made = dedicated_plan(before, rules, prefix_lists(look), shared=shared, dedicated=own, purge=options["purge"])
    quotas = _quotas(look, options, kept)
    return {
        "refusals": [
            *refusals(look, made, shared),
            *unknown_lists(look, made),
            *egress_dedicated.refusals(look, made, quotas),
            *quota_faults(made, quotas),
        ],
        "steps": [_step(look, made, step, options["moment"]) for step in ordered(steps(made), before, kept)],
        "back": planned_back(look, made),
        "connections": [_connection(each) for each in needed if each.protocol == "tcp"],
        "table": table(look, made, quotas, kept),
        "foreign": {each.group_id: [str(rule) for rule in each.foreign] for each in made.changes if each.foreign},
    }


def refusals(look: Look, made: Plan, shared: Mapping[str, Sequence[str]]) -> list[str]:
    """Say why a plan is not carried out."""
    changed = {each.group_id: each for each in made.changes if each.add or each.remove}
    faults = [
        f"{name} is shared: {', '.join(shared[name])} would be changed, too. Set egress_shared_group to "
        "dedicated, which gives the instance a group of its own in its place."
        for name in changed
        if name in shared
    ]
    unseen = look.get("unseen") or {}
    faults += [
        f"Who else has the groups, and what is in the lists that they name, has to be known before they are changed. "
        f"{unseen[name]}."
        for name in ("users", "referring", "reaching", "own_group", "prefix_lists")
        if name in unseen
    ]
    names = [name for each in made.before.attached.values() for name in each]
    faults += [f"EC2 did not describe {name}, a group of the instance." for name in names if not described(look, name)]
    account = str(described(look, names[0]).get("owner_id", "")) if names else ""
    faults += [
        f"{name} has the rule {rule}, whose target belongs to the account {rule.owner_id}. This role could not restore "
        "it: remove it, or give the address range instead."
        for name, change in changed.items()
        for rule in change.standing
        if rule.owner_id not in ("", account)
    ]
    return faults


def table(look: Look, made: Plan, quotas: Quotas, kept: Sequence[Kept] = ()) -> list[str]:
    """Return the plan as lines of a table."""
    rows = [("", "group", "outbound rule"), *list_rows(kept), *egress_dedicated.rows(look, made)]
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


def _step(look: Look, made: Plan, step: Step, moment: str) -> dict[str, Any]:
    """Return a step as its tasks read it."""
    given: dict[str, Any] = {"action": step.action}
    if step.action == "record":
        tags = record_tags(look, moment, made.created)
        given |= {"tags": [row for row in tags if row["group_id"] != made.created], "text": record_text(look, moment)}
    elif step.action == "create":
        group = egress_dedicated.group_to_make(look, made)
        (record,) = (row for row in record_tags(look, moment, made.created) if row["group_id"] == made.created)
        given["group"] = {**group, "tags": {**group["tags"], **record["tags"]}}
    elif step.action in ("add", "remove"):
        given["groups"] = [told(look, name, rules) for name, rules in step.rules.items()]
        given["attached"] = {interface: list(names) for interface, names in step.attached.items()}
    return given


def _quotas(look: Look, options: Mapping[str, Any], kept: Sequence[Kept]) -> Quotas:
    lists = look.get("prefix_lists") or []
    return Quotas(
        int(options["rules_quota"]),
        int(options["groups_quota"]),
        {each["prefix_list_id"]: int(each.get("max_entries") or len(each["entries"])) for each in lists},
        {each["prefix_list_id"]: int(str(each.get("address_family", "IPv4"))[-1]) for each in lists},
        {list_id(each): int(each["before"]["max_entries"]) for each in kept if each["before"]["prefix_list_id"]},
    )
