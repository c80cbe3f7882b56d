"""Who is refused, and in whose words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.accounts import Timing

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
#: AWS's code for a caller it does not know, by the protocol of the service.
UNKNOWN_CALLER = {
    "sts": "InvalidClientTokenId",
    "iam": "InvalidClientTokenId",
    "ec2": "AuthFailure",
    "secretsmanager": "UnrecognizedClientException",
    "bedrock": "UnrecognizedClientException",
    "polly": "UnrecognizedClientException",
}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "sts": ("get_caller_identity", {}),
    "iam": ("list_users", {}),
    "ec2": ("describe_instances", {}),
    "secretsmanager": ("list_secrets", {}),
    "bedrock": ("list_foundation_models", {}),
    "polly": ("describe_voices", {}),
}


def refusal(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call()
    return dict(caught.value.response["Error"], Status=caught.value.response["ResponseMetadata"]["HTTPStatusCode"])


def call(lab: Any, service: str, credentials: dict[str, str]) -> Callable[[], object]:
    operation, parameters = CALLS[service]
    client = lab.client(service, credentials=credentials)
    return lambda: getattr(client, operation)(**parameters)


def speak(lab: Any, region: str) -> str:
    client = lab.client("polly", region, lab.role_credentials())
    return client.synthesize_speech(Text="Good morning", VoiceId="Joanna", OutputFormat="mp3")["ContentType"]


def wait_for_iam() -> None:
    """Until a change is seen by the services."""
    time.sleep(Timing().iam_propagation)


def allow_speech(lab: Any) -> dict[str, str]:
    """Another inline policy, without a region, once it counts."""
    statement = {"Effect": "Allow", "Action": "polly:SynthesizeSpeech", "Resource": "*"}
    role = {"RoleName": lab.facts["role_name"], "PolicyName": "More"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    lab.client("iam").put_role_policy(**role, PolicyDocument=document)
    wait_for_iam()
    return role


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("key", ["test", "123456789012", "{account_id}", "AKIAIOSFODNN7EXAMPLE"])
def test_keys_that_the_account_did_not_give_out_are_unknown(lab: Any, service: str, key: str) -> None:
    credentials = {"aws_access_key_id": key.format(**lab.facts), "aws_secret_access_key": "test"}
    assert refusal(call(lab, service, credentials))["Code"] == UNKNOWN_CALLER[service]


@pytest.mark.parametrize("service", [service for service in CALLS if service != "ec2"])
def test_a_wrong_signature_is_refused(lab: Any, service: str) -> None:
    credentials = {"aws_access_key_id": lab.facts["access_key_id"], "aws_secret_access_key": "x" * 40}
    refused = refusal(call(lab, service, credentials))
    assert refused["Code"] in ("SignatureDoesNotMatch", "InvalidSignatureException")
    assert "Check your AWS Secret Access Key and signing method" in refused["Message"]


@pytest.mark.parametrize("token", ["", "another"])
def test_the_roles_key_needs_its_session_token(lab: Any, token: str) -> None:
    credentials = lab.role_credentials() | {"aws_session_token": token}
    assert refusal(call(lab, "sts", credentials))["Code"] == "InvalidClientTokenId"


def test_the_role_is_served_in_canada_and_denied_in_the_us(lab: Any) -> None:
    assert speak(lab, "ca-central-1") == "audio/mpeg"
    session = f"arn:aws:sts::{lab.facts['account_id']}:assumed-role/{lab.facts['role_name']}/{lab.facts['instance_id']}"
    assert refusal(lambda: speak(lab, "us-east-1")) == {
        "Code": "AccessDeniedException",
        "Message": f"User: {session} is not authorized to perform: polly:SynthesizeSpeech "
        "because no identity-based policy allows the polly:SynthesizeSpeech action",
        "Status": 403,
    }


def test_a_denial_names_the_model(lab: Any) -> None:
    client = lab.client("bedrock-runtime", "us-east-1", lab.role_credentials())
    refused = refusal(lambda: client.invoke_model(modelId=HAIKU, body=b"{}"))
    assert refused["Code"] == "AccessDeniedException"
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"
    assert f"is not authorized to perform: bedrock:InvokeModel on resource: {model} because " in refused["Message"]


def test_a_new_policy_of_the_operator_counts_for_the_role(lab_factory: Callable[[str], Any]) -> None:
    lab = lab_factory("today")
    policy = allow_speech(lab)
    assert speak(lab, "us-east-1") == "audio/mpeg"
    lab.client("iam").delete_role_policy(**policy)
    wait_for_iam()
    assert refusal(lambda: speak(lab, "us-east-1"))["Code"] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        ("region_lock_by_deny", "with an explicit deny in an identity-based policy"),
        ("region_lock_in_managed_policy", "with an explicit deny in an identity-based policy"),
        ("region_lock_by_boundary", "because no permissions boundary allows the polly:SynthesizeSpeech action"),
    ],
)
def test_a_region_lock_outweighs_an_allow_and_is_named(
    lab_factory: Callable[[str], Any], account: str, reason: str
) -> None:
    lab = lab_factory(account)
    allow_speech(lab)
    refused = refusal(lambda: speak(lab, "us-east-1"))
    assert refused["Code"] == "AccessDeniedException"
    assert refused["Message"].endswith(reason)
    assert speak(lab, "ca-central-1") == "audio/mpeg"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "action"),
    [
        ("iam", "delete_role", {"RoleName": "{role_name}"}, "iam:DeleteRole on resource: role {role_name}"),
        ("iam", "get_role", {"RoleName": "Another"}, "iam:GetRole on resource: role Another"),
        (
            "iam",
            "delete_role_policy",
            {"RoleName": "Another", "PolicyName": "P"},
            "iam:DeleteRolePolicy on resource: role Another",
        ),
        ("ec2", "terminate_instances", {"InstanceIds": ["{instance_id}"]}, "ec2:TerminateInstances"),
        ("secretsmanager", "get_secret_value", {"SecretId": "other"}, "secretsmanager:GetSecretValue"),
    ],
)
def test_the_operator_may_do_what_its_policy_says_and_no_more(
    lab: Any, service: str, operation: str, parameters: dict[str, Any], action: str
) -> None:
    refused = refusal(lambda: getattr(lab.client(service), operation)(**_filled(parameters, lab.facts)))
    assert refused["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    assert f"user/safesecrets-operator is not authorized to perform: {action.format(**lab.facts)}" in refused["Message"]
    named = action.partition(" ")[0]
    assert refused["Message"].endswith(f"because no identity-based policy allows the {named} action")


def _filled(parameters: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [entry.format(**facts) for entry in value] if isinstance(value, list) else value.format(**facts)
        for name, value in parameters.items()
    }
