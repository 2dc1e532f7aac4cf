"""What is measured: rows of a table, each the work of one or several contestants, and what is to be reached."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.benchmarks.arena import Arena

    Contestant = Callable[[Arena], Mapping[str, float]]

OURS = "squidmesh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure to reach: ours itself, or as a multiple of another contestant's (``against``)."""

    at_least: float | None = None
    at_most: float | None = None
    against: str | None = None

    def holds(self, value: float) -> bool:
        """Say whether a figure (or ratio) reaches it."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0)

    def __str__(self) -> str:
        text = f"≥ {self.at_least:,g}" if self.at_least is not None else f"≤ {self.at_most:,g}"
        return f"{text} x {self.against}" if self.against else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; ``contestant`` is whose figure the goals are about."""

    key: str
    title: str
    unit: str
    goals: tuple[Goal, ...] = ()
    contestant: str = OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Contestants that are measured in turn, round after round; each returns a figure for some of the rows.

    ``once`` is for what does not change from round to round.
    """

    name: str
    rows: tuple[Row, ...]
    contestants: Mapping[str, Contestant]
    once: bool = False


@dataclass(slots=True)
class Figures:
    """All figures of one row and contestant."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" ({short(low)} to {short(high)})" if low != high else ""
        return f"{short(self.median)}{spread}"


def short(value: float) -> str:
    """Return a figure with three digits that matter."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
