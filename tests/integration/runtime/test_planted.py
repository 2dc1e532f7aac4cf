"""Mistakes planted in what talks to Postgres: the machine that drives it comes upon each of them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from squidmesh.errors import SquidMeshError
from squidmesh.model.state import RunStatus, StepStatus
from squidmesh.runtime import replay, transactions
from squidmesh.runtime.settlement import Settled
from squidmesh.store import records, schedules, starts
from tests.simulation.bookings import BookingMachine
from tests.simulation.machine import simulated
from tests.simulation.replays import ReplayMachine
from tests.simulation.schedules import ScheduleMachine
from tests.simulation.several import SeveralMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    Twinned = Callable[[type[Any]], type[Any]]
    Mistake = Callable[[Any], Any]


def without(guard: str, instead: str = "") -> Mistake:
    """Take something out of a statement."""

    def take(statement: str) -> str:
        assert guard in statement, f"there is no {guard!r}"
        return statement.replace(guard, instead)

    return take


def commit_anyway(settle: Callable[..., Any]) -> Callable[..., Any]:
    """Let a transaction be committed though its claim was lost."""
    said = Settled(step_status=StepStatus.COMPLETED, run_status=RunStatus.RUNNING, run_status_before=RunStatus.RUNNING)
    return lambda *arguments: settle(*arguments) or said


def see_none(_: Any) -> Callable[..., dict[str, Any]]:
    """Let none of something be seen."""
    return lambda *_: {}


def nothing(_: Any) -> Callable[..., None]:
    """Let something not be done."""
    return lambda *_: None


MISTAKES: dict[str, tuple[type[Any], Any, str, Mistake]] = {
    "two completions of a group count as one": (
        SeveralMachine,
        records,
        "_RECORD",
        without("count(*)::int AS n, sum(done.alive)", "1 AS n, sum(done.alive)"),
    ),
    "a group numbers completions by run alone": (
        SeveralMachine,
        records,
        "_RECORD",
        without("run.seq + i.k::int END", "run.seq + 1 END"),
    ),
    "a key is not kept": (
        SeveralMachine,
        starts,
        "_INSERT",
        without(
            "SELECT id, workflow, trigger, hash, 'pending', 'forward', active, 0, 0, 0, payload::json, current, key",
            "SELECT id, workflow, trigger, hash, 'pending', 'forward', active, 0, 0, 0, payload::json, current, NULL",
        ),
    ),
    "two open replays carry one step": (ReplayMachine, replay.effects, "open_carriers", see_none),
    "a replay forgets where its steps were executed": (
        ReplayMachine,
        replay.replays,
        "_CARRY",
        without("coalesce(s.origin_id, s.id)", "s.id"),
    ),
    "a transaction is recorded without the token": (
        BookingMachine,
        records,
        "_RECORD",
        without(" AND s.claim_token = i.token"),
    ),
    "a transaction is committed without a record": (BookingMachine, transactions, "settle_in", commit_anyway),
    "a commit without an answer is not looked up": (BookingMachine, transactions, "_look_back", nothing),
    "a schedule does not move on": (ScheduleMachine, schedules, "set_fired_upto", nothing),
    "a paused schedule fires": (
        ScheduleMachine,
        schedules,
        "pause_if_firing",
        nothing,
    ),
}


@pytest.mark.usefixtures("few_ticks")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(mistake: str, with_twins: Twinned, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to know what to look for."""
    machine, module, name, make = MISTAKES[mistake]
    monkeypatch.setattr(module, name, make(getattr(module, name)))
    with pytest.raises((AssertionError, psycopg.Error, SquidMeshError)):
        run_state_machine_as_test(with_twins(machine), settings=settings(simulated(40), phases=[Phase.generate]))
