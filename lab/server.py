"""The lab's process: seeds the account, then serves AWS on HTTPS and the metadata service on HTTP.

Started by ``lab.command_line`` with the environment that ministack reads when it is imported.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import ministack.app
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import Framework

from lab import accounts, certificates, http2, seeding
from lab.asgi import Application
from lab.directory import Description, LabDirectory
from lab.host import Host
from lab.instance_metadata import InstanceMetadata
from lab.provider import Provider
from lab.state import LabState

ADDRESS = "127.0.0.1"
ALREADY_RUNNING = 75


async def run(directory: LabDirectory, account: accounts.Account, *, with_host: bool) -> None:
    """Serve until the process is killed: there is nothing to save."""
    logging.getLogger("lab").setLevel(logging.INFO)
    directory.clear()
    state = LabState(account, directory.path)
    seeded = await seeding.seed(state, directory.host_root)
    authority = certificates.authority()
    directory.ca_bundle.write_bytes(authority.cert_pem.bytes())
    certificate = authority.issue_cert(*certificates.NAMES, *certificates.ADDRESSES)
    directory.write_secret(directory.server_certificate, certificate.private_key_and_cert_chain_pem.bytes())
    aws, metadata, provider = [_listen()], [_listen()], [_listen()]
    ports = [listeners[0].getsockname()[1] for listeners in (aws, metadata, provider)]
    description = _description(directory, account, seeded, ports)
    host = Host(directory, state, seeded.instance, _listen()) if with_host else None
    if host:
        description = host.described(description)
        aws += host.listeners.aws
        metadata += host.listeners.metadata
        provider += host.listeners.provider
    directory.describe(description)
    http2.install()
    application = Application(state, InstanceMetadata(state, seeded.instance))
    configuration = _configuration(directory, aws, metadata)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(cast("Framework", application), configuration, shutdown_trigger=asyncio.Event().wait))
        tasks.create_task(Provider(authority, seeded.provider_keys, account.provider.fault).serve(provider))
        for service in host.services() if host else ():
            tasks.create_task(service)


def _listen() -> socket.socket:
    """A free port, bound before it is told to anyone."""
    return socket.create_server((ADDRESS, 0))


def _configuration(directory: LabDirectory, aws: list[socket.socket], metadata: list[socket.socket]) -> Config:
    configuration = Config()
    configuration.certfile = configuration.keyfile = str(directory.server_certificate)
    configuration.bind = [f"fd://{listener.detach()}" for listener in aws]
    configuration.insecure_bind = [f"fd://{listener.detach()}" for listener in metadata]
    configuration.include_server_header = configuration.include_date_header = False
    configuration.keep_alive_timeout = 60
    configuration.loglevel = "WARNING"
    return configuration


def _description(
    directory: LabDirectory,
    account: accounts.Account,
    seeded: seeding.Seeded,
    ports: list[int],
) -> Description:
    aws, metadata, provider = ports
    return Description(
        endpoint_url=f"https://{ADDRESS}:{aws}",
        imds_endpoint=f"http://{ADDRESS}:{metadata}",
        ca_bundle=str(directory.ca_bundle),
        account=account.name,
        account_id=account.account_id,
        region=account.region,
        access_key_id=seeded.access_key_id,
        secret_access_key=seeded.secret_access_key,
        instance_id=seeded.instance.instance_id,
        role_name=account.role.name,
        provider_url=f"https://{ADDRESS}:{provider}",
        provider_next_key=seeded.provider_keys[1],
        host_root=str(directory.host_root),
        pid=os.getpid(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def main(lab_dir: str, account_name: str, *options: str) -> int:
    """Hold the directory and serve; the option is ``--host``."""
    if not ministack.app.AUTH:
        raise RuntimeError("ministack was imported without AUTH=true: the lab starts with `python -m lab up`")
    os.umask(0o022)  # the lab's directory is closed to others anyway; what is on its host has a host's modes
    directory = LabDirectory(Path(lab_dir))
    if not directory.hold():
        return ALREADY_RUNNING
    asyncio.run(run(directory, accounts.load(account_name), with_host="--host" in options))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
