# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""botocore within the travelling file: its data is read out of the archive, since nothing is unpacked on the host."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

with suppress(ImportError):  # The travelling file brings it.
    import botocore
    import botocore.session
    from botocore.exceptions import DataNotFoundError, UnknownServiceError

DATA = "botocore/data/"


def session() -> Any:
    """Return a session of botocore, whether it was imported from an archive or from a folder."""
    made = botocore.session.Session()
    archive = _archive(botocore.__file__)
    if archive:
        made.register_component("data_loader", ArchiveLoader(archive))
    return made


def _archive(file: str) -> str:
    """Return the archive that a file was imported from, nothing for a file that lies in a folder."""
    archive = str(Path(file).parents[1])
    return "" if Path(archive).is_dir() else archive


class ArchiveLoader:
    """What botocore asks its loader for, answered from an archive."""

    def __init__(self, archive: str) -> None:
        """Open the archive and list what it holds."""
        self._archive = zipfile.ZipFile(archive)
        self._names = {name[len(DATA) :] for name in self._archive.namelist() if name.startswith(DATA)}
        self._loaded: dict[str, Any] = {}

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return a document and where it is."""
        if name not in self._loaded:
            found = [each for each in (f"{name}.json", f"{name}.json.gz") if each in self._names]
            if not found:
                raise DataNotFoundError(data_path=name)
            content = self._archive.read(f"{DATA}{found[0]}")
            text = gzip.decompress(content) if found[0].endswith(".gz") else content
            self._loaded[name] = json.loads(text, object_pairs_hook=OrderedDict)
        return self._loaded[name], f"{DATA}{name}"

    def load_data(self, name: str) -> Any:
        """Return a document."""
        return self.load_data_with_path(name)[0]

    def is_builtin_path(self, _path: str) -> bool:
        """Nothing here is a customer's."""
        return True

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that have such a document."""
        return sorted({name.split("/")[0] for name in self._names if f"/{type_name}.json" in name})

    def list_api_versions(self, service_name: str, type_name: str) -> list[str]:
        """Return the versions of a service's document."""
        start = f"{service_name}/"
        found = sorted(
            {name.split("/")[1] for name in self._names if name.startswith(start) and f"/{type_name}.json" in name}
        )
        if not found:
            raise DataNotFoundError(data_path=service_name)
        return found

    def determine_latest_version(self, service_name: str, type_name: str) -> str:
        """Return the newest version of a service's document."""
        return self.list_api_versions(service_name, type_name)[-1]

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a service's document."""
        known = self.list_available_services(type_name)
        if service_name not in known:
            raise UnknownServiceError(service_name=service_name, known_service_names=", ".join(known))
        version = api_version or self.determine_latest_version(service_name, type_name)
        return self.load_data(f"{service_name}/{version}/{type_name}")
