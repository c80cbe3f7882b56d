"""Operations as AWS's own service models describe them: path, protocol, parameters and their constraints."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from lab.service import (
    ConditionKeys,
    Operation,
    Request,
    Resource,
    Response,
    ServiceError,
    any_resource,
    no_condition_keys,
)
from lab.state import LabState

Handler = Callable[[LabState, Request, Mapping[str, Any]], Response]
#: Every operation that a handler was registered for.
REGISTERED: list[Operation] = []
CONVERTED: dict[str, Callable[[str], Any]] = {"integer": int, "boolean": lambda text: text == "true"}
FAILED = "failed to satisfy constraint: Member must"
BOUNDS = {"string": "length", "blob": "length", "integer": "value"}


@cache
def _service(name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(name)


def operation(
    service: str,
    resource: Resource = any_resource,
    condition_keys: ConditionKeys = no_condition_keys,
    *,
    reads: bool = True,
) -> Callable[[Handler], Handler]:
    """Register a handler for the operation that its name says in snake case.

    It gets the parameters by their names in the model, once they keep the model's constraints; with reads=False
    those of the path alone, as they came.
    """

    def register(handler: Handler) -> Handler:
        name = handler.__name__.title().replace("_", "")
        model = _service(service).operation_model(name)
        signing_name, protocol = model.service_model.signing_name, str(model.service_model.protocol)

        def handle(state: LabState, request: Request, path: Mapping[str, str]) -> Response:
            return handler(state, request, _read(model, request, path) if reads else path)

        REGISTERED.append(
            Operation(
                name,
                signing_name,
                model.http["method"],
                re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", model.http["requestUri"])),
                f"{signing_name}:{name}",
                handle,
                resource,
                condition_keys,
                query_action=name if protocol == "query" else None,
                target=_target(model) if protocol == "json" else None,
                protocol=protocol,
            )
        )
        return handler

    return register


def _target(model: OperationModel) -> str:
    return ".".join([*model.metadata["targetPrefix"].split(".")[-1:], model.name])


def _read(model: OperationModel, request: Request, path: Mapping[str, str]) -> dict[str, Any]:
    members = model.input_shape.members if model.input_shape else {}
    body = request.json()
    found = {name: _found(member, name, request, path, body) for name, member in members.items()}
    required = model.input_shape.required_members if model.input_shape else []
    faults = [f"Value null at '{_camel(name)}' {FAILED} not be null" for name in required if found[name] is None]
    faults += [
        f"Value '{value}' at '{_camel(name)}' {FAILED} {fault}"
        for name, value in found.items()
        if value is not None
        for fault in _faults(members[name], value)
    ]
    if faults:
        number = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected"
        raise ServiceError("ValidationException", f"{number}: {'; '.join(faults)}")
    return {name: value for name, value in found.items() if value is not None}


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _found(member: Shape, name: str, request: Request, path: Mapping[str, str], body: Mapping[str, Any]) -> Any:
    location, wire = member.serialization.get("location"), member.serialization.get("name", name)
    if location is None:
        return body.get(wire)
    text = {"uri": path, "querystring": {key: values[0] for key, values in request.query.items()}}[location].get(wire)
    try:
        return text if text is None else CONVERTED.get(member.type_name, str)(text)
    except ValueError as error:
        raise ServiceError("SerializationException", f"{name} is no {member.type_name}: {text}") from error


def _faults(shape: Shape, value: Any) -> Iterator[str]:
    """The constraints that a value does not keep, in AWS's words."""
    if shape.type_name == "list":
        for entry in value:
            yield from _faults(shape.member, entry)  # type: ignore[attr-defined]
        return
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
