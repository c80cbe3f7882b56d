# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name and time servers that a host's own files name, apart from AWS's, which no security group filters."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

#: The words of each line of each file.
Lines = Mapping[str, Sequence[Sequence[str]]]

TIME_SERVER_DIRECTIVES = ("server", "pool", "peer")
AMAZON_TIME = ("169.254.169.123", "fd00:ec2::123")
AMAZON_DNS = ("169.254.169.253", "fd00:ec2::253")
#: AmazonProvidedDNS is two above the start of each range of the VPC.
DNS_OFFSET = 2


def host_services(stdout: str, stderr: str, vpc_cidrs: Sequence[str]) -> dict[str, Any]:
    """Return what the host's files name, from what ``grep -H`` printed of them, each line behind its file's path.

    ``name_servers`` and ``time_servers`` are those that need a rule, ``amazon_time`` tells whether Amazon Time Sync is
    used, and ``unread`` is what grep said of files that are there and could not be read.
    """
    lines: dict[str, list[list[str]]] = {}
    for path, _colon, text in (line.partition(":") for line in stdout.splitlines()):
        lines.setdefault(path, []).append(text.split() or [""])
    name_servers, time_servers = _name_servers(lines), _time_servers(lines)
    provided = {*AMAZON_DNS, *(_provided_dns(each) for each in vpc_cidrs)}
    return {
        "name_servers": [each for each in name_servers if not _is_local(each) and each not in provided],
        "time_servers": [each for each in time_servers if not _is_local(each) and each not in AMAZON_TIME],
        # A host whose files name no time server at all has its time from elsewhere, or from its image's default.
        "amazon_time": not time_servers or any(each in AMAZON_TIME for each in time_servers),
        "unread": [line for line in stderr.splitlines() if line and "No such file or directory" not in line],
    }


def _name_servers(files: Lines) -> list[str]:
    found: list[str] = []
    for path, lines in files.items():
        if path.endswith("resolv.conf"):
            found += [words[1] for words in lines if words[0] == "nameserver" and len(words) > 1]
        elif path.endswith("resolved.conf"):
            found += _assigned(lines, "DNS")
    # resolved.conf may give a port and a name for TLS: 10.0.0.2:53%eth0#dns.example.com
    return list(dict.fromkeys(_plain_address(each) for each in found))


def _time_servers(files: Lines) -> list[str]:
    found: list[str] = []
    for path, lines in files.items():
        if "chrony" in path:
            found += [words[1] for words in lines if words[0] in TIME_SERVER_DIRECTIVES and len(words) > 1]
        elif "timesyncd" in path:
            found += _assigned(lines, "NTP")
    return list(dict.fromkeys(found))


def _assigned(lines: Sequence[Sequence[str]], name: str) -> list[str]:
    """Return the values of ``name=value value``."""
    return [
        value
        for words in lines
        if words[0].startswith(f"{name}=")
        for value in [words[0].partition("=")[2], *words[1:]]
        if value
    ]


def _plain_address(text: str) -> str:
    bare = text.partition("#")[0].partition("%")[0]
    host = bare.rpartition(":")[0] if bare.count(":") == 1 else bare
    return host.strip("[]")


def _provided_dns(cidr: str) -> str:
    return str(ipaddress.ip_network(cidr, strict=False).network_address + DNS_OFFSET)


def _is_local(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:
        return False
