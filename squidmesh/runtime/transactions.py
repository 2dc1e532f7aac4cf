"""Steps with ``transaction: true``: the callable's writes, its completion and what follows commit together.

This is the one case in which an executing thread touches the store. Heartbeats and a cancel go on meanwhile,
since no row of the engine is locked until the callable has returned.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.model.definition import Uses
from squidmesh.model.outcome import Failed, Failure, Outcome, Released, Succeeded
from squidmesh.runtime.dispatch import record_alone
from squidmesh.runtime.recall import recall
from squidmesh.runtime.recording import plan_record
from squidmesh.runtime.settlement import settle_in
from squidmesh.store.engine import driver_connection
from squidmesh.store.transactions import StepTransaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.runtime.recording import Ended
    from squidmesh.runtime.settlement import Settled
    from squidmesh.steps.context import ClaimSignals
    from squidmesh.store.records import Recorded

log = logging.getLogger(__name__)
_TRY_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A step that was recorded by its own transaction; neither ``recorded`` nor ``settled``: the claim was lost.

    ``began`` is when the recording began, of ``time.monotonic``: the lease of a step handed over runs from then.
    """

    ended: Ended
    began: float
    recorded: Recorded | None = None
    settled: Settled | None = None


def is_transactional(engine: Engine, task: Prepared) -> bool:
    """Return whether a claimed step run is to be executed in a transaction with its record."""
    action = task.step.action
    stubbed = task.claim.step in engine.executor.stubs
    return isinstance(action, Uses) and action.transaction and task.undo is None and not stubbed


def execute_in_transaction(
    engine: Engine,
    task: Prepared,
    signals: ClaimSignals,
    *,
    worker: str,
    end: Callable[[], bool],
    plan: Callable[[Outcome], Ended],
) -> Committed | Outcome | None:
    """Execute a step and record its success in its own transaction.

    An outcome says that nothing was written, and is to be recorded as ever. ``end`` is asked once the callable
    has returned; if it says no, the attempt had timed out: everything is rolled back, and None returned. ``plan``
    says what to record of a success, ``worker`` under whose name.
    """
    action = task.step.action
    assert isinstance(action, Uses)
    try:
        opened = StepTransaction(engine.database, token=task.claim.token, lease=engine.lease, timeout=action.timeout)
        with opened as transaction:
            outcome = engine.executor.execute(task, signals, transaction.connection)
            if not end():
                return None
            if transaction.lost:
                return _gone(engine, task, outcome)
            return _record(engine, transaction, plan(outcome), worker) if isinstance(outcome, Succeeded) else outcome
    except DatabaseUnavailable as error:
        log.warning("step %s has no connection for its transaction, trying again: %s", task.claim.step, error)
        return Released(delay=_TRY_AGAIN) if end() else None


def _record(engine: Engine, transaction: StepTransaction, ended: Ended, worker: str) -> Committed | Outcome:
    """Record the success and commit; an error of the database is a failed attempt, a lost connection a lost claim."""
    task, outcome = ended.task, ended.outcome
    began = time.monotonic()
    try:
        if not transaction.is_intact():
            return _BROKEN
        transaction.check_constraints()
        began = time.monotonic()
        recorded = settled = None
        with engine.database.errors():
            if ended.completion is not None:
                recorded = record_alone(engine.database, transaction.raw, ended.completion, engine.lease)
            if recorded is None:
                settled = settle_in(engine.database, transaction.for_tables(), task, outcome, engine.rules)
        if recorded is not None or settled is not None:
            transaction.commit()
        return Committed(ended=ended, began=began, recorded=recorded, settled=settled)
    except DatabaseUnavailable as error:
        if transaction.lost:
            return _look_back(engine, ended, worker) or _gone(engine, task, outcome)
        return Failed(failure=Failure(message=str(error), code="transaction_failed", retryable=True))


def _look_back(engine: Engine, ended: Ended, worker: str) -> Committed | None:
    """Return what a commit without an answer recorded, None if nothing of it stands (yet)."""
    began = time.monotonic()
    try:
        with engine.database.transaction() as connection:
            found = recall(engine, driver_connection(connection), [ended], worker).get(ended.task.claim.id)
    except DatabaseUnavailable:
        return None
    return Committed(ended=ended, began=began, recorded=found.recorded) if found is not None else None


def _gone(engine: Engine, task: Prepared, outcome: Outcome) -> Committed:
    """What became of it is not known here: the step's row tells, and the sweep if the row is still claimed."""
    log.warning("step %s of run %s lost the connection of its transaction", task.claim.step, task.claim.run.id)
    return Committed(ended=plan_record(task, outcome, engine.rules), began=time.monotonic())


_BROKEN = Failed(
    failure=Failure(
        message="the step's transaction was ended before its completion was recorded in it, by a COMMIT or ROLLBACK "
        "of its own; what it wrote may stand",
        code="transaction_broken",
    )
)
