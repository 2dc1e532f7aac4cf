"""Deciding: (definition, what is known of the step, what happened) to a decision. Pure; no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from squidmesh.expressions import EvaluationFailed
from squidmesh.model.decision import Advance, Decision, Retry, Stop, Suspend
from squidmesh.model.definition import (
    COMPLETE,
    FAIL,
    Approval,
    OnDeadline,
    OnWorkerLost,
    Shape,
    Step,
    Transition,
    Uses,
    Workflow,
)
from squidmesh.model.gate import PauseReason, Way
from squidmesh.model.outcome import (
    Decided,
    Deferred,
    Failed,
    Failure,
    Lost,
    Outcome,
    Reached,
    Released,
    Skipped,
    Succeeded,
)
from squidmesh.model.state import StepStatus
from squidmesh.model.values import printable
from squidmesh.runtime.retry import backoff_delay, loss_delay

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What deciding may know besides the definition.

    ``attempt`` and ``losses`` are those of the claim; ``holds`` evaluates a ``when`` over what is known once the
    step has ended (its output, its failure) and may raise ``EvaluationFailed``; ``failure`` is the failure that the
    run met before this step; ``alone`` says that nothing else ran in the step's process, ``begun`` that a step which
    is begun explicitly was: its callable may have been called. ``max_losses`` and ``on_worker_lost`` are settings.
    """

    attempt: int
    losses: int
    holds: Callable[[str], bool]
    failure: Failure | None = None
    alone: bool = False
    max_losses: int = 3
    on_worker_lost: OnWorkerLost = OnWorkerLost.RETRY
    begun: bool = False

    @property
    def tries(self) -> int:
        """How many attempts count against ``max_attempts``: losses do not."""
        return self.attempt - self.losses


_ALONE_FROM = 2
WORKER_LOST = Failure(
    message="the worker stopped without a word while the step ran", code="worker_lost", retryable=True
)


def decide(workflow: Workflow, name: str, outcome: Outcome, situation: Situation) -> Decision:
    """Return what becomes of step ``name`` and of its run."""
    step = workflow.steps[name]
    match outcome:
        case Succeeded(delay=delay):
            return _advance(workflow, step, StepStatus.COMPLETED, situation, delay=delay)
        case Skipped():
            return _advance(workflow, step, StepStatus.SKIPPED, situation)
        case Lost():
            return _decide_lost(workflow, step, situation)
        case Failed(failure=failure, interrupted=True) if situation.begun and is_irreversible(step):
            return Suspend(reason=PauseReason.INTERRUPTED, failure=failure)
        case Failed(failure=failure, delay=delay):
            if failure.retryable and situation.tries < step.retry.max_attempts:
                return Retry(failure=failure, delay=_retry_delay(step, situation.tries, delay))
            return fail_for_good(workflow, step, failure, situation)
        case Reached(reason=reason):
            return Suspend(reason=reason)
        case Decided():
            return _decide_gate(workflow, step, outcome, situation)
        case Released() | Deferred():
            raise ValueError("a claim that is given back decides nothing")
        case unknown:
            assert_never(unknown)


def _retry_delay(step: Step, tries: int, override: timedelta | None) -> timedelta:
    return backoff_delay(step.retry.backoff, tries) if override is None else override


def _decide_lost(workflow: Workflow, step: Step, situation: Situation) -> Decision:
    """A loss is not the step's doing: it is tried again apart from its retries, up to ``max_losses``.

    Only a loss made alone exhausts them, since any other may have been a neighbour's doing.
    """
    losses = situation.losses + 1
    exhausted = losses_exhausted(losses, situation.max_losses, alone=situation.alone)
    match loss_policy(step, situation.on_worker_lost, begun=situation.begun):
        case OnWorkerLost.PAUSE:
            reason = PauseReason.INTERRUPTED if is_irreversible(step) else PauseReason.WORKER_LOST
            return Suspend(reason=reason, failure=WORKER_LOST)
        case OnWorkerLost.RETRY if not exhausted:
            return Retry(failure=WORKER_LOST, delay=loss_delay(losses), lost=True)
        case _:
            return fail_for_good(workflow, step, WORKER_LOST, situation)


def is_irreversible(step: Step) -> bool:
    """Return whether the effect of a step cannot be undone."""
    return isinstance(step.action, Uses) and step.action.irreversible


def begins_explicitly(step: Step, setting: OnWorkerLost) -> bool:
    """Return whether a step is marked as begun just before its call: a loss after that is not simply tried again."""
    return loss_policy(step, setting, begun=True) is not OnWorkerLost.RETRY or is_irreversible(step)


