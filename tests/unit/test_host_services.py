# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name and time servers that a host's files name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.host_services import host_services

VPC = ["10.20.0.0/16", "10.30.0.0/16"]


def read(path: str, *lines: str) -> dict[str, Any]:
    return host_services("".join(f"{path}:{line}\n" for line in lines), "", VPC)


@pytest.mark.parametrize(
    ("path", "lines", "servers"),
    [
        ("/etc/resolv.conf", ["search x", "nameserver 10.20.0.2"], []),
        ("/etc/resolv.conf", ["nameserver 10.30.0.2", "nameserver 169.254.169.253", "nameserver fd00:ec2::253"], []),
        ("/etc/resolv.conf", ["# nameserver 10.9.9.9", "", "nameserver"], []),
        ("/etc/resolv.conf", ["nameserver 127.0.0.53", "nameserver ::1"], []),
        ("/etc/resolv.conf", ["nameserver 10.20.0.3", "nameserver 10.20.0.3"], ["10.20.0.3"]),
        ("/etc/systemd/resolved.conf", ["[Resolve]", "#DNS=1.1.1.1", "DNS="], []),
        (
            "/etc/systemd/resolved.conf",
            ["DNS=10.0.0.9:5353#dns.example.com [fd00::9] 10.20.0.2"],
            ["10.0.0.9", "fd00::9"],
        ),
    ],
)
def test_name_servers(path: str, lines: list[str], servers: list[str]) -> None:
    assert read(path, *lines)["name_servers"] == servers


@pytest.mark.parametrize(
    ("path", "lines", "servers", "amazon"),
    [
        ("/etc/chrony.conf", ["driftfile /var/lib/chrony/drift"], [], True),
        ("/etc/chrony.conf", ["server 169.254.169.123 prefer iburst"], [], True),
        (
            "/etc/chrony.d/a.conf",
            ["server 169.254.169.123", "pool 2.amazon.pool.ntp.org"],
            ["2.amazon.pool.ntp.org"],
            True,
        ),
        ("/run/chrony.d/a.sources", ["server ntp.example.com iburst"], ["ntp.example.com"], False),
        ("/etc/systemd/timesyncd.conf", ["[Time]", "NTP=fd00:ec2::123"], [], True),
        ("/etc/systemd/timesyncd.conf", ["NTP=a.example.com b.example.com"], ["a.example.com", "b.example.com"], False),
        ("/etc/chrony.conf", ["! server ntp.example.com", "#pool x"], [], True),
    ],
)
def test_time_servers(path: str, lines: list[str], servers: list[str], amazon: bool) -> None:
    found = read(path, *lines)
    assert (found["time_servers"], found["amazon_time"]) == (servers, amazon)


def test_a_file_that_is_not_there_is_none_and_one_that_cannot_be_read_is_told() -> None:
    said = "grep: /etc/chrony.conf: No such file or directory\ngrep: /etc/resolv.conf: Permission denied\n"
    assert host_services("", said, VPC)["unread"] == ["grep: /etc/resolv.conf: Permission denied"]
