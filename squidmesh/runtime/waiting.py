"""Executing what holds no worker: a wait is put off until its time, a gate until a person decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from squidmesh.errors import InvalidValue
from squidmesh.model.definition import Approval, Pause, Wait
from squidmesh.model.formats import FORMATS
from squidmesh.model.gate import PauseReason
from squidmesh.model.outcome import Deferred, Failed, Outcome, Reached, Succeeded
from squidmesh.model.path import MISSING
from squidmesh.model.values import encode, printable
from squidmesh.runtime.outcomes import failed
from squidmesh.runtime.preparation import step_input

if TYPE_CHECKING:
    from squidmesh.runtime.preparation import Prepared

_NOTHING = "{}"
_NO_TIME = timedelta()


def execute_wait(task: Prepared, wait: Wait) -> Outcome:
    """Return the end of a wait, or that it begins now; ``Failed`` if the data hold no time to wait for."""
    if task.claim.begun:
        return Succeeded(output=_NOTHING)
    if wait.until is None:
        # Without a condition the step became due when the wait was over; with one, the wait begins now.
        assert wait.duration is not None
        return Succeeded(output=_NOTHING) if task.step.when is None else Deferred(delay=wait.duration)
    moment = _moment_at(task, wait.until)
    if isinstance(moment, Failed):
        return moment
    left = moment - task.claim.started_at
    return Deferred(delay=left) if left > _NO_TIME else Succeeded(output=_NOTHING)


def _moment_at(task: Prepared, path: str) -> datetime | Failed:
    value = task.snapshot.look_up(path)
    if value is MISSING:
        message = f"there is nothing at {path!r}, where the time to wait for should be"
        return failed("missing_input", message, path=path)
    if not isinstance(value, str) or not FORMATS["date-time"](value):
        found = printable(repr(value), 100)
        message = f"{path!r} is {found}, not a time with its offset (RFC 3339), such as 2026-01-31T09:00:00Z"
        return failed("invalid_input", message, path=path)
    return datetime.fromisoformat(value.upper())


def reach_gate(task: Prepared, gate: Pause | Approval, max_bytes: int) -> Outcome:
    """Return that the step waits for a person, with what that person is shown.

    A declared ``input`` that is larger than a value may be fails the step; the whole context, which is shown
    where none is declared, is then left out.
    """
    fields = task.definition.workflow.triggers[task.claim.run.trigger].payload
    shown: str | None = None
    try:
        shown = encode(dict(step_input(task.step, task.snapshot.masked(fields))), max_bytes=max_bytes)
    except InvalidValue as error:
        if task.step.input is not None:
            return failed("invalid_input", f"what is to be shown is not valid: {error}", path=error.path)
    return Reached(
        reason=PauseReason.APPROVAL if isinstance(gate, Approval) else PauseReason.PAUSE,
        shown=shown,
        title=gate.title,
        deadline=gate.deadline,
    )
