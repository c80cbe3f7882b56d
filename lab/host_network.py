"""The network of the lab's instance: a namespace of its own in which AWS has its real names, addresses and ports.

The lab's process has one thread in that namespace. What the thread opens or starts is there, and serves from the
process' one event loop; the machine's own network has no part in it, and nothing of it outlives the process.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from lab import host_firewall, host_names
from lab.certificates import REGIONS
from lab.host_requirements import SYSTEM_ENVIRONMENT, HostError
from lab.instance_metadata import Instance
from lab.state import LabState
from lab.templates import text

P = ParamSpec("P")
T = TypeVar("T")

CLONE_NEWNET = 0x40000000
#: The lab's end of the link to the instance.
INTERFACE = "vpc"
METADATA = "169.254.169.254"
RESOLVER = "10.20.0.2"  # two above the start of the VPC's range, as AWS has it
HTTP, HTTPS, SSH = 80, 443, 22
#: What no security group filters.
ALWAYS = (
    f"ip daddr {METADATA} tcp dport {HTTP} accept",
    *(f"ip daddr {RESOLVER} {protocol} dport {host_names.PORT} accept" for protocol in ("udp", "tcp")),
)
#: EC2 applies a changed rule within a moment.
LOOK_SECONDS = 0.2
ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Listeners:
    """Sockets in the instance's network: AWS's endpoints, the metadata service, the speech provider, the resolver."""

    aws: list[socket.socket]
    metadata: list[socket.socket]
    provider: list[socket.socket]
    resolver: socket.socket


class HostNetwork:
    """The instance's network, and this process' way into it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._thread = ThreadPoolExecutor(1)
        self._ruleset = ""
        self.run(_enter_new_network)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the network."""
        return self._thread.submit(function, *args, **kwargs).result()

    def connect(self, pid: int) -> None:
        """Give the network namespace of a process the instance's interface, and this one the other end."""
        of_regions = [address for region in REGIONS for address in host_names.addresses(region)]
        values = {
            "interface": INTERFACE,
            "gateway": "10.20.1.1",
            "gateway6": "fd5a:fe5e::1",
            "instance": self._instance,
            "pid": pid,
            "addresses": [METADATA, RESOLVER, host_names.PROVIDER_ADDRESS, *of_regions],
        }
        self.run(_command, ["ip", "-batch", "-"], text("host_network/vpc.j2", **values))
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-batch", "-"]
        _command(inside, text("host_network/instance.j2", **values))

    def listen(self) -> Listeners:
        """Open the ports that the instance finds AWS at."""
        return Listeners(
            aws=[self.run(_listen, "0.0.0.0", HTTPS), self.run(_listen, "::", HTTPS)],  # noqa: S104  (of this namespace)
            metadata=[self.run(_listen, METADATA, HTTP)],
            provider=[self.run(_listen, str(host_names.PROVIDER_ADDRESS), HTTPS)],
            resolver=self.run(_datagrams, RESOLVER, host_names.PORT),
        )

    def serves_ssh(self) -> bool:
        """Whether the instance's SSH server says what it is."""
        with self.run(socket.socket) as connection:
            connection.settimeout(ANSWER_SECONDS)
            try:
                connection.connect((self._instance.private_ip, SSH))
                return connection.recv(256).startswith(b"SSH-2.0-")
            except OSError:
                return False

    async def relay_ssh(self, listener: socket.socket) -> None:
        """Carry SSH from a port of the machine to the instance."""
        async with await asyncio.start_server(self._carry, sock=listener) as server:
            await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(self._thread, socket.socket)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, (self._instance.private_ip, SSH))
        except OSError:
            connection.close()
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(sock=connection)
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    async def resolve(self, resolver: socket.socket) -> None:
        """Answer the instance's questions for names."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(host_names.Resolver, sock=resolver)

    async def enforce_security_groups(self, state: LabState) -> None:
        """Keep the rules on the instance's way out those of its security groups."""
        loop = asyncio.get_running_loop()
        while True:
            if (ruleset := self._wanted(state)) != self._ruleset:
                await loop.run_in_executor(self._thread, _command, ["nft", "--file", "-"], ruleset)
                self._ruleset = ruleset
            await asyncio.sleep(LOOK_SECONDS)

    def close_egress(self, state: LabState) -> None:
        """Set the rules before there is anything to filter."""
        self._ruleset = self._wanted(state)
        self.run(_command, ["nft", "--file", "-"], self._ruleset)

    def _wanted(self, state: LabState) -> str:
        permissions = host_firewall.egress(state.account_id, self._instance.region, self._instance.instance_id)
        return host_firewall.ruleset(INTERFACE, permissions, ALWAYS)


def _enter_new_network() -> None:
    """Move the calling thread into a network namespace of its own; ``os.unshare`` came with Python 3.12."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET):
        raise HostError(f"The host's network could not be made: {os.strerror(ctypes.get_errno())}")


def _listen(address: str, port: int) -> socket.socket:
    # One address has a listener of its own beside that of all addresses.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, reuse_port=True)


def _datagrams(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((address, port))
    return listener


def _command(arguments: Sequence[str], given: str) -> None:
    """Run a command of the system with this input."""
    result = subprocess.run(  # noqa: S603  (fixed names; what varies is checked input on standard input)
        arguments, input=given, env=SYSTEM_ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        said = " ".join(result.stderr.split())
        raise HostError(f"The host's network could not be set up: {' '.join(arguments)}: {said}")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and tell the other side of it."""
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
    writer.close()
