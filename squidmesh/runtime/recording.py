"""From a decision to the guarded statement that applies it: the hot path of recording."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.model.claim import Claim
from squidmesh.model.decision import Advance, Decision, Retry
from squidmesh.model.definition import OnWorkerLost, Recovery, Shape, Wait
from squidmesh.model.identity import new_id, new_token
from squidmesh.model.outcome import Decided, Deferred, Failed, Failure, Lost, Outcome, Released, Skipped, Succeeded
from squidmesh.model.state import StepRunKind, StepStatus
from squidmesh.runtime.preparation import Prepared
from squidmesh.runtime.progression import WORKER_LOST, Situation, begins_explicitly, decide
from squidmesh.store.records import Audit, Completion, Decrement, Insertion

if TYPE_CHECKING:
    from collections.abc import Collection

    from squidmesh.model.definition import Step
    from squidmesh.runtime.definitions import Definition
    from squidmesh.runtime.snapshot import Snapshot
    from squidmesh.store.records import Recorded

_NO_DELAY = timedelta()
_AUDIT_TYPES = {Recovery.COMPENSATION: "compensation_routed", Recovery.UNDO: "undo_routed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that deciding depends on."""

    max_losses: int
    on_worker_lost: OnWorkerLost


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A claimed step run that has ended, with what is to be recorded.

    ``completion`` is None where only the slow path can tell what follows (the run stops, or is stopping).
    ``successor`` is the step that the recording hands over, if it does.
    """

    task: Prepared
    outcome: Outcome
    decision: Decision | None
    completion: Completion | None
    successor: str | None = None


def decide_ended(task: Prepared, outcome: Outcome, rules: Rules) -> Decision | None:
    """Return the decision on a step of a run that goes forward.

    None for a compensation, an ``on_failure`` step and a claim given back: those are the slow path's.
    """
    if task.claim.kind is not StepRunKind.STEP or isinstance(outcome, Released | Deferred):
        return None
    situation = Situation(
        attempt=task.claim.attempt,
        losses=task.claim.losses,
        holds=lambda expression: task.holds(expression, snapshot_after(task, outcome)),
        failure=Failure.from_dict(task.snapshot.failure) if task.snapshot.failure else None,
        alone=task.claim.alone,
        max_losses=rules.max_losses,
        on_worker_lost=rules.on_worker_lost,
        begun=task.claim.begun,
    )
    return decide(task.definition.workflow, task.claim.step, outcome, situation)


def snapshot_after(task: Prepared, outcome: Outcome) -> Snapshot:
    """Return what is known once a step has ended so: what its routes may read, and the step that they lead to."""
    output, failure = output_of(outcome), attempt_failure(outcome)
    snapshot = task.snapshot if output is None else task.snapshot.with_output(task.step, output)
    return snapshot if failure is None else snapshot.with_failure(failure_of(task.claim, failure))


def needs_look(task: Prepared, outcome: Outcome, rules: Rules) -> bool:
    """Return whether only the step's row can tell what an interrupted attempt means: whether it was begun."""
    interrupted = isinstance(outcome, Lost) or (isinstance(outcome, Failed) and outcome.interrupted)
    return interrupted and begins_explicitly(task.step, rules.on_worker_lost)


def plan_record(task: Prepared, outcome: Outcome, rules: Rules, served: Collection[int] = ()) -> Ended:
    """Return what to record; a successor on a ``served`` lane that is due at once is handed over."""
    if needs_look(task, outcome, rules):
        return Ended(task=task, outcome=outcome, decision=None, completion=None)
    return plan_decided(task, outcome, decide_ended(task, outcome, rules), served)


def plan_decided(task: Prepared, outcome: Outcome, decision: Decision | None, served: Collection[int] = ()) -> Ended:
    """Return what to record of an outcome that was decided."""
    match decision:
        case Retry():
            completion = Completion(
                run_id=task.claim.run.id,
                id=task.claim.id,
                token=task.claim.token,
                status=StepStatus.PENDING,
                error=error_text(decision.failure),
                delay=decision.delay,
                lost=isinstance(outcome, Lost),
                audits=_audits(task, outcome, decision),
            )
            return Ended(task=task, outcome=outcome, decision=decision, completion=completion)
        case Advance():
            completion, successor = _plan_advance(task, outcome, decision, served)
            return Ended(task=task, outcome=outcome, decision=decision, completion=completion, successor=successor)
        case _:
            return Ended(task=task, outcome=outcome, decision=decision, completion=None)


def _audits(task: Prepared, outcome: Outcome, decision: Advance | Retry) -> tuple[Audit, ...]:
    """Return what history keeps beside the step: a loss, a recovery route, and how conditions decided."""
    found = [Audit(type="worker_lost")] if isinstance(outcome, Lost) else []
    if isinstance(decision, Advance) and decision.recovery is not None:
        found.append(Audit(type=_AUDIT_TYPES[decision.recovery]))
    if isinstance(decision, Advance) and decision.chosen is not None:
        found.append(_decided(task, "routed", decision.chosen.when, to=decision.chosen.to))
    if isinstance(outcome, Skipped) and outcome.condition is not None:
        found.append(_decided(task, "skipped", outcome.condition))
    return tuple(found)


