"""The slow path of recording: lock the run, look, decide, write, in one transaction.

It serves what the hot path cannot: a run that stops, one that is stopping or compensating, a lost or
released claim, a step that is paused or was decided. Like every move it begins with the run's lock and asserts
the claim by its token; no claim means that somebody else took the step, and nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

from squidmesh.model.decision import Advance, Retry, Stop, Suspend
from squidmesh.model.outcome import Decided, Deferred, Failed, Lost, Outcome, Released
from squidmesh.model.state import Phase, RunStatus, StepRunKind, StepStatus
from squidmesh.runtime.ending import terminal_status
from squidmesh.runtime.progression import losses_exhausted, runs_alone_after
from squidmesh.runtime.recording import (
    Rules,
    attempt_failure,
    decide_ended,
    failure_of,
    output_of,
    plan_decided,
    was_attempted,
)
from squidmesh.runtime.retry import backoff_delay, loss_delay
from squidmesh.runtime.stopping import proceed
from squidmesh.runtime.suspension import on_release, suspend
from squidmesh.store import runs, step_runs
from squidmesh.store.audit_events import add_audit_event
from squidmesh.store.engine import driver_connection
from squidmesh.store.records import read_recorded, record_if_forward
from squidmesh.store.solo_lanes import move_to_solo_lane_if_pending

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from squidmesh.model.outcome import Failure
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.store.engine import Database


_NO_LEASE = timedelta()  # nothing is handed over here


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a step run on the slow path, None where its claim was lost."""

    step_status: StepStatus
    run_status: RunStatus
    run_status_before: RunStatus
    failure: Failure | None = None
    retry_delay: timedelta | None = None


def settle(database: Database, task: Prepared, outcome: Outcome, rules: Rules) -> Settled | None:
    """Apply an outcome on the slow path; None, and nothing written, if the claim does not stand any more."""
    with database.transaction() as connection:
        return settle_in(database, connection, task, outcome, rules)


def settle_in(
    database: Database, connection: Connection, task: Prepared, outcome: Outcome, rules: Rules
) -> Settled | None:
    """Apply an outcome inside a transaction that is under way; None if the claim does not stand."""
    run = runs.lock_run(connection, task.claim.run.id)
    expired_by = database.clock() if isinstance(outcome, Lost) else None
    claimed = step_runs.hold_claim(connection, task.claim.id, task.claim.token, expired_by=expired_by)
    if run is None or claimed is None:
        return None
    return _Settlement(database, connection, task, rules, run, claimed).apply(outcome)


