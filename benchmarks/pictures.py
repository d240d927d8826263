"""Growth curves as pictures: SVG files whose bytes depend on nothing but the curve."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from report import Curve

SIZE = (7.5, 4.2)
"""Inches."""
MOST_TICKS = 6
MARKERS = "os^Dv*Px"
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: smaller, and searchable
    "svg.hashsalt": "benchmarks",  # ids follow from the picture, not from chance
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
}


def file_name(benchmark: str, curve: Curve) -> str:
    """``paging-page-cost-over-offset.svg``."""
    words = re.findall(r"[a-z0-9]+", curve.title.lower())
    return "-".join([benchmark.replace("_", "-"), *words]) + ".svg"


def draw(curve: Curve, path: Path) -> None:
    """Write the picture of a curve."""
    # Only those who draw have it: `make bench` installs it.
    import matplotlib as mpl  # noqa: PLC0415 - as above
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    with mpl.rc_context(SETTINGS):
        figure = Figure(SIZE, layout="constrained")
        axes = figure.subplots()
        for number, (name, points) in enumerate(curve.series.items()):
            xs, ys = zip(*sorted(points), strict=True)
            axes.plot(xs, ys, marker=MARKERS[number % len(MARKERS)], markersize=4, linewidth=1.4, label=name)
        axes.set(title=curve.title, xlabel=curve.x, ylabel=curve.y, xscale=curve.x_scale, yscale=curve.y_scale)
        if curve.y_scale == "linear":
            axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.7g}")
        axes.xaxis.set_major_formatter("{x:,.7g}")
        measured = sorted({x for points in curve.series.values() for x, _ in points})
        if len(measured) <= MOST_TICKS:
            axes.set_xticks(measured)
            axes.set_xticks([], minor=True)
        axes.grid(visible=True, alpha=0.25)
        if len(curve.series) > 1:
            figure.legend(loc="outside lower center", ncols=2, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None}, facecolor="white")


def tidy(folder: Path, keep: Iterable[str]) -> None:
    """Remove pictures that nothing draws any more."""
    kept = set(keep)
    for path in folder.glob("*.svg"):
        if path.name not in kept:
            path.unlink()
