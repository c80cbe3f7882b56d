"""IAM's eventual consistency: who changes a policy reads it back at once, the services see it a while later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from ministack.services import iam

#: Everything that decides what a user or role may do.
STORES = (
    iam._users,
    iam._groups,
    iam._roles,
    iam._policies,
    iam._user_inline_policies,
    iam._group_inline_policies,
)
Content = list[dict[Any, Any]]


class Propagation:
    """IAM before each change that is not everywhere yet."""

    def __init__(self, clock: Callable[[], datetime], delay: timedelta) -> None:
        self._clock, self._delay = clock, delay
        #: When a change is everywhere, and what there was before it; oldest first.
        self._before: list[tuple[datetime, Content]] = []

    @contextmanager
    def change(self) -> Iterator[None]:
        """Around a call that may change IAM."""
        before = [deepcopy(store._data) for store in STORES]
        try:
            yield
        finally:
            if before != [store._data for store in STORES]:
                self._before.append((self._clock() + self._delay, before))

    @contextmanager
    def as_seen(self) -> Iterator[None]:
        """IAM as the services see it now; nothing may wait inside, for the whole process sees it so."""
        now = self._clock()
        self._before = [(everywhere, before) for everywhere, before in self._before if everywhere > now]
        if not self._before:
            yield
            return
        current = [store._data for store in STORES]
        _replace(self._before[0][1])
        try:
            yield
        finally:
            _replace(current)


def _replace(content: Content) -> None:
    for store, data in zip(STORES, content, strict=True):
        store._data = data
