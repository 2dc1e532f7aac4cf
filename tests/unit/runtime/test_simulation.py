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
from squidmesh.runtime import firing, progression, recording
from tests.invariants import ticking
from tests.simulation import replaying, slow
from tests.simulation.bookings import BookingMachine
from tests.simulation.lockstep import Lockstep
from tests.simulation.machine import RunMachine, simulated
from tests.simulation.replays import ReplayMachine
from tests.simulation.schedules import ScheduleMachine
from tests.simulation.several import SeveralMachine

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of steps fail here, and each would be logged."""
    caplog.set_level(logging.CRITICAL, logger="squidmesh")


def test_any_run_keeps_the_invariants_whatever_happens() -> None:
    """Definitions of every shape, decided on and applied in memory; and in the end everything has ended."""
    run_state_machine_as_test(RunMachine, settings=simulated(200))


@pytest.mark.parametrize("machine", [SeveralMachine, ReplayMachine, BookingMachine])
def test_several_runs_keep_the_invariants_whatever_happens(machine: type[RunMachine]) -> None:
    """Runs started and moved together, replayed, and written with in transactions: in the end everything has ended."""
    run_state_machine_as_test(machine, settings=simulated(60))


@pytest.fixture
def _few_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few ticks be caught up, so that an outage passes their limit."""
    monkeypatch.setattr(firing, "MOST_CAUGHT_UP", 4)
    monkeypatch.setattr(ticking, "MOST_CAUGHT_UP", 4)


@pytest.mark.usefixtures("_few_ticks")
def test_schedules_fire_as_an_oracle_says_whatever_happens() -> None:
    """Outages, pauses, deploys, runs that overlap and clocks that are moved: each tick once, as its policy says."""
    run_state_machine_as_test(ScheduleMachine, settings=simulated(80))


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


def forget_undoing(plan: Callable[..., Any]) -> Callable[..., Any]:
    """Let a replay carry over what was undone."""
    return lambda workflow, past, name: plan(
        workflow, {step: replace(item, undone=False) for step, item in past.items()}, name
    )


FURTHER: dict[str, tuple[type[Any], Any, str, Callable[[Any], Any]]] = {
    "a replay carries what was undone": (ReplayMachine, replaying, "plan_beginning", forget_undoing),
    "two open replays carry one step": (
        ReplayMachine,
        replaying,
        "_open_carrier",
        lambda _: lambda *_: None,
    ),
    "what a completed run did is undone": (ReplayMachine, slow.Slow, "_is_of_others", lambda _: lambda *_: False),
    "an outage is caught up from its beginning": (
        ScheduleMachine,
        firing,
        "choose_ticks",
        lambda _: lambda _, missed, __: missed[:1],
    ),
}


@pytest.mark.usefixtures("_few_ticks")
@pytest.mark.parametrize("mistake", FURTHER)
def test_a_mistake_about_several_runs_is_found(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So are mistakes in what replays carry over, and in when schedules fire."""
    machine, module, name, make = FURTHER[mistake]
    monkeypatch.setattr(module, name, make(getattr(module, name)))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(simulated(400), phases=[Phase.generate]))


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
