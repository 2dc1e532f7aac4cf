"""What was measured: kept as JSON, judged against the goals, shown as a table."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tests.benchmarks.measure import Figures, Goal, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.benchmarks.measure import Measure, Row

COLUMNS = ("measure", "unit", "squidmesh", "others", "to reach", "reached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal and what came of it; ``found`` is the figure or the ratio, None without the other contestant."""

    goal: Goal
    found: float | None

    @property
    def holds(self) -> bool | None:
        """Whether it was reached; None if nobody knows."""
        return None if self.found is None else self.goal.holds(self.found)

    def __str__(self) -> str:
        if self.found is None:
            return "not measured"
        factor = " x" if self.goal.against else ""
        return f"{'yes' if self.holds else 'no'}: {short(self.found)}{factor}"


@dataclass(slots=True)
class Results:
    """Figures by row and contestant, and where they were taken."""

    postgres: str = ""
    machine: str = field(
        default_factory=lambda: f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    )
    figures: dict[str, dict[str, Figures]] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """How often the most frequent figure was taken."""
        return max((len(each.values) for row in self.figures.values() for each in row.values()), default=0)

    def add(self, contestant: str, found: Mapping[str, float]) -> None:
        """Keep what a contestant has reached in a round."""
        for key, value in found.items():
            self.figures.setdefault(key, {}).setdefault(contestant, Figures()).values.append(value)

    def verdicts(self, row: Row) -> list[Verdict]:
        """Judge a row by its medians."""
        found = self.figures.get(row.key, {})
        ours = found.get(row.contestant)
        verdicts = []
        for goal in row.goals:
            value = ours.median if ours is not None else None
            if goal.against is not None and value is not None:
                other = found.get(goal.against)
                value = value / other.median if other is not None else None
            verdicts.append(Verdict(goal=goal, found=value))
        return verdicts

    def lines(self, measures: Sequence[Measure]) -> Iterator[tuple[str, ...]]:
        """Yield the cells of the table, as ``COLUMNS`` names them."""
        for row in (row for measure in measures for row in measure.rows if row.key in self.figures):
            found = self.figures[row.key]
            others = "; ".join(f"{name} {figures}" for name, figures in found.items() if name != row.contestant)
            verdicts = self.verdicts(row)
            yield (
                row.title,
                row.unit,
                str(found.get(row.contestant, "")),
                others,
                "; ".join(str(verdict.goal) for verdict in verdicts),
                "; ".join(map(str, verdicts)),
            )

    def table(self, measures: Sequence[Measure]) -> Table:
        """Return the table for a terminal."""
        table = Table(*COLUMNS, caption=self.caption)
        for line in self.lines(measures):
            table.add_row(*line)
        return table

    @property
    def caption(self) -> str:
        """Where and how often, in a line."""
        often = f"medians (minimum to maximum) of {self.rounds} rounds" if self.rounds > 1 else "one round"
        return f"{often}; {self.machine}, PostgreSQL {self.postgres}"

    def markdown(self, measures: Sequence[Measure]) -> str:
        """Return the table for a page."""
        lines = [COLUMNS, tuple("---" for _ in COLUMNS), *self.lines(measures)]
        return (
            "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{self.caption[0].upper()}{self.caption[1:]}.\n"
        )

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        content: dict[str, Any] = {
            "postgres": self.postgres,
            "machine": self.machine,
            "figures": {
                key: {name: [round(value, 4) for value in each.values] for name, each in row.items()}
                for key, row in self.figures.items()
            },
        }
        path.write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what ``save`` wrote."""
        content = json.loads(path.read_text())
        figures = {
            key: {name: Figures(values) for name, values in row.items()} for key, row in content["figures"].items()
        }
        return cls(postgres=content["postgres"], machine=content["machine"], figures=figures)
