"""EC2's answers in pages: as many results as a call asks for, and no more than AWS gives at once."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree

from ministack.services import ec2

from lab.operations import LOADER, service_model
from lab.service import ServiceError, page

Answer = tuple[int, dict[str, str], bytes]
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
#: Results of a call that asks for no number of them.
GREATEST, GREATEST_OF = 1000, {"GetManagedPrefixListEntries": 100}
INVALID = ServiceError("InvalidNextToken", "The nextToken is invalid")


def complete() -> None:
    """Make every operation that has pages, by botocore's paginators, give them."""
    ElementTree.register_namespace("", NAMESPACE)
    paginators = LOADER.load_service_model("ec2", "paginators-1")
    for action, paginator in paginators["pagination"].items():
        key = paginator["result_key"]
        if action in ec2._ACTION_MAP and isinstance(key, str):
            shape: Any = service_model("ec2").operation_model(action).output_shape
            element = str(shape.members[key].serialization["name"])
            ec2._ACTION_MAP[action] = _in_pages(ec2._ACTION_MAP[action], action, element)


def _in_pages(handler: Callable[[Any], Answer], action: str, element: str) -> Callable[[Any], Answer]:
    def handle(parameters: Any) -> Answer:
        status, headers, body = handler(parameters)
        token = ec2._p(parameters, "NextToken") or None
        size = int(ec2._p(parameters, "MaxResults") or GREATEST_OF.get(action, GREATEST))
        if status != HTTPStatus.OK or (token is None and body.count(b"<item>") <= size):
            return status, headers, body
        root = ElementTree.fromstring(body)  # noqa: S314  (ministack's)
        for results in root.iterfind(f"{{{NAMESPACE}}}{element}"):
            try:
                results[:], following = page(list(results), token, size, INVALID, action)
            except ServiceError as error:
                answer: Answer = ec2._error(error.code, error.message, error.status)
                return answer
            if following:
                ElementTree.SubElement(root, f"{{{NAMESPACE}}}nextToken").text = following
        return status, headers, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)

    return handle
