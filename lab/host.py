"""The lab's EC2 host: a system of its own with its files, processes and network, reached over SSH.

It lives as long as the lab's process holds the pipe that is its standard input, so a lab that is killed takes its
host along: processes, mounts and interfaces are in namespaces that end with it.

Its files, the same on every host, are ``lab/data/host``. Among them is an application with a System V service, which
``ansible.builtin.service: {name: safesecrets, state: restarted}`` and ``service safesecrets restart`` find as on a
system without systemd. It reads ``/etc/safesecrets.env`` when it starts and answers ``http://127.0.0.1:3000/health``
(the port is the file's PORT): 200, or 503 where the file has a variable that REFUSES in ``/etc/default/safesecrets``
names, which is how a test makes an application that cannot live with its new environment. A damaged file fails the
restart itself.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from lab import host_files
from lab.directory import Description, LabDirectory
from lab.host_network import RESOLVER, HostNetwork, Listeners
from lab.host_requirements import NAMESPACES, SYSTEM_ENVIRONMENT, HostError
from lab.instance_metadata import Instance
from lab.state import LabState

START = Path(__file__).with_name("host_start.sh")
SSH_SECONDS = 10.0


class Host:
    """The host of a lab, made when this is."""

    def __init__(self, directory: LabDirectory, state: LabState, instance: Instance, ssh: socket.socket) -> None:
        self._directory, self._state, self._instance, self._ssh = directory, state, instance, ssh
        self._host_key = host_files.key_pair()
        self._network = HostNetwork(instance)
        self._network.close_egress(state)
        self._process = self._start(self._write_files())
        self.listeners: Listeners = self._network.listen()
        self._wait_for_ssh()
        shutil.rmtree(directory.host_root)  # the host has its copy

    def described(self, description: Description) -> Description:
        """A lab's description with where its host is, and with which keys."""
        address, port = self._ssh.getsockname()
        known_host = f"[{address}]:{port} {self._host_key.public}\n"
        self._directory.known_hosts.write_text(known_host, encoding="ascii")
        return replace(
            description,
            host_root=f"/proc/{self._process.pid}/root",
            host_address=address,
            host_port=port,
            host_user=host_files.USER,
            host_key=str(self._directory.host_key),
            host_known_hosts=str(self._directory.known_hosts),
        )

    def services(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run for as long as the host does."""
        return [
            self._network.relay_ssh(self._ssh),
            self._network.resolve(self.listeners.resolver),
            self._network.enforce_security_groups(self._state),
        ]

    def _write_files(self) -> str:
        user_key = host_files.key_pair()
        self._directory.write_secret(self._directory.host_key, user_key.private)
        return host_files.write(
            self._directory.host_root,
            address=self._instance.private_ip,
            region=self._instance.region,
            resolver=RESOLVER,
            host_key=self._host_key,
            user_key=user_key,
            authority=self._directory.ca_bundle.read_text(encoding="ascii"),
        )

    def _start(self, name: str) -> subprocess.Popen[str]:
        """Start its first process, and give it its network when its namespaces are there."""
        lock = self._directory.lock
        process = subprocess.Popen(  # noqa: S603  (fixed names and paths)
            ["unshare", *NAMESPACES, str(START), str(self._directory.host_root), name, str(lock)],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=SYSTEM_ENVIRONMENT,
            cwd="/",
            pass_fds=[lock],  # whoever gets the lab's lock knows that its host is gone, too
        )
        _expect(process, "namespaces")
        self._network.connect(process.pid)
        power = _pipe(process.stdin)
        power.write("connected\n")
        power.flush()
        _expect(process, "ready")
        return process

    def _wait_for_ssh(self) -> None:
        end = time.monotonic() + SSH_SECONDS
        while not self._network.serves_ssh():
            if time.monotonic() > end:
                raise HostError(f"The host's SSH server did not answer within {SSH_SECONDS:.0f} s")
            time.sleep(0.01)


def _expect(process: subprocess.Popen[str], word: str) -> None:
    """Wait for what the first process says at that point."""
    said = _pipe(process.stdout).readline().strip()
    if said != word:
        raise HostError(f"The host did not start: {START.name} ended before it was at {word!r}; see the lines above")


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise TypeError("the process was started without this pipe")
    return stream
