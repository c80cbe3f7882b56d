# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a plugin reads the collection's version."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.collection_version import collection_version


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"MANIFEST.json": '{"collection_info": {"version": "1.2.3"}}'}, "1.2.3"),
        ({"galaxy.yml": "name: infra\nversion: 1.2.4\n"}, "1.2.4"),
        ({"MANIFEST.json": "{}"}, "unknown"),
        ({"galaxy.yml": "- ["}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_version_of_an_artifact_or_a_checkout(tmp_path: Path, files: dict[str, str], version: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert collection_version(tmp_path) == version
