# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret that systemd hands to a service as a credential: a file for root alone, and the drop-in that names it.

Each is replaced as a whole, and stands beside itself as it was before while a restart is due, as the environment file
does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.safesecrets.infra.plugins.module_utils import file_replacement
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import changes
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_storage import PREVIOUS, companion
from ansible_collections.safesecrets.infra.plugins.module_utils.file_replacement import Target

#: The first version that knows LoadCredential=.
OLDEST_SYSTEMD = 247
_VERSION = re.compile(r"systemd (\d+)")


@dataclass(frozen=True)
class Wanted:
    """One of both files as it shall be; the content None wants it gone."""

    path: str
    content: bytes | None
    mode: int
    directory_mode: int


@dataclass(frozen=True)
class Credential:
    """A credential of a service: its name, and where its files are."""

    name: str
    service: str
    directory: str
    unit_directory: str

    @property
    def path(self) -> str:
        """Return the path of the file that holds the secret."""
        return f"{self.directory}/{self.name}"

    @property
    def drop_in(self) -> str:
        """Return the path of the drop-in."""
        service = self.service.removesuffix(".service")
        return f"{self.unit_directory}/{service}.service.d/50-credential-{self.name}.conf"

    def files(self, secret: str | None) -> tuple[Wanted, Wanted]:
        """Return both files as they shall be; without a secret neither shall be there."""
        setting = f"# Written by Ansible.\n[Service]\nLoadCredential={self.name}:{self.path}\n"
        present = secret is not None
        return (
            Wanted(self.path, (secret or "").encode() if present else None, 0o600, 0o700),
            Wanted(self.drop_in, setting.encode() if present else None, 0o644, 0o755),
        )


@dataclass(frozen=True)
class Step:
    """What one file needs."""

    wanted: Wanted
    target: Target

    @property
    def has_new_content(self) -> bool:
        """Tell whether a service that reads it would read something else."""
        return (self.target.content or b"") != (self.wanted.content or b"")

    @property
    def changes(self) -> bool:
        """Tell whether anything has to be done."""
        if self.wanted.content is None:
            return self.target.found is not None
        return self.has_new_content or not self.target.as_wanted or not self._directory_is_right

    @property
    def _directory_is_right(self) -> bool:
        folder = self.target.path.parent
        return folder.is_dir() and folder.stat().st_mode & 0o7777 & ~self.wanted.directory_mode == 0

    @property
    def previous(self) -> Path:
        """Return the path of the file as it was before."""
        return companion(self.target, PREVIOUS)

    def carry_out(self, restart_follows: bool) -> None:
        """Do it. Raises OSError; the file is then the old one or the new one."""
        if not self.changes:
            return
        folder = self.target.path.parent
        folder.mkdir(mode=self.wanted.directory_mode, parents=True, exist_ok=True)
        folder.chmod(folder.stat().st_mode & self.wanted.directory_mode)
        if self.has_new_content and restart_follows and not self.previous.exists():
            file_replacement.replace(self.target, self.target.content or b"", self.previous)
        if self.wanted.content is None:
            self.target.path.unlink()
        else:
            file_replacement.replace(self.target, self.wanted.content)
        if self.has_new_content and not restart_follows:
            self.previous.unlink(missing_ok=True)


def plan(credential: Credential, secret: str | None) -> tuple[Step, Step]:
    """Return what the secret's file and the drop-in need."""

    def step(wanted: Wanted) -> Step:
        found = file_replacement.look(wanted.path)
        return Step(wanted, replace(found, uid=os.geteuid(), gid=os.getegid(), mode=wanted.mode))

    first, second = credential.files(secret)
    return step(first), step(second)


def shown_changes(credential: Credential, step: Step) -> list[str]:
    """Say what becomes of the secret, old and new by their fingerprints."""

    def named(content: bytes | None) -> dict[str, str]:
        return {credential.name: content.decode("utf-8", "surrogateescape")} if content else {}

    return changes(named(step.target.content), named(step.wanted.content), [credential.name])


def systemd_fault(output: str) -> str:
    """Return why a host cannot hand out credentials, from what ``systemctl --version`` says; nothing where it can."""
    version = _VERSION.match(output)
    if version is None:
        return "has no systemd"
    return "" if int(version[1]) >= OLDEST_SYSTEMD else f"has systemd {version[1]}, older than {OLDEST_SYSTEMD}"


def paths(credential: Credential) -> Sequence[str]:
    """Return the paths of both files, the secret's first."""
    return (credential.path, credential.drop_in)
