"""The results as a picture: throughput by store and kind of request, and cost against the number of stored jobs."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from bench.rows import Row

NAME = "plot"
COLOURS = {
    "submit": "#0072b2",
    "submit with a key": "#56b4e9",
    "poll": "#009e73",
    "list": "#e69f00",
    "balance": "#cc79a7",
}
"""By kind of request; told apart by the colour-blind too."""
MARKERS = {"submit": "o", "poll": "s", "list": "^", "balance": "D"}
STORES = {"memory": "in memory", "sqlite": "SQLite", "redis": "Redis"}
PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
"""Under a number, so that no line strikes it out."""
MICROSECONDS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
"""Those that have a line."""


def draw(rows: Sequence[Row], folder: Path) -> None:
    """Write plot.png and plot.svg into a folder."""
    mpl.rcParams.update({"font.size": 10, "svg.hashsalt": NAME, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(13, 5.2), layout="constrained")
    grid = figure.add_gridspec(1, 4, width_ratios=(2.6, 1, 1, 1))
    _throughput(figure.add_subplot(grid[0]), rows)
    first: Axes | None = None
    for place, store in enumerate(STORES, 1):
        axes = figure.add_subplot(grid[place], sharey=first, sharex=first)
        _cost(axes, rows, store)
        if first is None:
            first = axes
            axes.set_ylabel("microseconds of a round trip, median")
        else:
            axes.tick_params(labelleft=False)
    figure.savefig(folder / f"{NAME}.png", dpi=130)
    figure.savefig(folder / f"{NAME}.svg", metadata={"Date": None})


def _throughput(axes: Axes, rows: Sequence[Row]) -> None:
    """Bars in groups by store; over each the bare handler that ran in the same rounds."""
    width = 0.8 / len(COLOURS)
    for row in rows:
        if row.topic != "throughput" or row.value is None or row.unit != "/s":
            continue
        kind = row.about["kind"]
        left = list(STORES).index(row.about["store"]) - 0.4 + width * list(COLOURS).index(kind)
        if row.about.get("bare"):
            axes.hlines(row.value, left, left + width, colors="black", linewidth=2)
        else:
            axes.bar(left, row.value, width * 0.92, align="edge", color=COLOURS[kind])
            middle, told = left + width / 2, f"{row.value / 1000:.1f}k"
            axes.text(middle, row.value, told, ha="center", va="bottom", fontsize=8, bbox=PATCH)
    axes.set_xticks(range(len(STORES)), STORES.values())
    axes.tick_params(axis="x", length=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylabel("requests a second, one process on one core")
    axes.set_title("Throughput", loc="left", fontweight="bold")
    for kind, colour in COLOURS.items():
        axes.bar(0, 0, color=colour, label=kind)
    axes.plot([], [], color="black", linewidth=2, label="bare aiohttp handler, same bytes")
    axes.legend(
        frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.07), columnspacing=1, handlelength=1.2
    )


def _cost(axes: Axes, rows: Sequence[Row], store: str) -> None:
    """A line for each kind of request, with the span of its rounds behind it."""
    for kind, colour in COLOURS.items():
        found = [
            (row.about["jobs"], row.value, *row.span)
            for row in rows
            if row.topic == "growth" and row.value is not None and row.unit == "us" and row.span
            if (row.about["store"], row.about["kind"]) == (store, kind)
        ]
        if found:
            jobs, values, lowest, highest = zip(*sorted(found), strict=True)
            axes.fill_between(jobs, lowest, highest, color=colour, alpha=0.15, linewidth=0)
            axes.plot(jobs, values, color=colour, marker=MARKERS[kind], markersize=5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(MICROSECONDS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color="#dddddd")
    axes.set_title(f"Cost, {STORES[store]}", loc="left", fontweight="bold")
    axes.set_xlabel("stored jobs")


def _short(value: float) -> str:
    for size, mark in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{mark}"
    return f"{value:g}"
