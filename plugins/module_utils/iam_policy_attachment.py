# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of the IAM API that attach a managed policy to a role and detach it, one a function."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call

Client = Any


@api_call("list the managed policies attached to the role {role_name}", "iam:ListAttachedRolePolicies")
def is_attached(client: Client, role_name: str, arn: str) -> bool:
    """Tell whether a managed policy is attached to a role."""
    pages = client.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
    return arn in [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]


@api_call("attach the managed policy {arn} to the role {role_name}", "iam:AttachRolePolicy")
def attach(client: Client, role_name: str, arn: str) -> None:
    """Attach a managed policy to a role."""
    client.attach_role_policy(RoleName=role_name, PolicyArn=arn)


@api_call("detach the managed policy {arn} from the role {role_name}", "iam:DetachRolePolicy")
def detach(client: Client, role_name: str, arn: str) -> None:
    """Detach a managed policy from a role; one that is gone by now is no error."""
    try:
        client.detach_role_policy(RoleName=role_name, PolicyArn=arn)
    except is_boto3_error_code("NoSuchEntity"):
        return
