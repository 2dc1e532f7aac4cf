"""A workflow whose steps can be undone, for the tests of failing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.hand_worker import nothing

if TYPE_CHECKING:
    from tests.integration.bench import Bench

SAGA = """
workflow: trip.book
triggers: {by_hand: {manual: {}, payload: {who: {type: string, default: ann}}}}
on_failure: {uses: t.tell, input: {why: failure.code, seat: flight.seat}}
steps:
  flight: {uses: t.work, output: flight, compensate: t.undo}
  hotel: {uses: t.work, output: hotel, compensate: t.undo}
  car: {uses: t.work, output: car}
  pay: {uses: t.work, after: [flight, hotel, car], input: {seat: flight.seat}}
  later: {wait: 1h}
"""


def saga(bench: Bench, undo: Any = nothing, tell: Any = nothing, text: str = SAGA) -> Any:
    """Return a mesh for ``SAGA``."""
    return bench.mesh(text, {"t.work": lambda **_: None, "t.undo": undo, "t.tell": tell})
