# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module changes what differs, predicts it in check mode, and never takes a denial for an answer."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.modules import iam_role_policy_attachment

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

ROLE, ARN = "Host", "arn:aws:iam::111122223333:policy/SafeSecretsMultiRegion"
OTHER = {"PolicyName": "Other", "PolicyArn": "arn:aws:iam::111122223333:policy/Other"}
OURS = {"PolicyName": "SafeSecretsMultiRegion", "PolicyArn": ARN}


def arguments(state: str = "present") -> dict[str, Any]:
    return {"role_name": ROLE, "policy_arn": ARN, "state": state}


@pytest.fixture
def iam(aws: StubbedClients) -> StubbedClients:
    aws.answer("iam", "attach_role_policy", {})
    aws.answer("iam", "detach_role_policy", {})
    return aws


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("attached", "state", "operation"),
    [
        ([OTHER], "present", "attach_role_policy"),
        ([OTHER, OURS], "present", None),
        ([OTHER, OURS], "absent", "detach_role_policy"),
        ([OTHER], "absent", None),
    ],
)
def test_only_what_differs_is_changed(
    iam: StubbedClients,
    run_module: ModuleRunner,
    attached: list[Any],
    state: str,
    operation: str | None,
    check_mode: bool,
) -> None:
    iam.answer("iam", "list_attached_role_policies", {"AttachedPolicies": attached})
    result = run_module(iam_role_policy_attachment, arguments(state), check_mode=check_mode)
    assert (result.failed, result.changed) == (False, operation is not None)
    assert result["attached"] is (state == "present")
    assert result["diff"] == {"before": {ARN: OURS in attached}, "after": {ARN: state == "present"}}
    made = [call for call in iam.recorded if call.operation != "list_attached_role_policies"]
    expected = [] if check_mode or operation is None else [(operation, {"RoleName": ROLE, "PolicyArn": ARN})]
    assert [(call.operation, call.parameters) for call in made] == expected


def test_every_page_is_read(iam: StubbedClients, run_module: ModuleRunner) -> None:
    pages = [
        {"AttachedPolicies": [OTHER], "IsTruncated": True, "Marker": "next"},
        {"AttachedPolicies": [OURS], "IsTruncated": False},
    ]
    iam.answer("iam", "list_attached_role_policies", pages)
    assert not run_module(iam_role_policy_attachment, arguments()).changed


def test_one_that_is_gone_by_now_is_no_error(iam: StubbedClients, run_module: ModuleRunner) -> None:
    iam.answer("iam", "list_attached_role_policies", {"AttachedPolicies": [OURS]})
    iam.answer("iam", "detach_role_policy", aws_error("NoSuchEntity", "DetachRolePolicy", status=404))
    assert not run_module(iam_role_policy_attachment, arguments("absent")).failed


@pytest.mark.parametrize(
    ("operation", "attached", "state", "action"),
    [
        ("list_attached_role_policies", [], "present", "iam:ListAttachedRolePolicies"),
        ("attach_role_policy", [], "present", "iam:AttachRolePolicy"),
        ("detach_role_policy", [OURS], "absent", "iam:DetachRolePolicy"),
    ],
)
def test_a_denial_names_the_action(
    iam: StubbedClients, run_module: ModuleRunner, operation: str, attached: list[Any], state: str, action: str
) -> None:
    iam.answer("iam", "list_attached_role_policies", {"AttachedPolicies": attached})
    iam.answer("iam", operation, aws_error("AccessDenied", operation))
    result = run_module(iam_role_policy_attachment, arguments(state))
    assert result.failed
    assert f"IAM action {action}" in result["msg"]
