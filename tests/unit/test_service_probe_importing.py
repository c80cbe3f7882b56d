# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The travelling file's modules are found, compiled once, and nothing else is taken for one of them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import importing
from ansible_collections.safesecrets.infra.plugins.plugin_utils import probe_bundle

CONTENTS = {
    "travelled/__init__.py": "",
    "travelled/below/__init__.py": "from travelled.below import module",
    "travelled/below/module.py": "VALUE = 7",
    "travelled/wrong.py": "VALUE = ",
    "travelled_alone.py": "import travelled.below.module as module\nVALUE = module.VALUE",
    "travelled/data.json": "{}",
}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "file.pyz"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in CONTENTS.items():
            file.writestr(name, content)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    importing.install(str(path))
    yield path
    for name in [each for each in sys.modules if each.startswith("travelled")]:
        del sys.modules[name]


def test_modules_and_packages_are_found_where_they_are(archive: Path) -> None:
    alone, below = importlib.import_module("travelled_alone"), importlib.import_module("travelled.below")
    assert alone.VALUE == below.module.VALUE == 7
    assert alone.__file__ == f"{archive}/travelled_alone.py"
    assert below.__path__ == [f"{archive}/travelled/below"]
    assert below.module.__package__ == "travelled.below"


def test_each_is_compiled_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def counting(source: bytes, place: str, *how: Any, **more: Any) -> Any:
        compiled.append(place)
        return compile(source, place, *how, **more)

    monkeypatch.setattr(importing, "compile", counting, raising=False)
    importlib.import_module("travelled_alone")
    importlib.import_module("travelled.below.module")
    names = ("travelled_alone", "travelled/__init__", "travelled/below/__init__", "travelled/below/module")
    assert compiled == [f"{archive}/{name}.py" for name in names]


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("name", ["travelled.data", "travelled.none", "travelled_none", "json.none"])
def test_what_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name):
        importlib.import_module(name)


def test_a_fault_in_a_module_names_its_file(archive: Path) -> None:
    with pytest.raises(SyntaxError) as raised:
        importlib.import_module("travelled.wrong")
    assert raised.value.filename == f"{archive}/travelled/wrong.py"


def test_the_built_file_imports_its_libraries_so(tmp_path: Path) -> None:
    path = tmp_path / "file.pyz"
    probe_bundle.build(path)
    names = ("botocore.session", "dateutil.parser", "json", "urllib3")
    shown = (
        f"import json; json.dump([type(sys.modules[name].__spec__.loader).__name__ for name in {names}], sys.stdout)"
    )
    program = probe_bundle.MAIN.replace("sys.exit(main())", shown)
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{program}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == ["ArchiveImporter", "ArchiveImporter", "SourceFileLoader", "ArchiveImporter"]
    with zipfile.ZipFile(path) as built:
        assert built.read("__main__.py").decode() == probe_bundle.MAIN
