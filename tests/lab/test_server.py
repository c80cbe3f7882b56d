"""The endpoint: what answers where, over which protocol, to whom."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

ADMINISTRATION = [
    "/_ministack/health",
    "/_ministack/reset",
    "/_ministack/config",
    "/_localstack/health",
    "/_localstack/init",
    "/_aws/ses",
    "/_aws/sqs/messages",
    "/health",
    "/latest/meta-data/instance-id",
    "/latest/api/token",
]


def signed(lab: Any, service: str, method: str, path: str, **changes: Any) -> tuple[int, dict[str, str], bytes]:
    """Send a request that the operator signed; ``headers`` and ``query`` come on top after signing."""
    request = botocore.awsrequest.AWSRequest(method, lab.facts["endpoint_url"] + path, data=changes.get("data", b""))
    credentials = botocore.credentials.Credentials(lab.facts["access_key_id"], lab.facts["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, service, changes.get("region", "ca-central-1")).add_auth(request)
    headers = dict(request.headers) | changes.get("headers", {})
    return send(lab, method, path + changes.get("query", ""), headers, request.data or b"")


def send(
    lab: Any, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(lab.facts["endpoint_url"])
    context = ssl.create_default_context(cafile=lab.facts["ca_bundle"])
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=context, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_operator_is_who_the_account_says(lab: Any) -> None:
    identity = lab.client("sts").get_caller_identity()
    assert identity["Account"] == lab.facts["account_id"]
    assert identity["Arn"] == f"arn:aws:iam::{lab.facts['account_id']}:user/safesecrets-operator"


def test_listens_on_loopback_only(lab: Any) -> None:
    for name in ("endpoint_url", "imds_endpoint"):
        assert urlsplit(lab.facts[name]).hostname == "127.0.0.1"


def test_certificate_is_refused_without_the_labs_authority(lab: Any) -> None:
    address = urlsplit(lab.facts["endpoint_url"])
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")


@pytest.mark.parametrize("name", ["localhost", "iam.amazonaws.com", "polly.us-east-1.amazonaws.com"])
def test_certificate_carries_awss_names_and_two_http_versions(lab: Any, name: str) -> None:
    address = urlsplit(lab.facts["endpoint_url"])
    for protocol in ("h2", "http/1.1"):
        context = ssl.create_default_context(cafile=lab.facts["ca_bundle"])
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.set_alpn_protocols([protocol])
        with (
            socket.create_connection((address.hostname, address.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            assert secure.selected_alpn_protocol() == protocol


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_http2_requests_are_authenticated_and_answered(lab: Any) -> None:
    curl = [
        "curl",
        "--silent",
        "--http2",
        "--cacert",
        lab.facts["ca_bundle"],
        "--write-out",
        "\n%{http_version} %{http_code}",
    ]
    key = f"{lab.facts['access_key_id']}:{lab.facts['secret_access_key']}"
    form = ["--data", "Action=GetCallerIdentity&Version=2011-06-15"]
    for user, expected in ((key, "2 200"), (f"{key}x", "2 403")):
        sign = ["--aws-sigv4", "aws:amz:us-east-1:sts", "--config", "-"]
        answer = subprocess.run(
            [*curl, *sign, *form, lab.facts["endpoint_url"] + "/"],
            input=f'user = "{user}"',
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert answer.endswith(f"\n{expected}"), answer


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/", *ADMINISTRATION])
def test_unsigned_requests_are_refused(lab: Any, method: str, path: str) -> None:
    status, headers, body = send(lab, method, path, {})
    assert status == 403
    assert headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert json.loads(body)["message"] == "Missing Authentication Token"


@pytest.mark.parametrize("service", ["sts", "bedrock", "polly", "s3", "execute-api"])
@pytest.mark.parametrize("path", ADMINISTRATION)
def test_no_signature_opens_ministacks_own_paths(lab: Any, path: str, service: str) -> None:
    status, _headers, body = signed(lab, service, "POST", path)
    assert status == 404, body
    assert b"The lab does not answer" in body


def test_unknown_operations_are_named(lab: Any) -> None:
    status, headers, body = signed(lab, "polly", "GET", "/v1/no-such-thing")
    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert json.loads(body)["message"] == "The lab does not answer polly GET /v1/no-such-thing"


def test_each_answer_has_a_request_id_and_one_date(lab: Any) -> None:
    for status, headers, _body in (send(lab, "GET", "/", {}), signed(lab, "sts", "GET", "/", data=b"")):
        assert status in (400, 403, 404)
        assert len(headers["x-amzn-requestid"]) == 36
        assert headers["date"].endswith(" GMT")
        assert "server" not in headers


@pytest.mark.parametrize("path", ["/_ministack/health", "/health", "/", "/v1/voices"])
def test_plain_http_serves_the_metadata_service_only(lab: Any, path: str) -> None:
    token = lab.metadata_token()
    assert lab.metadata(path)[0] == 401
    status, text = lab.metadata(path, x_aws_ec2_metadata_token=token)
    assert (status, text) in ((404, ""), (200, "latest/"))


def test_two_labs_side_by_side_know_nothing_of_each_other(lab_factory: Callable[[str], Any]) -> None:
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lab_factory, ["today", "region_lock_by_deny"])
    assert first.facts["endpoint_url"] != second.facts["endpoint_url"]
    role = {"RoleName": first.facts["role_name"]}
    assert first.client("iam").list_role_policies(**role)["PolicyNames"] == ["SafeSecretsServices"]
    assert second.client("iam").list_role_policies(**role)["PolicyNames"] == ["SafeSecretsServices", "DataResidency"]
    theirs = {
        "aws_access_key_id": first.facts["access_key_id"],
        "aws_secret_access_key": first.facts["secret_access_key"],
    }
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        second.client("sts", credentials=theirs).get_caller_identity()
