# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Import from the travelling file, each module compiled once.

Python's own importer of archives compiles a module to learn its file's name, and then once more to run it: that is
half of the probe's computing, since the file holds source for every Python alike.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Any
from zipfile import ZipFile


class ArchiveImporter:
    """Finds and runs the modules of an archive, as an entry of ``sys.meta_path``."""

    def __init__(self, archive: str) -> None:
        """Open the archive and list what it holds."""
        self._archive = archive
        self._file = ZipFile(archive)
        self._names = frozenset(self._file.namelist())

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        """Say where a module is; nothing of what is not in the archive."""
        base = name.replace(".", "/")
        if f"{base}/__init__.py" in self._names:
            return self._spec(name, f"{base}/__init__.py", [f"{self._archive}/{base}"])
        return self._spec(name, f"{base}.py", None) if f"{base}.py" in self._names else None

    def _spec(self, name: str, file: str, below: list[str] | None) -> ModuleSpec | None:
        loader: Any = self
        place = f"{self._archive}/{file}"
        return spec_from_file_location(name, place, loader=loader, submodule_search_locations=below)

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module."""
        exec(self._code(str(module.__file__)), module.__dict__)  # noqa: S102  (that is what importing is)

    def _code(self, place: str) -> CodeType:
        return compile(self._file.read(place[len(self._archive) + 1 :]), place, "exec", dont_inherit=True)


def install(archive: str) -> None:
    """Let this importer come first."""
    sys.meta_path.insert(0, ArchiveImporter(archive))
