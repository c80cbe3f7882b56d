# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What leaves the instance: the endpoints that the application, its host and its administrators call."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.safesecrets.infra.plugins.module_utils.security_groups import IPNetwork

HTTPS, WEBSOCKET, DNS, NTP = 443, 8443, 53, 123
SCHEMES = {"https": HTTPS, "http": 80}
TRANSCRIBE = "transcribestreaming"
#: What the agent of Systems Manager calls, in the instance's own region.
SYSTEMS_MANAGER = ("ssm", "ssmmessages", "ec2messages")


@dataclass(frozen=True)
class Destination:
    """An endpoint. Region, service and dual-stack name are None for what is not AWS."""

    host: str
    port: int = HTTPS
    region: str | None = None
    dual_stack_host: str | None = None
    protocol: str = "tcp"
    service: str | None = None
    #: Who needs it, where it is no fault when it is closed; empty for what is needed.
    only_for: str = ""

    @property
    def subject(self) -> str:
        if self.protocol != "tcp":
            return f"{self.host}:{self.port}/{self.protocol}"
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"

    @property
    def traffic(self) -> str:
        return f"{self.protocol.upper()} {self.port}"

    @property
    def address(self) -> IPNetwork | None:
        """The address, when the host is one and no name."""
        try:
            return ipaddress.ip_network(self.host)
        except ValueError:
            return None


@dataclass(frozen=True)
class Settings:
    """What is called, as the role's variables and the host's files have it."""

    regions: Sequence[str]
    services: Sequence[str]
    instance_region: str
    provider_endpoint: str = ""
    transcribe_websocket: bool = False
    systems_manager: bool = False
    os_repositories: Sequence[str] = ()
    name_servers: Sequence[str] = ()
    time_servers: Sequence[str] = ()
    #: Whether the host keeps its time by Amazon Time Sync, so that other servers are a reserve.
    amazon_time: bool = True


def settings(values: Mapping[str, Any]) -> Settings:
    """Read what the role hands over; its regions are in the form of ``safesecrets_regions``."""
    regions = dict.fromkeys(str(each["region"]) for each in values["regions"].values())
    return Settings(**{**values, "regions": list(regions)})


def destinations(wanted: Settings) -> list[Destination]:
    """Return every endpoint once.

    Raises ValueError naming the variable when an address is none.
    """
    found = [
        *_services(wanted),
        *(
            _service(service, wanted.instance_region, only_for=_unless(wanted.systems_manager, "Systems Manager"))
            for service in SYSTEMS_MANAGER
        ),
        *_provider(wanted.provider_endpoint),
        *(_url(each, "egress_os_repositories", tuple(SCHEMES)) for each in wanted.os_repositories),
        *(Destination(each, DNS, protocol=protocol) for each in wanted.name_servers for protocol in ("udp", "tcp")),
        *(
            Destination(
                each, NTP, protocol="udp", only_for="a second source beside Amazon Time Sync" * wanted.amazon_time
            )
            for each in wanted.time_servers
        ),
    ]
    return list({(each.subject, each.region): each for each in reversed(found)}.values())[::-1]


def _services(wanted: Settings) -> Iterator[Destination]:
    for region in wanted.regions:
        for service in wanted.services:
            yield _service(service, region)
            if service == TRANSCRIBE:
                only_for = _unless(wanted.transcribe_websocket, "streaming to Transcribe over WebSocket")
                yield _service(service, region, WEBSOCKET, only_for)


def _service(service: str, region: str, port: int = HTTPS, only_for: str = "") -> Destination:
    return Destination(
        f"{service}.{region}.amazonaws.com", port, region, f"{service}.{region}.api.aws", "tcp", service, only_for
    )


def _provider(endpoint: str) -> list[Destination]:
    return [_url(endpoint, "egress_provider_endpoint", ("https",))] if endpoint else []


def _url(text: str, variable: str, schemes: Sequence[str]) -> Destination:
    address = urlsplit(text)
    if address.scheme not in schemes or not address.hostname:
        raise ValueError(
            f"{variable} is no {' or '.join(schemes)} address: set it to one like {schemes[0]}://HOST/PATH"
        )
    return Destination(address.hostname, address.port or SCHEMES[address.scheme])


def _unless(needed: bool, use: str) -> str:
    return "" if needed else use
