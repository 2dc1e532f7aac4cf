"""The measures, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.measures import claiming, command_line, growth, idling, shapes, starting, steps, waking

if TYPE_CHECKING:
    from tests.benchmarks.measure import Measure

MEASURES: tuple[Measure, ...] = (
    *steps.MEASURES,
    *shapes.MEASURES,
    *claiming.MEASURES,
    *waking.MEASURES,
    *starting.MEASURES,
    *growth.MEASURES,
    *idling.MEASURES,
    *command_line.MEASURES,
)
