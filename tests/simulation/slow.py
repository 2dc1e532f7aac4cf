"""The slow path in memory: a run that stops, is undone and ends; claims given back, lost, paused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from squidmesh.model.decision import Retry, Stop, Suspend
from squidmesh.model.definition import ON_FAILURE_NAME
from squidmesh.model.outcome import Decided, Deferred, Failed, Failure, Lost, Reached, Released
from squidmesh.model.state import Goal, StepRunKind, StepStatus
from squidmesh.runtime.ending import terminal_status
from squidmesh.runtime.progression import losses_exhausted, runs_alone_after
from squidmesh.runtime.recording import (
    Ended,
    attempt_failure,
    decide_ended,
    failure_of,
    output_of,
    plan_decided,
    was_attempted,
)
from squidmesh.runtime.retry import backoff_delay, loss_delay
from squidmesh.runtime.stopping import past_effects, plan_undoing
from squidmesh.runtime.suspension import on_release
from tests.simulation.hot import Hot
from tests.simulation.rows import Row, parsed

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared

_UNCLAIMED = ("waiting", "pending", "paused")


def origin_of(row: Row) -> UUID:
    """Return the step run that had the effect of a step."""
    origin: UUID = row["origin_id"] or row["id"]
    return origin


@dataclass
class Slow(Hot):
    """What is decided under the run's lock."""

    def settle(self, task: Prepared, outcome: Outcome) -> bool:
        """Apply an outcome; False, and nothing changed, if the claim does not stand."""
        row = self.row_of(task.claim.id)
        expired = row["lease_until"] is not None and row["lease_until"] < self.now
        if row["claim_token"] != task.claim.token or (isinstance(outcome, Lost) and not expired):
            return False
        task = replace(task, claim=replace(task.claim, begun=row["begun_at"] is not None))
        phase = self.run["phase"]
        if isinstance(outcome, Released | Deferred) and phase != "stopping":
            self._give_back(task, row, outcome)
        elif phase == "forward":
            self._go_forward(task, row, outcome)
        elif phase == "stopping":
            if isinstance(outcome, Released) and on_release(task, outcome, self.rules.on_worker_lost):
                outcome = Lost()
            self._end_for_good(row, outcome, terminal_status(outcome))
            self.proceed()
        else:
            self._recover_again(task, row, outcome)
        return True

    def _go_forward(self, task: Prepared, row: Row, outcome: Outcome) -> None:
        decision = decide_ended(task, outcome, self.rules)
        match decision:
            case Stop():
                self._end_for_good(row, outcome, decision.status)
                failure = failure_of(task.claim, decision.failure)
                if decision.earlier and task.snapshot.failure is not None:
                    failure = task.snapshot.failure
                self.stop(Goal.FAILED, failure)
            case Suspend():
                if decision.failure is not None:
                    self.add_attempt(row, decision.failure.to_dict())
                if isinstance(outcome, Lost):
                    self.add_event("worker_lost", row["step"])
                self._suspend(row, outcome, decision)
            case _:
                assert decision is not None
                self._record_alone(task, row, outcome, plan_decided(task, outcome, decision))

    def _record_alone(self, task: Prepared, row: Row, outcome: Outcome, plan: Ended) -> None:
        taken = self.record_alone(plan)
        assert task.claim.id in taken, "the run is locked and the claim stands"
        if isinstance(plan.decision, Retry):
            self.set_apart(row, outcome)

    def set_apart(self, row: Row, outcome: Outcome) -> None:
        """Let a step that was lost before wait to run alone."""
        if isinstance(outcome, Lost) and runs_alone_after(row["losses"], self.rules.max_losses):
            row["solo"] = True

    def _suspend(self, row: Row, outcome: Outcome, decision: Suspend) -> None:
        again = row["attempt"] > 1
        if decision.reason.interrupted:
            row["run_at"] = row["lease_until"]
        row |= {"status": "paused", "claim_token": None, "lease_until": None}
        row["losses"] += isinstance(outcome, Lost | Released)
        row["resume"] = {"reason": decision.reason.value}
        if decision.failure is not None:
            row["resume"]["error"] = decision.failure.to_dict()
        if isinstance(outcome, Reached) and outcome.deadline is not None:
            row["deadline_at"] = self.now + outcome.deadline
        self.add_event("paused", row["step"])
        if decision.failure is not None or again:
            self.run["last_error"] = decision.failure.to_dict() if decision.failure else None
        self.run["started_at"] = self.run["started_at"] or self.now
        self.count()

    def _give_back(self, task: Prepared, row: Row, outcome: Released | Deferred) -> None:
        if isinstance(outcome, Released):
            decision = on_release(task, outcome, self.rules.on_worker_lost)
            if decision is not None:
                assert decision.failure is not None
                self.add_attempt(row, decision.failure.to_dict())
                self._suspend(row, outcome, decision)
                return
        row |= {"status": "pending", "claim_token": None, "lease_until": None}
        row |= {"run_at": self.now + outcome.delay, "attempt": row["attempt"] - 1}
        if isinstance(outcome, Deferred):
            row["begun_at"] = self.now
        elif outcome.untouched:
            row["begun_at"] = None

    def _recover_again(self, task: Prepared, row: Row, outcome: Outcome) -> None:
        delay = self._recovery_delay(task, outcome)
        if delay is None:
            self._end_for_good(row, outcome, terminal_status(outcome))
            self.proceed()
            return
        self._write_attempt(row, outcome)
        row |= {"status": "pending", "claim_token": None, "lease_until": None, "run_at": self.now + delay}
        row["losses"] += isinstance(outcome, Lost)
        self.set_apart(row, outcome)

    def _recovery_delay(self, task: Prepared, outcome: Outcome) -> timedelta | None:
        claim = task.claim
        match outcome:
            case Lost() if not losses_exhausted(claim.losses + 1, self.rules.max_losses, alone=claim.alone):
                return loss_delay(claim.losses + 1)
            case Failed(failure=Failure(retryable=True), delay=delay):
                tries = claim.attempt - claim.losses
                if tries < task.retry.max_attempts:
                    return backoff_delay(task.retry.backoff, tries) if delay is None else delay
        return None

    def _end_for_good(self, row: Row, outcome: Outcome, status: StepStatus) -> None:
        self.run["seq"] += 1
        kept = output_of(outcome) if isinstance(outcome, Decided) or status is StepStatus.COMPLETED else None
        self._write_attempt(row, outcome)
        row |= {"status": str(status), "claim_token": None, "lease_until": None, "finished_at": self.now}
        row |= {"completed_seq": self.run["seq"], "output": parsed(kept), "output_text": kept}
        row["attempt"] -= status is StepStatus.CANCELLED
        row["losses"] += isinstance(outcome, Lost)

    def _write_attempt(self, row: Row, outcome: Outcome) -> None:
        if was_attempted(outcome):
            failure = attempt_failure(outcome)
            self.add_attempt(row, failure.to_dict() if failure else None)
        if isinstance(outcome, Lost):
            self.add_event("worker_lost", row["step"])

    def stop(self, goal: Goal, failure: dict[str, Any]) -> None:
        """Stop a run that goes forward: what nobody executes is cancelled."""
        self.run |= {"phase": "stopping", "goal": goal.value, "status": "running"}
        self.run |= {"failure": failure, "last_error": failure, "current_step": failure["step"]}
        self.run["started_at"] = self.run["started_at"] or self.now
        self.cancel_unclaimed()
        self.proceed()

    def cancel_unclaimed(self, *, but_compensations: bool = False) -> None:
        """Cancel what nobody executes."""
        for row in self.with_status(*_UNCLAIMED):
            if not (but_compensations and row["kind"] == StepRunKind.COMPENSATION):
                row |= {"status": "cancelled", "finished_at": self.now}

    def proceed(self) -> None:
        """Move a run on that does not go forward: to its compensations, its handler, its end."""
        if self.with_status("pending", "running", "paused"):
            self.count()
            return
        if self.run["phase"] == "stopping":
            wanted = self._compensations()
            if wanted:
                self._undo(wanted)
                return
        else:
            waiting = [row for row in self.with_status("waiting") if row["kind"] == StepRunKind.COMPENSATION]
            if waiting:
                following = max(waiting, key=lambda row: row["scheduled_seq"])
                following |= {"status": "pending", "open_deps": 0, "run_at": self.now}
                self.count()
                return
        self._finish()

    def _compensations(self) -> list[tuple[str, int]]:
        if self.run["goal"] != "failed" and not self.run["compensate"]:
            return []
        ended = [
            SimpleNamespace(**{key: row[key] for key in ("step", "status", "completed_seq", "finished_at")})
            for row in self.with_status("completed", "failed", "cancelled")
            if row["kind"] == StepRunKind.STEP
        ]
        interrupted = {row["step"] for row in self.with_status("failed", "cancelled") if self.interrupted(row)}
        others = {row["step"] for row in self.with_status("completed") if self._is_of_others(row)}
        undoing = plan_undoing(self.definition.workflow, past_effects(ended, interrupted, others))
        wanted = [item for item in undoing.steps if (item[0], int(StepRunKind.COMPENSATION)) not in self.steps]
        undone = self.undone_among()
        return [item for item in wanted if origin_of(self.steps[item[0], int(StepRunKind.STEP)]) not in undone]

    def undone_among(self) -> set[UUID]:
        """Return the effects that some run undoes, or has undone, by the step runs that had them."""
        rows = [row for run in self.among for row in run.steps.values() if row["kind"] == StepRunKind.COMPENSATION]
        return {row["origin_id"] for row in rows if row["status"] != "cancelled"}

    def _is_of_others(self, row: Row) -> bool:
        """Whether the effect of a carried step is that of a run which completed, or is open."""
        if row["origin_id"] is None or row["kind"] != StepRunKind.STEP:
            return False
        return any(
            run is not self and (run.run["finished_at"] is None or run.run["status"] == "completed")
            for run in self.among
            if run.knows(row["origin_id"])
        )

    def knows(self, origin: UUID) -> bool:
        """Whether the run had an effect, or carries it."""
        return any(origin_of(row) == origin for row in self.steps.values() if row["kind"] == StepRunKind.STEP)

    def interrupted(self, row: Row) -> bool:
        """Whether a call was begun and cut short, so that nobody knows what it did."""
        if row["begun_at"] is None or row["status"] == "cancelled":
            return row["begun_at"] is not None
        last = [attempt for attempt in self.attempts if attempt["step_run_id"] == row["id"]][-1:]
        return any(attempt["error"]["code"] in {"worker_lost", "step_timed_out"} for attempt in last)

    def _undo(self, wanted: list[tuple[str, int]]) -> None:
        self.run["phase"] = "compensating"
        for position, (name, seq) in enumerate(wanted):
            self.add_step(
                name,
                StepRunKind.COMPENSATION,
                self.definition.compensation_lane_of(name),
                status="waiting" if position else "pending",
                run_at=None if position else self.now,
                open_deps=min(position, 1),
                scheduled_seq=seq,
                origin_id=origin_of(self.steps[name, int(StepRunKind.STEP)]),
            )
        self.count()

    def _finish(self) -> None:
        handled = (ON_FAILURE_NAME, int(StepRunKind.ON_FAILURE)) in self.steps
        if self.definition.workflow.on_failure is not None and self.run["goal"] == "failed" and not handled:
            self.run["seq"] += 1
            self.run["phase"] = "compensating"
            self.add_step(
                ON_FAILURE_NAME,
                StepRunKind.ON_FAILURE,
                self.definition.on_failure_lane(),
                status="pending",
                run_at=self.now,
                scheduled_seq=self.run["seq"],
            )
            self.count()
            return
        self.run |= {"status": self.run["goal"], "finished_at": self.now, "active": 0, "retrying": 0, "paused": 0}
        if self.run["goal"] != "failed":
            self.run["current_step"] = None