class _Settlement:
    """One slow-path transaction: the locked run, the claim that stands, and what is done about it."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        task: Prepared,
        rules: Rules,
        run: Row[Any],
        claimed: Row[Any],
    ) -> None:
        self.database = database
        self.connection = connection
        # Begun or not is for the row to say: the claim was read before the call.
        self.task = replace(task, claim=replace(task.claim, begun=claimed.begun_at is not None))
        self.rules = rules
        self.run = run
        self.status_before = RunStatus(run.status)
        self.claimed = claimed

    def apply(self, outcome: Outcome) -> Settled:
        """Settle the step by the run's phase, then move the run on."""
        phase = Phase(self.run.phase)
        if isinstance(outcome, Released | Deferred) and phase is not Phase.STOPPING:
            return self._give_back(outcome)
        match phase:
            case Phase.FORWARD:
                return self._apply_forward(outcome)
            case Phase.STOPPING:
                ended = self._left(outcome)
                return self._settled(self._end(ended), ended, self._proceed())
            case Phase.COMPENSATING:
                return self._apply_recovery(outcome)
            case unknown:
                assert_never(unknown)

    def _left(self, outcome: Outcome) -> Outcome:
        """An irreversible step that a worker leaves in the middle of its call is lost: nobody knows how far it came."""
        if isinstance(outcome, Released) and on_release(self.task, outcome, self.rules.on_worker_lost):
            return Lost()
        return outcome

    def _apply_forward(self, outcome: Outcome) -> Settled:
        decision = decide_ended(self.task, outcome, self.rules)
        match decision:
            case Stop():
                return self._stop(outcome, decision)
            case Suspend():
                return self._suspend(outcome, decision)
            case Advance() | Retry():
                return self._record(outcome, decision)
            case _:
                raise AssertionError(f"a step of a run that goes forward is decided, not {decision}")

    def _stop(self, outcome: Outcome, decision: Stop) -> Settled:
        status = self._end(outcome, decision.status)
        failure = failure_of(self.task.claim, decision.failure)
        if decision.earlier and self.task.snapshot.failure is not None:
            failure = self.task.snapshot.failure
        runs.set_stopping_if_forward(
            self.database, self.connection, self.run.id, goal=decision.goal, failure=failure, step=failure["step"]
        )
        self.run = runs.read_locked(self.connection, self.run.id)
        step_runs.cancel_idle(self.database, self.connection, self.run.id)
        return self._settled(status, outcome, self._proceed(), decision.failure)

    def _suspend(self, outcome: Outcome, decision: Suspend) -> Settled:
        if decision.failure is not None:
            self._write_attempt(decision.failure)
        if isinstance(outcome, Lost):
            self._audit_loss()
        run_status = suspend(self.database, self.connection, self.task, outcome, decision)
        return self._settled(StepStatus.PAUSED, outcome, run_status, decision.failure)

    def _record(self, outcome: Outcome, decision: Advance | Retry) -> Settled:
        """Apply by the hot path's statement what has been decided under the lock; the database may refuse it."""
        completion = plan_decided(self.task, outcome, decision).completion
        assert completion is not None, "an advance and a retry are recorded"
        cursor = record_if_forward(self.database, driver_connection(self.connection), [completion], _NO_LEASE)
        recorded = read_recorded(cursor, [completion])[self.task.claim.id]
        run_status = RunStatus(recorded.run_status)
        if isinstance(decision, Retry):
            self._set_apart(outcome)
            return self._settled(StepStatus.PENDING, outcome, run_status, delay=decision.delay)
        return self._settled(decision.status, outcome, run_status)

    def _set_apart(self, outcome: Outcome) -> None:
        """A step that is tried again and was lost before waits to be alone then."""
        claim = self.task.claim
        if isinstance(outcome, Lost) and runs_alone_after(claim.losses + 1, self.rules.max_losses):
            move_to_solo_lane_if_pending(self.database, self.connection.exec_driver_sql, claim.id)

    def _apply_recovery(self, outcome: Outcome) -> Settled:
        delay = self._recovery_retry_delay(outcome)
        if delay is None:
            status = self._end(outcome)
            return self._settled(status, outcome, self._proceed())
        self._add_attempt(outcome)
        claim = self.task.claim
        step_runs.retry_if_claimed(
            self.database, self.connection, claim.id, claim.token, delay=delay, lost=isinstance(outcome, Lost)
        )
        self._set_apart(outcome)
        return self._settled(StepStatus.PENDING, outcome, RunStatus(self.run.status), delay=delay)

    def _recovery_retry_delay(self, outcome: Outcome) -> timedelta | None:
        """Return when a compensation is tried again, None if it is not."""
        claim, policy = self.task.claim, self.task.retry
        match outcome:
            case Lost() if not losses_exhausted(claim.losses + 1, self.rules.max_losses, alone=claim.alone):
                return loss_delay(claim.losses + 1)
            case Failed(failure=failure, delay=delay) if failure.retryable:
                tries = claim.attempt - claim.losses
                if tries < policy.max_attempts:
                    return backoff_delay(policy.backoff, tries) if delay is None else delay
        return None

    def _give_back(self, outcome: Released | Deferred) -> Settled:
        if isinstance(outcome, Released):
            decision = on_release(self.task, outcome, self.rules.on_worker_lost)
            if decision is not None:
                return self._suspend(outcome, decision)
        claim = self.task.claim
        step_runs.give_back_if_claimed(
            self.database,
            self.connection,
            claim.id,
            claim.token,
            delay=outcome.delay,
            begun=self._half_undone(outcome)
            or isinstance(outcome, Deferred)
            or (None if not outcome.untouched else False),
        )
        status = RunStatus(self.run.status)
        return Settled(step_status=StepStatus.PENDING, run_status=status, run_status_before=status)

    def _end(self, outcome: Outcome, status: StepStatus | None = None) -> StepStatus:
        """End the step as ``status`` (None: as the outcome says) and write its attempt."""
        ended = status or terminal_status(outcome)
        claim = self.task.claim
        step_runs.end_if_claimed(
            self.database,
            self.connection,
            claim.id,
            claim.token,
            status=ended,
            seq=runs.next_sequence(self.connection, self.run.id),
            output=output_of(outcome) if isinstance(outcome, Decided) or ended is StepStatus.COMPLETED else None,
            lost=isinstance(outcome, Lost),
            begun=self._half_undone(outcome),
        )
        self._add_attempt(outcome)
        return ended

    def _half_undone(self, outcome: Outcome) -> bool:
        """A compensation that is given back may have undone its step, though no attempt of it counts."""
        given_back = isinstance(outcome, Released) and not outcome.untouched
        return given_back and self.task.claim.kind is StepRunKind.COMPENSATION

    def _add_attempt(self, outcome: Outcome) -> None:
        if was_attempted(outcome):
            self._write_attempt(attempt_failure(outcome))
        if isinstance(outcome, Lost):
            self._audit_loss()

    def _write_attempt(self, failure: Failure | None) -> None:
        error = failure.to_dict() if failure else None
        step_runs.add_attempt(self.database, self.connection, self.claimed, error)

    def _audit_loss(self) -> None:
        add_audit_event(self.database, self.connection, self.run.id, "worker_lost", step=self.task.claim.step)

    def _proceed(self) -> RunStatus:
        return proceed(self.database, self.connection, self.task.definition, self.run.id)

    def _settled(
        self,
        status: StepStatus,
        outcome: Outcome,
        run_status: RunStatus,
        failure: Failure | None = None,
        delay: timedelta | None = None,
    ) -> Settled:
        return Settled(
            step_status=status,
            run_status=run_status,
            run_status_before=self.status_before,
            failure=failure or attempt_failure(outcome),
            retry_delay=delay,
        )
