"""The form that every service of the lab has: operations in, responses out.

One module per service holds a tuple ``OPERATIONS``. The ASGI layer (``lab.asgi``) finds the
operation of a request, authenticates and authorizes the caller with ministack's own evaluator,
and calls the handler. What no operation claims goes on to ministack.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from lab.state import LabState


@dataclass(frozen=True)
class Request:
    """A signed AWS request, read whole but for a streaming operation."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    service: str  # the signing name, as the credential scope has it: "bedrock", "polly", "iam"
    region: str  # as the credential scope has it
    account_id: str
    access_key_id: str
    stream: AsyncIterator[bytes] | None = None  # the body of a streaming operation, as it comes over HTTP/2
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: What the service adds to the call's CloudTrail event.
    additional_event_data: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, empty when there is none."""
        try:
            content = json.loads(self.body) if self.body else {}
        except ValueError as error:
            raise ServiceError("SerializationException", f"The body is no JSON: {error}") from error
        if not isinstance(content, dict):
            raise ServiceError("SerializationException", "The body is no JSON object")
        return content

    def form(self) -> dict[str, list[str]]:
        """The body of the query protocol, empty for any other."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return parse_qs(self.body.decode(errors="replace"), keep_blank_values=True)

    def target(self) -> str:
        """Service version and operation of the JSON protocol: ``CloudTrail_20131101.LookupEvents``."""
        return ".".join(self.headers.get("x-amz-target", "").split(".")[-2:])

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None


@dataclass(frozen=True)
class Response:
    """An answer; ``headers`` come on top of the content type and the request ID."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None  # instead of the body, sent as it comes
    error: tuple[str, str] | None = None  # code and message of the error that the body tells


def json_response(payload: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with a JSON document."""
    return Response(json.dumps(payload).encode(), status)


class ServiceError(Exception):
    """An error as AWS answers it; the ASGI layer renders it in the protocol of the operation."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


Handler = Callable[["LabState", Request, Mapping[str, str]], Response]
#: Gives the resource ARN that IAM evaluates, from state, request and path parameters.
Resource = Callable[["LabState", Request, Mapping[str, str]], str]


def any_resource(_state: LabState, _request: Request, _parameters: Mapping[str, str]) -> str:
    """The resource of actions that support no resource-level permissions."""
    return "*"


#: Gives the condition keys that a request has beside those that every one has.
ConditionKeys = Callable[[Request], dict[str, list[str]]]


def no_condition_keys(_request: Request) -> dict[str, list[str]]:
    """The condition keys of actions that have none of their own."""
    return {}


@dataclass(frozen=True)
class Operation:
    """One operation of one service.

    path: a regular expression matched against the whole percent-decoded path; its named groups
    become the handler's parameters. query_action: for the query protocol (IAM), the value of
    the form's ``Action``. target: for the JSON protocol (CloudTrail), the end of ``X-Amz-Target``.
    """

    name: str
    service: str
    method: str
    path: re.Pattern[str]
    iam_action: str
    handler: Handler
    resource: Resource = any_resource
    condition_keys: ConditionKeys = no_condition_keys
    query_action: str | None = None
    target: str | None = None
    protocol: str = "rest-json"  # or "query", or "json"
    streaming: bool = False  # the handler is called before the request's body is there

    def match(self, request: Request) -> dict[str, str] | None:
        """The path's parameters when the request asks for this operation, whatever service it is signed for."""
        found = self.path.fullmatch(request.path) if self.method == request.method else None
        named = (self.query_action or "", self.target or "")
        asked = (request.form().get("Action", [""])[0], request.target())
        if found is None or any(name not in ("", given) for name, given in zip(named, asked, strict=True)):
            return None
        return found.groupdict()
