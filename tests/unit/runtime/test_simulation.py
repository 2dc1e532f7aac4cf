"""The pure core, driven at random: whatever happens to a run, every invariant holds, and in the end it has ended."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import RunMachine, simulated


def test_any_run_keeps_the_invariants_whatever_happens() -> None:
    """Definitions of every shape, decided on and applied in memory; and in the end everything has ended."""
    run_state_machine_as_test(RunMachine, settings=simulated(200))
