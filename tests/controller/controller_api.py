"""Enough of AWX's REST API to make objects in: collections, filters by field, relations, surveys,
approval nodes, jobs that succeed at once.

It keeps what it is sent as AWX's own modules send it; what each object means is for AWX to judge.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PREFIX = "/api/v2/"
#: AWX finds these by the names of others.
UNIFIED = ("job_templates", "projects", "inventory_sources", "workflow_job_templates")
TYPES = {"inventories": "inventory", "workflow_approval_templates": "workflow_approval_template"}
RELATIONS = re.compile(r"(?P<collection>\w+)/(?P<id>\d+)/(?P<relation>\w+)/$")
OBJECT = re.compile(r"(?P<collection>\w+)/(?P<id>\d+)/$")


@dataclass
class Store:
    """The objects of a controller, by collection, and the changes asked for."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    relations: dict[tuple[str, int, str], list[int]] = field(default_factory=dict)
    surveys: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(
        default_factory=lambda: {"AWX_ISOLATION_SHOW_PATHS": ["/etc/pki/ca-trust:/etc/pki/ca-trust:O"]}
    )
    last_id: int = 0

    def create(self, collection: str, data: dict[str, Any]) -> dict[str, Any]:
        """Keep a new object as AWX shows it."""
        self.last_id += 1
        url = f"{PREFIX}{collection}/{self.last_id}/"
        made = {
            "id": self.last_id,
            "type": TYPES.get(collection, collection.removesuffix("s")),
            "url": url,
            "related": {"survey_spec": f"{url}survey_spec/", "launch": f"{url}launch/"},
            "status": "successful",
            **{f"ask_{name}_on_launch": False for name in ("limit", "labels", "inventory", "variables")},
            "summary_fields": {},
            "scm_revision": "",
            **data,
        }
        self.objects.setdefault(collection, []).append(made)
        return made

    def listed(self, collection: str, filters: dict[str, str]) -> list[dict[str, Any]]:
        """List the objects that have these values."""
        collections = UNIFIED if collection == "unified_job_templates" else (collection,)
        everything = [each for name in collections for each in self.objects.get(name, [])]
        return [each for each in everything if all(str(each.get(key)) == value for key, value in filters.items())]

    def one(self, collection: str, identifier: int) -> dict[str, Any]:
        """Return an object by its number."""
        return next(each for each in self.objects[collection] if each["id"] == identifier)

    def named(self, collection: str, name: str) -> dict[str, Any]:
        """Return an object by its name."""
        return next(each for each in self.objects[collection] if each["name"] == name)

    def related(self, collection: str, identifier: int, relation: str) -> list[int]:
        """Return the numbers of what an object is related to."""
        return self.relations.setdefault((collection, identifier, relation), [])


class Handler(BaseHTTPRequestHandler):
    store: Store

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the test's output is the playbook's."""

    def answer(self, status: int, body: Any = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def listing(self, results: list[dict[str, Any]]) -> None:
        self.answer(200, {"count": len(results), "next": None, "results": results})

    @property
    def route(self) -> str:
        return urlsplit(self.path).path.removeprefix(PREFIX)

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def do_GET(self) -> None:
        if self.route == "config/":
            return self.answer(200, {"version": "24.6.1"})
        if self.route.startswith("settings/"):
            return self.answer(200, self.store.settings)
        if found := RELATIONS.match(self.route):
            key = found["collection"], int(found["id"])
            if found["relation"] == "survey_spec":
                return self.answer(200, self.store.surveys.get(key, {}))
            return self.listing([{"id": each} for each in self.store.related(*key, found["relation"])])
        if found := OBJECT.match(self.route):
            return self.answer(200, self.store.one(found["collection"], int(found["id"])))
        return self.listing(self.store.listed(self.route.strip("/"), dict(parse_qsl(urlsplit(self.path).query))))

    def do_POST(self) -> None:
        data = self.data
        self.store.changes.append(f"POST {self.route}")
        found = RELATIONS.match(self.route)
        if not found:
            return self.answer(201, self.store.create(self.route.strip("/"), data))
        key = found["collection"], int(found["id"])
        if found["relation"] == "survey_spec":
            self.store.surveys[key] = data
            return self.answer(200, {})
        if found["relation"] == "launch":
            return self.answer(201, self.store.create("jobs", {"job_template": key[1], "artifacts": {}}))
        if found["relation"] == "create_approval_template":
            made = self.store.create("workflow_approval_templates", data)
            self.store.one(*key)["related"]["unified_job_template"] = made["url"]
            return self.answer(201, made)
        self.store.related(*key, found["relation"]).append(data["id"])
        return self.answer(204)

    def do_PATCH(self) -> None:
        if self.route.startswith("settings/"):
            self.store.changes.append(f"PATCH {self.route}")
            self.store.settings.update(self.data)
            return self.answer(200, self.store.settings)
        found = OBJECT.match(self.route)
        assert found, self.route
        self.store.changes.append(f"PATCH {self.route}")
        changed = self.store.one(found["collection"], int(found["id"]))
        changed.update(self.data)
        return self.answer(200, changed)


@contextmanager
def controller() -> Iterator[tuple[str, Store]]:
    """Serve a controller that holds nothing, on a free port; return its address and what it keeps."""
    store = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"store": store}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
