# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look at the provider's endpoint sees, and what follows from it. tests/lab has a provider that answers."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import provider_endpoint
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked
from ansible_collections.safesecrets.infra.plugins.module_utils.provider_endpoint_findings import (
    FAULTS,
    UNASKED,
    check_url,
    endpoint_findings,
)
from ansible_collections.safesecrets.infra.plugins.modules import provider_endpoint_info

from tests.unit.module_runner import ModuleRunner

KEY = "s3cr3t-0123456789-abcdef"
URL = "https://api.example.com/v1/get_voices"
SEEN = {
    "phase": "answered",
    "error": None,
    "attempted_at": "2026-11-24T20:00:00Z",
    "latency_ms": 84,
    "addresses": ["192.0.2.10"],
    "certificate": {"issuer": "Example CA", "not_after": "Feb 20 12:00:00 2027 GMT"},
    "http_status": 401,
    "content_type": "application/json",
    "is_json": True,
    "redirect": None,
    "request_id": None,
}


def judged(without_key: dict[str, Any], with_key: dict[str, Any] | None = None, url: str = URL) -> dict[str, Any]:
    """Return the finding on two requests, each given by what differs from a refusal."""
    looked = {"without_key": SEEN | without_key, "with_key": None if with_key is None else SEEN | with_key}
    (finding,) = checked(endpoint_findings(looked, url, "app", 10))
    return finding


def redirect(host: str, scheme: str = "https") -> dict[str, Any]:
    return {"http_status": 302, "redirect": {"scheme": scheme, "host": host}}


def ended(phase: str, error: str, **more: Any) -> dict[str, Any]:
    return {"phase": phase, "error": error, "http_status": None, **more}


#: Kind: what the request without the key saw, and what the one with it.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "no_such_name": (ended("resolve", "no_such_name"), None),
    "resolver": (ended("resolve", "resolver"), None),
    "connect_timeout": (ended("connect", "timeout"), None),
    "connection": (ended("connect", "connection", error_text="ECONNREFUSED"), None),
    "broken_off": (ended("tls", "connection", error_text="ECONNRESET"), None),
    "answer_timeout": (ended("answer", "timeout"), None),
    "certificate_expired": (ended("tls", "certificate", error_code=10), None),
    "certificate_not_yet_valid": (ended("tls", "certificate", error_code=9), None),
    "certificate_name": (ended("tls", "certificate", error_code=62), None),
    "certificate_issuer": (ended("tls", "certificate", error_code=20), None),
    "certificate": (ended("tls", "certificate", error_code=23), None),
    "tls": (ended("tls", "tls", error_text="WRONG_VERSION_NUMBER"), None),
    "no_http": (ended("answer", "no_http"), None),
    "redirect_to_http": (redirect("login.example.net", "http"), None),
    "redirect_to_other_host": ({}, redirect("other.example.net")),
    "redirect": ({}, redirect("API.example.com")),
    "captive_portal": ({"http_status": 200, "is_json": False, "content_type": "text/html"}, None),
    "proxy": ({"http_status": 407}, None),
    "asks_for_no_key": ({"http_status": 200}, None),
    "no_such_page": ({"http_status": 404}, None),
    "limited": ({}, {"http_status": 429}),
    "unavailable": ({"http_status": 502}, None),
    "unknown_key": ({}, {"http_status": 401}),
    "refused_key": ({}, {"http_status": 403}),
    "unpaid": ({}, {"http_status": 402}),
    "other": ({"http_status": 418}, None),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_of_fault_has_its_own_message_and_remedy(kind: str) -> None:
    without_key, with_key = CASES[kind]
    finding = judged(without_key, with_key)
    status, detail, _remedy = FAULTS[kind]
    assert finding["evidence"]["host_call"]["error_code"] == kind
    assert finding["status"] == status != "pass"
    assert finding["remedy"]
    assert "{" not in finding["detail"] + finding["remedy"]
    if "{sent}" in detail:
        assert ("The key was not sent" in finding["detail"]) is (with_key is None)
    assert [other for other, (_status, said, _remedy) in FAULTS.items() if other != kind and said == detail] == []


