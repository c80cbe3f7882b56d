# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of the stores that keep a secret: AWS Secrets Manager and the Parameter Store of Systems Manager."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call

Client = Any

DECRYPT = "and kms:Decrypt where a key of your own encrypts it"
SECURE = "SecureString"


@api_call("read the secret {secret_id}", f"secretsmanager:GetSecretValue, {DECRYPT}")
def secret_of(client: Client, secret_id: str) -> str:
    """Return a secret's current text; nothing where it holds bytes."""
    secret: str = client.get_secret_value(SecretId=secret_id).get("SecretString", "")
    return secret


@api_call("read the parameter {name}", f"ssm:GetParameter, {DECRYPT}")
def get_parameter(client: Client, name: str) -> dict[str, Any]:
    """Return a parameter, decrypted."""
    parameter: dict[str, Any] = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return parameter


def secure_string_of(client: Client, name: str) -> str:
    """Return the text of an encrypted parameter; one that is not encrypted is an error, since it is no place for it."""
    parameter = get_parameter(client, name)
    if parameter["Type"] != SECURE:
        raise AnsibleAWSError(
            message=f"The parameter {name} in {client.meta.region_name} is a {parameter['Type']}, not a {SECURE}: "
            f"it keeps what it holds in the clear. Delete it, store the secret again as a {SECURE}, and replace it, "
            "for it has been readable"
        )
    return str(parameter["Value"])
