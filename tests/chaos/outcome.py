"""What became of a scenario, and the table of all of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADINGS = ("scenario", "runs", "kills", "restarts", "lost", "double", "p50 s", "p99 s", "took s", "")
_MANY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The row of one scenario.

    ``lost`` counts acknowledged runs that are gone or have not ended, ``double`` steps recorded twice,
    ``recoveries`` the seconds from the death of a worker until each step that it held was there for others.
    ``problem`` is what was expected and did not happen, or what is broken of the invariants, whose names are
    ``broken``.
    """

    scenario: str
    runs: int
    kills: int
    restarts: int
    lost: int
    double: int
    recoveries: tuple[float, ...]
    took: float
    problem: str | None = None
    broken: frozenset[str] = frozenset()

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        counts = (self.runs, self.kills, self.restarts, self.lost, self.double)
        times = (percentile(self.recoveries, 50), percentile(self.recoveries, 99), f"{self.took:.1f}")
        return (self.scenario, *map(str, counts), *times, "FAILED" if self.problem else "ok")


def percentile(values: Sequence[float], percent: int) -> str:
    """Return a percentile in seconds, a dash without values."""
    if len(values) < _MANY:
        return f"{values[0]:.1f}" if values else "-"
    return f"{statistics.quantiles(values, n=100, method='inclusive')[percent - 1]:.1f}"


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table, so that it can be kept as it is printed."""
    rows = [_HEADINGS, *(outcome.cells for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
