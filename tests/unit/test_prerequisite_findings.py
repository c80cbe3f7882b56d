# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The right account, the role, and the role on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked
from ansible_collections.safesecrets.infra.plugins.module_utils.prerequisite_findings import (
    account_findings,
    configuration_findings,
    instance_findings,
    role_findings,
)

PRODUCTION = Path(__file__).resolve().parents[2] / "inventory/production/group_vars/all/safesecrets.yml"
ACCOUNT = "111122223333"
PROFILE_ARN = f"arn:aws:iam::{ACCOUNT}:instance-profile/app"
CALLER = {"account_id": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/operator"}
ROLE = {"arn": f"arn:aws:iam::{ACCOUNT}:role/app", "instance_profile_arns": [PROFILE_ARN]}
SEEN = {
    "instance_id": "i-0123456789abcdef0",
    "region": "ca-central-1",
    "account_id": ACCOUNT,
    "instance_profile_arn": PROFILE_ARN,
    "role_name": "app",
}
ANSWERED = {"status": 200, "msg": "OK (56 bytes)"}


def test_a_sound_configuration_passes() -> None:
    configuration = yaml.safe_load(PRODUCTION.read_text(encoding="utf-8"))
    (found,) = checked(configuration_findings(configuration, []))
    assert found["status"] == "pass"
    assert found["evidence"] == {"regions": {"CA": "ca-central-1", "US": "us-east-1"}, "default_region": "CA"}


def test_a_region_that_nobody_knows_is_unproven() -> None:
    configuration = yaml.safe_load(PRODUCTION.read_text(encoding="utf-8"))
    found = checked(configuration_findings(configuration, ["us-east-9"]))
    assert [(each["status"], each["region"]) for each in found] == [("pass", None), ("unproven", "us-east-9")]


@pytest.mark.parametrize(
    ("expected", "status"),
    [("", "pass"), (ACCOUNT, "pass"), ("444455556666", "fail")],
)
def test_another_account_fails_and_both_are_named(expected: str, status: str) -> None:
    (found,) = checked(account_findings(expected, CALLER))
    assert found["status"] == status
    assert ACCOUNT in found["detail"]
    assert expected in found["detail"]


@pytest.mark.parametrize(
    ("role", "status", "detail"),
    [
        (ROLE, "pass", "The role exists, in 1 instance profiles."),
        (None, "fail", f"The account {ACCOUNT} has no role app."),
        (ROLE | {"instance_profile_arns": []}, "pass", "The role exists, in 0 instance profiles."),
    ],
)
def test_the_role_exists(role: dict[str, Any] | None, status: str, detail: str) -> None:
    (found,) = checked(role_findings("app", ACCOUNT, role))
    assert (found["status"], found["detail"]) == (status, detail)


@pytest.mark.parametrize(
    ("token", "changed", "detail"),
    [
        (
            {"status": -1, "msg": "timed out"},
            {},
            "The instance metadata service at http://imds gave no token: timed out.",
        ),
        ({"status": 403}, {}, "The instance metadata service at http://imds gave no token: no answer."),
        ({}, {}, "The instance metadata service at http://imds gave no token: no answer."),
        (None, {"instance_id": ""}, "The instance metadata service at http://imds gave no identity document."),
        (
            None,
            {"account_id": "444455556666"},
            "The host is in account 444455556666, the credentials are of account 111122223333.",
        ),
        (None, {"instance_profile_arn": "", "role_name": ""}, "The host has no instance profile attached."),
        (None, {"role_name": ""}, f"The instance profile {PROFILE_ARN} gives the host no role."),
        (None, {"role_name": "other"}, "The host has the role other, not app."),
    ],
)
def test_says_why_a_host_is_not_the_right_one(
    token: dict[str, Any] | None, changed: dict[str, str], detail: str
) -> None:
    expected = {"account_id": ACCOUNT, "role_name": "app"}
    given = ANSWERED if token is None else token
    (found,) = checked(instance_findings("app", "http://imds", given, SEEN | changed, expected))
    assert (found["status"], found["detail"]) == ("fail", detail)


def test_the_right_host_passes() -> None:
    expected = {"account_id": ACCOUNT, "role_name": "app"}
    (found,) = checked(instance_findings("app", "http://imds", ANSWERED, SEEN, expected))
    assert (found["status"], found["subject"], found["region"]) == ("pass", "i-0123456789abcdef0", "ca-central-1")
    assert found["evidence"] == {"host": "app", **SEEN}
