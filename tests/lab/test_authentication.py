"""Signatures and credentials: what AWS refuses before any policy is looked at, and in which words."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest

from lab import accounts, authentication
from lab.accounts import Timing
from tests.lab.direct_lab import error
from tests.lab.signed_lab import SignedLab

MISMATCH = "The request signature we calculated does not match the signature you provided."
SPEECH = {"Text": "Yes", "VoiceId": "Joanna", "Engine": "neural", "OutputFormat": "mp3"}
#: A call with a body for each protocol, and how a signature that does not hold is answered.
CALLS: dict[str, tuple[str, dict[str, Any], str, int]] = {
    "polly": ("synthesize_speech", SPEECH, "InvalidSignatureException", 403),
    "iam": ("get_role", {"RoleName": "Role"}, "SignatureDoesNotMatch", 403),
    "secretsmanager": ("get_secret_value", {"SecretId": "mine"}, "InvalidSignatureException", 400),
    "cloudtrail": ("lookup_events", {"MaxResults": 1}, "InvalidSignatureException", 400),
    "ec2": ("describe_vpcs", {}, "AuthFailure", 401),
}
EXPIRED = {
    "polly": ("ExpiredTokenException", 403),
    "iam": ("ExpiredToken", 403),
    "secretsmanager": ("ExpiredTokenException", 400),
    "cloudtrail": ("ExpiredTokenException", 400),
    "ec2": ("RequestExpired", 400),
}


@pytest.fixture
def lab() -> SignedLab:
    return SignedLab()


def refused(lab: SignedLab, service: str, **options: Any) -> tuple[str, str, int]:
    operation, parameters, *_ = CALLS[service]
    return error(getattr(lab.signed(service, **options), operation), **parameters)


def assert_refused(lab: SignedLab, service: str, text: str, **options: Any) -> None:
    """In the service's words; those of EC2 never say why."""
    code, message, status = refused(lab, service, **options)
    assert (code, status) == CALLS[service][2:]
    if service == "ec2":
        text = "AWS was not able to validate the provided access credentials"
    assert message.startswith(text)
    assert not lab.state.trail, "nobody knows whose call that was"


def change_body(_headers: MutableMapping[str, str], body: bytes) -> bytes:
    return body + b" "


def change_header(headers: MutableMapping[str, str], body: bytes) -> bytes:
    headers["host"] = headers["host"].replace("us-east-1", "us-west-2") + ":443"
    return body


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("tamper", [change_body, change_header])
def test_what_was_signed_must_be_what_arrives(lab: SignedLab, service: str, tamper: Any) -> None:
    assert_refused(lab, service, MISMATCH, tamper=tamper)


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    "told", [None, "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-EVENTS", sha256(b"").hexdigest()]
)
def test_a_hash_that_was_told_must_be_the_bodys(lab: SignedLab, service: str, told: str | None) -> None:
    """None tells the right one, and the body is changed afterwards."""
    client = lab.signed(service, tamper=change_body if told is None else None)
    operation, parameters, code, status = CALLS[service]

    def tell(request: AWSRequest, **_kwargs: Any) -> None:
        body = request.body or b""
        request.headers["X-Amz-Content-SHA256"] = (
            told or sha256(body if isinstance(body, bytes) else body.encode()).hexdigest()
        )

    client.meta.events.register("before-sign", tell)
    answered = error(getattr(client, operation), **parameters)
    assert (answered[0], answered[2]) == (code, status)


def test_the_right_hash_is_taken(lab: SignedLab) -> None:
    client = lab.signed("polly")

    def tell(request: AWSRequest, **_kwargs: Any) -> None:
        request.headers["X-Amz-Content-SHA256"] = sha256(request.body).hexdigest()

    client.meta.events.register("before-sign", tell)
    assert client.synthesize_speech(**SPEECH)["ContentType"] == "audio/mpeg"


@pytest.mark.parametrize(
    ("service", "minutes", "text"),
    [
        ("polly", -6, "Signature expired: "),
        ("polly", 6, "Signature not yet current: "),
        ("cloudtrail", -6, "Signature expired: "),
        ("iam", -16, "Signature expired: "),
        ("iam", 16, "Signature not yet current: "),
        ("ec2", -6, ""),
    ],
)
def test_a_clock_that_is_wrong_is_refused(
    lab: SignedLab, monkeypatch: pytest.MonkeyPatch, service: str, minutes: int, text: str
) -> None:
    shift_clock(monkeypatch, minutes)
    assert_refused(lab, service, text)


