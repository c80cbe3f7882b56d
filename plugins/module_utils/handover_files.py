# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the hand-over lies: a folder a run, ``latest`` leading to the newest, and a shard a host.

Nothing is written in place: a reader sees a whole file, the former one or the new one.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import shards

#: report.json, report.html and the shards hold all evidence, the role's whole policies among it: for who runs this.
#: The others are made to be handed to developers and collected by ticket systems, and hold no more than these need.
PRIVATE = 0o600
PUBLIC = 0o644
FOLDER = 0o755
MODES = {
    "report.json": PRIVATE,
    "report.html": PRIVATE,
    "report.md": PUBLIC,
    "junit.xml": PUBLIC,
    "safesecrets.env": PUBLIC,
}

LATEST = "latest"
RUNS = "runs"
SHARDS = "shards"


def folder_of_run(directory: Path, report: Mapping[str, Any]) -> Path:
    """Return the folder of a run: its moment, which sorts, and the head of its ID."""
    moment = str(report["finished_at"]).replace(":", "")
    return directory / RUNS / f"{moment}-{str(report['run_id'])[:8]}"


def write(path: Path, text: str, mode: int) -> bool:
    """Write a file atomically and tell whether it or its mode was not so before."""
    if differs(path, text, mode):
        make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
        return True
    return False


def as_text(value: Any) -> str:
    """Return a report or a shard as its file holds it."""
    return json.dumps(value, indent=2, default=str) + "\n"


def differs(path: Path, text: str, mode: int) -> bool:
    """Tell whether a file has another content or mode."""
    try:
        return path.read_bytes() != text.encode() or path.stat().st_mode & 0o777 != mode
    except FileNotFoundError:
        return True


def make_folder(path: Path) -> None:
    """Make a folder that its files' modes alone protect, whatever the umask; one that is there stays as it is."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(FOLDER)


def point_latest(directory: Path, folder: Path) -> bool:
    """Let ``latest`` lead to a folder, by a link that holds when the directory is moved."""
    link, target = directory / LATEST, folder.relative_to(directory)
    if link.is_symlink() and link.readlink() == target:
        return False
    temporary = directory / f".{LATEST}.{uuid.uuid4().hex}"  # a process of another container has the same number
    temporary.symlink_to(target)
    temporary.replace(link)
    return True


def read_shards(directory: Path) -> Iterator[shards.Shard]:
    """Read the shards of all hosts; what is no shard of this version is passed over."""
    for path in sorted((directory / SHARDS).glob("*.json")):
        shard = shards.parsed(path.read_text(encoding="utf-8", errors="replace"))
        if shard is not None:
            yield shard


def read_shard(directory: Path, host: str) -> shards.Shard | None:
    """Read the shard of a host; None where there is none."""
    path = directory / SHARDS / shards.file_name(host)
    return shards.parsed(path.read_text(encoding="utf-8", errors="replace")) if path.exists() else None
