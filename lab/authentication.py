"""Who calls: the signature of every request is verified, and refused in AWS's words where it does not hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, MutableMapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import botocore.session
from ministack.core import iam_actions, iam_evaluator, responses, sigv4

from lab.operations import Operation
from lab.service import Request, Response

Scope = MutableMapping[str, Any]

#: Read from the start of the header only: the same place from which ministack takes the key.
CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request,"
)
#: AWS's own endpoint names; a name without region is a global service's.
ENDPOINT = re.compile(
    r"(?P<name>[a-z0-9-]+?)(?:-fips)?(?:\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.(?:amazonaws\.com|api\.aws)(?::\d+)?"
)
GLOBAL_REGION = "us-east-1"
#: Endpoints whose services are signed for under another name.
SIGNING_NAMES = {"bedrock-runtime": "bedrock", "transcribestreaming": "transcribe"}
#: What signs each part of the body by itself says this in place of the body's hash.
SIGNED_EVENTS = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
WRONG_REGION = "Credential should be scoped to a valid region. "
WRONG_SERVICE = "Credential should be scoped to correct service: '{}'. "


def pin(scope: Scope, headers: Mapping[str, str]) -> Request:
    """Set ministack's request context, and give the request, yet without body, as the lab's services take it."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    client = (scope.get("client") or ("127.0.0.1",))[0]
    credential = CREDENTIAL.match(headers.get("authorization", ""))
    key, region, service = credential.group("key", "region", "service") if credential else ("", "", "")
    responses.set_request_account_id("" if iam_evaluator.is_root_access_key(key) else key)
    responses.set_request_region(region)
    responses.set_request_client_ip(client)
    iam_evaluator.pin_request_origin(client, True)
    # A client of HTTP/2 may sign its host by the name that it has there.
    signed = [*scope["headers"], (b":authority", headers.get("host", "").encode("latin-1"))]
    iam_evaluator.pin_signed_request(scope["method"], scope["raw_path"].decode("latin-1"), query, signed)
    return Request(
        scope["method"], scope["path"], query, headers, b"", service, region, responses.get_account_id(), key
    )


def refusal(request: Request, service: str, operation: Operation | None) -> Response | None:
    """AWS's answer to a caller who is not who the signature says, or says nothing; the service is whose call it is."""
    if not request.access_key_id:
        failure = ("MissingAuthenticationToken", "Request is missing Authentication Token")
    elif iam_evaluator.is_root_access_key(request.access_key_id):
        # ministack takes an empty key, "test" and any account number as root, unsigned.
        failure = ("UnrecognizedClientException", "The security token included in the request is invalid.")
    elif denied := iam_evaluator.check_credentials(request.access_key_id, request.service):
        failure = (denied.code, denied.message)
    elif not _is_body_signed(request, operation):
        failure = ("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)
    elif wrong := _wrong_scope(request, service):
        failure = ("SignatureDoesNotMatch", wrong)
    else:
        return None
    return error_response(request, service or request.service, *failure)


def error_response(request: Request, service: str, code: str, message: str) -> Response:
    """A denial, or a failed authentication with its code, in the form that the service's clients read."""
    # ministack takes a target for the JSON protocol, whose status would be 400; streams are REST and may name one.
    named = {name: value for name, value in request.headers.items() if request.stream is None or name != "x-amz-target"}
    status, headers, body = iam_actions.access_denied_response(
        service, "", "", request.request_id, error_code=code, message=message, headers=named
    )
    content_type = headers.pop("Content-Type")
    return Response(body, status, content_type, headers, error=(code or "AccessDenied", message))


def endpoint(request: Request) -> tuple[str, str] | None:
    """Signing name and region of the AWS endpoint that the client called; None when it called an address."""
    match = ENDPOINT.fullmatch(request.headers.get("host", ""))
    if match is None:
        return None
    return SIGNING_NAMES.get(match["name"], match["name"]), match["region"] or GLOBAL_REGION


def _is_body_signed(request: Request, operation: Operation | None) -> bool:
    """Whether the hash that was signed, where one was told, is the body's: ministack believes any."""
    told = request.headers.get("x-amz-content-sha256")
    if told is None or (told == SIGNED_EVENTS and operation is not None and operation.streaming):
        return True
    return told == hashlib.sha256(request.body).hexdigest()


def _wrong_scope(request: Request, service: str) -> str | None:
    called = endpoint(request)
    if request.region not in ([called[1]] if called else _regions()):
        return WRONG_REGION
    return WRONG_SERVICE.format(service) if service != request.service else None


@cache
def _regions() -> list[str]:
    """The regions of the partition."""
    regions: list[str] = botocore.session.get_session().get_available_regions("ec2")
    return regions
