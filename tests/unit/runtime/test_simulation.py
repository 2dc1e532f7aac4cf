"""The pure core, driven at random: whatever happens to a run, every invariant holds, and in the end it has ended."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from squidmesh.model.definition import Step, Trigger, Uses, Workflow
from squidmesh.runtime import progression, recording
from tests.simulation import slow
from tests.simulation.lockstep import Lockstep
from tests.simulation.machine import RunMachine, simulated

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of steps fail here, and each would be logged."""
    caplog.set_level(logging.CRITICAL, logger="squidmesh")


def test_any_run_keeps_the_invariants_whatever_happens() -> None:
    """Definitions of every shape, decided on and applied in memory; and in the end everything has ended."""
    run_state_machine_as_test(RunMachine, settings=simulated(200))


def forget_a_dependent(followers: Callable[..., Any]) -> Callable[..., Any]:
    """Let the last of several dependents not be told."""

    def told(*arguments: Any) -> Any:
        insertion, decrements = followers(*arguments)
        return insertion, decrements[:-1]

    return told


def undo_forwards(plan: Callable[..., Any]) -> Callable[..., Any]:
    """Let what completed first be undone first."""
    return lambda *arguments: replace(undoing := plan(*arguments), steps=undoing.steps[::-1])


MISTAKES: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "a dependent is forgotten": (recording, "followers", forget_a_dependent),
    "a retry comes at once": (progression, "backoff_delay", lambda _: lambda *_: timedelta()),
    "losses have no limit": (progression, "losses_exhausted", lambda _: lambda *_, **__: False),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_core_is_found(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation that cannot fail is worth nothing: each of these is found."""
    module, name, make = MISTAKES[mistake]
    monkeypatch.setattr(module, name, make(getattr(module, name)))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(RunMachine, settings=settings(simulated(400), phases=[Phase.generate]))


@pytest.mark.parametrize("mistaken", [False, True])
def test_undoing_in_the_wrong_order_is_found(mistaken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random runs that undo several steps are rare; this one does, and keeps the invariants only if it is in order."""
    if mistaken:
        monkeypatch.setattr(slow, "plan_undoing", undo_forwards(slow.plan_undoing))
    one = Step(action=Uses(step_type="m.work", compensate="m.undo"))
    steps = {"one": one, "two": replace(one, after=("one",)), "three": replace(one, after=("two",))}
    run = Lockstep(Workflow(name="sim.run", triggers={"go": Trigger()}, steps=steps))
    with pytest.raises(AssertionError) if mistaken else nullcontext():
        run.start(flag=True)
        for ending in ("ok", "ok", "fail"):
            run.claim(1)
            held = run.held[-1]
            run.execute(held, ending)
            run.finish([held], chain=False)
        run.settle()