@pytest.mark.parametrize(
    ("without_key", "status"),
    [({}, "pass"), ({"http_status": 403}, "pass"), ({"http_status": 400}, "pass")],
)
def test_a_key_is_proven_by_an_answer_that_there_is_none_without_it(without_key: dict[str, Any], status: str) -> None:
    finding = judged(without_key, {"http_status": 200})
    assert finding["status"] == status
    assert finding["evidence"]["host_call"]["status"] == "ok"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"http_status": 200, "is_json": False}, "captive_portal"),
        ({"http_status": 511}, "captive_portal"),
        ({"http_status": 304}, "other"),
        (redirect("api.example.com:8443"), "redirect_to_other_host"),
    ],
)
def test_what_answers_otherwise_than_the_provider_is_no_proof(answer: dict[str, Any], kind: str) -> None:
    assert judged({}, answer)["evidence"]["host_call"]["error_code"] == kind


@pytest.mark.parametrize("why", UNASKED)
def test_says_why_nobody_asked(why: str) -> None:
    (finding,) = checked(endpoint_findings({}, URL, "app", 10, why))
    assert finding["status"] == ("not_applicable" if why == "disabled" else "unproven")
    assert "was not asked" in finding["detail"]


@pytest.mark.parametrize(
    ("endpoint", "configured", "url"),
    [
        ("https://a.example/v1/get_speech", "", "https://a.example/v1/get_voices"),
        ("https://a.example/v1/get_speech", "https://b.example/me", "https://b.example/me"),
        ("https://a.example/v1/speak", "", ""),
        ("https://a.example/v1/get_speech/", "", ""),
    ],
)
def test_the_cheap_url_stands_beside_that_of_speech(endpoint: str, configured: str, url: str) -> None:
    assert check_url(endpoint, configured) == url


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no_such_name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "resolver"),
        (ConnectionRefusedError(111, "Connection refused"), "connection"),
        (OSError(101, "Network is unreachable"), "connection"),
        (TimeoutError(), "timeout"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls"),
        (BadStatusLine("junk"), "no_http"),
    ],
)
def test_every_error_on_the_way_is_named(monkeypatch: pytest.MonkeyPatch, raised: Exception, error: str) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise raised

    monkeypatch.setattr(provider_endpoint.socket, "getaddrinfo", fail)
    seen = provider_endpoint.look(URL, KEY, 5, ssl.create_default_context())
    assert seen["without_key"] is not None
    assert seen["without_key"]["error"] == error
    assert seen["with_key"] is None
    assert KEY not in str(seen)


def test_the_time_is_limited_whatever_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, _other = socket.socketpair()
    monkeypatch.setattr(provider_endpoint.socket, "getaddrinfo", lambda *_a, **_o: waiting.recv(1))
    seen = provider_endpoint.ask(URL, {}, 0.05, ssl.create_default_context())
    assert (seen["phase"], seen["error"]) == ("resolve", "timeout")


def test_nothing_listens(run_module: ModuleRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = run_module(provider_endpoint_info, {"url": f"https://127.0.0.1:{port}/v1", "api_key": KEY, "region": None})
    assert not result.failed, result.values
    assert result["without_key"]["error_text"] == "ECONNREFUSED"
    assert KEY not in str({name: value for name, value in result.values.items() if name != "invocation"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "http://127.0.0.1/v1"}, "does not start with https://"),
        ({"url": URL, "ca_bundle": "/no/such/file"}, "ca_bundle /no/such/file cannot be used"),
        ({"url": URL, "ca_bundle": str(Path(__file__))}, "cannot be used"),
    ],
)
def test_refuses_what_it_cannot_use(run_module: ModuleRunner, arguments: dict[str, str], said: str) -> None:
    result = run_module(provider_endpoint_info, {"api_key": KEY, "region": None, **arguments})
    assert result.failed
    assert said in result["msg"]
