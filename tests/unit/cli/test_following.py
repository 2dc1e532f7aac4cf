"""What changed between two looks at a run: everything that its history keeps, each once, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from squidmesh.cli.following import Changes, Look
from squidmesh.model.run import Attempt, Explanation, Run, StepRun
from squidmesh.model.state import AttemptStatus, RunStatus, StepRunKind, StepStatus

BEGAN = datetime(2026, 5, 26, 9, tzinfo=UTC)
RUN_ID = UUID("019b76da-a800-7000-8000-000000000001")


def moment(seconds: int) -> datetime:
    """Return a moment of the run."""
    return BEGAN + timedelta(seconds=seconds)


def tried(number: int, status: str, at: int) -> Attempt:
    """Return an attempt that ended."""
    return Attempt(
        number=number,
        status=AttemptStatus(status),
        error={"code": "down", "message": "down"} if status == "failed" else None,
        worker="w",
        started_at=moment(at - 1),
        finished_at=moment(at),
    )


def step_run(name: str, status: str, *attempts: Attempt, number: int = 1, started: int = 1) -> StepRun:
    """Return a step's row."""
    return StepRun(
        id=UUID(int=sum(name.encode())),
        step=name,
        kind=StepRunKind.STEP,
        status=StepStatus(status),
        attempt=number,
        input=None,
        output=None,
        last_error=None,
        attempts=attempts,
        recovery={},
        run_at=None,
        started_at=moment(started),
        finished_at=attempts[-1].finished_at if attempts and status in {"completed", "failed"} else None,
    )


def look(status: str, reason: str, *step_runs: StepRun, explained: str | None = None) -> Look:
    """Return a look at the run."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("version", "current_step", "last_error", "schedule", "idempotency_key", "replayed_from", "finished_at")
    )
    run = Run(
        id=RUN_ID,
        workflow="w",
        trigger="t",
        definition="d",
        status=RunStatus(status),
        payload={},
        context={},
        created_at=BEGAN,
        started_at=BEGAN,
        step_runs=step_runs,
        **nothing,
    )
    explanation = Explanation(status=RunStatus(explained or status), reason=reason, since=BEGAN, step=None)
    return Look(run=run, explanation=explanation)


def told(changes: Changes, seen: Look) -> list[tuple[str | None, str, int | None]]:
    """Return (step, status, attempt) of what a look brings."""
    return [(change.step, change.status, change.attempt) for change in changes.of(seen)]


def test_each_change_is_told_once() -> None:
    """A step that begins and ends, and the run that shows it; the same look again brings nothing."""
    changes = Changes()
    first = look("running", "step_running", step_run("load", "running"))
    assert told(changes, first) == [("load", "running", 1), (None, "running", None)]
    assert told(changes, first) == []
    second = look("completed", "completed", step_run("load", "completed", tried(1, "completed", 3)))
    assert told(changes, second) == [("load", "completed", 1), (None, "completed", None)]


def test_what_happened_between_two_looks_is_not_missed() -> None:
    """Attempts that failed meanwhile are told from the history, in the order of time across steps."""
    changes = Changes()
    call = step_run("call", "running", tried(1, "failed", 2), tried(2, "failed", 6), number=3, started=8)
    load = step_run("load", "completed", tried(1, "completed", 4))
    assert told(changes, look("running", "step_running", call, load)) == [
        ("call", "failed", 1),
        ("load", "completed", 1),
        ("call", "failed", 2),
        ("call", "running", 3),
        (None, "running", None),
    ]


def test_reasons_that_pass_are_not_told() -> None:
    """Between two steps a run is due for a moment; that is no news, but a wait is."""
    changes = Changes()
    assert told(changes, look("running", "step_running")) == [(None, "running", None)]
    assert told(changes, look("running", "pending_dispatch")) == []
    assert told(changes, look("running", "waiting_for_timer")) == [(None, "running", None)]


def test_a_look_that_was_overtaken_is_not_the_last() -> None:
    """The run is read before it is explained: while the two differ, nothing is said of it."""
    changes = Changes()
    between = look("running", "completed", explained="completed")
    assert not between.last
    assert told(changes, between) == []
    assert look("completed", "completed").last
    assert look("paused", "paused_for_approval").last
