# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The prefix lists that controlled egress keeps, from what ``ec2_managed_prefix_list`` says of them in check mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.egress import ITEM
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_plan import Plan, State, Step
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)

#: What the module returned: ``prefix_list``, ``before``, ``added``, ``removed``.
Kept = Mapping[str, Any]
#: A sentence names so many prefixes; the evidence holds all.
NAMED = 5
REFRESH = "playbooks/egress_prefix_list.yml"


def list_id(kept: Kept) -> str:
    """Return the list's ID, or what a plan calls one that is not made yet."""
    there = kept["prefix_list"]
    return str(there["prefix_list_id"] or f"{there['prefix_list_name']} (new)")


def with_lists(look: Mapping[str, Any], kept: Sequence[Kept]) -> dict[str, Any]:
    """Return the look with the kept lists as they will be."""
    ours = [{**each["prefix_list"], "prefix_list_id": list_id(each)} for each in kept]
    names = {each["prefix_list_id"] for each in ours}
    others = [each for each in look.get("prefix_lists") or [] if each["prefix_list_id"] not in names]
    return {**look, "prefix_lists": [*others, *ours]}


def unknown_lists(look: Mapping[str, Any], made: Plan) -> list[str]:
    """Say which rules to add name a list that EC2 does not know: what it counts cannot be known, either."""
    known = {each["prefix_list_id"] for each in look.get("prefix_lists") or []}
    asked = {rule.target for each in made.changes for rule in each.add if rule.kind == "prefix_list"}
    return [
        f"EC2 does not know the prefix list {name} in the instance's region. Correct the variable that names it: "
        "egress_prefix_list_ids, egress_cidrs, egress_provider_cidrs or egress_further_rules."
        for name in sorted(asked - known)
    ]


def ordered(order: Sequence[Step], before: State, kept: Iterable[Kept]) -> list[Step]:
    """Return the order of change with the lists in it: they get entries first, and lose some last, both proven."""
    lists = list(kept)
    adding, removing = (any(each[name] for each in lists) for name in ("added", "removed"))
    if not adding and not removing:
        return list(order)
    steps = list(order or [Step("check"), Step("record", before.rules, before.attached), Step("keep")])
    actions = [each.action for each in steps]
    if adding:
        more = [] if "add" in actions else [Step("wait"), *([] if "prove" in actions else [Step("prove")])]
        at = actions.index("record") + 1
        steps[at:at] = [Step("fill_lists"), *more]
    if removing:
        actions = [each.action for each in steps]
        has_removal = "remove" in actions
        at = actions.index("remove" if has_removal else "keep")
        steps[at:at] = [Step("purge_lists"), *([] if has_removal else [Step("wait"), Step("prove")])]
    return steps


def list_rows(kept: Iterable[Kept]) -> list[tuple[str, str, str]]:
    """Return what happens to lists, as rows of the plan's table."""
    rows = []
    for each in kept:
        size, then = each["before"]["max_entries"], each["prefix_list"]
        what = f"{len(then['entries'])} entries of {then['max_entries']}: {_changes(each)}"
        if size and size != then["max_entries"]:
            what += f"; its maximum was {size}"
        if each["added"] or each["removed"]:
            rows.append(("list", list_id(each), f"{then['prefix_list_name']} will hold {what}"))
    return rows


def list_findings(kept: Iterable[Kept], region: str, regions: Sequence[str], created: str) -> list[Finding]:
    """Say of each list whether it holds what AWS publishes of the regions."""
    found = []
    of = f"AWS published on {created[:10]} of {', '.join(regions)}"
    for each in kept:
        there = each["prefix_list"]
        name = str(there["prefix_list_name"])
        evidence = {
            "prefix_list_id": there["prefix_list_id"],
            "max_entries": there["max_entries"],
            "published": created,
            "missing": each["added"],
            "superfluous": each["removed"],
        }
        if not each["before"]["prefix_list_id"]:
            status, detail = (
                NOT_APPLICABLE,
                f"{name} is not made yet. It would hold {len(each['added'])} prefixes that {of}.",
            )
        elif each["added"] or each["removed"]:
            status, detail = UNPROVEN, f"{list_id(each)} ({name}) is not what {of}: {_changes(each)}."
        else:
            status, detail = PASS, f"{list_id(each)} ({name}) holds all {len(there['entries'])} prefixes that {of}."
        remedy = "" if status == PASS else f"Run {REFRESH}."
        found.append(
            finding(
                "egress.prefix_list_current",
                ITEM,
                name,
                status,
                detail,
                region=region,
                remedy=remedy,
                evidence=evidence,
            )
        )
    return found


def list_unseen(name: str, region: str, error: str) -> list[Finding]:
    """Return the finding for lists that could not be compared with what AWS publishes."""
    remedy = "Remove the cause, and run this step again."
    detail = f"Whether {name} holds what AWS publishes could not be seen. {' '.join(error.split())}"
    return [finding("egress.prefix_list_current", ITEM, name, UNPROVEN, detail, region=region, remedy=remedy)]


def _changes(kept: Kept) -> str:
    parts = [
        f"{len(kept[key])} to {verb} ({', '.join(kept[key][:NAMED])}{', ...' if len(kept[key]) > NAMED else ''})"
        for key, verb in (("added", "add"), ("removed", "remove"))
        if kept[key]
    ]
    return ", ".join(parts) or "nothing to change"
