"""IAM's policy simulator: SimulatePrincipalPolicy.

The shape is the one of 2026-07-30: one result per action, whose decision is the most restrictive of
all resources; each resource's own decision stands in ResourceSpecificResults. Condition keys that are
absent are reported when an identity policy names them, and not when only the permissions boundary or
a service control policy does: there AWS's answer is confident and may be wrong, and so is this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator

from lab import policy_documents
from lab.operations import operation
from lab.policy_documents import Principal, Statement
from lab.policy_evaluation import (
    ALLOWED,
    VARIABLE,
    Verdict,
    decide,
    most_restrictive,
    principal_context,
    service_control_policies,
    texts,
)
from lab.service import Request, ServiceError, page
from lab.state import LabState
from lab.templates import read

Parameters = Mapping[str, Any]
MAX_ITEMS = 100
ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")
CONTEXT_VALUE = {
    "string": re.compile(r".*", re.DOTALL),
    "numeric": re.compile(r"[+-]?\d+(\.\d+)?"),
    "boolean": re.compile(r"true|false"),
    "ip": re.compile(r"[0-9a-fA-F.:]+(/\d+)?"),
    "binary": re.compile(r"[A-Za-z0-9+/]*={0,2}"),
    "date": re.compile(r"\d+|\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d))?"),
}


@dataclass
class Simulation:
    """The layers of policies of one request to the simulator and the context that it gives."""

    identity: list[Statement]
    boundary: list[Statement] | None = None
    organization: list[Statement] | None = None
    context: dict[str, list[str]] = field(default_factory=dict)

    def verdicts(self, action: str, resource: str) -> list[Verdict | None]:
        """What identity policies, boundary and organization say."""
        layers = (self.identity, self.boundary, self.organization)
        return [None if layer is None else decide(layer, action, resource, self.context) for layer in layers]

    def missing(self) -> list[str]:
        """The condition keys of the identity policies that the request does not give, used or not, as AWS does."""
        return [key for key in _context_keys(self.identity) if key.lower() not in self.context]


def _policy_source(_state: LabState, _request: Request, parameters: Parameters) -> str:
    return str(parameters.get("PolicySourceArn", ""))


@operation("iam", _policy_source, invalid="ValidationError")
def simulate_principal_policy(state: LabState, _request: Request, parameters: Parameters) -> Parameters:
    """SimulatePrincipalPolicy: a user's, group's or role's policies, its boundary and the organization's."""
    with state.iam.as_seen():  # as the services see a change of policies
        source = policy_documents.principal(parameters["PolicySourceArn"])
    if "ResourcePolicy" in parameters and source.kind != "user":
        raise ServiceError("InvalidInput", "Invalid caller - Caller must be an IAM user in this context.")
    if "ResourcePolicy" in parameters or "PolicyExclusionList" in parameters:
        raise ServiceError("NotImplemented", "The lab simulates no resource policies and no exclusions", 501)
    simulation = Simulation(source.identity + _policies(parameters, "PolicyInputList"), source.boundary)
    if boundary := _policies(parameters, "PermissionsBoundaryPolicyInputList"):
        simulation.boundary = boundary
    simulation.organization = service_control_policies(state)
    simulation.context = {**_known_context(source, parameters.get("CallerArn")), **_context(parameters)}
    actions, resources = parameters["ActionNames"], parameters.get("ResourceArns", ["*"])
    for action in actions:
        if not ACTION.fullmatch(action):
            raise ServiceError("InvalidInput", f"Invalid action name: {action}")
    for resource in resources:
        if resource != "*" and not ARN.fullmatch(resource):
            raise ServiceError("InvalidInput", f"ResourceNames are not in a valid ARN format: {resource}")
    results = [_evaluation_result(simulation, action, resources) for action in actions]
    invalid = ServiceError("ValidationError", "Invalid Marker.")
    found, marker = page(results, parameters.get("Marker"), parameters.get("MaxItems", MAX_ITEMS), invalid)
    return {"EvaluationResults": found, "IsTruncated": marker is not None, "Marker": marker}


def _evaluation_result(simulation: Simulation, action: str, resources: list[str]) -> dict[str, Any]:
    rows = [_row(simulation, action, resource) for resource in resources]
    decision = most_restrictive(row["EvalResourceDecision"] for row in rows)
    statements = [s for row in rows if row["EvalResourceDecision"] == decision for s in row["MatchedStatements"]]
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _template(action, resources[0]),
        "EvalDecision": decision,
        "MatchedStatements": [s for index, s in enumerate(statements) if s not in statements[:index]],
        "MissingContextValues": simulation.missing(),
    }
    for detail, name in (
        ("OrganizationsDecisionDetail", "AllowedByOrganizations"),
        ("PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"),
    ):
        if detail in rows[0]:
            result[detail] = {name: all(row[detail][name] for row in rows)}
    if resources != ["*"]:
        result["EvalDecisionDetails"] = {}
        result["ResourceSpecificResults"] = [
            {key: value for key, value in row.items() if key != "OrganizationsDecisionDetail"} for row in rows
        ]
    return result


def _row(simulation: Simulation, action: str, resource: str) -> dict[str, Any]:
    verdicts = identity, boundary, organization = simulation.verdicts(action, resource)
    decision = most_restrictive(verdict.decision for verdict in verdicts if verdict)
    deciding = identity.statements if identity and identity.decision == decision else []
    row: dict[str, Any] = {
        "EvalResourceName": resource,
        "EvalResourceDecision": decision,
        "MatchedStatements": [_matched(statement) for statement in deciding],
        "MissingContextValues": simulation.missing(),
    }
    if organization:
        row["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": organization.decision == ALLOWED}
    if boundary:
        row["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": boundary.decision == ALLOWED}
    return row


def _matched(statement: Statement) -> dict[str, Any]:
    """Without the positions in the policy's text that AWS adds."""
    return {"SourcePolicyId": statement.policy_id, "SourcePolicyType": "IAM Policy"}  # AWS's answer, not the enum's


