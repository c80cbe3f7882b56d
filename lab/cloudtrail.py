"""CloudTrail's LookupEvents: the management events of one region, a while after they happened."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.operations import operation
from lab.service import Request, ServiceError
from lab.state import LabState, TrailEvent
from lab.templates import read

KEPT = timedelta(days=90)
GREATEST_PAGE = 50
REQUESTS_PER_SECOND = 2


@operation("cloudtrail", invalid="Invalid{}Exception")
def lookup_events(state: LabState, request: Request, query: Mapping[str, Any]) -> Mapping[str, Any]:
    """LookupEvents: newest first, by time and at most one attribute."""
    _throttle(state, request.region)
    start, end = _moment(query, "StartTime"), _moment(query, "EndTime")
    if start and end and start > end:
        raise ServiceError("InvalidTimeRangeException", "The start time must not be after the end time.")
    attribute, size = _attribute(query), query.get("MaxResults", GREATEST_PAGE)
    events = [
        event
        for event in _delivered(state, request.region)
        if (start is None or event.time >= start) and (end is None or event.time <= end)
        if attribute is None or attribute[1] in _values(event.content, attribute[0])
    ]
    if query.get("EventCategory") == "insight":
        events = []
    first = _position(query, events)
    page: dict[str, Any] = {"Events": [_entry(event) for event in events[first : first + size]]}
    if first + size < len(events):
        page["NextToken"] = _token(query, events[first + size - 1])
    return page


def _throttle(state: LabState, region: str) -> None:
    now = state.clock()
    recent = [moment for moment in state.trail_lookups.get(region, []) if now - moment < timedelta(seconds=1)]
    if len(recent) >= REQUESTS_PER_SECOND:
        raise ServiceError("ThrottlingException", "Rate exceeded")
    state.trail_lookups[region] = [*recent, now]


def _delivered(state: LabState, region: str) -> Iterator[TrailEvent]:
    """What has arrived and is not too old, newest first."""
    now, delay = state.clock(), timedelta(seconds=state.account.timing.trail_delivery)
    for event in reversed(state.trail):
        if event.content["awsRegion"] == region and delay <= now - event.moment <= KEPT:
            yield event


def _moment(query: Mapping[str, Any], name: str) -> datetime | None:
    value = query.get(name)
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise ServiceError("InvalidTimeRangeException", f"{name} is no time: {value}") from error


def _attribute(query: Mapping[str, Any]) -> tuple[str, str] | None:
    """The one attribute that may be given."""
    given = query.get("LookupAttributes") or [{}]
    if len(given) > 1 or (given[0] and not given[0].get("AttributeValue")):
        raise ServiceError("InvalidLookupAttributesException", "One lookup attribute may be given, with its value.")
    return (given[0]["AttributeKey"], given[0]["AttributeValue"]) if given[0] else None


def _position(query: Mapping[str, Any], events: list[TrailEvent]) -> int:
    """Where the page begins: events that arrived since the last page do not move it."""
    token = query.get("NextToken")
    if token is None:
        return 0
    try:
        last, of_query = json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, TypeError):
        last, of_query = None, None
    positions = [index for index, event in enumerate(events, 1) if event.content["eventID"] == last]
    if of_query != _same(query) or not positions:
        raise ServiceError("InvalidNextTokenException", "The token is invalid, or was given for other parameters.")
    return positions[0]


def _token(query: Mapping[str, Any], last: TrailEvent) -> str:
    return base64.b64encode(json.dumps([last.content["eventID"], _same(query)]).encode()).decode()


def _same(query: Mapping[str, Any]) -> list[Any]:
    """What must not change from page to page."""
    return [query.get(name) for name in ("StartTime", "EndTime", "LookupAttributes", "EventCategory")]


def _entry(event: TrailEvent) -> dict[str, Any]:
    content = event.content
    return {
        **_attributes(content),
        "EventTime": int(event.time.timestamp()),
        "Resources": _resources(content),
        "CloudTrailEvent": json.dumps(content),
    }


def _attributes(content: Mapping[str, Any]) -> dict[str, str]:
    """What an event is looked up by, but for its resources; not every caller has a name and a key."""
    attributes = {
        "EventId": content["eventID"],
        "EventName": content["eventName"],
        "ReadOnly": str(content["readOnly"]).lower(),
        "AccessKeyId": content["userIdentity"].get("accessKeyId"),
        "EventSource": content["eventSource"],
        "Username": _username(content["userIdentity"]),
    }
    return {name: value for name, value in attributes.items() if value}


def _username(identity: Mapping[str, Any]) -> str | None:
    """A user's name; of a role's session the session's, which for an instance is its ID."""
    session: str = identity.get("principalId", "").partition(":")[2]
    return identity.get("userName") or session or None


def _resources(content: Mapping[str, Any]) -> list[dict[str, str]]:
    parameters = content["requestParameters"] or {}
    return [
        {"ResourceType": kind, "ResourceName": parameters[name]}
        for name, kind in read("cloudtrail.yml")["resource_types"].items()
        if name in parameters
    ]


def _values(content: Mapping[str, Any], attribute: str) -> list[str]:
    if attribute.startswith("Resource"):
        return [resource[attribute] for resource in _resources(content)]
    return [value for name, value in _attributes(content).items() if name == attribute]
