"""The one AWS endpoint: every request is authenticated here, then answered or handed to ministack."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from importlib import import_module
from typing import Any
from xml.sax.saxutils import unescape

import ministack.app
from ministack.core import iam_actions, iam_evaluator, responses, router

from lab import authentication, cloudtrail_events, ec2_authorization, policy_evaluation
from lab.authentication import Scope
from lab.instance_metadata import InstanceMetadata
from lab.operations import OPERATIONS, Operation, render_error
from lab.service import Request, Response, ServiceError
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
#: What the lab answers itself: importing them registers their operations.
SERVICES = (
    "bedrock",
    "bedrock_runtime",
    "cloudtrail",
    "iam_policies",
    "iam_simulation",
    "polly",
    "transcribe_streaming",
)
for service in SERVICES:
    import_module(f"lab.{service}")


class Application:
    """The ASGI application of one lab; HTTPS is AWS, plain HTTP is the instance's metadata."""

    def __init__(self, state: LabState, metadata: InstanceMetadata) -> None:
        self._state, self._metadata = state, metadata

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
        operation, path = self._find(request)
        response = authentication.refusal(request, self._service(request), operation)
        if response is None and operation is not None:
            response = self._handle(operation, request, path)
        elif response is None and request.service in MINISTACK and request.path == "/":
            response = self._ministack_denial(request) or await self._ask_ministack(request)
            self._record(request, _asked(request), _sent(request), response)
        elif response is None:
            text = f"The lab does not answer {request.service} {request.method} {request.path}"
            error = ServiceError("UnknownOperationException", text, 404)
            response = render_error(error, "query" if request.form() else "rest-json", request.request_id)
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
        for operation in OPERATIONS:
            if operation.service == request.service and (path := operation.match(request)) is not None:
                return operation, path
        return None, {}

    def _service(self, request: Request) -> str:
        """Whose call it is, whatever service it is signed for: the endpoint's, or that of the operation."""
        known = {*MINISTACK, *(operation.service for operation in OPERATIONS)}
        called = authentication.endpoint(request)
        if called and called[0] in known:
            return called[0]
        if self._find(request)[0] is not None:
            return request.service
        named = [operation.service for operation in OPERATIONS if operation.match(request) is not None]
        if not named and request.path == "/" and request.service in MINISTACK:
            named = [router.detect_service(request.method, "/", request.headers, _parameters(request))]
        return named[0] if named else request.service

    def _handle(self, operation: Operation, request: Request, path: Mapping[str, str]) -> Response:
        parameters: dict[str, Any] = {}
        try:
            parameters = operation.parameters(request, path)
            operation.authorize(self._state, request, parameters)
            response = operation.answer(self._state, request, parameters)
        except ServiceError as error:
            response = render_error(error, operation.protocol, request.request_id)
        self._record(request, operation.name, parameters, response)
        return response

    def _ministack_denial(self, request: Request) -> Response | None:
        """Authorize what ministack answers: its own evaluator words denials unlike AWS and knows fewer layers."""
        parameters = _parameters(request)
        arguments = (request.service, request.method, request.path, request.headers, request.body)
        action = iam_actions.extract_iam_action(*arguments, parameters)
        if action is None or action in ALWAYS_ALLOWED:
            return None
        resource = ec2_authorization.resource(parameters, request) if request.service == "ec2" else None
        if resource is None:
            resource = iam_actions.extract_resource_arn(*arguments, parameters, request.region, request.account_id)
        tags = iam_actions.request_tag_context(request.service, action, request.body, parameters)
        tags |= ec2_authorization.tags(parameters, request) if request.service == "ec2" else {}
        keys = {name.lower(): value if isinstance(value, list) else [value] for name, value in tags.items()}
        try:
            policy_evaluation.authorize(self._state, request, action, resource, context=keys)
        except ServiceError as denial:
            return authentication.error_response(request, request.service, "", denial.message)
        return None

    async def _ask_ministack(self, request: Request) -> Response:
        """Let ministack's service answer, and give the answer with the error that it tells."""
        handler = ministack.app.SERVICE_HANDLERS[request.service]
        with self._state.iam.change() if request.service == "iam" else nullcontext():
            status, headers, answer = await handler("POST", "/", dict(request.headers), request.body, {})
        responses.fix_error_content_type(request.service, status, headers)
        responses.fix_success_content_type(request.service, status, headers)
        body = answer.encode() if isinstance(answer, str) else answer
        error = _told_error(body) if status >= HTTPStatus.BAD_REQUEST else None
        told = REQUEST_ID.search(body)  # a client takes it from the body
        more = {"x-amzn-requestid": told[1].decode()} if told else {}
        return Response(body, status, headers.get("Content-Type", "text/plain"), more, error=error)

    def _record(self, request: Request, event_name: str, parameters: Mapping[str, Any], response: Response) -> None:
        request_id = response.headers.get("x-amzn-requestid", request.request_id)
        cloudtrail_events.record(self._state, replace(request, request_id=request_id), event_name, parameters, response)


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
    return request.action() or request.target().rpartition(".")[2]


def _sent(request: Request) -> dict[str, Any]:
    """The parameters of what ministack answers."""
    with suppress(ServiceError):
        return request.json() if request.target() else {name: values[0] for name, values in request.form().items()}
    return {}


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
