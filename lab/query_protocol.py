"""The query protocol of IAM: parameters in a form, answers in XML."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from lab.service import Request, Response, ServiceError

NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
DEFAULT_MAX_ITEMS, GREATEST_MAX_ITEMS = 100, 1000


class Form:
    """The parameters of a request."""

    def __init__(self, request: Request) -> None:
        self._values = {name: values[0] for name, values in request.form().items()}
        self.request_id = request.request_id

    def text(self, name: str) -> str:
        """A parameter, empty when it is not given."""
        return self._values.get(name, "")

    def members(self, name: str, suffix: str = "") -> list[str]:
        """The members of a list; with a suffix, one field of each."""
        values: list[str] = []
        while (value := self._values.get(f"{name}.member.{len(values) + 1}{suffix}")) is not None:
            values.append(value)
        return values

    def page(self, results: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str | None]:
        """One page and the marker of the next, None at the end."""
        size = int(self.text("MaxItems") or DEFAULT_MAX_ITEMS)
        if not 1 <= size <= GREATEST_MAX_ITEMS:
            raise ServiceError("ValidationError", f"Value '{size}' at 'maxItems' failed to satisfy constraint")
        try:
            start = int(base64.b64decode(self.text("Marker"), validate=True) or 0)
        except (binascii.Error, ValueError) as error:
            raise ServiceError("ValidationError", "Invalid Marker.") from error
        end = start + size
        marker = base64.b64encode(str(end).encode()).decode() if end < len(results) else None
        return results[start:end], marker


def answer(form: Form, result: Mapping[str, Any]) -> Response:
    """Answer the form's action."""
    action = form.text("Action")
    body = _xml(f"{action}Result", result) + _xml("ResponseMetadata", {"RequestId": form.request_id})
    return Response(f'<{action}Response xmlns="{NAMESPACE}">{body}</{action}Response>'.encode(), 200, "text/xml")


def _xml(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_xml(key, entry) for key, entry in value.items() if entry is not None)
    elif isinstance(value, list):
        inner = "".join(_xml("member", entry) for entry in value)
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>"
