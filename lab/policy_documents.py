"""The policies of a principal, with where each came from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam

from lab.service import fault

PRINCIPAL = re.compile(r"arn:aws:iam::(?P<account>\d{12}):(?P<kind>user|group|role)/(?:.+/)?(?P<name>[^/]+)")
STORES = {"user": iam._users, "group": iam._groups, "role": iam._roles}
INLINE = {"user": iam._user_inline_policies, "group": iam._group_inline_policies}


@dataclass(frozen=True)
class Statement:
    """A statement as ministack parses it (``parsed``), with its policy."""

    parsed: Any
    policy_id: str = ""


@dataclass(frozen=True)
class Principal:
    """A user, group or role: what its identity allows, and its permissions boundary if it has one."""

    arn: str
    kind: str
    name: str
    account_id: str
    identity: list[Statement]
    boundary: list[Statement] | None


def principal(arn: str) -> Principal:
    """Read a user, group or role with the policies that are attached to it."""
    match = PRINCIPAL.fullmatch(arn)
    if match is None:
        raise fault("policy_source_unclear", arn=arn)
    account_id, kind, name = match.group("account", "kind", "name")
    if account_id != get_account_id():
        raise fault("policy_source_foreign", own=get_account_id(), other=account_id)
    entity = STORES[kind].get(name)
    if entity is None:
        raise fault("policy_source_unknown", kind=kind, name=name)
    identity = _attached(kind, name, entity, account_id)
    if kind == "user":
        for group_name, group in iam._groups.items():
            if name in group.get("Users", []):
                identity += _attached("group", group_name, group, account_id)
    boundary = entity.get("PermissionsBoundary")
    limit = parse(iam_evaluator._resolve_managed_policy_document(boundary, account_id)) if boundary else None
    return Principal(arn, kind, name, account_id, identity, limit)


def _attached(kind: str, name: str, entity: dict[str, Any], account_id: str) -> list[Statement]:
    inline = entity.get("InlinePolicies") if kind == "role" else INLINE[kind].get(name)
    statements = [
        statement
        for policy_name, document in (inline or {}).items()
        for statement in parse(document, f"{kind}_{name}_{policy_name}")
    ]
    for arn in entity.get("AttachedPolicies", []):
        document = iam_evaluator._resolve_managed_policy_document(arn, account_id)
        statements += parse(document, arn.rsplit("/", 1)[-1])
    return statements


def parse(document: str | dict[str, Any] | None, policy_id: str = "") -> list[Statement]:
    """The statements of a policy document."""
    text = document if isinstance(document, str) else json.dumps(document or {})
    return [Statement(statement, policy_id) for statement in iam_evaluator.parse_policy_document(text)]
