"""The production inventory finds the hosts by tag, and says how they are reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.playbook_run import REPOSITORY, Lab


def listed(lab: Lab) -> dict[str, object]:
    run = subprocess.run(
        [Path(sys.executable).with_name("ansible-inventory"), "--inventory", "inventory/production", "--list"],
        cwd=REPOSITORY,
        env=lab.environment(
            AWS_ENDPOINT_URL=lab.facts["endpoint_url"],
            AWS_ACCESS_KEY_ID=lab.facts["access_key_id"],
            AWS_SECRET_ACCESS_KEY=lab.facts["secret_access_key"],
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout, object_hook=lambda mapping: mapping.get("__ansible_unsafe", mapping))


def test_hosts_are_found_by_tag(lab: Lab) -> None:
    inventory = listed(lab)
    (host,) = inventory["safesecrets"]["hosts"]
    variables = inventory["_meta"]["hostvars"][host]
    assert variables["instance_id"] == lab.facts["instance_id"]
    assert variables["ansible_host"] == variables["private_ip_address"]
    assert variables["ansible_connection"] == "ssh"
    assert variables["ansible_user"] == "ec2-user"
    assert variables["safesecrets_role_name"] == lab.facts["role_name"]
