# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that asks a host who it is, against a metadata service that wants a token."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.instance_metadata import (
    HEADER_OF_SESSION,
    IDENTITY_DOCUMENT,
    PROFILE,
    ROLES,
    SESSION,
)
from ansible_collections.safesecrets.infra.plugins.modules import instance_metadata_info

from tests.unit.module_runner import ModuleRunner, Result

PROFILE_ARN = "arn:aws:iam::111122223333:instance-profile/app"
SEEN = {
    "instance_id": "i-0123456789abcdef0",
    "region": "ca-central-1",
    "account_id": "111122223333",
    "instance_profile_arn": PROFILE_ARN,
    "role_name": "app",
}
NOBODY = dict.fromkeys(SEEN, "")
DOCUMENT = {"instanceId": SEEN["instance_id"], "region": SEEN["region"], "accountId": SEEN["account_id"]}
CONTENTS = {
    IDENTITY_DOCUMENT: json.dumps(DOCUMENT),
    PROFILE: json.dumps({"Code": "Success", "InstanceProfileArn": PROFILE_ARN}),
    ROLES: "app",
}


class Service(ThreadingHTTPServer):
    """Answers as IMDSv2 does; ``contents`` are bodies, or statuses where there is none."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents: dict[str, str | int] = dict(CONTENTS)
        self.token_status = 200
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_PUT(self) -> None:
        wanted = self.path == SESSION and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self._answer(self.server.token_status if wanted else 400, "canary-token")

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.contents.get(self.path, 404)
        if self.headers[HEADER_OF_SESSION] != "canary-token":
            self._answer(401, "")
        elif isinstance(content, int):
            self._answer(content, "")
        else:
            self._answer(200, content)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def ask(run_module: ModuleRunner, endpoint: str, **more: Any) -> Result:
    """Run the module in check mode, in which it looks as ever."""
    return run_module(instance_metadata_info, {"region": None, "endpoint": endpoint, **more}, check_mode=True)


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


NO_DOCUMENT = {"instance_id": "", "region": "", "account_id": ""}


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({}, {}),
        ({ROLES: "app\n"}, {}),
        ({ROLES: 404}, {"role_name": ""}),
        ({ROLES: ""}, {"role_name": ""}),
        ({PROFILE: 404}, {"instance_profile_arn": ""}),
        ({PROFILE: '{"Code": "InstanceProfileNotFound"}'}, {"instance_profile_arn": ""}),
        ({PROFILE: "<html>"}, {"instance_profile_arn": ""}),
        ({PROFILE: "[]"}, {"instance_profile_arn": ""}),
        ({IDENTITY_DOCUMENT: 401}, NO_DOCUMENT),
        ({IDENTITY_DOCUMENT: '{"instanceId": null}'}, NO_DOCUMENT),
    ],
)
def test_says_who_the_host_is(
    service: Service, run_module: ModuleRunner, changed: dict[str, str | int], seen: dict[str, str]
) -> None:
    service.contents.update(changed)
    result = ask(run_module, f"{service.endpoint}/")
    assert result["instance"] == SEEN | seen
    assert result["token"]["status"] == 200
    assert not result["changed"]


def test_asks_for_no_credentials_and_shows_no_token(service: Service, run_module: ModuleRunner) -> None:
    result = ask(run_module, service.endpoint)
    assert service.asked == [IDENTITY_DOCUMENT, PROFILE, ROLES]
    assert "canary" not in json.dumps(result.values)


def test_goes_past_a_proxy(service: Service, run_module: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert ask(run_module, service.endpoint)["instance"] == SEEN


def test_a_service_that_gives_no_token_is_asked_nothing_more(service: Service, run_module: ModuleRunner) -> None:
    service.token_status = 403
    result = ask(run_module, service.endpoint)
    assert result["instance"] == NOBODY
    assert result["token"] == {"status": 403, "msg": "HTTP Error 403: Forbidden"}
    assert service.asked == []


def test_no_service_at_all_is_said(run_module: ModuleRunner) -> None:
    result = ask(run_module, "http://127.0.0.1:9", timeout=1)
    assert not result.failed
    assert result["instance"] == NOBODY
    assert result["token"]["status"] == -1
    assert "refused" in result["token"]["msg"]


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("169.254.169.254", "no address that starts with http://"),
        ("http://", "no address that starts with http://"),
        ("file:///etc/passwd", "no address that starts with http://"),
        ("http://127.0.0.1:port", "port"),
        ("http://[::1", "IPv6"),
    ],
)
def test_what_is_no_address_is_said(run_module: ModuleRunner, endpoint: str, said: str) -> None:
    result = ask(run_module, endpoint)
    assert (result["instance"], result["token"]["status"]) == (NOBODY, -1)
    assert said in result["token"]["msg"]


def test_a_service_that_says_nothing_in_time_is_said(run_module: ModuleRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = ask(run_module, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=1)
    assert (result["instance"], result["token"]["status"]) == (NOBODY, -1)
    assert "timed out" in result["token"]["msg"]
