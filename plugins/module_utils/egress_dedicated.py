# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group of the instance's own in the place of one that others have, too: what comes in stays as it is."""

from __future__ import annotations

from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress_groups import (
    OWNER,
    Look,
    ansible_rule,
    described,
    own_group,
    own_name,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import Plan
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_quotas import Quotas, weight
from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import Rule, rules_of

#: AWS takes letters, digits, spaces and some signs, 255 at most.
DESCRIPTION = "What {instance_id} may call, and what could reach it before. Made by safesecrets.infra."


def inbound_rules(look: Look, made: Plan) -> tuple[Rule, ...]:
    """Return the inbound rules of the groups that are replaced: the new group lets in what they do."""
    found = [
        rule
        for name in made.replaced
        for permission in described(look, name).get("ip_permissions") or []
        for rule in rules_of(permission)
    ]
    return tuple(dict.fromkeys(found))


def group_to_make(look: Look, made: Plan) -> dict[str, Any]:
    """Return the group as the tasks give it to the stock module."""
    instance = str(look["instance"]["instance_id"])
    return {
        "name": made.created,
        "description": DESCRIPTION.format(instance_id=instance),
        "vpc_id": look["instance"].get("vpc_id", ""),
        "rules": [ansible_rule(rule) for rule in inbound_rules(look, made)],
        "rules_egress": [ansible_rule(rule) for rule in _outbound_rules(made)],
        "tags": OWNER,
    }


def _outbound_rules(made: Plan) -> tuple[Rule, ...]:
    return next((each.together for each in made.changes if each.group_id == made.created), ())


def refusals(look: Look, made: Plan, quotas: Quotas) -> list[str]:
    """Say why a group of the instance's own cannot take the place of others."""
    if not made.replaced:
        return []
    return [
        *_not_new(look, made),
        *_named_elsewhere(look, made),
        *_not_copied(look, made),
        *_too_many(look, made, quotas),
    ]


def _not_new(look: Look, made: Plan) -> list[str]:
    own = own_group(look)
    if own is None:
        return []
    name, replaced = f"{own['group_id']} ({own['group_name']})", ", ".join(made.replaced)
    if made.created:
        return [f"{name} is the instance's own, and no interface has it. Give it to the instance, or delete it."]
    return [
        f"The instance has a group of its own, {name}, and {replaced} is shared and would be changed, too. Take "
        f"{replaced} off the instance, or take the change back first (playbooks/rollback.yml --tags egress)."
    ]


def _named_elsewhere(look: Look, made: Plan) -> list[str]:
    ways = {
        "referring_groups": "the source of inbound rules of {}: without it the instance would be kept out of what has",
        "reaching_groups": "the target of outbound rules of {}: without it the instance is out of reach of what has",
    }
    return [
        f"{name} is {text.format(', '.join(others))} those. Let them name another group first."
        for key, text in ways.items()
        for name in made.replaced
        if (others := look[key].get(name))
    ]


def _not_copied(look: Look, made: Plan) -> list[str]:
    account = described(look, made.replaced[0]).get("owner_id", "")
    return [
        f"{', '.join(made.replaced)} has a rule for {rule.target}, a group of the account {rule.owner_id}, which this "
        "role could not give to another group. Name the address range instead."
        for rule in (*inbound_rules(look, made), *_outbound_rules(made))
        if rule.kind == "group" and rule.owner_id not in ("", account)
    ]


def _too_many(look: Look, made: Plan, quotas: Quotas) -> list[str]:
    rules = inbound_rules(look, made)
    return [
        f"{own_name(str(look['instance']['instance_id']))} would hold the {counted} inbound IPv{version} rules of "
        f"{', '.join(made.replaced)}; the quota is {quotas.rules}. Take rules away that are not needed, or have AWS "
        'raise the quota "Inbound or outbound rules per security group" (L-0EA8095F) and set egress_rules_quota to it.'
        for version in (4, 6)
        if (counted := weight(rules, version, quotas)) > quotas.rules
    ]


def rows(look: Look, made: Plan) -> list[tuple[str, str, str]]:
    """Return what the plan's table says of it."""
    if not made.created:
        return []
    lines = [("create", made.created, f"in the place of {', '.join(made.replaced)}, which others have, too")]
    return lines + [("inbound", made.created, _inbound(rule)) for rule in inbound_rules(look, made)]


def _inbound(rule: Rule) -> str:
    kind = {"prefix_list": "prefix list ", "group": "members of group "}.get(rule.kind, "")
    return f"{rule.traffic} from {kind}{rule.target}, as before"
