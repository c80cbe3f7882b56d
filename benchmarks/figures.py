"""The arithmetic: medians, ratios of runs that stood side by side, growth, and what is to be reached."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Sample = Mapping[str, Any]
Samples = Mapping[str, Sequence[Sample]]
#: The contenders by the letters of the table; a state is what the lab starts with.
IDLE, RUNBOOK, FLOOR = "b", "c", "e"
FIGURES = ("seconds", "cpu_seconds", "peak_mib", "calls", "calls_without_trail", "module_executions")
FILE_MODULES = ("environment_file", "service_credential")
PROBE_MODULES = ("service_probe",)
#: The cost of one more host may differ this much between small and large fleets and still be called the same.
FLAT = 1.25


@dataclass(frozen=True)
class Ratio:
    """Of two contenders, round by round: the median, and the smallest and the largest."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{self.middle:.2f} ({self.least:.2f} to {self.most:.2f})"


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """The median of each figure."""
    return {figure: median(float(each[figure]) for each in samples) for figure in FIGURES}


def ratio(one: Sequence[Sample], other: Sequence[Sample], figure: str) -> Ratio:
    """Compare runs of the same round; rounds that only one of the two has are no comparison."""
    if len(one) != len(other) or not one:
        raise ValueError(f"{len(one)} rounds cannot be compared with {len(other)}")
    of_rounds = [float(each[figure]) / float(beside[figure]) for each, beside in zip(one, other, strict=True)]
    return Ratio(median(of_rounds), min(of_rounds), max(of_rounds))


def per_host(modules: Iterable[Mapping[str, Any]], controller: str = "localhost") -> dict[str, float]:
    """The largest number of module executions on a host: for files, for the probe, and for anything else."""
    kinds: dict[str, Counter[str]] = {"files": Counter(), "probe": Counter(), "others": Counter()}
    for each in modules:
        name = str(each["module"]).rpartition(".")[2]
        kind = "files" if name in FILE_MODULES else "probe" if name in PROBE_MODULES else "others"
        if each["host"] != controller:
            kinds[kind][str(each["host"])] += int(each["count"])
    return {kind: max(hosts.values(), default=0) for kind, hosts in kinds.items()}


def further_cost(growth: Sequence[Mapping[str, Any]], figure: str) -> list[tuple[int, int, float]]:
    """What one more host costs from each size to the next: from, to, the cost."""
    steps = itertools.pairwise(growth)
    return [
        (one["size"], next_["size"], (next_[figure] - one[figure]) / (next_["size"] - one["size"]))
        for one, next_ in steps
    ]


def is_flat(costs: Sequence[tuple[int, int, float]]) -> bool | None:
    """Whether a further host costs a large fleet no more than a small one; None where there is no comparison."""
    if len(costs) < 2:  # noqa: PLR2004
        return None
    return costs[-1][2] <= FLAT * costs[0][2]


@dataclass(frozen=True)
class Target:
    """One figure to be reached."""

    says: str
    figure: str
    met: bool | None

    def __str__(self) -> str:
        """As the table shows it."""
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[self.met]
        return f"{verdict:<13} {self.says}: {self.figure}"


def _at_most(says: str, value: Ratio | None, limit: float) -> Target:
    if value is None:
        return Target(f"{says} at most {limit}", "-", None)
    return Target(f"{says} at most {limit}", str(value), value.middle <= limit)


def targets(samples: Samples, growth: Sequence[Mapping[str, Any]]) -> list[Target]:
    """Hold the figures against what is to be reached."""

    def compared(other: str, figure: str) -> Ratio | None:
        if not samples.get(IDLE) or not samples.get(other):
            return None
        return ratio(samples[IDLE], samples[other], figure)

    found = [
        _at_most("seconds, (b) to (c),", compared(RUNBOOK, "seconds"), 0.5),
        _at_most("seconds, (b) to (e),", compared(FLOOR, "seconds"), 8),
        _at_most("AWS calls, (b) to (e),", compared(FLOOR, "calls"), 1.2),
    ]
    if samples.get(IDLE):
        used = per_host(samples[IDLE][0]["modules"])
        shown = f"{used['files']} and {used['probe']}, and {used['others']} for anything else"
        fits = used["files"] <= 2 and used["probe"] <= 1  # noqa: PLR2004
        found.append(Target("module executions on a host at most 2 for the files and 1 for the probe", shown, fits))
    costs, seconds = further_cost(growth, "cpu_seconds"), further_cost(growth, "seconds")
    shown = "; ".join(
        f"{one} to {next_}: {cpu:.2f} s of CPU, {wall:.2f} s"
        for (one, next_, cpu), (_one, _next, wall) in zip(costs, seconds, strict=True)
    )
    found.append(Target("one more host costs the same, whatever the size", shown or "-", is_flat(costs)))
    return found


def table(rows: Sequence[tuple[str, Samples | Sequence[Sample]]]) -> str:
    """The medians as a table, with the spread of the seconds."""
    heading = (
        f"{'':<34} {'seconds':>8} {'(spread)':>15} {'CPU s':>7} {'MiB':>6} {'calls':>6} {'but trail':>9} {'modules':>8}"
    )
    lines = [heading]
    for says, samples in rows:
        if not isinstance(samples, Sequence) or not samples:
            continue
        middle = medians(samples)
        seconds = sorted(float(each["seconds"]) for each in samples)
        spread = f"({seconds[0]:.1f} to {seconds[-1]:.1f})"
        cells = f"{middle['cpu_seconds']:>7.1f} {middle['peak_mib']:>6.0f} {middle['calls']:>6.0f}"
        more = f"{middle['calls_without_trail']:>9.0f} {middle['module_executions']:>8.0f}"
        lines.append(f"{says:<34} {middle['seconds']:>8.1f} {spread:>15} {cells} {more}")
    return "\n".join(lines)
