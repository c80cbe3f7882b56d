"""The lab's own process, for benchmarks: a fleet of hosts beside its one, and an AWS that takes no time of its own.

Started by ``benchmarks.stage`` as ``python -m benchmarks.laboratory DIRECTORY PLAN FLEET``. FLEET is the file that it
writes once it is ready: the hosts, each with its instance, metadata address and environment file.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ministack.core import responses
from pydantic import TypeAdapter

from benchmarks import work
from lab import accounts, seeding, server
from lab.directory import LabDirectory
from lab.instance_metadata import Instance, InstanceMetadata
from lab.service import Response
from lab.state import LabState
from lab.templates import read

#: What AWS would let everybody wait for is not what is measured.
NO_TIME = 0.001
TIMING = {"iam_propagation": NO_TIME, "trail_delivery": NO_TIME}


class Fleet:
    """The instances, their metadata services and their files; the lab's own host is the first."""

    def __init__(self, directory: LabDirectory, size: int, file: Path) -> None:
        self._directory, self._size, self._file = directory, size, file
        self._instances: list[Instance] = []
        self._services: dict[str, InstanceMetadata] = {}

    def address(self, number: int) -> str:
        """The loopback address of a host's metadata service."""
        return f"127.0.{1 + number // 200}.{1 + number % 200}" if number else server.ADDRESS

    async def seed(self, state: LabState, host_root: Path) -> seeding.Seeded:
        """Seed the account, and start the other instances like the first, in its subnet and its groups.

        SIGUSR1 forgets CloudTrail's events, as a new day would.
        """
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, state.trail.clear)
        seeded = await SEED(state, host_root)
        first = seeded.instance
        with responses.request_scope(state.account_id, first.region):
            answer = await seeding.call("ec2", "DescribeInstances", InstanceIds=[first.instance_id])
            described = answer["Reservations"][0]["Instances"][0]
            place = {
                "SubnetId": described["SubnetId"],
                "SecurityGroupIds": [group["GroupId"] for group in described["SecurityGroups"]],
            }
            self._instances = [first, *[await _start(first, number, place) for number in range(1, self._size)]]
        return seeded

    def metadata(self, state: LabState, _first: Instance) -> Fleet:
        """Make the metadata services; this stands for all of them."""
        self._services = {
            self.address(number): InstanceMetadata(state, instance) for number, instance in enumerate(self._instances)
        }
        return self

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Response:
        """Answer as the service of the instance whose address was asked."""
        return self._services[headers["host"].partition(":")[0]].answer(method, path, headers)

    def configuration(self, directory: LabDirectory, aws: list[socket.socket], metadata: list[socket.socket]) -> Any:
        """Listen for every metadata service, on the port of the first; then all is ready."""
        port = metadata[0].getsockname()[1]
        listeners = [*metadata, *(_listen(self.address(number), port) for number in range(1, self._size))]
        hosts = []
        for number, instance in enumerate(self._instances):
            name = f"safesecrets-{number:03}" if number else "safesecrets-app"
            address = {"imds_endpoint": f"http://{self.address(number)}:{port}"}
            path = {"environment_path": str(self._environment_file(number))}
            hosts.append({"name": name, "instance_id": instance.instance_id, **address, **path})
        staging = self._file.with_suffix(".new")
        staging.write_text(json.dumps(hosts), encoding="utf-8")
        staging.replace(self._file)
        return CONFIGURATION(directory, aws, listeners)

    def _environment_file(self, number: int) -> Path:
        """Give each host a copy of the account's file."""
        original = self._directory.host_root / "etc/safesecrets.env"
        if not number:
            return original
        path = self._directory.host_root / f"host-{number:03}/etc/safesecrets.env"
        path.parent.mkdir(parents=True)
        path.touch(mode=0o600)
        path.write_text(original.read_text(encoding="utf-8"), encoding="utf-8")
        return path


SEED, CONFIGURATION = seeding.seed, server._configuration


async def _start(first: Instance, number: int, place: Mapping[str, Any]) -> Instance:
    instance = {**read("instance.yml")["instance"], "PrivateIpAddress": f"10.20.1.{20 + number}"}
    answer = await seeding.call("ec2", "RunInstances", **instance, **place, IamInstanceProfile={"Name": first.profile})
    (made,) = answer["Instances"]
    address = {"private_ip": made["PrivateIpAddress"], "mac": f"02:00:00:00:00:{number:02x}"}
    return dataclasses.replace(first, instance_id=made["InstanceId"], **address)


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((address, port))
    listener.listen()
    return listener


def account_for(plan: Mapping[str, Any]) -> accounts.Account:
    """The starting account of the plan, with the plan's models, policies and variables."""
    offered: dict[str, Any] = {region: {each: {} for each in ids} for region, ids in plan["models"].items()}
    bedrock = {"agreement_delay_seconds": NO_TIME, "agreements": plan["models"], "models": offered}
    more: dict[str, Any] = {"bedrock": {key: value for key, value in bedrock.items() if value}, "timing": TIMING}
    if plan["policies"]:
        more["role"] = {"inline_policies": plan["policies"]}
    content = accounts.merge(accounts._read(plan["account"]), more)
    content["environment_file"] = work.with_blocks(content["environment_file"], plan["blocks"])
    return TypeAdapter(accounts.Account).validate_python({"name": plan["account"], **content})


def main(lab_dir: str, plan: str, fleet_file: str) -> int:
    """Hold the directory and serve."""
    os.umask(0o022)
    directory, asked = LabDirectory(Path(lab_dir)), json.loads(plan)
    directory.prepare()
    if not directory.hold():
        return server.ALREADY_RUNNING
    fleet = Fleet(directory, asked["hosts"], Path(fleet_file))
    with (
        patch.object(seeding, "seed", fleet.seed),
        patch.object(server, "InstanceMetadata", fleet.metadata),
        patch.object(server, "_configuration", fleet.configuration),
    ):
        asyncio.run(server.run(directory, account_for(asked), with_host=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
