# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policies name actions, resources and condition keys that AWS has, as its own service authorization data say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.all import get_all_actions

from tests.unit.test_iam_policy_document import PROFILE_ROWS, REGIONS, WITH_PROFILES

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: What one may read without reading anything of the account's: secrets, and who called what.
NOT_LOOKED_AT = {"secretsmanager:GetSecretValue", "ssm:GetParameter", "cloudtrail:LookupEvents"}
#: Only for taking back a policy.
NOT_NEEDED = {"iam:ListEntitiesForPolicy"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def known_actions() -> frozenset[str]:
    return frozenset(get_all_actions())


@cache
def rows(action: str) -> tuple[dict[str, Any], ...]:
    """AWS's rows for an action, one for each type of resource that it knows."""
    service, _colon, name = action.partition(":")
    return tuple(get_action_data(service, name)[service])


def problems(policy: dict[str, Any]) -> list[str]:
    return [f"{each.get('Sid')}: {what}" for each in policy["Statement"] for what in statement_problems(each)]


def statement_problems(statement: dict[str, Any]) -> Iterator[str]:
    patterns = [pattern for key in ("Action", "NotAction") for pattern in listed(statement.get(key, []))]
    actions = []
    for pattern in patterns:
        found = [action for action in known_actions() if fnmatchcase(action, pattern)]
        actions += found
        if not found:
            yield f"there is no action {pattern}"
    formats = {row["resource_arn_format"] for action in actions for row in rows(action)}
    arns = {re.sub(r"\$\{\w+\}", "*", each) for each in formats}
    for resource in [each for key in ("Resource", "NotResource") for each in listed(statement.get(key, []))]:
        if resource != "*" and not any(fnmatchcase(resource, arn) for arn in arns - {"*"}):
            yield f"no action of it takes {resource}"
    keys = {
        re.sub(r"\$\{\w+\}", "*", key).lower()
        for action in actions
        for row in rows(action)
        for key in row["condition_keys"]
    }
    for key in [key for block in statement.get("Condition", {}).values() for key in block]:
        if not key.startswith("aws:") and not any(fnmatchcase(key.lower(), known) for known in keys):
            yield f"no action of it knows the condition key {key}"


POLICIES = {
    "customer's": iam_policy_document.multi_region_policy_document(REGIONS),
    "with profiles": iam_policy_document.multi_region_policy_document(WITH_PROFILES, PROFILE_ROWS),
    "with profiles and guard": iam_policy_document.multi_region_policy_document(
        WITH_PROFILES, PROFILE_ROWS, residency_guard=True
    ),
    "operator's": json.loads((DOCS / "operator-policy.json").read_text()),
    "preflight's": json.loads((DOCS / "preflight-policy.json").read_text()),
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_policies_name_what_aws_has(policy: dict[str, Any]) -> None:
    assert problems(policy) == []


PLANTED = {
    "an action": ({"Action": "polly:SynthesizeSpeach"}, "there is no action polly:SynthesizeSpeach"),
    "an action among others": ({"Action": ["polly:*", "bedrock:InvokeModels"]}, "bedrock:InvokeModels"),
    "a resource": ({"Resource": "arn:aws:bedrock:us-east-1:1:foundation-model/x"}, "takes arn:aws:bedrock:us-east-1:1"),
    "a resource of another service": ({"Resource": ["arn:aws:s3:::x"]}, "takes arn:aws:s3:::x"),
    "a condition key": ({"Condition": {"StringEquals": {"bedrock:InferenceProfile": "x"}}}, "bedrock:InferenceProfile"),
}


@pytest.mark.parametrize(("planted", "said"), PLANTED.values(), ids=PLANTED)
def test_a_planted_mistake_is_found(planted: dict[str, Any], said: str) -> None:
    policy = deepcopy(POLICIES["with profiles"])
    policy["Statement"][1].update(planted)
    assert said in problems(policy)[0]


def test_preflight_may_look_at_whatever_the_operator_may() -> None:
    def actions(name: str) -> set[str]:
        return {action for each in POLICIES[name]["Statement"] for action in listed(each["Action"])}

    looks = {each for each in actions("operator's") if re.match(r"\w+:(Describe|Get|List|Lookup|Simulate)", each)}
    assert actions("preflight's") == looks - NOT_LOOKED_AT - NOT_NEEDED
