"""The same rules as over the pure core, over Postgres: row by row what the model says, every invariant kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.bookings import BookingMachine
from tests.simulation.machine import simulated
from tests.simulation.replays import ReplayMachine
from tests.simulation.schedules import ScheduleMachine
from tests.simulation.several import SeveralMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.machine import RunMachine

    Twinned = Callable[[type[Any]], type[Any]]


def test_any_run_in_postgres_is_what_the_model_says(machine: type[RunMachine]) -> None:
    """Claims, groups, chains, losses, sweeps, decisions and cancels at random: no row differs, no invariant breaks."""
    run_state_machine_as_test(machine, settings=simulated(60))


def test_several_runs_in_postgres_are_what_the_model_says(with_twins: Twinned) -> None:
    """Starts under one key at one moment, in batches; claims and records of several runs in one statement."""
    run_state_machine_as_test(with_twins(SeveralMachine), settings=simulated(10))


def test_replays_in_postgres_are_what_the_model_says(with_twins: Twinned) -> None:
    """Whatever is replayed from wherever, an effect is carried by one open run at most, and undone once."""
    run_state_machine_as_test(with_twins(ReplayMachine), settings=simulated(10))


def test_transactions_in_postgres_are_what_the_model_says(with_twins: Twinned) -> None:
    """A step that writes with its record: whatever breaks before or after its commit, it wrote if it was recorded."""
    run_state_machine_as_test(with_twins(BookingMachine), settings=simulated(12))


@pytest.mark.usefixtures("few_ticks")
def test_schedules_in_postgres_are_what_the_model_says(with_twins: Twinned) -> None:
    """Processes fire, after outages and pauses, with clocks that are moved: each tick once, as its policy says."""
    run_state_machine_as_test(with_twins(ScheduleMachine), settings=simulated(10))
