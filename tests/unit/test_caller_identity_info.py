# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose credentials, and which role: a role that may not be looked for is never one that is not there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.modules import caller_identity_info
from botocore.exceptions import NoCredentialsError

from tests.unit.module_runner import ModuleRunner, Result, StubbedClients, aws_error

ACCOUNT, NAME = "111122223333", "App"
CALLER = {"Account": ACCOUNT, "Arn": f"arn:aws-us-gov:iam::{ACCOUNT}:user/operator", "UserId": "AIDAX"}
IDENTITY = {"account_id": ACCOUNT, "arn": CALLER["Arn"], "partition": "aws-us-gov"}
ROLE = {
    "Path": "/",
    "RoleName": NAME,
    "RoleId": "AROAABCDEFGHIJKLMNOP",
    "Arn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
    "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
}
LIST, GET = "list_instance_profiles_for_role", "get_role"


def profile(name: str, *roles: dict[str, Any]) -> dict[str, Any]:
    """An instance profile as IAM gives it."""
    return {
        "Path": "/",
        "InstanceProfileName": name,
        "InstanceProfileId": "AIPAABCDEFGHIJKLMNOP",
        "Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        "Roles": list(roles),
    }


def page(*profiles: dict[str, Any], marker: str = "") -> dict[str, Any]:
    """One page of them, with another to come where there is a marker."""
    return {"InstanceProfiles": list(profiles), "IsTruncated": bool(marker), **({"Marker": marker} if marker else {})}


@pytest.fixture
def account(aws: StubbedClients) -> StubbedClients:
    """An account with the role in one profile; the role itself may not be read."""
    aws.answer("sts", "get_caller_identity", CALLER)
    aws.answer("iam", LIST, page(profile("one", ROLE)))
    aws.answer("iam", GET, aws_error("AccessDenied", "GetRole", status=403))
    return aws


def identity(result: Result) -> dict[str, Any]:
    """What is said of the credentials."""
    assert not result.failed, result.values
    assert not result.changed
    return {name: result[name] for name in IDENTITY}


@pytest.mark.parametrize("check_mode", [False, True])
def test_tells_the_caller_and_the_role_in_two_calls(
    account: StubbedClients, run_module: ModuleRunner, check_mode: bool
) -> None:
    result = run_module(caller_identity_info, {"role_name": NAME}, check_mode=check_mode)
    assert identity(result) == IDENTITY
    assert result["role"] == {"arn": ROLE["Arn"], "instance_profile_arns": [profile("one")["Arn"]]}
    assert "role_error" not in result.values
    assert {(call.operation, *call.parameters.values()) for call in account.recorded} == {
        ("get_caller_identity",),
        (LIST, NAME),
    }


def test_every_page_of_profiles_counts(account: StubbedClients, run_module: ModuleRunner) -> None:
    account.answer("iam", LIST, [page(profile("one", ROLE), marker="next"), page(profile("two", ROLE))])
    result = run_module(caller_identity_info, {"role_name": NAME})
    assert result["role"]["instance_profile_arns"] == [profile("one")["Arn"], profile("two")["Arn"]]


@pytest.mark.parametrize("profiles", [[], [profile("one")], [profile("one", ROLE | {"RoleName": "Other"})]])
def test_a_role_that_no_profile_carries_is_read_itself(
    account: StubbedClients, run_module: ModuleRunner, profiles: list[dict[str, Any]]
) -> None:
    account.answer("iam", LIST, page(*profiles))
    account.answer("iam", GET, {"Role": ROLE})
    result = run_module(caller_identity_info, {"role_name": NAME})
    assert identity(result) == IDENTITY
    assert result["role"] == {"arn": ROLE["Arn"], "instance_profile_arns": [each["Arn"] for each in profiles]}


@pytest.mark.parametrize("operation", [LIST, GET])
def test_no_such_role(account: StubbedClients, run_module: ModuleRunner, operation: str) -> None:
    account.answer("iam", LIST, page())
    account.answer("iam", operation, aws_error("NoSuchEntity", operation, status=404))
    result = run_module(caller_identity_info, {"role_name": NAME})
    assert identity(result) == IDENTITY
    assert result["role"] is None
    assert "role_error" not in result.values


@pytest.mark.parametrize(
    ("operation", "action"), [(LIST, "iam:ListInstanceProfilesForRole"), (GET, "iam:GetRole")], ids=[LIST, GET]
)
def test_a_role_that_may_not_be_looked_for_is_not_missing(
    account: StubbedClients, run_module: ModuleRunner, operation: str, action: str
) -> None:
    account.answer("iam", LIST, page())
    account.answer("iam", operation, aws_error("AccessDenied", operation, status=403))
    result = run_module(caller_identity_info, {"role_name": NAME})
    assert identity(result) == IDENTITY
    assert "role" not in result.values
    assert [each for each in (NAME, f"(IAM action {action})", "AccessDenied") if each not in result["role_error"]] == []


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), aws_error("ExpiredToken", "GetCallerIdentity", "expired", 403)], ids=str
)
def test_credentials_that_do_not_work_fail_whatever_is_said_of_the_role(
    account: StubbedClients, run_module: ModuleRunner, error: Exception
) -> None:
    account.answer("sts", "get_caller_identity", error)
    result = run_module(caller_identity_info, {"role_name": NAME})
    assert result.failed
    assert result["msg"].startswith("Failed to tell whose credentials these are in ca-central-1")
    assert f"{error}" in result["msg"]
