# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the file that travels to the host: the probe with its libraries, all of it in one zip that Python runs.

The libraries are those of requirements/probe.txt, pinned with hashes for Python 3.9, the oldest on a host. They are
fetched by pip from wherever this controller has its packages, once; the file is kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "probe.txt"
PACKAGE = "ansible_collections/safesecrets/infra/plugins/module_utils/service_probe"
SOURCES = ROOT / "plugins" / "module_utils" / "service_probe"

GREATEST_BYTES = 8 * 1024 * 1024
#: One moment for every entry, so that the same contents are the same file.
MOMENT = (2026, 1, 1, 0, 0, 0)
PYTHON = "3.9"
DATA = "botocore/data/"
ENDPOINTS = f"{DATA}endpoints.json"
GENERAL_DATA = ("_retry.json", "partitions.json", "sdk-default-configuration.json")
SERVICES = ("bedrock-runtime", "polly")
#: The names that botocore's table of endpoints has for them.
ENDPOINT_SERVICES = (*SERVICES, "transcribestreaming")
LEFT_OUT = re.compile(
    r"botocore/cacert\.pem|dateutil/zoneinfo/.*\.tar\.gz|botocore/data/.*/(examples|waiters)-\d\.json(\.gz)?"
    r"|[^/]+\.data/.*|.*\.dist-info/(?!licenses/|LICEN[CS]E|NOTICE).*"
)
MAIN = f"""import sys

from {PACKAGE.replace("/", ".")} import importing

importing.install(sys.path[0])

from {PACKAGE.replace("/", ".")}.run import main

sys.exit(main())
"""
REMEDY = (
    "Build it where the packages can be had, with `python -m pip` for the Python that runs Ansible, and name the file "
    "in service_probe's option bundle (validation_bundle): python {builder} FILE"
)


class BundleError(Exception):
    """The file cannot be built or is not the one that was built; the text says why and what to do."""


def cached_bundle(cache: Path | None = None) -> Path:
    """Return the file, built where it is not in the cache yet."""
    folder = cache or default_cache()
    path = folder / f"service-probe-{_key()}.pyz"
    if _is_whole(path):
        return path
    folder.mkdir(parents=True, exist_ok=True)
    build(path)
    return path


def default_cache() -> Path:
    """Return the user's cache folder of this collection."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "safesecrets-infra"


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build(path: Path) -> None:
    """Write the file, and beside it its SHA-256; whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = _download(Path(folder))
        entries = dict(sorted({**dict(_libraries(wheels)), **dict(_probe())}.items()))
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write_zip(file, entries)
        size = Path(temporary).stat().st_size
        if size > GREATEST_BYTES:
            raise BundleError(f"The probe's file would have {size} bytes, more than {GREATEST_BYTES}: trim its data")
        _record(path).write_text(f"{digest(Path(temporary))}\n", encoding="ascii")
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _record(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _is_whole(path: Path) -> bool:
    """Tell whether the file in the cache is the one that was built."""
    record = _record(path)
    return path.exists() and record.exists() and record.read_text(encoding="ascii").strip() == digest(path)


def _key() -> str:
    """Return what changes with every input of the file."""
    inputs = [PINS, Path(__file__), *sorted(SOURCES.glob("*.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()[:16]


def _download(folder: Path) -> list[Path]:
    """Fetch the pinned wheels; pip checks their hashes."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wanted = ["--require-hashes", "--only-binary=:all:", "--python-version", PYTHON]
    pure = ["--implementation", "py", "--abi", "none", "--platform", "any"]
    finished = subprocess.run(  # noqa: S603  (fixed words and paths of our own)
        [*command, *wanted, *pure, "--requirement", str(PINS), "--dest", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        said = " ".join(finished.stderr.split())[-600:]
        remedy = REMEDY.format(builder=Path(__file__).resolve())
        raise BundleError(f"The libraries of {PINS} could not be fetched for the probe: {said}. Remedy: {remedy}")
    return sorted(folder.glob("*.whl"))


def _libraries(wheels: list[Path]) -> Iterator[tuple[str, bytes]]:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.endswith("/") and _is_needed(name):
                    yield name, _trimmed_endpoints(archive.read(name)) if name == ENDPOINTS else archive.read(name)


def _is_needed(name: str) -> bool:
    if LEFT_OUT.fullmatch(name):
        return False
    if not name.startswith(DATA):
        return True
    below = name[len(DATA) :]
    return name == ENDPOINTS or below in GENERAL_DATA or below.split("/")[0] in SERVICES


def _trimmed_endpoints(content: bytes) -> bytes:
    """Keep the services that are called: the whole table is larger than everything else together."""
    table = json.loads(content)
    for partition in table["partitions"]:
        services: Mapping[str, object] = partition["services"]
        partition["services"] = {name: services[name] for name in ENDPOINT_SERVICES if name in services}
    return json.dumps(table, separators=(",", ":")).encode()


def _probe() -> Iterator[tuple[str, bytes]]:
    yield "__main__.py", MAIN.encode()
    parts = PACKAGE.split("/")
    for depth in range(1, len(parts)):  # from an archive Python takes no package without it
        yield f"{'/'.join(parts[:depth])}/__init__.py", b""
    for path in sorted(SOURCES.glob("*.py")):
        yield f"{PACKAGE}/{path.name}", path.read_bytes()


def _write_zip(file: object, entries: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def main(arguments: list[str]) -> int:
    """Build the file at the path given, or in the cache."""
    try:
        path = Path(arguments[0]).absolute() if arguments else cached_bundle()
        if arguments:
            build(path)
    except BundleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{path} {path.stat().st_size} bytes, sha256 {digest(path)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
