# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The look at the networks of several instances, which asks EC2 nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from types import SimpleNamespace
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.ec2_network import look_at_network

Client = Any
Row = dict[str, Any]
#: As many values EC2 takes in one filter.
MOST_VALUES = 200


def look_at_networks(client: Client, instance_ids: Iterable[str]) -> tuple[dict[str, Row], dict[str, str]]:
    """Return what look_at_network says of each instance, and what AWS said of each that could not be looked at."""
    asked = list(dict.fromkeys(instance_ids))
    remembering = RememberingClient(client, _described(client, asked))
    seen = {instance_id: _look(remembering, instance_id) for instance_id in asked}
    looks = {instance_id: look for instance_id, look in seen.items() if not isinstance(look, str)}
    return looks, {instance_id: said for instance_id, said in seen.items() if isinstance(said, str)}


def _look(client: Client, instance_id: str) -> Row | str:
    try:
        return look_at_network(client, instance_id)
    except AnsibleAWSError as error:
        return f"{error.message}: {error.exception}"


class RememberingClient:
    """A client of EC2 that answers from memory what it was asked before. An error is not kept: it may pass."""

    def __init__(self, client: Client, instances: dict[str, Row]) -> None:
        self.meta = client.meta
        self._client = client
        self._instances = instances
        self._answers: dict[str, list[Row]] = {}
        self._asking: dict[str, Lock] = {}
        self._lock = Lock()

    def describe_instances(self, *, InstanceIds: Sequence[str]) -> Row:  # noqa: N803 - boto3's own name
        """Answer as EC2 does, which calls an instance that is not there an error."""
        known = [self._instances[name] for name in InstanceIds if name in self._instances]
        if len(known) == len(InstanceIds):
            return {"Reservations": [{"Instances": known}]}
        return dict(self._client.describe_instances(InstanceIds=InstanceIds))

    def get_paginator(self, operation: str) -> SimpleNamespace:
        def paginate(**asked: Any) -> list[Row]:
            key = json.dumps([operation, asked], sort_keys=True)
            return self._once(key, lambda: list(self._client.get_paginator(operation).paginate(**asked)))

        return SimpleNamespace(paginate=paginate)

    def _once(self, key: str, ask: Callable[[], list[Row]]) -> list[Row]:
        with self._lock:
            asking = self._asking.setdefault(key, Lock())
        with asking:
            if key not in self._answers:
                self._answers[key] = ask()
            return self._answers[key]


def _described(client: Client, instance_ids: Sequence[str]) -> dict[str, Row]:
    """Return the instances that are there, by ID; none where EC2 does not list them, and each is asked for then."""
    parts = [instance_ids[start : start + MOST_VALUES] for start in range(0, len(instance_ids), MOST_VALUES)]
    try:
        rows = [row for part in parts for row in _describe_instances(client, part)]
    except AnsibleAWSError:
        return {}
    return {row["InstanceId"]: row for row in rows}


@api_call("list the instances", "ec2:DescribeInstances")
def _describe_instances(client: Client, instance_ids: Sequence[str]) -> list[Row]:
    given = [{"Name": "instance-id", "Values": list(instance_ids)}]
    pages = client.get_paginator("describe_instances").paginate(Filters=given)
    return [row for page in pages for reservation in page["Reservations"] for row in reservation["Instances"]]
