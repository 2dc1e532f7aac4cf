"""A chart of steps per second against worker processes and against what the tables hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.benchmarks.measure import OURS
from tests.benchmarks.measures import growth

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.measure import Figures
    from tests.benchmarks.results import Results

_PROCESSES = {1: "steps-16", 2: "steps-2x16", 3: "steps-3x16"}
_COLOURS = {OURS: "#3b6ea8", "bare loop": "#8a8a8a", "DBOS": "#c2703d"}


def draw(results: Results, path: Path) -> None:
    """Write the chart as a PNG; without matplotlib say what is missing."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - of the benchmarks group alone
    except ImportError:
        raise SystemExit("a chart needs matplotlib: pip install --group benchmarks") from None
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _against_processes(left, results)
    _against_size(right, results)
    left.set_ylim(bottom=0)
    figure.savefig(path, metadata={"Software": None})


def _against_processes(axes: Any, results: Results) -> None:
    for name, colour in _COLOURS.items():
        points = [
            (count, found[name]) for count, key in _PROCESSES.items() if name in (found := results.figures.get(key, {}))
        ]
        _plot(axes, [(str(count), figures) for count, figures in points], name, colour)
    axes.set_xlabel("worker processes of 16 threads")
    axes.set_ylabel("steps per second")
    axes.legend(frameon=False)


def _against_size(axes: Any, results: Results) -> None:
    found = results.figures.get("grown", {})
    points = [(f"{size:,}", found[name]) for size in growth.SIZES if (name := growth.contestant(size)) in found]
    _plot(axes, points, OURS, _COLOURS[OURS])
    axes.set_xlabel("finished runs in the tables (1 process)")


def _plot(axes: Any, points: list[tuple[str, Figures]], name: str, colour: str) -> None:
    if not points:
        return
    medians = [figures.median for _, figures in points]
    below = [figures.median - min(figures.values) for _, figures in points]
    above = [max(figures.values) - figures.median for _, figures in points]
    axes.errorbar(
        [label for label, _ in points], medians, yerr=[below, above], marker="o", capsize=3, color=colour, label=name
    )
    axes.spines[["top", "right"]].set_visible(False)
