"""Executing one claimed step run: condition, input, call, outcome. Nothing here touches the database."""

from __future__ import annotations

import json
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

from squidmesh.errors import InvalidValue, StepTypeBroken, StepTypeConflict, StepTypeNotFound
from squidmesh.expressions import EvaluationFailed
from squidmesh.model.definition import Approval, Log, OnWorkerLost, Pause, Uses, Wait
from squidmesh.model.duration import to_duration
from squidmesh.model.outcome import Outcome, Released, Skipped, Succeeded
from squidmesh.model.state import StepRunKind
from squidmesh.model.values import encode
from squidmesh.runtime.outcomes import failed, missing_input
from squidmesh.runtime.preparation import Prepared, Undo, step_input
from squidmesh.runtime.progression import begins_explicitly
from squidmesh.runtime.raised import outcome_of_raised
from squidmesh.runtime.waiting import execute_wait, reach_gate
from squidmesh.steps.builtin import write_log
from squidmesh.steps.context import ClaimSignals, StepContext
from squidmesh.steps.contract import (
    MissingInput,
    StepType,
    Success,
    bind,
    check_input,
    check_output,
    normalise_output,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from squidmesh.runtime.event_loop import EventLoop
    from squidmesh.steps.registry import StepRegistry

NOTHING = "{}"
_NOT_BEGUN = timedelta(seconds=1)  # the database did not answer: no hot loop until it does


def in_main_thread() -> bool:
    """Return whether Python raises here what a Ctrl-C asks for."""
    return threading.current_thread() is threading.main_thread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """What executing needs besides the claim; one for a process.

    ``begin`` marks a step as begun, just before its call, that is irreversible or not simply tried again when it is
    lost (which ``on_worker_lost`` says where the step does not); False (always, where nothing can mark it): it must
    not be called.
    ``stubs`` answer for steps, by name, and undo them likewise. ``interruptible`` is entered around each call: where a
    callable can be interrupted, it lets its signals do so. ``is_for_process`` says whether a KeyboardInterrupt may be
    meant for the process: elsewhere it is the step's own, like whatever else it raises.
    """

    registry: StepRegistry
    event_loop: EventLoop
    max_value_bytes: int
    begin: Callable[[Prepared], bool] = lambda _: False
    on_worker_lost: OnWorkerLost = OnWorkerLost.RETRY
    stubs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    interruptible: Callable[[ClaimSignals], AbstractContextManager[object]] = nullcontext
    is_for_process: Callable[[], bool] = in_main_thread

    def execute(self, task: Prepared, signals: ClaimSignals, connection: Connection | None = None) -> Outcome:
        """Run a claimed step run to its outcome; whatever the callable does, this returns (but see ``is_for_process``).

        ``connection`` is what a step with ``transaction: true`` writes with.
        """
        context = _make_context(task, signals, connection)
        try:
            return _skip(task) or self._act(task, context, signals)
        except EvaluationFailed as error:
            return failed("expression_failed", str(error), expression=task.step.when)
        except BaseException as error:  # the step is somebody's code: sys.exit() too is an outcome
            if isinstance(error, KeyboardInterrupt) and self.is_for_process():
                raise
            return outcome_of_raised(error, context)

    def _act(self, task: Prepared, context: StepContext, signals: ClaimSignals) -> Outcome:
        match task.step.action:
            case Log() as action:
                write_log(action, context)
                return Succeeded(output=NOTHING)
            case Wait() as wait:
                return execute_wait(task, wait)
            case Uses() if task.claim.step in self.stubs:  # what was not done is not undone either
                return Succeeded(output=encode({} if task.undo is not None else self.stubs[task.claim.step]))
            case Uses(compensate=str(name)) if task.undo is not None:
                return self._call(name, task, _compensation_input(task, task.undo), context, signals)
            case Uses(step_type=name):
                return self._call(name, task, step_input(task.step, task.snapshot), context, signals)
            case Pause() | Approval() as gate:
                return reach_gate(task, gate, self.max_value_bytes)
            case unknown:
                assert_never(unknown)

    def _call(
        self, name: str, task: Prepared, values: Mapping[str, Any], context: StepContext, signals: ClaimSignals
    ) -> Outcome:
        try:
            step_type = self.registry.get(name)
            if step_type.is_async and context.connection is not None:
                return failed("transaction_async", f"{name!r} is async, and 'transaction: true' needs a plain function")
            arguments = bind(step_type, values, context)
            check_input(step_type, arguments)
        except MissingInput as error:
            return missing_input(task, error.parameters)
        except InvalidValue as error:
            return failed("invalid_input", f"the step's input is not valid: {error}", path=error.path)
        except (StepTypeNotFound, StepTypeBroken, StepTypeConflict) as error:
            return failed("step_type_unavailable", str(error))
        if task.undo is None and begins_explicitly(task.step, self.on_worker_lost) and not self.begin(task):
            return Released(delay=_NOT_BEGUN, untouched=True)
        with self.interruptible(signals):
            returned = step_type.call(**arguments)
        if step_type.is_async:
            returned = self.event_loop.wait_for(returned, signals)
        return self._outcome_of_returned(step_type, returned)

    def _outcome_of_returned(self, step_type: StepType, returned: object) -> Outcome:
        try:
            delay = _success_delay(returned)
            output = normalise_output(returned)
            check_output(step_type, output)
            text = encode(output, max_bytes=self.max_value_bytes)
        except InvalidValue as error:
            return failed("invalid_output", f"the step's output is not valid: {error}", path=error.path)
        return Succeeded(output=text, delay=delay)


def _success_delay(returned: object) -> timedelta:
    if not isinstance(returned, Success) or returned.delay is None:
        return to_duration(0)
    try:
        return to_duration(returned.delay)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValue("", f"the delay of Success is not a duration: {error}") from error


def _make_context(task: Prepared, signals: ClaimSignals, connection: Connection | None) -> StepContext:
    claim, snapshot = task.claim, task.snapshot
    return StepContext(
        run_id=str(claim.run.id),
        workflow=claim.run.workflow,
        trigger=claim.run.trigger,
        step=claim.step,
        attempt=claim.attempt - claim.losses,
        max_attempts=task.retry.max_attempts,
        payload=snapshot.payload,
        context=snapshot.context,
        failure=snapshot.failure_copy(),
        schedule=json.loads(claim.run.schedule) if claim.run.schedule else None,
        signals=signals,
        connection=connection,
        kind=claim.kind,
    )


def _skip(task: Prepared) -> Skipped | None:
    """Return why a step does not run, None if it does; one that is tried again, or was begun, is not asked again."""
    claim, condition = task.claim, task.step.when
    if claim.kind is not StepRunKind.STEP:
        return None
    if task.step.after and claim.live_deps == 0:
        return Skipped(reason="everything that it waits for was skipped")
    if claim.begun or claim.attempt - claim.losses > 1:
        return None
    if condition is not None and not task.holds(condition):
        return Skipped(reason=f"its condition is false: {condition}", condition=condition)
    return None


def _compensation_input(task: Prepared, undo: Undo) -> dict[str, Any]:
    """Return what a compensation is bound from: the run's data and the step that it undoes."""
    return {
        "payload": task.snapshot.payload(),
        "context": task.snapshot.context(),
        "step": {
            "name": task.claim.step,
            "input": dict(step_input(task.step, undo.before)),
            "output": json.loads(undo.output),
        },
        "failure": task.snapshot.failure_copy(),
    }
