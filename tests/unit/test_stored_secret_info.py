# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The text of a secret from its store; a store that does not give it is an error, never an empty secret."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.modules import stored_secret_info

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

SECRET = "s3cr3t-0123456789-abcdef"  # noqa: S105
ASKED = {"secretsmanager": {"secret_id": "a/b"}, "ssm": {"parameter": "/a/b"}}
OPERATIONS = {"secretsmanager": "get_secret_value", "ssm": "get_parameter"}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("service", "answer", "sent", "secret"),
    [
        ("secretsmanager", {"SecretString": SECRET}, {"SecretId": "a/b"}, SECRET),
        ("secretsmanager", {"SecretBinary": SECRET.encode()}, {"SecretId": "a/b"}, ""),
        (
            "ssm",
            {"Parameter": {"Type": "SecureString", "Value": SECRET}},
            {"Name": "/a/b", "WithDecryption": True},
            SECRET,
        ),
    ],
)
def test_reads_the_secret(
    aws: StubbedClients,
    run_module: ModuleRunner,
    service: str,
    answer: dict[str, Any],
    sent: dict[str, Any],
    secret: str,
    check_mode: bool,
) -> None:
    aws.answer(service, OPERATIONS[service], answer)
    result = run_module(stored_secret_info, ASKED[service], check_mode=check_mode)
    assert not result.failed, result.values
    assert not result.changed
    assert result["secret"] == secret
    assert [call.parameters for call in aws.recorded] == [sent]


@pytest.mark.parametrize(
    ("service", "code", "named"),
    [
        ("secretsmanager", "ResourceNotFoundException", ["the secret a/b", "ca-central-1"]),
        ("secretsmanager", "AccessDeniedException", ["secretsmanager:GetSecretValue", "kms:Decrypt"]),
        ("ssm", "ParameterNotFound", ["the parameter /a/b", "ca-central-1"]),
        ("ssm", "AccessDeniedException", ["ssm:GetParameter", "kms:Decrypt"]),
    ],
)
def test_a_store_that_does_not_give_it_is_an_error(
    aws: StubbedClients, run_module: ModuleRunner, service: str, code: str, named: list[str]
) -> None:
    aws.answer(service, OPERATIONS[service], aws_error(code, OPERATIONS[service]))
    result = run_module(stored_secret_info, ASKED[service])
    assert result.failed
    assert [each for each in [code, *named] if each not in result["msg"]] == []


def test_a_parameter_in_the_clear_is_refused_without_its_value(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("ssm", "get_parameter", {"Parameter": {"Type": "String", "Value": SECRET}})
    result = run_module(stored_secret_info, ASKED["ssm"])
    assert result.failed
    assert "is a String, not a SecureString" in result["msg"]
    assert SECRET not in str(result.values)


@pytest.mark.parametrize("asked", [{}, ASKED["ssm"] | ASKED["secretsmanager"]])
def test_one_store_is_asked(run_module: ModuleRunner, asked: dict[str, str]) -> None:
    assert run_module(stored_secret_info, asked).failed
