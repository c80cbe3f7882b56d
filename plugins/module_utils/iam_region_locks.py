# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a role out of a region.

Allow statements add up, so an Allow for one region never locks another. What locks is an explicit Deny that applies,
or a permissions boundary that does not allow. A statement that asks for a key whose value is not known is undecided:
it is neither a lock nor harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_conditions import (
    any_of,
    is_negated,
    matches,
    strings,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    BOUNDARY,
    REQUESTED_REGION,
    Policy,
    Request,
    Statement,
    applying,
)

IDENTITY_LAYER = "identity policy"
BOUNDARY_LAYER = "permissions boundary"
ORGANIZATIONS_LAYER = "organizations"

#: Which element of a Deny is named as the one that decides, when several take the request in.
_MOST_TELLING = ("NotResource", "Resource", "NotAction")


@dataclass
class _Hit:
    """One statement, or the boundary as a whole, that stands in the way of some requests."""

    policy: Policy
    statement: Statement | None  # None: no statement of the boundary allows the action at all
    element: str
    requests: list[Request] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Give what results have in common: place, element, layer, and what is affected."""
        nowhere = {"policy": self.policy.name, "policy_type": self.policy.policy_type, "sid": None, "index": None}
        return {
            **(self.statement.place() if self.statement else nowhere),
            "element": self.element,
            "layer": BOUNDARY_LAYER if self.policy.policy_type == BOUNDARY else IDENTITY_LAYER,
            "regions": _unique(request.region for request in self.requests),
            "actions": _unique(request.action for request in self.requests),
            "resources": _unique(request.resource for request in self.requests),
            "statement": dict(self.statement.body) if self.statement else None,
        }


@dataclass
class LockSearch:
    """What was found: ``locks`` block, ``undecided`` may."""

    locks: list[dict[str, Any]]
    undecided: list[dict[str, Any]]


class _Hits(dict[tuple[Any, ...], _Hit]):
    """Hits by policy, statement and element, in the order of their discovery."""

    def add(self, policy: Policy, statement: Statement | None, element: str, request: Request) -> None:
        key = (policy.policy_type, policy.name, statement.index if statement else None, element)
        self.setdefault(key, _Hit(policy, statement, element)).requests.append(request)


def region_locks(policies: Sequence[Policy], requests: Sequence[Request]) -> LockSearch:
    """Find what keeps a role from making the requests."""
    locks, undecided = _Hits(), _Hits()
    for request in requests:
        for statement, verdict in applying(policies, request, denies=True):
            if verdict:
                locks.add(statement.policy, statement, _deciding_element(statement), request)
            else:
                undecided.add(statement.policy, statement, _undecided_element(statement, request), request)
        for boundary in (policy for policy in policies if policy.policy_type == BOUNDARY):
            _judge_boundary(boundary, request, locks, undecided)
    return LockSearch([_lock(hit) for hit in locks.values()], [_undecided(hit) for hit in undecided.values()])


def _judge_boundary(boundary: Policy, request: Request, locks: _Hits, undecided: _Hits) -> None:
    """A boundary blocks what none of its statements allows; its Deny statements have been judged like any."""
    allowing = applying([boundary], request, denies=False)
    verdict = any_of(verdict for _statement, verdict in allowing)
    if verdict is None:
        for statement, _none in allowing:
            undecided.add(boundary, statement, _undecided_element(statement, request), request)
    elif not verdict and not any(denied for _statement, denied in applying([boundary], request, denies=True)):
        locks.add(boundary, *_nearest(boundary, request), request)


def _nearest(boundary: Policy, request: Request) -> tuple[Statement | None, str]:
    """Return the Allow of the action that fails in the fewest elements, and the element in which it fails."""
    near = []
    for statement in boundary.statements():
        failing = [element for element, verdict in statement.element_verdicts(request) if verdict is False]
        if not statement.denies and not {"Action", "NotAction"}.intersection(failing):
            near.append((statement, failing))
    if not near:
        return None, "Action"
    statement, failing = min(near, key=lambda pair: len(pair[1]))
    return statement, _region_condition(failing) or failing[0]


def _deciding_element(statement: Statement) -> str:
    conditions = [f"Condition.{operator}.{key}" for operator, entry in statement.condition.items() for key in entry]
    narrow = [name for name in _MOST_TELLING if name in statement.body and "*" not in strings(statement.body[name])]
    return _region_condition(conditions) or (narrow + conditions + ["Action"])[0]


def _region_condition(elements: Iterable[str]) -> str | None:
    suffix = f".{REQUESTED_REGION.lower()}"
    return next((element for element in elements if element.lower().endswith(suffix)), None)


def _undecided_element(statement: Statement, request: Request) -> str:
    return next(element for element, verdict in statement.element_verdicts(request) if verdict is None)


def _lock(hit: _Hit) -> dict[str, Any]:
    row = hit.row()
    return {**row, "explanation": _explanation(hit, row), "remedy": _remedy(hit, row)}


def _explanation(hit: _Hit, row: Mapping[str, Any]) -> str:
    what = f"{_listed(row['actions'])} in {_listed(row['regions'])}"
    if hit.statement is None:
        return f"No statement of the permissions boundary {hit.policy.name} allows {what}."
    value = _listed(strings(_element_value(hit.statement, hit.element)))
    if hit.statement.denies:
        return f"The {hit.statement.title} denies {what} by its {hit.element}, which is {value}."
    return f"The {hit.statement.title} would allow {what}, but its {hit.element} is {value}."


def _remedy(hit: _Hit, row: Mapping[str, Any]) -> str:
    """A Deny must leave the request out of its element, an Allow must take it in; Not… turns that round."""
    calls = f"{_listed(row['actions'])} in {_listed(row['regions'])}"
    if hit.statement is None:
        return f"Add a statement to the permissions boundary {hit.policy.name} that allows {calls}."
    change = "leaves out" if hit.statement.denies else "takes in"
    parts = hit.element.split(".", 2)
    if len(parts) == 1:
        what, negated = row["actions" if "Action" in hit.element else "resources"], hit.element.startswith("Not")
    elif parts[2].lower() == REQUESTED_REGION.lower():
        what, negated = row["regions"], is_negated(parts[1])
    else:
        return f"Change {hit.element} of the {hit.statement.title} so that it {change} {calls}."
    if negated == hit.statement.denies:
        return f"Add {_listed(what)} to {hit.element} of the {hit.statement.title}."
    return f"Change {hit.element} of the {hit.statement.title} so that it {change} {_listed(what)}."


def _element_value(statement: Statement, element: str) -> Any:
    if not element.startswith("Condition."):
        return statement.body[element]
    _condition, operator, key = element.split(".", 2)
    return statement.condition[operator][key]


def _undecided(hit: _Hit) -> dict[str, Any]:
    row = hit.row()
    keys = _unique(
        element.split(".", 2)[2]
        for request in hit.requests
        for element, verdict in (hit.statement.element_verdicts(request) if hit.statement else ())
        if verdict is None and element.startswith("Condition.")
    )
    title = hit.statement.title if hit.statement else hit.policy.name
    explanation = (
        f"Whether the {title} blocks {_listed(row['actions'])} in {_listed(row['regions'])} depends on {hit.element}."
    )
    return {**row, "keys": keys, "explanation": explanation}


def regional_allows(policies: Iterable[Policy], actions: Sequence[str]) -> list[dict[str, Any]]:
    """Return the Allow statements for the actions that hold in some regions only: no lock, since Allows add up."""
    found = []
    for policy in policies:
        for statement in policy.statements():
            allowed = [action for action in actions if _names_action(statement, action)]
            if policy.policy_type == BOUNDARY or statement.denies or not allowed:
                continue
            for element, regions in _region_elements(statement):
                row = {**statement.place(), "element": element, "regions": regions, "actions": allowed}
                found.append({**row, "statement": dict(statement.body)})
                break
    return found


def _names_action(statement: Statement, action: str) -> bool:
    for element in ("Action", "NotAction"):
        if element in statement.body:
            named = any(matches(action, name, {}, ignore_case=True) for name in strings(statement.body[element]))
            return named is (element == "Action")
    return False


def _region_elements(statement: Statement) -> Iterator[tuple[str, list[str]]]:
    """Give the elements that name regions, with the regions: the condition, then the ARNs."""
    for operator, entries in statement.condition.items():
        for key, values in entries.items():
            if key.lower() == REQUESTED_REGION.lower():
                yield f"Condition.{operator}.{key}", strings(values)
    for element in ("Resource", "NotResource"):
        arns = [value.split(":") for value in strings(statement.body.get(element, []))]
        regions = _unique(parts[3] for parts in arns if len(parts) > 3 and parts[3] not in ("", "*"))  # noqa: PLR2004
        if regions:
            yield element, regions


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values)
