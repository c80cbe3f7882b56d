"""Runs a command and measures it: wall time, CPU time and memory of all its processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Measure:
    """One run."""

    seconds: float
    cpu_seconds: float
    #: The largest sum of the memory of all its processes, each shared page once (PSS), sampled five times a second.
    peak_mib: float
    output: str = field(repr=False)
    returncode: int = 0
    #: By host and module.
    modules: dict[tuple[str, str], int] = field(default_factory=dict)


def run(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Measure:
    """Run a command to its end."""
    with tempfile.TemporaryDirectory() as directory:
        noted, said = Path(directory) / "modules", Path(directory) / "output"
        with said.open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603
                list(command),
                cwd=cwd,
                env={**environment, "MODULE_EXECUTIONS": str(noted)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            watch = _Watch(process.pid)
            try:
                _pid, status, usage = os.wait4(process.pid, 0)
            except KeyboardInterrupt:
                process.terminate()
                watch.stop()
                raise
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        return Measure(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mib=watch.stop() / 2**20,
            output=said.read_text(encoding="utf-8", errors="replace"),
            returncode=process.returncode,
            modules=count_modules(noted.read_text(encoding="utf-8") if noted.exists() else ""),
        )


class _Watch:
    """Samples the memory of a process and of all that it started."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak = pid, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def stop(self) -> int:
        """End, and give the largest sum in bytes."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _sample(self) -> None:
        import psutil  # noqa: PLC0415  (the tests of what is counted here do without it)

        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._pid)
            while not self._over.is_set():
                self._peak = max(self._peak, sum(map(_shared_once, [root, *root.children(recursive=True)])))
                self._over.wait(SAMPLE_SECONDS)


def _shared_once(process: Any) -> int:
    import psutil  # noqa: PLC0415

    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def count_modules(lines: str) -> dict[tuple[str, str], int]:
    """Count what the callback noted, by host and module."""
    noted = (json.loads(line) for line in lines.splitlines())
    return dict(Counter((str(each["host"]), str(each["module"])) for each in noted))
