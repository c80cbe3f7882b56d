"""What every service of the lab takes and gives: a signed request, a response, an error."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs

from lab.templates import read

T = TypeVar("T")


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

    def action(self) -> str:
        """The operation's name in the query protocol, empty for any other."""
        return self.form().get("Action", [""])[0]

    def target(self) -> str:
        """Service version and operation of the JSON protocol: ``CloudTrail_20131101.LookupEvents``."""
        return ".".join(self.headers.get("x-amz-target", "").split(".")[-2:])


@dataclass(frozen=True)
class Response:
    """An answer; ``headers`` come on top of the content type and the request ID."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None  # instead of the body, sent as it comes
    error: tuple[str, str] | None = None  # code and message of the error that the body tells


class ServiceError(Exception):
    """An error as AWS answers it; the ASGI layer renders it in the protocol of the operation."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def fault(name: str, /, **values: Any) -> ServiceError:
    """An error of ``lab/data/errors.yml`` with these values in its text."""
    entry = read("errors.yml")[name]
    return ServiceError(entry["code"], entry["message"].format(**values), entry.get("status", 400))


def page(
    entries: Sequence[T], token: str | None, size: int, invalid: ServiceError, query: Any = None
) -> tuple[list[T], str | None]:
    """One page, and the token of the next, None at the end; the token of another query is invalid."""
    start = 0
    if token is not None:
        try:
            start, of_query = json.loads(base64.b64decode(token, validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise invalid from None
        if not isinstance(start, int) or of_query != query:
            raise invalid
    end = start + size
    following = base64.b64encode(json.dumps([end, query]).encode()).decode() if end < len(entries) else None
    return list(entries[start:end]), following
