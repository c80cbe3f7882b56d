"""``python -m benchmarks``: measure, print, write JSON and a plot."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import contenders, figures, plot, stage
from benchmarks.contenders import CONTENDERS

#: Letter, what the table says, contender, whether the lab starts with what it is to be brought to.
ROWS = (
    ("a", "(a) site.yml, converging", "site.yml", False),
    ("b", "(b) site.yml, nothing to do", "site.yml", True),
    ("c", "(c) shell runbook, AWS CLI", "runbook", True),
    ("d", "(d) amazon.aws and command: aws", "stock", True),
    ("e", "(e) one process with boto3", "floor", True),
)
CONVERGING_ROWS = (
    ("c+", "(c) converging", "runbook", False),
    ("d+", "(d) converging", "stock", False),
    ("e+", "(e) converging", "floor", False),
)
COMPARED = (("b", "c"), ("b", "d"), ("b", "e"), ("a", "c+"), ("a", "d+"), ("a", "e+"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; fail where a contender does, with --strict also where a target is not met."""
    options = _parser().parse_args(arguments)
    rows = [row for row in (*ROWS, *(CONVERGING_ROWS if options.converging else ())) if row[0][0] in options.contenders]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _warm_up()
        samples = side_by_side(rows, options.repetitions)
        hosts = grow("hosts", options.hosts, options.growth_repetitions)
        regions = grow("regions", options.regions, options.growth_repetitions)
    except contenders.NoContenderError as error:
        _say(str(error))
        return 1
    goals = figures.targets(samples, hosts)
    _report(rows, samples, hosts, regions, goals)
    options.output.mkdir(parents=True, exist_ok=True)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "load": os.getloadavg()[0]},
        "rows": {letter: says for letter, says, _name, _idle in rows},
        "samples": samples,
        "hosts": hosts,
        "regions": regions,
        "targets": [{"says": each.says, "figure": each.figure, "met": each.met} for each in goals],
    }
    written = options.output / "benchmark.json"
    written.write_text(json.dumps(result, indent=1), encoding="utf-8")
    plot.draw(result, options.output / "benchmark.svg")
    _say(f"\n{written}\n{options.output / 'benchmark.svg'}")
    return 2 if options.strict and not all(each.met for each in goals) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The chain beside what stands in for it.")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="rounds, in each all contenders once")
    parser.add_argument("--contenders", default="abcde", help="letters of the table")
    parser.add_argument("--converging", action="store_true", help="let (c), (d) and (e) converge, too")
    parser.add_argument("--hosts", type=_sizes, default=[1, 10, 50, 100], help="sizes of fleets; empty for none")
    parser.add_argument("--regions", type=_sizes, default=[2, 4, 8], help="numbers of regions; empty for none")
    parser.add_argument("--growth-repetitions", type=int, default=1, metavar="N", help="runs of each size")
    parser.add_argument("--strict", action="store_true", help="exit with 2 where a target is not met")
    parser.add_argument(
        "--output", type=Path, default=stage.REPOSITORY / ".cache/bench", help="directory of the results"
    )
    return parser


def _sizes(text: str) -> list[int]:
    return [int(each) for each in text.split(",") if each]


def _warm_up() -> None:
    """Let Python compile and the probe's file be built before anything is measured."""
    with stage.staged(idle=True) as lab:
        contenders.compete(CONTENDERS["site.yml"], lab, converging=False)


def side_by_side(rows: Sequence[tuple[str, str, str, bool]], repetitions: int) -> dict[str, list[dict[str, Any]]]:
    """Run every contender once a round, each on a lab of its own that starts anew."""
    samples: dict[str, list[dict[str, Any]]] = {letter: [] for letter, *_ in rows}
    with _until_interrupted():
        for number in range(repetitions):
            finished = {}
            for letter, says, name, idle in rows:
                with stage.staged(idle=idle) as lab:
                    finished[letter] = _sample(contenders.compete(CONTENDERS[name], lab, converging=not idle))
                _progress(f"round {number + 1} of {repetitions}: {says}", finished[letter])
            for letter, sample in finished.items():
                samples[letter].append(sample)
    return samples


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Let who has waited long enough have the figures of what is finished."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: the figures are those of what was finished.\n")


def grow(what: str, sizes: Sequence[int], repetitions: int) -> list[dict[str, Any]]:
    """Run site.yml with nothing to do on fleets, or on configurations, of several sizes; the floor with regions."""
    grown: list[dict[str, Any]] = []
    with _until_interrupted():
        # One by one: what is finished stays when the next is interrupted.
        grown.extend(_of_size(what, size, repetitions) for size in sizes)
    return grown


def _of_size(what: str, size: int, repetitions: int) -> dict[str, Any]:
    hosts, regions = (size, 2) if what == "hosts" else (1, size)
    with stage.staged(idle=True, hosts=hosts, number_of_regions=regions) as lab:
        runs: dict[str, list[dict[str, Any]]] = {"site.yml": [], "floor": []}
        for _ in range(repetitions):
            for name in runs if what == "regions" else ("site.yml",):
                result = contenders.compete(CONTENDERS[name], lab, converging=False, hosts=hosts)
                lab.forget_trail()
                runs[name].append(_sample(result))
                _progress(f"{size} {what}: {name}", runs[name][-1])
    beside = {"floor": figures.medians(runs["floor"])} if runs["floor"] else {}
    return {"size": size, **figures.medians(runs["site.yml"]), **beside, "samples": runs}


def _sample(result: contenders.Result) -> dict[str, Any]:
    measured = result.measure
    modules = [{"host": host, "module": name, "count": count} for (host, name), count in measured.modules.items()]
    return {
        "seconds": round(measured.seconds, 3),
        "cpu_seconds": round(measured.cpu_seconds, 3),
        "peak_mib": round(measured.peak_mib, 1),
        "calls": result.calls,
        "calls_without_trail": result.calls_without_trail,
        "module_executions": sum(measured.modules.values()),
        "modules": modules,
    }


def _report(
    rows: Sequence[tuple[str, str, str, bool]],
    samples: figures.Samples,
    hosts: Sequence[dict[str, Any]],
    regions: Sequence[dict[str, Any]],
    goals: Sequence[figures.Target],
) -> None:
    _say("\n" + figures.table([(says, samples[letter]) for letter, says, _name, _idle in rows]))
    for one, other in COMPARED:
        if samples.get(one) and samples.get(other):
            compared = {name: figures.ratio(samples[one], samples[other], name) for name in ("seconds", "cpu_seconds")}
            _say(f"({one}) to ({other}): seconds {compared['seconds']}, CPU seconds {compared['cpu_seconds']}")
    for what, grown in (("hosts", hosts), ("regions", regions)):
        if grown:
            shown = [(f"{each['size']} {what}, site.yml", each["samples"]["site.yml"]) for each in grown]
            shown += [(f"{each['size']} {what}, floor", each["samples"]["floor"]) for each in grown]
            _say("\n" + figures.table(shown))
    _say("\n" + "\n".join(map(str, goals)))


def _progress(says: str, sample: dict[str, Any]) -> None:
    sys.stderr.write(
        f"{says}: {sample['seconds']:.1f} s, {sample['cpu_seconds']:.1f} s of CPU, {sample['calls']} calls\n"
    )


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(asked, cwd=stage.REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
