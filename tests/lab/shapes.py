"""Holds a response of the lab against botocore's service model, member by member.

botocore's own parser is lenient: it passes over what the model does not know, and checks neither
enums nor patterns. Here all of that is a problem, apart from what AWS itself is seen to answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree

import botocore.parsers
import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

#: Constraints that AWS's own answers break, by service and shape.
BROKEN_BY_AWS = {
    ("bedrock", "InferenceType", "enum"),  # INFERENCE_PROFILE
    ("bedrock", "ModelModality", "enum"),  # VIDEO
    ("bedrock", "InferenceProfileName", "pattern"),  # "US Anthropic Claude Haiku 4.5"
    ("bedrock", "InferenceProfileDescription", "pattern"),  # "... in us-east-1, us-east-2 and us-west-2."
    ("bedrock", "FoundationModelArn", "pattern"),  # "arn:aws:bedrock:::foundation-model/..." of global profiles
    ("iam", "PolicySourceType", "enum"),  # "IAM Policy"
    ("ec2", "State", "enum"),  # of VPC endpoints: "available"
}
XML_PROTOCOLS = ("ec2", "query")
#: Elements that AWS sends, though its models have them no more.
SENT_BY_AWS = ("CreateSecurityGroup.return",)
#: What stands in for a timestamp, an integer and so on in the parsed answer.
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": float,
    "float": float,
    "blob": bytes,
    "list": list,
    "structure": dict,
    "map": dict,
}


@cache
def service_model(service: str) -> ServiceModel:
    """Botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


def problems(service: str, operation: str, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Everything in a successful response that the model does not allow."""
    model = service_model(service).operation_model(operation)
    found = [] if status == model.http.get("responseCode", 200) else [f"{operation}: status {status}"]
    shape = model.output_shape
    if shape is None or status >= HTTPStatus.BAD_REQUEST or model.has_event_stream_output:
        return found
    payload = shape.serialization.get("payload")
    if payload is None:
        found += _unknown_members(model, body)
    parser = botocore.parsers.create_parser(service_model(service).protocol)
    content = body if payload is None else b""
    parsed = parser.parse({"status_code": status, "headers": headers, "body": content}, shape)
    parsed.pop("ResponseMetadata", None)
    if payload is not None:
        parsed[payload] = body
    return found + list(_invalid(service, shape, parsed, operation))


def _invalid(service: str, shape: Shape, value: Any, where: str) -> Iterator[str]:
    kind = TYPES.get(shape.type_name)
    if kind and not isinstance(value, kind):
        yield f"{where}: {value!r} is no {shape.type_name}"
        return
    yield from _broken_constraints(service, shape, value, where)
    if isinstance(shape, StructureShape):
        yield from (f"{where}.{name} is missing" for name in shape.required_members if name not in value)
        for name, entry in value.items():
            yield from _invalid(service, shape.members[name], entry, f"{where}.{name}")
    elif isinstance(shape, ListShape):
        for index, entry in enumerate(value):
            yield from _invalid(service, shape.member, entry, f"{where}[{index}]")
    elif isinstance(shape, MapShape):
        for key, entry in value.items():
            yield from _invalid(service, shape.key, key, f"{where} key")
            yield from _invalid(service, shape.value, entry, f"{where}[{key}]")


def _broken_constraints(service: str, shape: Shape, value: Any, where: str) -> Iterator[str]:
    size = len(value) if isinstance(value, (str, bytes, list)) else value
    metadata = shape.metadata
    checks = {
        "enum": lambda: value in metadata["enum"],
        "pattern": lambda: re.fullmatch(metadata["pattern"], value) is not None,
        "min": lambda: size >= metadata["min"],
        "max": lambda: size <= metadata["max"],
    }
    for name, holds in checks.items():
        if name in metadata and (service, shape.name, name) not in BROKEN_BY_AWS and not holds():
            yield f"{where}: {value!r} breaks {shape.name}'s {name} {metadata[name]}"


def _unknown_members(model: OperationModel, body: bytes) -> list[str]:
    shape = model.output_shape
    assert shape is not None
    if model.service_model.protocol not in XML_PROTOCOLS:
        return list(_unknown_keys(shape, json.loads(body), model.name))
    root = ElementTree.fromstring(re.sub(rb' xmlns="[^"]*"', b"", body))  # noqa: S314
    if model.service_model.protocol == "ec2":  # whose result and request ID stand side by side
        told = root.find("requestId")
        result = root if told is not None else None
        if told is not None:
            root.remove(told)
    else:
        told, result = root.find("ResponseMetadata/RequestId"), root.find(str(shape.serialization["resultWrapper"]))
    if root.tag != f"{model.name}Response" or told is None or result is None:
        return [f"{model.name}: the envelope is wrong"]
    return list(_unknown_elements(shape, result, model.name))


def _unknown_keys(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        members = {str(m.serialization.get("name", name)): m for name, m in shape.members.items()}
        for key, entry in value.items():
            if key not in members:
                yield f"{where}.{key} is unknown"
            else:
                yield from _unknown_keys(members[key], entry, f"{where}.{key}")
    elif isinstance(shape, ListShape):
        for entry in value:
            yield from _unknown_keys(shape.member, entry, where)


def _unknown_elements(shape: Shape, element: ElementTree.Element, where: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        members = {str(m.serialization.get("name", name)): m for name, m in shape.members.items()}
        for child in element:
            if child.tag in members:
                yield from _unknown_elements(members[child.tag], child, f"{where}.{child.tag}")
            elif f"{where}.{child.tag}" not in SENT_BY_AWS:
                yield f"{where}.{child.tag} is unknown"
    elif isinstance(shape, ListShape):
        entry = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag != entry:
                yield f"{where}.{child.tag} is no list's member"
            yield from _unknown_elements(shape.member, child, where)


def missing(paths: Iterable[str], answer: Any) -> list[str]:
    """Those of the paths that the parsed answer has not: ``Vpcs[].VpcId`` is there when there is a VPC and each has."""
    return [path for path in paths if not _has(answer, path.replace("[]", ".[]").split("."))]


def _has(value: Any, path: list[str]) -> bool:
    if not path:
        return True
    if path[0] == "[]":
        return bool(value) and all(_has(entry, path[1:]) for entry in value)
    return isinstance(value, dict) and path[0] in value and _has(value[path[0]], path[1:])
