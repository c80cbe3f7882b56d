# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The outbound rules are narrowed while every needed path stays open, and come back where a proof fails.

The lab enforces the instance's security group on the host's path, so that a rule that is gone closes it.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

SETTINGS = {"egress_settle_seconds": 1, "egress_proof_timeout": 3, "egress_proof_retries": 1}
CONTROLLED = SETTINGS | {"egress_mode": "controlled"}
#: Documentation addresses: nothing that is needed is there.
ELSEWHERE = "203.0.113.0/24"

Group = Callable[[], dict[str, Any]]
Rules = Callable[[], set[tuple[str, int | None, str]]]
Play = Callable[..., tuple[int, str, int]]
OPEN = {("-1", None, "0.0.0.0/0")}
HTTPS = {("tcp", 443, "0.0.0.0/0")}


def test_the_plan_is_shown_and_nothing_is_changed(play: Play, rules: Rules) -> None:
    assert rules() == OPEN
    status, output, _changed = play("playbooks/egress.yml", CONTROLLED, "--check")
    assert status == 0, output
    assert re.search(r"add +sg-\w+ +TCP 443 to 0\.0\.0\.0/0", output), output
    assert re.search(r"remove +sg-\w+ +all traffic to 0\.0\.0\.0/0", output), output
    assert rules() == OPEN


def test_a_run_that_is_killed_is_healed_by_the_next(
    start: Callable[..., Any], play: Play, rules: Rules, group: Group
) -> None:
    """Killed while it proves: the open rule still stands beside the new one, and the record with them."""
    ingress = group()["IpPermissions"]
    process = start("playbooks/egress.yml", CONTROLLED)
    assert process.stdout
    for line in process.stdout:
        if "Connect from the host to everything that is needed" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert rules() == OPEN | HTTPS
    assert "safesecrets:egress-change" in str(group()["Tags"])
    status, output, _changed = play("playbooks/egress.yml", CONTROLLED)
    assert status == 0, output
    assert rules() == HTTPS
    assert "safesecrets:egress-change" not in str(group()["Tags"])
    assert group()["IpPermissions"] == ingress, "what comes in is nobody's business here"


def test_the_host_still_reaches_what_it_needs_and_nothing_else(on_host: Callable[[str], str]) -> None:
    reached = on_host("curl -s -o /dev/null -w '%{http_code}' --max-time 5 https://sts.us-east-1.amazonaws.com/")
    assert int(reached) > 0
    closed = on_host("curl -s --max-time 3 http://sts.us-east-1.amazonaws.com:8080/ || echo $?")
    assert closed.split()[-1] == "28", "a port that no rule opens times out"


def test_a_second_run_changes_nothing(play: Play, rules: Rules) -> None:
    status, output, changed = play("playbooks/egress.yml", CONTROLLED)
    assert (status, changed) == (0, 0), output
    assert rules() == HTTPS


def test_a_failed_proof_brings_the_rules_back(play: Play, rules: Rules) -> None:
    wrong = CONTROLLED | {"egress_destinations": "cidrs", "egress_cidrs": [ELSEWHERE]}
    wrong |= {"egress_provider_cidrs": [ELSEWHERE], "egress_purge": True}
    status, output, _changed = play("playbooks/egress.yml", wrong)
    assert status != 0, output
    said = " ".join(output.split())
    assert "The host did not reach" in said
    assert "no answer in time" in said
    assert "The rules are as they were before this run." in said
    assert rules() == HTTPS


def test_the_rules_are_taken_back_by_their_tag(play: Play, rules: Rules, group: Group) -> None:
    status, output, changed = play("playbooks/rollback.yml", SETTINGS, "--tags", "egress", "--check")
    assert status == 0, output
    assert changed > 0
    assert rules() == HTTPS
    status, output, _changed = play("playbooks/rollback.yml", SETTINGS, "--tags", "egress")
    assert status == 0, output
    assert rules() == OPEN
    assert "safesecrets:egress" not in str(group().get("Tags"))
    status, output, changed = play("playbooks/rollback.yml", SETTINGS, "--tags", "egress")
    assert (status, changed) == (0, 0), output