def loss_policy(step: Step, setting: OnWorkerLost, *, begun: bool) -> OnWorkerLost:
    """Return what becomes of a step whose worker vanished.

    A built-in, and a step that was not ``begun``, have done nothing: they simply run again.
    """
    if not isinstance(step.action, Uses) or not begun:
        return OnWorkerLost.RETRY
    return step.action.on_worker_lost or (OnWorkerLost.PAUSE if step.action.irreversible else setting)


def _decide_gate(workflow: Workflow, step: Step, decided: Decided, situation: Situation) -> Decision:
    match decided.way:
        case Way.OK:
            return _advance(workflow, step, StepStatus.COMPLETED, situation)
        case Way.DEADLINE:
            assert step.next is not None, "only a route leads there"
            return _take(step.next.deadline, StepStatus.COMPLETED, situation)
        case Way.ERROR:
            return fail_for_good(workflow, step, _failure_of(decided), situation)
        case Way.FAIL:
            return fail_for_good(workflow, replace(step, next=None), _failure_of(decided), situation)
        case unknown:
            assert_never(unknown)


def _failure_of(decided: Decided) -> Failure:
    assert decided.failure is not None, "a decision against a step says so"
    return decided.failure


def way_of_deadline(step: Step) -> Way:
    """Return where a gate goes whose deadline has passed: its ``deadline`` route, or as ``on_deadline`` says."""
    if step.next is not None and step.next.deadline:
        return Way.DEADLINE
    match step.action:
        case Approval(on_deadline=OnDeadline.APPROVE):
            return Way.OK
        case Approval(on_deadline=OnDeadline.REJECT):
            return Way.ERROR
        case _:
            return Way.FAIL


def losses_exhausted(losses: int, max_losses: int, *, alone: bool) -> bool:
    """Return whether a step that was lost ``losses`` times, the last time ``alone`` or not, is given up."""
    return alone and losses >= max_losses


def runs_alone_after(losses: int, max_losses: int) -> bool:
    """Return whether a step that was lost ``losses`` times is to run alone: from the second loss on."""
    return losses >= min(_ALONE_FROM, max_losses)


def fail_for_good(workflow: Workflow, step: Step, failure: Failure, situation: Situation) -> Decision:
    """Return where a step goes that will not be tried again: its ``error`` route, or the run stops."""
    if step.next is not None and step.next.error:
        return _take(step.next.error, StepStatus.FAILED, situation, failure=failure)
    if step.allow_failure and workflow.shape is Shape.DEPENDENCY:
        return Advance(status=StepStatus.FAILED)
    return Stop(status=StepStatus.FAILED, failure=failure)


def _advance(
    workflow: Workflow, step: Step, status: StepStatus, situation: Situation, delay: timedelta = timedelta()
) -> Decision:
    if workflow.shape is Shape.DEPENDENCY:
        return Advance(status=status, alive=status is not StepStatus.SKIPPED, delay=delay)
    assert step.next is not None, "a routed step says where to go"
    return _take(step.next.ok, status, situation, delay=delay)


def _take(
    transitions: tuple[Transition, ...],
    status: StepStatus,
    situation: Situation,
    *,
    failure: Failure | None = None,
    delay: timedelta = timedelta(),
) -> Decision:
    """Take the first transition that holds; none holding, or one that has no truth value, fails the run.

    The step itself ends as it ended: what it did is done, and is compensated like the rest.
    """
    for transition in transitions:
        try:
            if transition.when is not None and not situation.holds(transition.when):
                continue
        except EvaluationFailed as error:
            return Stop(status=status, failure=_unroutable(str(error), "expression_failed", failure))
        if transition.to == FAIL:
            earlier = failure is None and situation.failure is not None
            return Stop(status=status, failure=failure or situation.failure or FAILED_BY_ROUTE, earlier=earlier)
        return Advance(
            status=status,
            enter=None if transition.to == COMPLETE else transition.to,
            failure=failure,
            recovery=transition.recovery,
            chosen=transition if transitions[0].when is not None else None,
            delay=delay,
        )
    return Stop(status=status, failure=_unroutable("none of the step's transitions holds", "no_route", failure))


def _unroutable(message: str, code: str, cause: Failure | None) -> Failure:
    """Return why a run cannot go on, with the step's own failure where that is what no route was found for."""
    return Failure(
        message=printable(message), code=code, details={"failure": cause.to_dict()} if cause is not None else None
    )


FAILED_BY_ROUTE = Failure(message="the workflow's route ends as failed", code="failed_by_route")
