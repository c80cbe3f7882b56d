"""Operations as AWS's own service models describe them: whose request it is, its parameters, its answer."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from lab.policy_evaluation import authorize
from lab.service import Request, Response, ServiceError
from lab.state import LabState

#: Gives the answer's members by their names on the wire, or a response that is made already.
Handler = Callable[[LabState, Request, dict[str, Any]], Mapping[str, Any] | Response]
#: Gives the ARN that IAM evaluates, from the parameters as they came.
Resource = Callable[[LabState, Request, Mapping[str, Any]], str]
#: Gives the condition keys that a request has beside those that every one has.
ConditionKeys = Callable[[Mapping[str, Any]], dict[str, list[str]]]
#: Every operation that a handler was registered for.
OPERATIONS: list[Operation] = []
#: One for all: it keeps what it has read.
LOADER = Loader()
#: Models that botocore has not.
MODELS = Path(__file__).with_name("data") / "models"
IAM_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
CONTENT_TYPES = {"rest-json": "application/json", "json": "application/x-amz-json-1.1"}
CONVERTED: dict[str, Callable[[str], Any]] = {"integer": int, "boolean": lambda text: text == "true"}
FAILED = "failed to satisfy constraint: Member must"
BOUNDS = {"string": "length", "blob": "length", "integer": "value"}


def operation(
    service: str,
    resource: Resource | None = None,
    condition_keys: ConditionKeys | None = None,
    invalid: str = "ValidationException",
) -> Callable[[Handler], Handler]:
    """Register a handler for the operation that its name says in snake case.

    ``invalid`` is the code of parameters that do not keep the model's constraints, ``{}`` for the first one's name.
    """

    def register(handler: Handler) -> Handler:
        model = service_model(service).operation_model(handler.__name__.title().replace("_", ""))
        OPERATIONS.append(Operation(model, handler, resource, condition_keys, invalid))
        return handler

    return register


@cache
def service_model(name: str) -> ServiceModel:
    """Botocore's model of a service, or the lab's own."""
    own = MODELS / f"{name}.yml"
    if own.exists():
        return ServiceModel(yaml.safe_load(own.read_text(encoding="utf-8")), name)
    return ServiceModel(LOADER.load_service_model(name, "service-2"), name)


class Operation:
    """One operation, from a request to its response."""

    def __init__(
        self,
        model: OperationModel,
        handler: Handler,
        resource: Resource | None,
        condition_keys: ConditionKeys | None,
        invalid: str,
    ) -> None:
        self._model, self._handler, self._invalid = model, handler, invalid
        self._resource, self._condition_keys = resource, condition_keys
        service = model.service_model
        self.name, self.service, self.protocol = model.name, service.signing_name, str(service.protocol)
        self.iam_action = f"{self.service}:{self.name}"
        self.streaming = model.has_event_stream_input
        self._path = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", model.http["requestUri"]))
        version = service.metadata.get("targetPrefix", "").rpartition(".")[2]
        self._asked = {"query": self.name, "json": f"{version}.{self.name}"}.get(self.protocol)

    def match(self, request: Request) -> dict[str, str] | None:
        """The path's parameters when the request asks for this operation, whatever service it is signed for."""
        found = self._path.fullmatch(request.path) if self._model.http["method"] == request.method else None
        asked = {"query": request.action(), "json": request.target()}.get(self.protocol)
        return found.groupdict() if found and asked == self._asked else None

    def parameters(self, request: Request, path: Mapping[str, str]) -> dict[str, Any]:
        """The parameters as they came, by their names in the model."""
        shape = self._model.input_shape
        if shape is None:
            return {}
        if self.protocol == "query":
            return _from_form(shape, {name: values[0] for name, values in request.form().items()}) or {}
        payload = shape.serialization.get("payload")
        body = {} if payload else request.json()
        found = {
            name: _found(member, name, request, path, body) for name, member in shape.members.items() if name != payload
        }
        return {name: value for name, value in found.items() if value is not None}

    def authorize(self, state: LabState, request: Request, parameters: Mapping[str, Any]) -> None:
        """Raise AWS's denial unless the caller may; without a resource of its own an action has any."""
        code = "AccessDenied" if self.protocol == "query" else "AccessDeniedException"
        resource = self._resource(state, request, parameters) if self._resource else "*"
        keys = self._condition_keys(parameters) if self._condition_keys else {}
        authorize(state, request, self.iam_action, resource, context=keys, code=code)

    def answer(self, state: LabState, request: Request, parameters: dict[str, Any]) -> Response:
        """What the handler makes of parameters that keep the model's constraints."""
        if faults := list(self._faults(parameters)):
            number = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected"
            text = "; ".join(f"Value {value} at '{_camel(name)}' {FAILED} {broken}" for name, value, broken in faults)
            raise ServiceError(self._invalid.format(faults[0][0]), f"{number}: {text}")
        result = self._handler(state, request, parameters)
        if isinstance(result, Response):
            return result
        if self.protocol == "query":
            body = _xml(f"{self.name}Result", result) + _xml("ResponseMetadata", {"RequestId": request.request_id})
            document = f'<{self.name}Response xmlns="{IAM_NAMESPACE}">{body}</{self.name}Response>'
            return Response(document.encode(), 200, "text/xml")
        status = self._model.http.get("responseCode", 200)
        return Response(json.dumps(result).encode(), status, CONTENT_TYPES[self.protocol])

    def _faults(self, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        shape = self._model.input_shape
        if shape is None:
            return
        for name in shape.required_members:
            if name not in parameters and name != shape.serialization.get("payload"):
                yield name, "null", "not be null"
        for name, value in parameters.items():
            for broken in _broken(shape.members[name], value):
                yield name, f"'{value}'", broken


def render_error(error: ServiceError, protocol: str, request_id: str) -> Response:
    """An error in the form that the protocol's clients read."""
    told = (error.code, error.message)
    if protocol == "query":
        details = {"Error": {"Type": "Sender", "Code": error.code, "Message": error.message}, "RequestId": request_id}
        inner = "".join(_xml(name, value) for name, value in details.items())
        document = f'<ErrorResponse xmlns="{IAM_NAMESPACE}">{inner}</ErrorResponse>'
        return Response(document.encode(), error.status, "text/xml", error=told)
    if protocol == "json":  # where every fault of the client's has one status
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return Response(body, 400, CONTENT_TYPES[protocol], error=told)
    body = json.dumps({"message": error.message}).encode()
    return Response(body, error.status, headers={"x-amzn-errortype": error.code}, error=told)


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _found(member: Shape, name: str, request: Request, path: Mapping[str, str], body: Mapping[str, Any]) -> Any:
    location, wire = member.serialization.get("location"), member.serialization.get("name", name)
    if location is None:
        return body.get(wire)
    query = {key: values[0] for key, values in request.query.items()}
    return _converted(member, {"uri": path, "querystring": query, "header": request.headers}[location].get(wire))


def _from_form(shape: Any, form: Mapping[str, str], prefix: str = "") -> Any:
    """What a form says of a shape: ``ContextEntries.member.1.ContextKeyName``; None when it says nothing."""
    if shape.type_name == "structure":
        start = f"{prefix}." if prefix else ""
        found = {name: _from_form(member, form, f"{start}{name}") for name, member in shape.members.items()}
        return {name: value for name, value in found.items() if value is not None} or None
    if shape.type_name == "list":
        entries: list[Any] = []
        while (entry := _from_form(shape.member, form, f"{prefix}.member.{len(entries) + 1}")) is not None:
            entries.append(entry)
        return entries or None
    return _converted(shape, form.get(prefix))


def _converted(shape: Shape, text: str | None) -> Any:
    try:
        return text if text is None else CONVERTED.get(shape.type_name, str)(text)
    except ValueError as error:
        raise ServiceError("SerializationException", "STRING_VALUE can not be converted to an Integer") from error


def _broken(shape: Any, value: Any) -> Iterator[str]:
    """The constraints that a value does not keep, in AWS's words."""
    for entry in value if shape.type_name == "list" else ():
        yield from _broken(shape.member, entry)
    for name, entry in value.items() if shape.type_name == "structure" else ():
        yield from _broken(shape.members[name], entry)
    if (allowed := shape.metadata.get("enum")) and value not in allowed:
        yield f"satisfy enum value set: [{', '.join(allowed)}]"
    if (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern, str(value)):
        yield f"satisfy regular expression pattern: {pattern}"
    if shape.type_name in BOUNDS:
        what, measured = BOUNDS[shape.type_name], value if shape.type_name == "integer" else len(_content(shape, value))
        if measured < shape.metadata.get("min", measured):
            yield f"have {what} greater than or equal to {shape.metadata['min']}"
        if measured > shape.metadata.get("max", measured):
            yield f"have {what} less than or equal to {shape.metadata['max']}"


def _content(shape: Shape, value: str) -> bytes | str:
    if shape.type_name != "blob":
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceError("SerializationException", "A blob is not base64") from error


def _xml(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_xml(key, entry) for key, entry in value.items() if entry is not None)
    elif isinstance(value, list):
        inner = "".join(_xml("member", entry) for entry in value)
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>"
