# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of the CloudTrail API."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all
from ansible_collections.safesecrets.infra.plugins.module_utils.trail_events import describe

Client = Any
Row = dict[str, Any]
Result = TypeVar("Result")

#: AWS lets through two requests a second for each account and region.
REQUESTS, SECONDS = 2, 1.0
GREATEST_PAGE = 50


@api_call("look up events", "cloudtrail:LookupEvents")
def lookup_events(client: Client, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of events."""
    page: dict[str, Any] = client.lookup_events(**parameters)
    return page


class Pace:
    """Keeps to the number of requests that one region answers a second."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Begin without a request to wait for."""
        self._clock, self._sleep = clock, sleep
        self._answered: deque[float] = deque(maxlen=REQUESTS)

    def make(self, request: Callable[[], Result]) -> Result:
        """Make the request when AWS takes another one.

        A second runs from an answer: when a request arrived, nobody here can know, but not after that.
        """
        if len(self._answered) == REQUESTS:
            self._sleep(max(0.0, self._answered[0] + SECONDS - self._clock()))
        try:
            return request()
        finally:
            self._answered.append(self._clock())


def look_up(
    clients: Mapping[str, Client], attributes: Sequence[Mapping[str, str]], window: Mapping[str, Any], max_pages: int
) -> tuple[list[Row], list[Row]]:
    """Return the events of all regions, each once, and what each look-up came to.

    attributes: AWS filters by one, so each is a look-up of its own; none stands for one without a filter.
    window: StartTime and EndTime. max_pages: where a look-up ends, be there more or not.
    """
    calls = {
        region: partial(_in_region, region, client, attributes or [{}], window, max_pages)
        for region, client in clients.items()
    }
    events: dict[str, Row] = {}
    lookups = []
    for found, made in run_all(calls).values():
        events.update((f"{event['region']} {event['event_id']}", event) for event in found)
        lookups += made
    return sorted(events.values(), key=lambda event: str(event["event_time"]), reverse=True), lookups


def _in_region(
    region: str,
    client: Client,
    attributes: Sequence[Mapping[str, str]],
    window: Mapping[str, Any],
    max_pages: int,
) -> tuple[list[Row], list[Row]]:
    """Make one region's look-ups one after the other, at AWS's pace."""
    pace = Pace()
    events: list[Row] = []
    lookups = []
    for attribute in attributes:
        named = [{"AttributeKey": attribute["key"], "AttributeValue": attribute["value"]}] if attribute else []
        parameters = {**window, "MaxResults": GREATEST_PAGE, **({"LookupAttributes": named} if named else {})}
        pages = list(_pages(client, parameters, max_pages, pace))
        found = [describe(region, event) for page in pages for event in page["Events"]]
        events += found
        lookups.append(
            {
                "region": region,
                "key": attribute.get("key"),
                "value": attribute.get("value"),
                "events": len(found),
                "complete": not (pages and pages[-1].get("NextToken")),
                "oldest_event_time": min((str(event["event_time"]) for event in found), default=None),
            }
        )
    return events, lookups


def _pages(client: Client, parameters: Mapping[str, Any], max_pages: int, pace: Pace) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    for _number in range(max_pages):
        page = pace.make(partial(lookup_events, client, {**parameters, **token}))
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
