# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the calls of one module at the same time.

boto3 clients may be shared between threads, boto3 sessions may not: make the clients first, one
after another, and hand over calls that only use them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


def run_all(calls: Mapping[Key, Callable[[], Result]], max_workers: int = 16) -> dict[Key, Result]:
    """Call everything concurrently and return the results under the same keys, in the same order.

    The first exception propagates, and calls that have not begun by then are not made. Of several
    exceptions the one that stands first in ``calls`` wins, so that a message does not depend on timing.
    """
    if not calls:
        return {}
    with ThreadPoolExecutor(max_workers=min(max_workers, len(calls))) as executor:
        futures: dict[Key, Future[Result]] = {key: executor.submit(call) for key, call in calls.items()}
        try:
            return {key: future.result() for key, future in futures.items()}
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
