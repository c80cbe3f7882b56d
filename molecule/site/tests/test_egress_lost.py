# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What controlled egress does where it must not go on: the host is lost, the group is full, rules are another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

OPEN, HTTPS = ("-1", None, "0.0.0.0/0"), ("tcp", 443, "0.0.0.0/0")
DATABASE = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.20.0.0/16"}]}
Outbound = Callable[..., Any]
Rules = Callable[[], set[tuple[str, int | None, str]]]
pytestmark = pytest.mark.usefixtures("opened")

#: Whoever logs in is looked up in a directory that the host asks by TCP 636: nothing names that as needed.
DIRECTORY = """
keys=/home/ec2-user/.ssh/authorized_keys
cat >/tmp/login <<'LOGIN'
#!/bin/bash
timeout 2 bash -c '</dev/tcp/sts.us-east-1.amazonaws.com/636'
[ $? -ne 124 ] || exit 255
exec sh -c "$SSH_ORIGINAL_COMMAND"
LOGIN
chmod 755 /tmp/login
sed -i 's#^#command="/tmp/login 2>/dev/null" #' $keys
"""


@pytest.fixture
def directory(on_host: Callable[[str], str], lab: dict[str, Any]) -> Iterator[None]:
    """Make every login depend on a way out; afterwards it does not, whatever stands."""
    keys = Path(lab["host_root"], "home/ec2-user/.ssh/authorized_keys")
    before = keys.read_text()
    on_host(DIRECTORY)
    yield
    keys.write_text(before)


@pytest.mark.usefixtures("directory")
def test_a_host_that_is_not_reached_any_more_gets_its_rules_back(outbound: Outbound, rules: Rules) -> None:
    assert rules() == {OPEN}
    run = outbound()
    assert run.status != 0
    assert "The host itself was not reached by a new connection." in run.said, run.output
    assert "The rules are as they were before this run." in run.said
    assert rules() == {OPEN}


@pytest.mark.usefixtures("directory")
def test_it_is_kept_where_its_way_in_is_named(outbound: Outbound, rules: Rules) -> None:
    run = outbound(egress_further_rules=[{"target": "198.18.0.0/15", "port": 636}])
    assert run.status == 0, run.output
    assert rules() == {HTTPS, ("tcp", 636, "198.18.0.0/15")}


def test_a_way_in_that_does_not_work_is_found_before_anything_is_changed(outbound: Outbound, rules: Rules) -> None:
    run = outbound(ansible_port=1)
    assert run.status != 0
    assert "UNREACHABLE" in run.output
    assert (run.changed, rules()) == (0, {OPEN})


def test_rules_of_others_are_told_and_removed_when_asked(
    outbound: Outbound, rules: Rules, aws: Callable[..., Any], group: Callable[[], dict[str, Any]]
) -> None:
    aws("ec2").authorize_security_group_egress(GroupId=group()["GroupId"], IpPermissions=[DATABASE])
    database = ("tcp", 5432, "10.20.0.0/16")
    run = outbound("-v")
    assert run.status == 0, run.output
    assert "outbound rules are neither needed nor made here, and were left: TCP 5432 to 10.20.0.0/16." in run.said
    assert rules() == {HTTPS, database}
    purged = outbound(egress_purge=True)
    assert purged.status == 0, purged.output
    assert rules() == {HTTPS}


def test_the_sixty_first_rule_is_refused_with_the_arithmetic(
    outbound: Outbound, rules: Rules, aws: Callable[..., Any], group: Callable[[], dict[str, Any]]
) -> None:
    many = [{**DATABASE, "IpRanges": [{"CidrIp": f"10.0.{number}.0/24"} for number in range(59)]}]
    aws("ec2").authorize_security_group_egress(GroupId=group()["GroupId"], IpPermissions=many)
    run = outbound()
    assert run.status != 0
    told = "outbound IPv4 rules that count 60, and 61 while old and new stand together (1 to add); the quota is 60"
    assert told in run.said, run.output
    assert (run.changed, len(rules())) == (0, 60)
