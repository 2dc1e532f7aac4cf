"""A place for a process: how long it stays empty."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.worker import slot as slots
from squidmesh.worker.child import Trade
from squidmesh.worker.interruption import INTERRUPTED
from squidmesh.worker.slot import Slot

if TYPE_CHECKING:
    import pytest

KILLED = -9


class Clock:
    """Stands where the module has ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time that was set."""
        return self.now


def make_slot(monkeypatch: pytest.MonkeyPatch) -> tuple[Slot, Clock]:
    """Return a place on a clock that stands, never filled by a real process."""
    monkeypatch.setattr(slots, "time", clock := Clock())
    monkeypatch.setattr(slots, "fork", lambda _: None)

    def make() -> None:
        raise AssertionError

    return Slot(Trade(make=make, close=make), lease=30.0), clock  # type: ignore[arg-type]  # nothing is made


def pauses(slot: Slot, clock: Clock, lives: list[float], code: int) -> list[float]:
    """Return how long the place stays empty after processes that lived so long."""
    found = []
    for life in lives:
        slot.fill()
        clock.now += life
        slot.replace(1, code)
        found.append(slot.fill_at - clock.now)
        clock.now = slot.fill_at
    return found


def test_processes_that_live_shortly_are_replaced_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause doubles up to half a minute; after a long life there is none."""
    slot, clock = make_slot(monkeypatch)
    assert pauses(slot, clock, [0.1] * 8, KILLED) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert pauses(slot, clock, [60.0, 0.1], KILLED) == [0.0, 0.5]


def test_a_process_that_was_to_end_is_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that interrupted its step, or that drained by itself, however shortly it lived."""
    slot, clock = make_slot(monkeypatch)
    assert pauses(slot, clock, [0.1] * 3, INTERRUPTED) == [0.0] * 3
    assert pauses(slot, clock, [0.1] * 3, 0) == [0.0] * 3


def test_the_log_says_which_process_ended_and_how(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Signal, exit code, or what kept it from beginning; once each."""
    slot, clock = make_slot(monkeypatch)
    with caplog.at_level(logging.WARNING):
        pauses(slot, clock, [0.1], KILLED)
        pauses(slot, clock, [0.1], 9)
        slot.fill()
        slot.error = DatabaseUnavailable("gone")
        slot.replace(1, 2)
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "process 1 ended by SIGKILL",
        "process 1 ended by exit code 9",
        f"process 1 could not begin: {DatabaseUnavailable('gone')}",
    ]
