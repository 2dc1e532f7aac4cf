"""Which paused step a person means; and if none can be meant, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidTransition, RunNotPaused, WrongManualAction
from squidmesh.model.gate import PauseReason
from squidmesh.model.ruling import ACCEPTED, Ruling
from squidmesh.model.state import Phase, RunStatus
from squidmesh.store.audit_events import latest_decision
from squidmesh.store.pauses import paused_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row


def choose_paused(connection: Connection, run: Row[Any], ruling: Ruling) -> Row[Any]:
    """Return the paused step of a locked run that a ruling is about.

    ``RunNotPaused`` if none is paused (with the decision that stands, if there is one), ``InvalidTransition``
    if the run has ended undecided, ``WrongManualAction`` if what is paused does not take the action, or more than
    one step does and none is named.
    """
    paused = paused_steps(connection, run.id)
    named = [row for row in paused if ruling.step is None or row.step == ruling.step]
    if not named:
        raise _not_paused(connection, run, ruling, paused)
    fitting = [row for row in named if _accepts(row, ruling)]
    if len(fitting) == 1:
        return fitting[0]
    several = len(paused) > 1
    expected = [
        _call(action, row.step if several else None, retry=False)
        for row in fitting or named
        for action in ACCEPTED[reason_of(row)]
    ]
    raise WrongManualAction(str(run.id), _call(ruling.action, ruling.step, retry=ruling.retry), expected)


def reason_of(paused: Row[Any]) -> PauseReason:
    """Return why a step run is paused."""
    return PauseReason(paused.resume["reason"])


def _accepts(paused: Row[Any], ruling: Ruling) -> bool:
    reason = reason_of(paused)
    return ruling.action in ACCEPTED[reason] and (reason.interrupted or not ruling.retry)


def _call(action: str, step: str | None, *, retry: bool) -> str:
    arguments = [f"step={step!r}"] if step is not None else []
    arguments += ["retry=True"] if retry else []
    return f"{action}({', '.join(arguments)})" if arguments else str(action)


def _not_paused(connection: Connection, run: Row[Any], ruling: Ruling, paused: Sequence[Row[Any]]) -> Exception:
    decided = latest_decision(connection, run.id, ruling.step)
    if decided is not None:
        return RunNotPaused(str(run.id), _decision_text(decided))
    if RunStatus(run.status).terminal:
        return InvalidTransition(run.status, RunStatus.RUNNING.value)
    if paused:
        names = ", ".join(repr(row.step) for row in paused)
        return RunNotPaused(str(run.id), f"step {ruling.step!r} is not among what waits: {names}")
    if run.phase != Phase.FORWARD:
        return RunNotPaused(str(run.id), f"it is {run.phase}, to end {run.goal}")
    return RunNotPaused(str(run.id), f"it is {run.status}")


def _decision_text(decided: Row[Any]) -> str:
    moment = decided.at.isoformat(timespec="seconds")
    if decided.type == "deadline_passed":
        return f"the deadline of step {decided.step!r} passed at {moment}"
    by = f" by {decided.actor}" if decided.actor else ""
    return f"step {decided.step!r} was {decided.type}{by} at {moment}"
