# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements of IAM policies, and whether one applies to a request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_conditions import (
    Context,
    Verdict,
    all_of,
    any_of,
    arn_matches,
    condition_verdicts,
    inverse,
    matches,
    strings,
)

INLINE = "inline"
MANAGED = "managed"
BOUNDARY = "boundary"
PLANNED = "planned"
POLICY_TYPES = (INLINE, MANAGED, BOUNDARY, PLANNED)

REQUESTED_REGION = "aws:RequestedRegion"
INFERENCE_PROFILE_ARN = "bedrock:InferenceProfileArn"

_TYPE_NAMES = {
    INLINE: "inline policy",
    MANAGED: "managed policy",
    BOUNDARY: "permissions boundary",
    PLANNED: "planned policy",
}


@dataclass(frozen=True)
class Policy:
    """A policy that has a say in what the role may do; ``policy_type`` is one of :data:`POLICY_TYPES`."""

    name: str
    policy_type: str
    document: Mapping[str, Any]
    arn: str | None = None

    def statements(self) -> Iterator[Statement]:
        """Give the statements in order; a single one may stand without a list around it."""
        found = self.document.get("Statement", [])
        for index, body in enumerate([found] if isinstance(found, Mapping) else found):
            yield Statement(self, index, body)


@dataclass(frozen=True)
class Request:
    """A call to judge: one action on one resource in one region."""

    action: str
    resource: str
    region: str
    context: Context

    @classmethod
    def of(cls, action: str, resource: str, region: str, context: Mapping[str, Any] | None = None) -> Request:
        """Build a request whose keys are known: the region, the inference profile or that there is none."""
        known = {key.lower(): strings(value) for key, value in (context or {}).items()}
        defaults = {REQUESTED_REGION.lower(): [region], INFERENCE_PROFILE_ARN.lower(): []}
        return cls(action, resource, region, {**defaults, **known})


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, with its place in it."""

    policy: Policy
    index: int
    body: Mapping[str, Any]

    @property
    def denies(self) -> bool:
        """Tell a Deny from an Allow."""
        return bool(self.body.get("Effect") == "Deny")

    @property
    def sid(self) -> str | None:
        """The statement's Sid, None when it has none."""
        return self.body.get("Sid") or None

    @property
    def condition(self) -> Mapping[str, Any]:
        """The Condition, empty when there is none."""
        return self.body.get("Condition") or {}

    @property
    def title(self) -> str:
        """Name the statement as a person finds it: Sid or number, kind and name of the policy."""
        place = f"statement {self.sid}" if self.sid else f"statement number {self.index + 1}"
        return f"{place} of the {_TYPE_NAMES[self.policy.policy_type]} {self.policy.name}"

    def place(self) -> dict[str, Any]:
        """Give policy, type, Sid and index, as results name a statement."""
        return {
            "policy": self.policy.name,
            "policy_type": self.policy.policy_type,
            "sid": self.sid,
            "index": self.index,
        }

    def element_verdicts(self, request: Request) -> Iterator[tuple[str, Verdict]]:
        """Say of each element, by its path in the statement, whether it takes the request in."""
        for element, names in _present(self.body, "Action", "NotAction"):
            hit = any_of(matches(request.action, name, request.context, ignore_case=True) for name in names)
            yield element, inverse(hit) if element == "NotAction" else hit
        for element, names in _present(self.body, "Resource", "NotResource"):
            hit = any_of(_resource_matches(request, name) for name in names)
            yield element, inverse(hit) if element == "NotResource" else hit
        for operator, key, verdict in condition_verdicts(self.condition, request.context):
            yield f"Condition.{operator}.{key}", verdict

    def applies(self, request: Request) -> Verdict:
        """Tell whether the statement applies to the request; None when a key decides that is not known."""
        return all_of(verdict for _element, verdict in self.element_verdicts(request))


def _present(body: Mapping[str, Any], *elements: str) -> Iterator[tuple[str, list[str]]]:
    for element in elements:
        if element in body:
            yield element, strings(body[element])


def _resource_matches(request: Request, pattern: str) -> Verdict:
    compare = arn_matches if pattern.startswith("arn:") else matches
    return compare(request.resource, pattern, request.context)


def applying(policies: Iterable[Policy], request: Request, *, denies: bool) -> list[tuple[Statement, Verdict]]:
    """Return the Deny or Allow statements that apply to a request or may, with their verdict."""
    asked = (each for policy in policies for each in policy.statements() if each.denies is denies)
    judged = ((statement, statement.applies(request)) for statement in asked)
    return [(statement, verdict) for statement, verdict in judged if verdict is not False]


def parse_document(document: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document as a mapping: IAM gives it URL-encoded, boto3 mostly decodes it."""
    if isinstance(document, Mapping):
        return dict(document)
    text = document if document.lstrip().startswith("{") else unquote(document)
    parsed = json.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError(f"a policy document is an object, not {type(parsed).__name__}")  # noqa: TRY004 - of the JSON
    return parsed
