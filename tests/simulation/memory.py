"""One run in memory, moved by whole operations: what a worker, a sweep, a person or the clock does to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from squidmesh.model.gate import PauseReason, Way
from squidmesh.model.outcome import Decided, Failure, Lost, Released
from squidmesh.model.ruling import ACCEPTED, ManualAction
from squidmesh.runtime.cancellation import _TAKEN_AWAY
from squidmesh.runtime.deadlines import _decide as decide_by_deadline
from squidmesh.runtime.manual import _decided
from squidmesh.runtime.recording import prepare_successor
from squidmesh.runtime.timeouts import _failure as run_timed_out
from squidmesh.store.records import Recorded
from tests.simulation.slow import Slow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.model.ruling import Ruling
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.runtime.recording import Ended
    from tests.simulation.rows import Name, Row


class RefusedError(Exception):
    """The run is not in a state in which this can be done; nothing has changed."""


@dataclass(frozen=True)
class Answered:
    """What became of one end: refused or not, and the step handed over."""

    refused: bool
    successor: Prepared | None = None


@dataclass
class Memory(Slow):
    """The model: every operation is whole, and afterwards all that must hold holds."""

    def begin_step(self, task: Prepared) -> bool:
        """Begin an irreversible step, if its claim stands and its lease has not passed."""
        row = self.row_of(task.claim.id)
        if row["claim_token"] != task.claim.token or row["lease_until"] <= self.now:
            return False
        row |= {"begun_at": self.now, "lease_until": self.now + self.lease}
        self.note_moves()
        return True

    def answer(self, plan: Ended, taken: Mapping[UUID, Row | None]) -> Answered:
        """Return what became of an end: what no statement of the hot path has taken is settled now."""
        if plan.task.claim.id in taken:
            return Answered(False, self._successor(plan, taken[plan.task.claim.id]))
        return Answered(not self.settle(plan.task, plan.outcome))

    def _successor(self, plan: Ended, handed: Row | None) -> Prepared | None:
        """Return the step handed over as the product prepares it, after a look at its row."""
        ended = self.row_of(plan.task.claim.id)
        recorded = Recorded(
            id=ended["id"],
            seq=ended["completed_seq"] or self.run["seq"],
            at=self.now,
            next_id=handed["id"] if handed else None,
            run_status="",
            run_status_before="",
            made_due=0,
        )
        made = prepare_successor(plan, recorded)
        if handed is not None and made is not None:
            read = self.prepared(handed)
            assert made.snapshot.context() == read.snapshot.context(), "a chained step sees what a claimed one would"
            assert made.claim.scheduled_seq == read.claim.scheduled_seq
        return made

    def beat(self, tasks: Sequence[Prepared]) -> set[Name]:
        """Extend the leases of the claims that stand, and return whose they are."""
        kept = set()
        for task in tasks:
            row = self.row_of(task.claim.id)
            if row["claim_token"] == task.claim.token:
                row["lease_until"] = self.now + self.lease
                kept.add((row["step"], row["kind"]))
        self.note_moves()
        return kept

    def expired(self) -> list[Name]:
        """Return the claims whose lease has passed."""
        return [(row["step"], row["kind"]) for row in self.with_status("running") if row["lease_until"] < self.now]

    def give_up(self, names: Iterable[Name]) -> None:
        """Record the losses of claims whose lease has passed, in this order."""
        for name in names:
            row = self.steps[name]
            if row["claim_token"] is None:
                continue
            plan = self.plan(self.prepared(row), Lost())
            taken = self.record_alone(plan)
            if row["id"] not in taken:
                self.settle(plan.task, Lost())
            elif row["status"] == "pending":
                self.set_apart(row, Lost())
        self.note_moves()

    def release(self, tasks: Sequence[Prepared], delay: timedelta) -> None:
        """Give claims back at the end of a process."""
        for task in tasks:
            self.settle(task, Released(delay=delay))
        self.note_moves()

    def overdue(self) -> list[Name]:
        """Return the gates whose deadline has passed, the oldest first."""
        late = [row for row in self.with_status("paused") if row["deadline_at"] and row["deadline_at"] <= self.now]
        return [(row["step"], row["kind"]) for row in sorted(late, key=lambda row: row["deadline_at"])]

    def expire(self, names: Iterable[Name]) -> None:
        """Let the deadlines of gates decide them."""
        for name in names:
            row = self.steps[name]
            if name in self.overdue():
                self._resume(row, lambda task: decide_by_deadline(task.step, self.now))
                self.add_event("deadline_passed", row["step"])
        self.note_moves()

    def decide(self, ruling: Ruling) -> None:
        """Apply a person's decision; ``RefusedError`` if no paused step, or more than one, takes it."""
        named = [row for row in self.with_status("paused") if ruling.step in {None, row["step"]}]
        fitting = [row for row in named if _accepts(row, ruling)]
        if len(fitting) != 1:
            raise RefusedError
        (row,) = fitting
        interrupted = PauseReason(row["resume"]["reason"]).interrupted
        type_ = {"approve_run": "approved", "reject_run": "rejected", "unblock_run": "resumed"}[ruling.action]
        self.add_event(type_, row["step"], {"retry": True} if ruling.retry else None)
        if ruling.retry:
            row |= {"status": "pending", "run_at": max(row["run_at"], self.now), "begun_at": None}
            row |= {"resume": None, "deadline_at": None}
            self.count()
        elif interrupted:
            done = Decided(way=Way.OK, output=json.dumps(ruling.metadata or {}), attempted=False)
            self._resume(row, lambda _: done)
        else:
            self._resume(row, lambda _: _decided(ruling, self.now))
        self.note_moves()

    def _resume(self, row: Row, decide: Any) -> None:
        row |= {"status": "running", "claim_token": uuid4(), "lease_until": self.now, "deadline_at": None}
        if "error" in row["resume"]:
            self.run["last_error"] = None
        self.count()
        task = self.prepared(row, started_at=self.now)
        assert self.settle(task, decide(task))

    def cancel(self, *, compensate: bool, force: bool) -> None:
        """Cancel the run; ``RefusedError`` if it has ended."""
        run = self.run
        if run["finished_at"] is not None:
            raise RefusedError
        asked_before = run["goal"] == "cancelled" and run["compensate"] and not force
        compensate = compensate or asked_before
        undoing = compensate and run["phase"] == "compensating"
        run |= {"status": "cancelling", "goal": "cancelled", "compensate": compensate}
        run["phase"] = "compensating" if undoing else "stopping"
        self.cancel_unclaimed(but_compensations=undoing)
        if force:
            for row in self.with_status("running"):
                self.add_attempt(row, _TAKEN_AWAY.to_dict())
                row |= {"status": "cancelled", "claim_token": None, "lease_until": None, "finished_at": self.now}
        self.add_event("cancelled")
        self.proceed()
        self.note_moves()

    def time_out(self) -> bool:
        """Stop the run if its deadline has passed while it went forward."""
        run = self.run
        late = run["deadline_at"] is not None and run["deadline_at"] <= self.now
        if run["phase"] != "forward" or run["finished_at"] is not None or not late:
            return False
        failure: Failure = run_timed_out(self.definition)
        step = run["current_step"]
        run |= {"phase": "stopping", "goal": "failed", "status": "running"}
        run["failure"] = run["last_error"] = {"step": step, **failure.to_dict(), "attempts": 0}
        run["started_at"] = run["started_at"] or self.now
        self.cancel_unclaimed()
        self.proceed()
        self.note_moves()
        return True

    def wake(self) -> None:
        """Make what is due later due now; ``RefusedError`` if nothing is."""
        later = [row for row in self.with_status("pending") if row["run_at"] > self.now]
        if not later:
            raise RefusedError
        for row in later:
            row["run_at"] = self.now
            self.add_event("woken", row["step"])
        self.note_moves()

    def note_execution(self, task: Prepared) -> None:
        """Note that a callable is called, with what had ended by then."""
        row = self.row_of(task.claim.id)
        known = {"run_id": row["run_id"], "step": row["step"], "kind": row["kind"], "attempt": row["attempt"]}
        seen = [f"{other['kind']} {other['step']}" for other in self.steps.values() if other["finished_at"]]
        token = task.claim.token if row["claim_token"] == task.claim.token else None
        times = {"began_at": self.now, "ended_at": self.now}
        self.executions.append({"id": uuid4(), "pid": 0, "token": token, "seen": seen, **known, **times})


def _accepts(row: Row, ruling: Ruling) -> bool:
    reason = PauseReason(row["resume"]["reason"])
    return ManualAction(ruling.action) in ACCEPTED[reason] and (reason.interrupted or not ruling.retry)
