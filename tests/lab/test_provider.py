# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's speech provider and all that answers in its place, as the product's look at the endpoint sees them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import provider_endpoint
from ansible_collections.safesecrets.infra.plugins.module_utils.provider_endpoint_findings import endpoint_findings

from lab import certificates
from lab.accounts import FAULTS
from lab.provider import ANSWERS, DOMAIN, Provider

KEY, NEXT_KEY = "a-key-of-the-provider-0123456789", "the-next-key-of-the-provider-01234"
PATH = "/waves/v1/lightning-v3.1/get_voices"
SECONDS = 2.0
Ask = Callable[..., tuple[dict[str, Any], Any]]


class Running:
    """A provider on a free port of this machine, which takes the place of every name."""

    def __init__(self) -> None:
        self.authority = certificates.authority()
        self.provider = Provider(self.authority, (KEY, NEXT_KEY))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._task = self._loop.create_task(self.provider.serve([self.listener]))
        with pytest.raises(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def connect(self, _address: tuple[str, int], seconds: float) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(seconds)
        connection.connect(self.address)
        return connection

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    provider = Running()
    yield provider
    provider.stop()


@pytest.fixture
def ask(running: Running, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Look at a name of the provider's, and give the finding and what the provider received meanwhile."""
    resolved = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("198.18.100.10", 443))]
    monkeypatch.setattr(provider_endpoint.socket, "getaddrinfo", lambda *_arguments, **_options: resolved)
    monkeypatch.setattr(provider_endpoint.socket, "create_connection", running.connect)

    def looked(label: str, key: str = KEY, path: str = PATH) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        running.provider.received.clear()
        url = f"https://{label}.{DOMAIN}{path}"
        seen = provider_endpoint.look(url, key, SECONDS, running.context())
        (finding,) = endpoint_findings(seen, url, "app", SECONDS)
        assert key not in str(finding)
        return finding, list(running.provider.received)

    return looked


#: What is asked, by what, and: status, part of the message, part of the remedy, whether the key went out.
CASES: dict[str, tuple[str, str, str, str, bool]] = {
    "good": (KEY, "pass", "takes the key: 200, but 401 without it", "", True),
    "next key": (NEXT_KEY, "pass", "takes the key", "", True),
    "wrong key": (
        "no-key-of-anybody-0123456789abcd",
        "fail",
        "401: it does not know the key",
        "provider's console",
        True,
    ),
    "refused_key": (KEY, "fail", "403: it refuses the key", "what the key may do", True),
    "certificate_expired": (KEY, "fail", "has expired", "host's clock", False),
    "certificate_of_another_name": (KEY, "fail", "a certificate for another name", "in the provider's place", False),
    "certificate_of_nobody": (KEY, "fail", "nobody whom the host trusts", "looks into TLS", False),
    "captive_portal": (KEY, "fail", "200 with text/html and not with JSON, as a captive portal", "proxy", False),
    "redirect_to_http": (KEY, "fail", "plain http at elsewhere.example, as a captive portal", "proxy", False),
    "redirect_to_other_host": (KEY, "fail", "another host, elsewhere.example; it was not followed", "moved", False),
    "silent": (KEY, "unproven", "gave no whole answer within 2 s", "later", False),
    "unavailable": (KEY, "unproven", "503: the provider has a fault of its own", "later", False),
}


@pytest.mark.parametrize("case", CASES)
def test_each_answer_has_its_own_message(ask: Ask, case: str) -> None:
    key, status, said, remedy, sent = CASES[case]
    label = case.replace("_", "-") if case in FAULTS else "api"
    finding, received = ask(label, key)
    sys.stdout.write(f"{case}: {finding['status']}: {finding['detail']} Remedy: {finding['remedy']}\n")
    assert finding["status"] == status
    assert said in finding["detail"]
    assert remedy in finding["remedy"]
    assert [authorization for _name, authorization in received if authorization] == [f"Bearer {key}"] * sent


def test_every_fault_of_the_lab_is_among_them() -> None:
    assert set(FAULTS) <= set(CASES)
    assert set(ANSWERS) <= set(FAULTS)


def test_a_page_that_is_not_there_says_nothing_of_the_key(ask: Ask) -> None:
    finding, received = ask("api", path="/nothing")
    assert finding["status"] == "unproven"
    assert "404: there is nothing at this URL. The key was not sent" in finding["detail"]
    assert received == [("api.smallest.ai", "")]


def test_an_authority_that_is_not_the_labs_is_trusted_by_nobody(ask: Ask, running: Running) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "context", ssl.create_default_context)
        finding, _received = ask("api")
    assert "nobody whom the host trusts" in finding["detail"]
