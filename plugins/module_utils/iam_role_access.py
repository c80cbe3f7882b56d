# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of the IAM API that read a role, its policies and what they amount to, one a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import (
    Simulation,
    api_parameters,
    decision_rows,
    is_denied_by_organizations,
    merged_questions,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import (
    BOUNDARY,
    INLINE,
    MANAGED,
    Policy,
    parse_document,
)

Client = Any
Answer = dict[str, Any]


@api_call("read the role {role_name}", "iam:GetRole")
def get_role(client: Client, role_name: str) -> Answer | None:
    """Return the role with its trust policy and boundary, None where there is none."""
    try:
        return dict(client.get_role(RoleName=role_name)["Role"])
    except is_boto3_error_code("NoSuchEntity"):
        return None


@api_call("list the instance profiles of the role {role_name}", "iam:ListInstanceProfilesForRole")
def list_instance_profiles(client: Client, role_name: str) -> list[Answer] | None:
    """Return the instance profiles that the role stands in, None where there is no such role."""
    pages = client.get_paginator("list_instance_profiles_for_role").paginate(RoleName=role_name)
    try:
        return [profile for page in pages for profile in page["InstanceProfiles"]]
    except is_boto3_error_code("NoSuchEntity"):
        return None


def find_role(client: Client, role_name: str) -> dict[str, Any] | None:
    """Return the ARNs of the role and of its instance profiles, None where there is no such role.

    A profile carries its role, so that the role itself is read only where no profile does.
    """
    profiles = list_instance_profiles(client, role_name)
    if profiles is None:
        return None
    carried = (role for profile in profiles for role in profile["Roles"] if role["RoleName"] == role_name)
    role = next(carried, None) or get_role(client, role_name)
    return role and {"arn": role["Arn"], "instance_profile_arns": [profile["Arn"] for profile in profiles]}


@api_call("tell whose credentials these are", "sts:GetCallerIdentity")
def get_caller_identity(client: Client) -> Answer:
    """Return account and ARN of the credentials."""
    return dict(client.get_caller_identity())


@api_call("list the inline policies of the role {role_name}", "iam:ListRolePolicies")
def list_role_policies(client: Client, role_name: str) -> list[str]:
    """Return the names of the role's inline policies."""
    pages = client.get_paginator("list_role_policies").paginate(RoleName=role_name)
    return [name for page in pages for name in page["PolicyNames"]]


@api_call("list the managed policies attached to the role {role_name}", "iam:ListAttachedRolePolicies")
def list_attached_role_policies(client: Client, role_name: str) -> list[Answer]:
    """Return name and ARN of the managed policies attached to the role."""
    pages = client.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
    return [policy for page in pages for policy in page["AttachedPolicies"]]


@api_call("read the inline policy {policy_name} of the role {role_name}", "iam:GetRolePolicy")
def get_role_policy(client: Client, role_name: str, policy_name: str) -> Policy:
    """Return one inline policy of the role."""
    answer = client.get_role_policy(RoleName=role_name, PolicyName=policy_name)
    return Policy(policy_name, INLINE, parse_document(answer["PolicyDocument"]))


@api_call("look up the managed policy {arn}", "iam:GetPolicy")
def get_policy(client: Client, arn: str) -> Answer:
    """Return what IAM says of a managed policy, its default version among it."""
    return dict(client.get_policy(PolicyArn=arn)["Policy"])


@api_call("read version {version_id} of the managed policy {arn}", "iam:GetPolicyVersion")
def get_policy_version(client: Client, arn: str, version_id: str) -> Answer:
    """Return the document of one version of a managed policy."""
    version = client.get_policy_version(PolicyArn=arn, VersionId=version_id)["PolicyVersion"]
    return parse_document(version["Document"])


@api_call("simulate the policies of the role for {simulation[region]}", "iam:SimulatePrincipalPolicy")
def simulate(
    client: Client, role_arn: str, simulation: Simulation, documents: Sequence[Mapping[str, Any]]
) -> list[Answer]:
    """Return the evaluation results of one simulation, all pages of them."""
    paginator = client.get_paginator("simulate_principal_policy")
    pages = paginator.paginate(**api_parameters(role_arn, simulation, documents))
    return [result for page in pages for result in page["EvaluationResults"]]


@api_call("look up the managed policy {arn}", "iam:GetPolicy")
def find_policy(client: Client, arn: str) -> Answer | None:
    """Return what IAM says of a managed policy, None where there is none."""
    try:
        return dict(client.get_policy(PolicyArn=arn)["Policy"])
    except is_boto3_error_code("NoSuchEntity"):
        return None


def find_managed_policy(client: Client, arn: str) -> Answer | None:
    """Return a customer-managed policy in its default version with its number of users, None where there is none."""
    policy = find_policy(client, arn)
    return policy and {
        "arn": arn,
        "name": policy["PolicyName"],
        "document": get_policy_version(client, arn, policy["DefaultVersionId"]),
        "default_version_id": policy["DefaultVersionId"],
        "attachment_count": policy["AttachmentCount"],
        "permissions_boundary_usage_count": policy.get("PermissionsBoundaryUsageCount", 0),
    }


def managed_policy(client: Client, arn: str, policy_type: str) -> Policy:
    """Return a managed policy in its default version."""
    policy = get_policy(client, arn)
    document = get_policy_version(client, arn, policy["DefaultVersionId"])
    return Policy(policy["PolicyName"], policy_type, document, arn)


def read_policies(client: Client, role: Mapping[str, Any]) -> list[Policy]:
    """Return every policy that has a say in what the role may do: inline, attached, and its boundary."""
    name = role["RoleName"]
    lists: dict[str, Any] = run_all(
        {
            INLINE: partial(list_role_policies, client, name),
            MANAGED: partial(list_attached_role_policies, client, name),
        }
    )
    reads = {(INLINE, each): partial(get_role_policy, client, name, each) for each in lists[INLINE]}
    arns = [(MANAGED, each["PolicyArn"]) for each in lists[MANAGED]]
    if role.get("PermissionsBoundary"):
        arns.append((BOUNDARY, role["PermissionsBoundary"]["PermissionsBoundaryArn"]))
    reads.update({(kind, arn): partial(managed_policy, client, arn, kind) for kind, arn in arns})
    return list(run_all(reads).values())


def read_decisions(
    client: Client,
    role: Mapping[str, Any],
    simulations: Sequence[Simulation],
    documents: Sequence[Mapping[str, Any]],
    policies: Sequence[Policy],
) -> list[Answer]:
    """Make all simulations, in as few calls as they need, and return their rows, in order.

    A merged question that service control policies deny is asked again for each simulation, so that none is said to be
    denied by them because another one is.

    Raises ValueError when IAM leaves a question without an answer.
    """

    def ask(questions: Mapping[tuple[int, ...], Simulation]) -> dict[tuple[int, ...], list[Answer]]:
        return run_all({key: partial(simulate, client, role["Arn"], one, documents) for key, one in questions.items()})

    answers = ask(merged_questions(simulations))
    unclear = [each for each, found in answers.items() if len(each) > 1 and is_denied_by_organizations(found)]
    answers |= ask({(position,): simulations[position] for each in unclear for position in each})
    answered = {position: found for positions, found in answers.items() for position in positions}
    return [
        row
        for position, simulation in enumerate(simulations)
        for row in decision_rows(role["RoleName"], simulation, answered[position], policies)
    ]
