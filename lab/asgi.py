"""The one AWS endpoint: every request is authenticated here, then answered or handed to ministack."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import ministack.app
from ministack.core import iam_actions, iam_evaluator, responses, router

from lab import policy_evaluation
from lab.instance_metadata import InstanceMetadata
from lab.service import Operation, Request, Response, ServiceError, json_response
from lab.state import LabState

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger("lab")

#: Read from the start of the header only: the same place from which ministack takes the key.
CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request,"
)
#: What ministack answers, by signing name: query and JSON protocols, whose only path is "/". Any other
#: path there would reach its unsigned and administrative ones.
MINISTACK = ("cloudtrail", "ec2", "iam", "kms", "logs", "organizations", "secretsmanager", "ssm", "sts")
#: AWS never denies these.
ALWAYS_ALLOWED = ("sts:GetCallerIdentity", "sts:GetSessionToken")
IAM_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"


class Application:
    """The ASGI application of one lab; HTTPS is AWS, plain HTTP is the instance's metadata."""

    def __init__(self, state: LabState, operations: tuple[Operation, ...], metadata: InstanceMetadata) -> None:
        self._state, self._operations, self._metadata = state, operations, metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["scheme"] == "http":
            headers = _headers(scope)
            await _send(send, self._metadata.answer(scope["method"], scope["path"], headers), {})
        else:
            await self._answer_aws(scope, receive, send)

    async def _answer_aws(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await self._request(scope, receive)
        response = _authentication_failure(request)
        operation, parameters = self._find(request) if response is None else (None, {})
        if operation is not None:
            response = self._handle(operation, request, parameters)
        elif response is None and request.service in MINISTACK and request.path == "/":
            response = self._ministack_denial(request)
            if response is None:
                _log(request, "ministack")
                await ministack.app.app(scope, _replay(request.body, receive), send)
                return
        response = response or _unknown(request)
        _log(request, str(response.status), operation)
        await _send(send, response, {"x-amzn-requestid": str(uuid.uuid4())})

    async def _request(self, scope: Scope, receive: Receive) -> Request:
        """The request read whole, or with the stream that it is: only HTTP/2 can answer before its end."""
        request = _pin(scope)
        operation, _ = self._find(request)
        if operation and operation.streaming and scope["http_version"] == "2":
            return replace(request, stream=_parts(receive))
        body = b"".join([part async for part in _parts(receive)])
        iam_evaluator.pin_signed_body(body)
        return replace(request, body=body)

    def _find(self, request: Request) -> tuple[Operation | None, dict[str, str]]:
        form = request.form()
        for operation in self._operations:
            if (operation.service, operation.method) != (request.service, request.method):
                continue
            match = operation.path.fullmatch(request.path)
            if match and operation.query_action in (None, form.get("Action", [None])[0]):
                return operation, match.groupdict()
        return None, {}

    def _handle(self, operation: Operation, request: Request, parameters: Mapping[str, str]) -> Response:
        code = "AccessDeniedException" if operation.protocol == "rest-json" else "AccessDenied"
        try:
            resource = operation.resource(self._state, request, parameters)
            policy_evaluation.authorize(self._state, request, operation.iam_action, resource, code=code)
            return operation.handler(self._state, request, parameters)
        except ServiceError as error:
            return _render(error, operation.protocol)

    def _ministack_denial(self, request: Request) -> Response | None:
        """Authorize what ministack answers here too: it words denials unlike AWS and knows fewer layers."""
        parameters = {**request.form(), **request.query}
        service = router.detect_service(request.method, request.path, request.headers, parameters)
        arguments = (service, request.method, request.path, request.headers, request.body)
        action = iam_actions.extract_iam_action(*arguments, parameters)
        if action is None or action in ALWAYS_ALLOWED:
            return None
        resource = iam_actions.extract_resource_arn(*arguments, parameters, request.region, request.account_id)
        try:
            policy_evaluation.authorize(self._state, request, action, resource)
        except ServiceError as denial:
            return _ministack_error(service, request, "", denial.message)
        return None


def _pin(scope: Scope) -> Request:
    """Set ministack's request context, and give the request, yet without body, as the lab's services take it."""
    headers, raw_query = _headers(scope), scope["query_string"].decode("latin-1")
    query = parse_qs(raw_query, keep_blank_values=True)
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


def _authentication_failure(request: Request) -> Response | None:
    """AWS's refusal of a caller who is not who the signature says, or says nothing."""
    if not request.access_key_id:
        failure = ("MissingAuthenticationToken", "Request is missing Authentication Token")
    elif iam_evaluator.is_root_access_key(request.access_key_id):
        # ministack takes an empty key, "test" and any account number as root, unsigned.
        failure = ("UnrecognizedClientException", "The security token included in the request is invalid.")
    elif denied := iam_evaluator.check_credentials(request.access_key_id, request.service):
        failure = (denied.code, denied.message)
    else:
        return None
    return _ministack_error(request.service, request, *failure)


def _ministack_error(service: str, request: Request, code: str, message: str) -> Response:
    """A denial, or a failed authentication with its code, in the form that the service's clients read."""
    # ministack takes a target for the JSON protocol, whose status would be 400; streams are REST and may name one.
    named = {name: value for name, value in request.headers.items() if request.stream is None or name != "x-amz-target"}
    status, headers, body = iam_actions.access_denied_response(
        service, "", "", str(uuid.uuid4()), error_code=code, message=message, headers=named
    )
    content_type = headers.pop("Content-Type")
    return Response(body, status, content_type, headers)


def _unknown(request: Request) -> Response:
    error = ServiceError(
        "UnknownOperationException",
        f"The lab does not answer {request.service} {request.method} {request.path}",
        404,
    )
    return _render(error, "query" if request.form() else "rest-json")


def _render(error: ServiceError, protocol: str) -> Response:
    if protocol == "rest-json":
        response = json_response({"message": error.message}, error.status)
        return Response(response.body, response.status, headers={"x-amzn-errortype": error.code})
    body = (
        f'<ErrorResponse xmlns="{IAM_NAMESPACE}"><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(body.encode(), error.status, "text/xml")


def _log(request: Request, outcome: str, operation: Operation | None = None) -> None:
    """Name caller, region, call and outcome; never what was sent."""
    asked = (
        operation.name if operation else request.headers.get("x-amz-target") or request.form().get("Action", [""])[0]
    )
    call = asked or f"{request.method} {request.path}"
    logger.info(
        "%s %s %s %s -> %s", request.access_key_id or "unsigned", request.region, request.service, call, outcome
    )


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, then what comes after it."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> MutableMapping[str, Any]:
        return pending.pop() if pending else await receive()

    return replay


async def _send(send: Send, response: Response, headers: Mapping[str, str]) -> None:
    fields = {
        "content-type": response.content_type,
        **({} if response.stream else {"content-length": str(len(response.body))}),
        "date": formatdate(usegmt=True),
        **headers,
        **response.headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if response.stream:
        async for part in response.stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": response.body})


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
