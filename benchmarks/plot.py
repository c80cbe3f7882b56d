"""The figures as one picture: the contenders' seconds, and what growth costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INK, PRODUCT, OTHERS = "#333333", "#1f6f8b", "#b0b7bd"


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Write the picture of a result; the ending of the path says in which format."""
    import matplotlib as mpl  # noqa: PLC0415  (the tests of the arithmetic do without it)

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "safesecrets", "svg.fonttype": "none", "font.size": 8, "font.family": "sans-serif"}
    from matplotlib import pyplot  # noqa: PLC0415

    figure, (contenders, hosts, regions) = pyplot.subplots(
        1, 3, figsize=(11, 3.2), width_ratios=(5, 3, 3), layout="constrained"
    )
    _contenders(contenders, result)
    _growth(hosts, "hosts", result["hosts"], {"site.yml": PRODUCT})
    _growth(regions, "regions", result["regions"], {"site.yml": PRODUCT, "floor": OTHERS})
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _contenders(axes: Any, result: Mapping[str, Any]) -> None:
    """Each run as a dot, their median as a bar."""
    from statistics import median  # noqa: PLC0415

    rows = [(says, result["samples"][letter]) for letter, says in result["rows"].items() if result["samples"][letter]]
    for place, (says, samples) in enumerate(rows):
        for offset, figure, hatch in ((-0.2, "seconds", ""), (0.2, "cpu_seconds", "////")):
            values = [each[figure] for each in samples]
            colour = PRODUCT if "site.yml" in says else OTHERS
            axes.barh(place + offset, median(values), 0.36, color=colour, hatch=hatch, edgecolor="white")
            axes.plot(values, [place + offset] * len(values), ".", color=INK, markersize=3)
            axes.text(max(values), place + offset, f"  {median(values):.1f}", va="center", color=INK)
    axes.set_yticks(range(len(rows)), [says for says, _samples in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_title("seconds, CPU seconds (hatched): median, each run", loc="left", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _growth(axes: Any, what: str, grown: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """CPU seconds and memory by size."""
    from statistics import median  # noqa: PLC0415

    memory = axes.twinx()
    for name, colour in names.items():
        with_name = [each for each in grown if each["samples"][name]]
        sizes = [each["size"] for each in with_name]
        for on, figure, style in ((axes, "cpu_seconds", "o-"), (memory, "peak_mib", "s:")):
            values = [median(run[figure] for run in each["samples"][name]) for each in with_name]
            on.plot(sizes, values, style, color=colour, markersize=3, label=name)
    for each in (axes, memory):
        each.set_ylim(bottom=0)
        each.spines["top"].set_visible(False)
    axes.set_title(f"{what}: CPU s (line), MiB (dotted)", loc="left", fontsize=8)
    axes.set_xlabel(what)
    if len(names) > 1:
        axes.legend(frameon=False)
