# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions to SimulatePrincipalPolicy, and its answers as one row per action, resource and region.

A simulation is a mapping: ``region``, ``actions``, ``resources``, ``context`` (further condition keys) and
``expected`` (allowed, or denied for a control that must not get through).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.iam_conditions import strings
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_region_locks import (
    BOUNDARY_LAYER,
    IDENTITY_LAYER,
    ORGANIZATIONS_LAYER,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    BOUNDARY,
    INLINE,
    MANAGED,
    PLANNED,
    REQUESTED_REGION,
    Policy,
    Request,
    applying,
)

ALLOWED = "allowed"
EXPLICIT_DENY = "explicitDeny"
EXPECTED_ALLOWED = "allowed"
EXPECTED_DENIED = "denied"

Simulation = Mapping[str, Any]
Document = Mapping[str, Any]


def api_parameters(role_arn: str, simulation: Simulation, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the parameters of SimulatePrincipalPolicy; aws:RequestedRegion is always among the context keys."""
    context = {REQUESTED_REGION: simulation["region"], **(simulation.get("context") or {})}
    parameters: dict[str, Any] = {
        "PolicySourceArn": role_arn,
        "ActionNames": list(simulation["actions"]),
        "ResourceArns": list(simulation["resources"]),
        "ContextEntries": [_context_entry(key, value) for key, value in context.items()],
    }
    if documents:
        parameters["PolicyInputList"] = [json.dumps(document) for document in documents]
    return parameters


def _context_entry(key: str, value: Any) -> dict[str, Any]:
    values = strings(value)
    kind = "boolean" if all(each in ("true", "false") for each in values) else "string"
    if isinstance(value, (list, tuple)):
        kind += "List"
    return {"ContextKeyName": key, "ContextKeyValues": values, "ContextKeyType": kind}


def merged_questions(simulations: Sequence[Simulation]) -> dict[tuple[int, ...], Simulation]:
    """Return what has to be asked, by the positions of the simulations that each question answers.

    Simulations that differ in their resources and in what is expected are one question: every action on every resource
    of it is wanted by one of them. ``*`` stands for no resource and stays apart.
    """
    alike: dict[tuple[Any, ...], list[int]] = {}
    for position, one in enumerate(simulations):
        context = json.dumps(one.get("context") or {}, sort_keys=True)
        apart = tuple(one["resources"]) if "*" in one["resources"] else ()
        alike.setdefault((one["region"], context, tuple(one["actions"]), apart), []).append(position)
    return {
        tuple(positions): {
            **simulations[positions[0]],
            "resources": list(dict.fromkeys(arn for each in positions for arn in simulations[each]["resources"])),
        }
        for positions in alike.values()
    }


def is_denied_by_organizations(results: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether service control policies deny something; IAM says it of all resources together, not of each."""
    details = (result.get("OrganizationsDecisionDetail") or {} for result in results)
    return any(detail.get("AllowedByOrganizations") is False for detail in details)


def requests_of(simulation: Simulation) -> Iterator[Request]:
    """Give the requests that a simulation stands for."""
    for action in simulation["actions"]:
        for resource in simulation["resources"]:
            yield Request.of(action, resource, simulation["region"], simulation.get("context"))


def lock_requests(
    simulations: Iterable[Mapping[str, Any]], regions: Sequence[str], actions: Sequence[str], partition: str
) -> list[Request]:
    """Return the requests that nothing may block: those that are simulated and expected to be allowed, and every
    action in every further region, on all models where it is Bedrock's.
    """
    requests = [each for one in simulations if one["expected"] == EXPECTED_ALLOWED for each in requests_of(one)]
    simulated = {(request.region, request.action) for request in requests}
    for region in regions:
        for action in actions:
            models = action.lower().startswith("bedrock:")
            resource = f"arn:{partition}:bedrock:{region}::foundation-model/*" if models else "*"
            if (region, action) not in simulated:
                requests.append(Request.of(action, resource, region))
    return requests


def decision_rows(
    role_name: str, simulation: Simulation, results: Sequence[Mapping[str, Any]], policies: Sequence[Policy]
) -> list[dict[str, Any]]:
    """Return one row per action and resource, in the order of the simulation.

    Raises ValueError when the answer leaves one out: what was not decided must not look decided.
    """
    answers = {(result["EvalActionName"], answer["EvalResourceName"]): answer for result, answer in _answers(results)}
    rows = []
    for request in requests_of(simulation):
        answer = answers.get((request.action, request.resource))
        if answer is None:
            raise ValueError(
                f"SimulatePrincipalPolicy gave no decision for {request.action} on {request.resource} "
                f"in {request.region}"
            )
        rows.append(_row(role_name, simulation, request, answer, policies))
    return rows


def _answers(results: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Give every answer per resource, completed by what only the result as a whole carries."""
    for result in results:
        whole = {
            "EvalResourceName": "*",
            "EvalResourceDecision": result["EvalDecision"],
            "MatchedStatements": result.get("MatchedStatements", []),
            "MissingContextValues": result.get("MissingContextValues", []),
            "PermissionsBoundaryDecisionDetail": result.get("PermissionsBoundaryDecisionDetail"),
            "OrganizationsDecisionDetail": result.get("OrganizationsDecisionDetail"),
        }
        for specific in result.get("ResourceSpecificResults") or [{}]:
            yield result, {**whole, **specific}


def _row(
    role_name: str, simulation: Simulation, request: Request, answer: Mapping[str, Any], policies: Sequence[Policy]
) -> dict[str, Any]:
    decision = answer["EvalResourceDecision"]
    boundary = (answer["PermissionsBoundaryDecisionDetail"] or {}).get("AllowedByPermissionsBoundary")
    organizations = (answer["OrganizationsDecisionDetail"] or {}).get("AllowedByOrganizations")
    layer = _layer(decision, boundary, organizations, bool(answer["MatchedStatements"]))
    denies = decision == EXPLICIT_DENY
    if layer == BOUNDARY_LAYER:
        matched = _places(applying([each for each in policies if each.policy_type == BOUNDARY], request, denies=True))
    else:
        matched = list(_matched(role_name, answer["MatchedStatements"], request, denies, policies))
    return {
        "action": request.action,
        "resource": request.resource,
        "region": request.region,
        "context": dict(simulation.get("context") or {}),
        "expected": simulation.get("expected") or EXPECTED_ALLOWED,
        "decision": decision,
        "layer": layer,
        "allowed_by_permissions_boundary": boundary,
        "allowed_by_organizations": organizations,
        "matched_statements": matched,
        "missing_context_values": list(answer["MissingContextValues"]),
    }


def _layer(decision: str, boundary: bool | None, organizations: bool | None, matched: bool) -> str:
    """Name the layer that decided; a Deny that was matched stands in an identity policy."""
    if decision == ALLOWED or (decision == EXPLICIT_DENY and matched):
        return IDENTITY_LAYER
    if organizations is False:
        return ORGANIZATIONS_LAYER
    return BOUNDARY_LAYER if boundary is False else IDENTITY_LAYER


def _matched(
    role_name: str,
    entries: Iterable[Mapping[str, Any]],
    request: Request,
    denies: bool,
    policies: Sequence[Policy],
) -> Iterator[dict[str, Any]]:
    """Name the statements that IAM matched: it gives the policy, their Sid and index are found in the document."""
    for source in dict.fromkeys(entry.get("SourcePolicyId", "") for entry in entries):
        policy = _source_policy(source, role_name, policies)
        places = _places(applying([policy], request, denies=denies)) if policy else []
        policy_type = policy.policy_type if policy else None
        unplaced = {"policy": policy.name if policy else source, "policy_type": policy_type, "sid": None, "index": None}
        yield from places or [unplaced]


def _places(found: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    return [statement.place() for statement, _verdict in found]


def _source_policy(source: str, role_name: str, policies: Sequence[Policy]) -> Policy | None:
    """Find the policy that a SourcePolicyId means: role_ROLE_NAME for an inline one, else its name or ARN."""
    for policy in policies:
        names = {policy.name, policy.arn}
        if policy.policy_type == INLINE:
            names.add(f"role_{role_name}_{policy.name}")
        if policy.policy_type != BOUNDARY and source in names:
            return policy
    return None


def lacking_documents(documents: Iterable[Document], policies: Iterable[Policy]) -> list[Document]:
    """Return the documents that are no inline or attached policy yet; a permissions boundary grants nothing."""
    granting = [policy.document for policy in policies if policy.policy_type in (INLINE, MANAGED)]
    return [document for document in documents if document not in granting]


def planned_policies(documents: Iterable[Mapping[str, Any]]) -> list[Policy]:
    """Return documents that are not attached yet, under the names that the simulation gives them."""
    return [Policy(f"PolicyInputList.{number}", PLANNED, document) for number, document in enumerate(documents, 1)]