def _decided(task: Prepared, type_: str, condition: str | None, **more: str) -> Audit:
    """Return how a condition decided (None: none held, and a route without one was taken), with the ``now`` it read."""
    facts = {**more, "when": condition, "now": task.claim.started_at.astimezone(UTC).isoformat()}
    return Audit(type=type_, metadata=json.dumps(facts, ensure_ascii=False))


def _plan_advance(
    task: Prepared, outcome: Outcome, decision: Advance, served: Collection[int]
) -> tuple[Completion, str | None]:
    insertion, decrements = followers(task.definition, task.claim.step, decision)
    failure = attempt_failure(outcome)
    successor = _successor(task.definition, insertion, decrements, served)
    if successor is not None:
        decrements = tuple(Decrement(step=d.step, delay=d.delay, chained=d.step == successor) for d in decrements)
    completion = Completion(
        run_id=task.claim.run.id,
        id=task.claim.id,
        token=task.claim.token,
        status=decision.status,
        output=output_of(outcome),
        error=error_text(failure) if failure is not None else None,
        failure=failure_text(task.claim, decision),
        attempted=was_attempted(outcome),
        insertion=insertion,
        decrements=decrements,
        alive=decision.alive,
        next_token=new_token() if successor is not None else None,
        lost=isinstance(outcome, Lost),
        audits=_audits(task, outcome, decision),
    )
    return completion, successor


def followers(definition: Definition, step: str, decision: Advance) -> tuple[Insertion | None, tuple[Decrement, ...]]:
    """Return what a completed step sets going: the routed successor, or one count less for each dependent."""
    workflow = definition.workflow
    if workflow.shape is Shape.DEPENDENCY:
        return None, tuple(
            Decrement(step=name, delay=decision.delay + first_delay(workflow.steps[name]))
            for name in definition.graph.dependents[step]
        )
    if decision.enter is None:
        return None, ()
    insertion = Insertion(
        id=new_id(),
        step=decision.enter,
        lane=definition.lane_of(decision.enter),
        delay=decision.delay + first_delay(workflow.steps[decision.enter]),
    )
    return insertion, ()


def first_delay(step: Step) -> timedelta:
    """Return how long a step waits before its first claim: a wait's duration; a condition is looked at first."""
    if isinstance(step.action, Wait) and step.action.duration is not None and step.when is None:
        return step.action.duration
    return _NO_DELAY


def _successor(
    definition: Definition,
    insertion: Insertion | None,
    decrements: tuple[Decrement, ...],
    served: Collection[int],
) -> str | None:
    """Return the one step that may be handed over: due at once, on a served lane, waiting for nothing else."""
    if insertion is not None:
        due = not insertion.delay and insertion.lane in served
        return insertion.step if due else None
    for decrement in decrements:
        alone = len(definition.graph.predecessors[decrement.step]) == 1
        if alone and not decrement.delay and definition.lane_of(decrement.step) in served:
            return decrement.step
    return None


def prepare_successor(ended: Ended, recorded: Recorded) -> Prepared | None:
    """Return the step that was handed over, None if none was; its snapshot is made without reading anything."""
    completion, task = ended.completion, ended.task
    if recorded.next_id is None or ended.successor is None or completion is None or completion.next_token is None:
        return None
    claim = Claim(
        id=recorded.next_id,
        token=completion.next_token,
        step=ended.successor,
        kind=StepRunKind.STEP,
        attempt=1,
        losses=0,
        live_deps=int(completion.alive),
        scheduled_seq=recorded.seq,
        started_at=recorded.at,
        run=task.claim.run,
    )
    failed = isinstance(ended.decision, Advance) and ended.decision.status is StepStatus.FAILED
    known = isinstance(ended.outcome, Succeeded) or failed
    snapshot = snapshot_after(task, ended.outcome) if known else task.snapshot
    step = task.definition.workflow.steps[ended.successor]
    return Prepared(claim=claim, definition=task.definition, step=step, snapshot=snapshot)


def attempt_failure(outcome: Outcome) -> Failure | None:
    """Return the error of the attempt that ended so, None if it did not fail."""
    match outcome:
        case Failed(failure=failure):
            return failure
        case Decided(failure=failure):
            return failure
        case Lost():
            return WORKER_LOST
        case _:
            return None


def output_of(outcome: Outcome) -> str | None:
    """Return what an outcome leaves for the steps that follow, as JSON text."""
    return outcome.output if isinstance(outcome, Succeeded | Decided) else None


def was_attempted(outcome: Outcome) -> bool:
    """Return whether an outcome is that of an attempt which is not written yet."""
    return isinstance(outcome, Succeeded | Failed | Lost) or (isinstance(outcome, Decided) and outcome.attempted)


def error_text(failure: Failure) -> str:
    """Return an error as JSON text."""
    return json.dumps(failure.to_dict(), ensure_ascii=False)


def failure_text(claim: Claim, decision: Advance) -> str | None:
    """Return the run's failure after an ``error`` route was taken, as JSON text."""
    if decision.failure is None:
        return None
    return json.dumps(failure_of(claim, decision.failure), ensure_ascii=False)


def failure_of(claim: Claim, failure: Failure) -> dict[str, Any]:
    """Return the ``failure`` root of paths: the error, with the step and how often it was tried."""
    return {"step": claim.step, **failure.to_dict(), "attempts": claim.attempt - claim.losses}
