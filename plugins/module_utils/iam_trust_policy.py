# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a role's trust policy lets EC2 assume it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_conditions import Verdict, any_of, strings
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import Policy, Request, Statement

EC2_SERVICES = ("ec2.amazonaws.com", "ec2.amazonaws.com.cn")
_ASSUME_ROLE = Request("sts:AssumeRole", "*", "", {})


def trusts_ec2(trust_policy: Mapping[str, Any]) -> Verdict:
    """Tell whether EC2 may assume the role; None when a condition decides that cannot be judged from here."""
    statements = [each for each in Policy("trust policy", "inline", trust_policy).statements() if _names_ec2(each)]
    denied = any_of(each.applies(_ASSUME_ROLE) for each in statements if each.denies)
    allowed = any_of(each.applies(_ASSUME_ROLE) for each in statements if not each.denies)
    if denied or allowed is False:
        return False
    return None if denied is None else allowed


def _names_ec2(statement: Statement) -> bool:
    principal = statement.body.get("Principal")
    if isinstance(principal, str):
        return principal == "*"
    services = strings((principal or {}).get("Service", []))
    return any(service in services for service in EC2_SERVICES)