@pytest.mark.parametrize(("service", "minutes"), [("polly", 4), ("polly", -4), ("iam", 14), ("iam", -14)])
def test_a_clock_may_be_a_little_wrong(
    lab: SignedLab, monkeypatch: pytest.MonkeyPatch, service: str, minutes: int
) -> None:
    shift_clock(monkeypatch, minutes)
    call = {"polly": "describe_voices", "iam": "list_users"}[service]
    assert getattr(lab.signed(service), call)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def shift_clock(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_arguments, **_options: then)


@pytest.mark.parametrize("service", CALLS)
def test_the_scopes_region_must_be_the_endpoints(lab: SignedLab, service: str) -> None:
    endpoint = "https://iam.amazonaws.com" if service == "iam" else f"https://{service}.us-east-1.amazonaws.com"
    text = "Credential should be scoped to a valid region. "
    assert_refused(lab, service, text, region="ca-central-1", endpoint_url=endpoint)


def test_an_address_takes_any_region_that_there_is(lab: SignedLab) -> None:
    address = "https://127.0.0.1:4566"
    text = "Credential should be scoped to a valid region. "
    assert_refused(lab, "polly", text, region="ca-central-9", endpoint_url=address)
    assert lab.signed("polly", "eu-west-1", endpoint_url=address).describe_voices()["Voices"]


@pytest.mark.parametrize("service", [service for service in CALLS if service != "ec2"])
@pytest.mark.parametrize("called", ["endpoint", "address"])
def test_the_scopes_service_must_be_the_one_that_is_called(lab: SignedLab, service: str, called: str) -> None:
    endpoint = None if called == "endpoint" else "https://127.0.0.1:4566"
    client = lab.signed(service, endpoint_url=endpoint)
    client._request_signer._signing_name = "ssm" if called == "endpoint" else "sts"
    operation, parameters, code, status = CALLS[service]
    if service == "iam" and called == "address":
        operation, parameters = "simulate_principal_policy", {"PolicySourceArn": "a", "ActionNames": ["a:b"]}
    message = f"Credential should be scoped to correct service: '{service}'. "
    assert error(getattr(client, operation), **parameters) == (code, message, status)


@pytest.mark.parametrize(
    ("host", "called"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", ("bedrock", "us-east-1")),
        ("transcribestreaming.ca-central-1.amazonaws.com:443", ("transcribe", "ca-central-1")),
        ("polly-fips.us-east-1.amazonaws.com", ("polly", "us-east-1")),
        ("polly.us-east-1.api.aws", ("polly", "us-east-1")),
        ("iam.amazonaws.com", ("iam", "us-east-1")),
        ("127.0.0.1:4566", None),
        ("localhost", None),
        ("polly.us-east-1.amazonaws.com.example.org", None),
    ],
)
def test_an_endpoints_name_tells_service_and_region(host: str, called: tuple[str, str] | None) -> None:
    request = authentication.Request("GET", "/", {}, {"host": host}, b"", "", "", "", "")
    assert authentication.endpoint(request) == called


@pytest.fixture(scope="module")
def expired() -> tuple[SignedLab, dict[str, str], dict[str, str]]:
    """Credentials of the instance whose time is over, and those that it has by then."""
    account = accounts.load("today")
    lab = SignedLab(replace(account, timing=replace(account.timing, instance_session=3)))
    old, began = lab.role(), lab.now
    assert lab.role() == old
    lab.now += timedelta(seconds=1.6)
    new = lab.role()
    assert new["aws_access_key_id"] != old["aws_access_key_id"]
    for credentials in (old, new):  # both are good for a while
        lab.signed("polly", "ca-central-1", credentials).synthesize_speech(**SPEECH)
    time.sleep(3)
    lab.metadata._lifetime = timedelta(hours=1)  # the next session ends after the slowest test
    lab.now = began + timedelta(seconds=4)  # opens another session: who opens one must not forget the old
    return lab, old, lab.role()


@pytest.mark.parametrize("service", EXPIRED)
def test_credentials_expire(expired: tuple[SignedLab, dict[str, str], dict[str, str]], service: str) -> None:
    lab, old, _new = expired
    code, message, status = refused(lab, service, credentials=old)
    assert (code, status) == EXPIRED[service]
    assert message == (
        "Request has expired." if service == "ec2" else "The security token included in the request is expired"
    )


def test_the_metadata_service_has_others_by_then(
    expired: tuple[SignedLab, dict[str, str], dict[str, str]],
) -> None:
    lab, old, new = expired
    assert new["aws_access_key_id"] != old["aws_access_key_id"]
    assert lab.signed("sts", credentials=new).get_caller_identity()["Arn"].endswith("/i-0123456789abcdef0")


def test_a_session_lasts_six_hours_unless_the_account_says_otherwise() -> None:
    assert Timing().instance_session == 6 * 3600
