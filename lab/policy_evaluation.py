"""IAM's decision about one request, the same for the endpoint and for the policy simulator.

ministack's evaluator takes some context keys from its own process and cannot be told that a key
is absent, knows no policy variables, no service control policies, and gives the session's ARN as
``aws:PrincipalArn``. So statements are matched here, with its operators, wildcards and parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator
from ministack.services import iam

from lab.policy_documents import Statement, parse
from lab.service import Request, ServiceError

if TYPE_CHECKING:
    from lab.state import LabState

#: Condition keys in lower case; a key that the request does not carry is absent.
Context = Mapping[str, Sequence[str]]

ALLOWED, IMPLICIT_DENY, EXPLICIT_DENY = "allowed", "implicitDeny", "explicitDeny"
VARIABLE = re.compile(r"\$\{\s*(?P<key>[^},\s]+)\s*(?:,\s*'(?P<default>[^']*)'\s*)?\}")
#: Organizations attaches it to every account.
FULL_AWS_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Verdict:
    """What one layer of policies says, and the statements that made it say so."""

    decision: str
    statements: list[Statement]


def decide(statements: Iterable[Statement], action: str, resource: str, context: Context) -> Verdict:
    """Evaluate one layer: a matching Deny wins, then a matching Allow."""
    matching = [statement for statement in statements if _matches(statement.parsed, action, resource, context)]
    for effect, decision in (("Deny", EXPLICIT_DENY), ("Allow", ALLOWED)):
        if deciding := [statement for statement in matching if statement.parsed.effect == effect]:
            return Verdict(decision, deciding)
    return Verdict(IMPLICIT_DENY, [])


def most_restrictive(decisions: Iterable[str]) -> str:
    """The decision of several layers, or of several resources, together."""
    return min(decisions, key=(EXPLICIT_DENY, IMPLICIT_DENY, ALLOWED).index)


def service_control_policies(state: LabState) -> list[Statement] | None:
    """The organization's layer, None for an account in no organization."""
    documents = state.account.service_control_policies
    if not documents:
        return None
    return [statement for document in (FULL_AWS_ACCESS, *documents.values()) for statement in parse(document)]


def principal_context(arn: str, kind: str, account_id: str) -> dict[str, list[str]]:
    """The keys that every request of a principal carries."""
    return {"aws:principalarn": [arn], "aws:principaltype": [kind], "aws:principalaccount": [account_id]}


def authorize(
    state: LabState,
    request: Request,
    action: str,
    resource: str,
    *,
    region: str | None = None,
    context: Context | None = None,
    code: str = "AccessDeniedException",
) -> None:
    """Raise AWS's denial unless the caller's policies allow the action; the message names the layer that decided."""
    with state.iam.as_seen():
        caller = iam_evaluator.resolve_principal(request.access_key_id, request.account_id)
        values = {**_request_context(caller, region or request.region), **(context or {})}
    layers = [("identity-based policy", _statements(caller.policies))]
    layers += zip(("permissions boundary", "session policy"), map(_statements, caller.limits), strict=False)
    if (organization := service_control_policies(state)) is not None:
        layers.insert(0, ("service control policy", organization))
    verdicts = {layer: decide(statements, action, resource, values).decision for layer, statements in layers}
    decision = most_restrictive(verdicts.values())
    if decision == ALLOWED:
        return
    layer = next(layer for layer, verdict in verdicts.items() if verdict == decision)
    if decision == EXPLICIT_DENY:
        reason = f"with an explicit deny in {'an' if layer[0] == 'i' else 'a'} {layer}"
    else:
        reason = f"because no {layer} allows the {action} action"
    raise ServiceError(
        code, f"User: {caller.arn} is not authorized to perform: {action}{_on_resource(resource)} {reason}", 403
    )


def _on_resource(arn: str) -> str:
    """IAM names its own resources by kind and name; an action that takes no resource names none."""
    if arn.startswith("arn:aws:iam::"):
        kind, _, name = arn.rpartition(":")[2].partition("/")
        return f" on resource: {kind} {name}"
    return "" if arn == "*" else f" on resource: {arn}"


def _statements(policies: Iterable[Iterable[Any]]) -> list[Statement]:
    return [Statement(parsed) for policy in policies for parsed in policy]


def _request_context(caller: Any, region: str) -> dict[str, list[str]]:
    now = datetime.now(UTC)
    source_ip, secure = iam_evaluator._request_origin.get()
    return {
        **{key: [str(value)] for key, value in caller.keys.items()},
        **principal_context(_role_arn(caller.arn), caller.type, caller.account),
        "aws:requestedregion": [region],
        "aws:sourceip": [source_ip],
        "aws:securetransport": [str(secure).lower()],
        "aws:currenttime": [now.isoformat()],
        "aws:epochtime": [str(int(now.timestamp()))],
    }


def _role_arn(arn: str) -> str:
    """``aws:PrincipalArn`` of a session is its role's ARN."""
    if ":assumed-role/" not in arn:
        return arn
    role = iam._roles.get(iam_evaluator._role_name_from_assumed_arn(arn)) or {}
    return str(role.get("Arn", arn))


def _matches(statement: Any, action: str, resource: str, context: Context) -> bool:
    def matches_resource(value: str, pattern: str) -> bool:
        return bool(iam_evaluator.fnmatch_iam_cs(value, _expand(pattern, context)))

    return (
        _selected(action, statement.actions, statement.not_actions, iam_evaluator.fnmatch_iam)
        and _selected(resource, statement.resources, statement.not_resources, matches_resource)
        and all(
            _condition_met(operator, context.get(key.lower()), [_expand(text, context) for text in texts(expected)])
            for operator, block in (statement.conditions or {}).items()
            for key, expected in block.items()
        )
    )


def _selected(value: str, patterns: list[str], excluded: list[str], matches: Any) -> bool:
    """Action and NotAction, Resource and NotResource; a statement with neither selects nothing."""
    among = any(matches(value, pattern) for pattern in patterns or excluded)
    return bool(patterns or excluded) and among == bool(patterns)


def _condition_met(operator: str, values: Sequence[str] | None, expected: list[str]) -> bool:
    name = operator.lower()
    actual: list[str] | str | None = list(values) if values else None
    if values and len(values) == 1 and not name.startswith("for"):
        actual = values[0]
    elif values and not name.startswith(("for", "null")):
        operator = f"{'ForAllValues' if 'not' in name else 'ForAnyValue'}:{operator}"
    return bool(iam_evaluator._evaluate_single_condition(operator, actual, expected))


def texts(value: Any) -> list[str]:
    """A policy element's values as the strings that IAM compares."""
    values = value if isinstance(value, list) else [value]
    return [str(entry).lower() if isinstance(entry, bool) else str(entry) for entry in values]


def _expand(text: str, context: Context) -> str:
    """Put policy variables in; one without a value stays as it stands, and so matches nothing."""

    def value(match: re.Match[str]) -> str:
        values = context.get(match["key"].lower())
        return values[0] if values else match["default"] or match[0]

    return VARIABLE.sub(value, text)
