"""The same rules as over the pure core, over Postgres: row by row what the model says, every invariant kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import simulated

if TYPE_CHECKING:
    from tests.simulation.machine import RunMachine


def test_any_run_in_postgres_is_what_the_model_says(machine: type[RunMachine]) -> None:
    """Claims, groups, chains, losses, sweeps, decisions and cancels at random: no row differs, no invariant breaks."""
    run_state_machine_as_test(machine, settings=simulated(60))
