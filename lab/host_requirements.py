"""What the lab's host needs of the machine, and how to say that it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess

#: System commands stand where a user's PATH may not lead; nothing else of the user's is handed on.
SYSTEM_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
COMMANDS = ("bash", "ip", "mount", "nft", "nsenter", "openssl", "setpriv", "sshd", "sudo", "unshare")
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc", "--fork")


class HostError(Exception):
    """A host that cannot be made; the text says why and what to do."""


def check() -> None:
    """Refuse where the host cannot be made, before anything is."""
    if os.geteuid() != 0:
        raise HostError(
            "The host (--host) is a system of its own in Linux namespaces, which only root makes: run this as root, "
            "or leave --host out to keep the host's files under the lab's directory"
        )
    missing = [name for name in COMMANDS if shutil.which(name, path=SYSTEM_ENVIRONMENT["PATH"]) is None]
    if missing:
        raise HostError(f"The host (--host) needs {', '.join(missing)}: run `make setup-host` as root")
    tried = subprocess.run(  # noqa: S603  (fixed names)
        ["unshare", *NAMESPACES, "mount", "-t", "tmpfs", "tmpfs", "/mnt"],  # noqa: S607
        env=SYSTEM_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        raise HostError(
            f"The host (--host) needs Linux namespaces, which this machine refuses ({tried.stderr.strip()}): "
            "a container needs --privileged for it; or leave --host out"
        )
