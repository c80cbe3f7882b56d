"""The one AWS endpoint: every request is authenticated here, then answered or handed to ministack."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import nullcontext
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape, unescape

import ministack.app
from ministack.core import iam_actions, iam_evaluator, router

from lab import authentication, cloudtrail_events, ec2_authorization, policy_evaluation
from lab.authentication import Scope
from lab.instance_metadata import InstanceMetadata
from lab.service import Operation, Request, Response, ServiceError
from lab.state import LabState

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger("lab")

#: What ministack answers, by signing name: query and JSON protocols, whose only path is "/". Any other
#: path there would reach its unsigned and administrative ones.
MINISTACK = ("cloudtrail", "ec2", "iam", "kms", "logs", "organizations", "secretsmanager", "ssm", "sts")
#: AWS never denies these.
ALWAYS_ALLOWED = ("sts:GetCallerIdentity", "sts:GetSessionToken")
XML_ERROR = re.compile(r"<Code>(?P<code>[^<]*)</Code>\s*<Message>(?P<message>[^<]*)</Message>")
REQUEST_ID = re.compile(rb"<[Rr]equestI[dD]>([0-9A-Za-z-]+)<")
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
        operation, parameters = self._find(request)
        refusal = authentication.refusal(request, self._service(request), operation)
        if refusal is not None:
            response = refusal
        elif operation is not None:
            response = self._handle(operation, request, parameters)
            self._record(request, operation.name, parameters, response)
        elif request.service in MINISTACK and request.path == "/":
            response = self._ministack_denial(request) or await self._ask_ministack(scope, request, receive)
            self._record(request, _asked(request), {}, response)
        else:
            response = _unknown(request)
        _log(request, response, operation)
        await _send(send, response, {"x-amzn-requestid": request.request_id})

    async def _request(self, scope: Scope, receive: Receive) -> Request:
        """The request read whole, or with the stream that it is: only HTTP/2 can answer before its end."""
        request = authentication.pin(scope, _headers(scope))
        operation, _ = self._find(request)
        if operation and operation.streaming and scope["http_version"] == "2":
            return replace(request, stream=_parts(receive))
        body = b"".join([part async for part in _parts(receive)])
        iam_evaluator.pin_signed_body(body)
        return replace(request, body=body)

    def _find(self, request: Request) -> tuple[Operation | None, dict[str, str]]:
        for operation in self._operations:
            if operation.service == request.service and (parameters := operation.match(request)) is not None:
                return operation, parameters
        return None, {}

    def _service(self, request: Request) -> str:
        """Whose call it is, whatever service it is signed for: the endpoint's, or that of the operation."""
        known = {*MINISTACK, *(operation.service for operation in self._operations)}
        called = authentication.endpoint(request)
        if called and called[0] in known:
            return called[0]
        if self._find(request)[0] is not None:
            return request.service
        named = [operation.service for operation in self._operations if operation.match(request) is not None]
        if not named and request.path == "/" and request.service in MINISTACK:
            named = [router.detect_service(request.method, "/", request.headers, _parameters(request))]
        return named[0] if named else request.service

    def _handle(self, operation: Operation, request: Request, parameters: Mapping[str, str]) -> Response:
        code = "AccessDenied" if operation.protocol == "query" else "AccessDeniedException"
        try:
            resource = operation.resource(self._state, request, parameters)
            keys = operation.condition_keys(request)
            policy_evaluation.authorize(self._state, request, operation.iam_action, resource, context=keys, code=code)
            return operation.handler(self._state, request, parameters)
        except ServiceError as error:
            return _render(error, operation.protocol, request)

    def _ministack_denial(self, request: Request) -> Response | None:
        """Authorize what ministack answers here too: it words denials unlike AWS and knows fewer layers."""
        parameters = _parameters(request)
        arguments = (request.service, request.method, request.path, request.headers, request.body)
        action = iam_actions.extract_iam_action(*arguments, parameters)
        if action is None or action in ALWAYS_ALLOWED:
            return None
        resource = iam_actions.extract_resource_arn(*arguments, parameters, request.region, request.account_id)
        keys = ec2_authorization.condition_keys(parameters) if request.service == "ec2" else {}
        try:
            policy_evaluation.authorize(self._state, request, action, resource, context=keys)
        except ServiceError as denial:
            return authentication.error_response(request, request.service, "", denial.message)
        return None

    async def _ask_ministack(self, scope: Scope, request: Request, receive: Receive) -> Response:
        """Hand the request over, and give the answer with the error that it tells."""
        started: MutableMapping[str, Any] = {}
        parts: list[bytes] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            started.update(message if message["type"] == "http.response.start" else {})
            parts.append(message.get("body", b""))

        with self._state.iam.change() if request.service == "iam" else nullcontext():
            await ministack.app.app(scope, _replay(request.body, receive), keep)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in started["headers"]}
        body, status = b"".join(parts), started["status"]
        if told := REQUEST_ID.search(body):  # a client takes it from the body
            headers["x-amzn-requestid"] = told[1].decode()
        error = _told_error(body) if status >= HTTPStatus.BAD_REQUEST else None
        return Response(body, status, headers.pop("content-type", "text/plain"), headers, error=error)

    def _record(self, request: Request, event_name: str, parameters: Mapping[str, str], response: Response) -> None:
        request_id = response.headers.get("x-amzn-requestid", request.request_id)
        cloudtrail_events.record(self._state, replace(request, request_id=request_id), event_name, parameters, response)


def _unknown(request: Request) -> Response:
    error = ServiceError(
        "UnknownOperationException",
        f"The lab does not answer {request.service} {request.method} {request.path}",
        404,
    )
    return _render(error, "query" if request.form() else "rest-json", request)


def _render(error: ServiceError, protocol: str, request: Request) -> Response:
    told = (error.code, error.message)
    if protocol == "rest-json":
        body = json.dumps({"message": error.message}).encode()
        return Response(body, error.status, headers={"x-amzn-errortype": error.code}, error=told)
    if protocol == "json":  # where every fault of the client's has one status
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return Response(body, HTTPStatus.BAD_REQUEST, "application/x-amz-json-1.1", error=told)
    xml = (
        f'<ErrorResponse xmlns="{IAM_NAMESPACE}"><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request.request_id}</RequestId></ErrorResponse>"
    )
    return Response(xml.encode(), error.status, "text/xml", error=told)


def _told_error(body: bytes) -> tuple[str, str]:
    """Code and message of an error of ministack's, in XML or JSON."""
    text = body.decode(errors="replace")
    if match := XML_ERROR.search(text):
        return unescape(match["code"]), unescape(match["message"])
    content = json.loads(text) if text.startswith("{") else {}
    return content.get("__type", "InternalFailure").rpartition("#")[2], content.get("message", "")


def _parameters(request: Request) -> dict[str, list[str]]:
    return {**request.form(), **request.query}


def _asked(request: Request) -> str:
    """The operation's name, as the query protocol or the JSON protocol tells it."""
    return request.form().get("Action", [""])[0] or request.target().rpartition(".")[2]


def _log(request: Request, response: Response, operation: Operation | None = None) -> None:
    """Name caller, region, call and outcome; never what was sent."""
    call = (operation.name if operation else _asked(request)) or f"{request.method} {request.path}"
    caller = request.access_key_id or "unsigned"
    logger.info("%s %s %s %s -> %s", caller, request.region, request.service, call, response.status)


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