def _known_context(source: Principal, caller_arn: str | None) -> dict[str, list[str]]:
    kind = {"role": "AssumedRole"}.get(source.kind, "User")
    context = principal_context(caller_arn or source.arn, kind, source.account_id)
    return {**context, "aws:username": [source.name]} if source.kind == "user" else context


def _context_keys(statements: Iterable[Statement]) -> list[str]:
    """Condition keys and policy variables, each once, as they are written."""
    keys: dict[str, str] = {}
    for statement in statements:
        conditions = [entry for block in (statement.parsed.conditions or {}).values() for entry in block.items()]
        values = [text for _, expected in conditions for text in texts(expected)]
        values += statement.parsed.resources + statement.parsed.not_resources
        for key in [key for key, _ in conditions] + [m["key"] for value in values for m in VARIABLE.finditer(value)]:
            keys.setdefault(key.lower(), key)
    return list(keys.values())


def _template(action: str, resource: str) -> str:
    of_action = {name.lower(): patterns for name, patterns in read("resource_arn_templates.yml").items()}
    templates = of_action.get(action.lower(), []) if resource != "*" else []
    fitting = [t for t in templates if iam_evaluator.fnmatch_iam_cs(resource, re.sub(r"\$\{\w+\}", "*", t))]
    return next(iter(fitting or templates), "*")


def _policies(parameters: Parameters, name: str) -> list[Statement]:
    statements = []
    for number, document in enumerate(parameters.get(name, ()), 1):
        if problem := iam_evaluator.validate_policy_document(document):
            raise ServiceError("InvalidInput", f"Syntax errors in policy {number} of {name}: {problem}")
        statements += policy_documents.parse(document, f"{name}.{number}")
    return statements


def _context(parameters: Parameters) -> dict[str, list[str]]:
    given = {entry.get("ContextKeyName", ""): entry for entry in parameters.get("ContextEntries", ())}
    return {name.lower(): _context_values(name, entry) for name, entry in given.items()}


def _context_values(name: str, entry: Parameters) -> list[str]:
    kind, values = entry.get("ContextKeyType", "string"), entry.get("ContextKeyValues", [])
    valid = CONTEXT_VALUE[kind.removesuffix("List")]
    if not values or (len(values) > 1 and not kind.endswith("List")):
        raise ServiceError("InvalidInput", f"Invalid context entry {name} of type {kind} with {len(values)} values")
    for value in values:
        if not valid.fullmatch(value):
            raise ServiceError("InvalidInput", f"Invalid value for context key {name} of type {kind}: {value}")
    return list(values)
