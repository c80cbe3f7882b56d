# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls run at the same time, results keep their order, and a failure is neither lost nor a matter of luck."""

from __future__ import annotations

import threading
from typing import NoReturn

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all


def fail(text: str) -> NoReturn:
    raise LookupError(text)


def test_calls_run_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=10)  # breaks when one call waits for the other to end
    assert sorted(run_all({"a": together.wait, "b": together.wait}).values()) == [0, 1]


def test_results_keep_the_keys_and_their_order() -> None:
    second_done = threading.Event()
    calls = {("x", 1): lambda: second_done.wait(10), ("y", 2): second_done.set}
    assert list(run_all(calls)) == [("x", 1), ("y", 2)]


def test_nothing_to_call() -> None:
    assert run_all({}) == {}


def test_an_exception_propagates() -> None:
    with pytest.raises(LookupError, match="denied"):
        run_all({"a": lambda: 1, "b": lambda: fail("denied")})


def test_of_two_exceptions_the_first_in_order_propagates() -> None:
    second_failed = threading.Event()

    def first() -> NoReturn:
        second_failed.wait(10)
        fail("first")

    def second() -> NoReturn:
        second_failed.set()
        fail("second")

    with pytest.raises(LookupError, match="first"):
        run_all({"a": first, "b": second})


def test_after_an_exception_no_further_call_begins() -> None:
    made = []
    with pytest.raises(LookupError, match="denied"):
        run_all({"a": lambda: fail("denied"), **{n: lambda n=n: made.append(n) for n in range(100)}}, max_workers=1)
    assert len(made) < 100
