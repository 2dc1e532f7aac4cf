"""Outcomes that the engine itself gives a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import Uses
from squidmesh.model.duration import format_duration
from squidmesh.model.outcome import Failed, Failure
from squidmesh.model.path import first_key
from squidmesh.model.values import printable
from squidmesh.runtime.raised import storable
from squidmesh.runtime.retry import backoff_delay

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from squidmesh.runtime.preparation import Prepared


def timed_out(task: Prepared, lease: timedelta) -> Failed:
    """Return the outcome of an attempt that passed its timeout.

    Its callable may go on, since a thread cannot be stopped: a retry waits until the old lease has passed.
    """
    assert isinstance(task.step.action, Uses)
    assert task.step.action.timeout is not None
    limit = format_duration(task.step.action.timeout)
    tries = task.claim.attempt - task.claim.losses
    return Failed(
        failure=Failure(message=f"the step did not end within {limit}", code="step_timed_out", retryable=True),
        delay=max(backoff_delay(task.retry.backoff, tries), lease),
        interrupted=True,
    )


def unrecordable(reason: str) -> Failed:
    """Return the outcome of an attempt whose result the database refused."""
    return failed("unrecordable", f"the step's result could not be stored: {reason}")


def missing_input(task: Prepared, parameters: Sequence[str]) -> Failed:
    """Return the outcome of a step whose callable needs parameters that nothing has given it."""
    reasons = "; ".join(_why_missing(task, name) for name in parameters)
    return failed("missing_input", f"no value for {reasons}", missing=list(parameters))


def failed(code: str, message: str, **details: Any) -> Failed:
    """Return an outcome that is not tried again."""
    return Failed(failure=Failure(message=printable(message), code=code, details=storable(details) or None))


def _why_missing(task: Prepared, parameter: str) -> str:
    """Name the parameter, the key that it is taken from, and who would have provided that."""
    if task.undo is not None:
        return f"{parameter!r}: a compensation is given payload, context, step and failure"
    dotted = key = parameter
    if task.step.input is not None and parameter in task.step.input:
        dotted = task.step.input[parameter]
        _, key = first_key(dotted)
    providers = [name for name, step in task.definition.workflow.steps.items() if step.output == key]
    if providers:
        return f"{parameter!r}: {dotted!r} is the output of {' or '.join(map(repr, providers))}, which has not given it"
    return f"{parameter!r}: nothing before this step gave {dotted!r}"
