"""The hot path in memory: start, claim, record; what a completion does to rows, by the words of its plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from squidmesh.model.claim import Claim, RunFacts
from squidmesh.model.state import StepRunKind
from squidmesh.runtime.preparation import Prepared, _failing, _prepare
from squidmesh.runtime.recording import Ended, plan_record
from squidmesh.store.outputs import StoredFailure, StoredOutput
from tests.simulation.rows import Name, Row, Rows, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.start import Start
    from squidmesh.store.records import Completion


@dataclass
class Hot(Rows):
    """What a worker does to a run that goes forward."""

    def begin(self, start: Start) -> None:
        """Make the run and its first steps."""
        new = start.run
        self.add_run(
            id=new.id,
            workflow=new.workflow,
            trigger=new.trigger,
            definition_hash=new.definition_hash,
            payload=parsed(new.payload),
            payload_text=new.payload,
            schedule=parsed(new.schedule),
            scheduled_for=new.scheduled_for,
            replayed_from=new.replayed_from,
            active=new.active,
            current_step=new.current_step,
            deadline_at=None if new.timeout is None else self.now + new.timeout,
        )
        for step in start.steps:
            due = step.open_deps == 0
            self.add_step(
                step.step,
                StepRunKind.STEP,
                step.lane,
                status="pending" if due else "waiting",
                run_at=self.now + step.delay if due else None,
                open_deps=step.open_deps,
                scheduled_seq=0 if due else None,
            )

    def priority(self, row: Row) -> int:
        """Return the priority of a step run's lane."""
        return next(lane[2] for lane, number in self.definition.lanes.items() if number == row["lane"])

    def claim(self, names: Iterable[Name], worker: str) -> list[Prepared]:
        """Claim step runs that are due, and return them prepared."""
        taken = []
        for name in names:
            row = self.steps[name]
            assert row["status"] == "pending", f"{name} is {row['status']}"
            assert row["run_at"] <= self.now, f"{name} is not due"
            taken.append(row)
        for row in taken:
            self.hand_over(row, uuid4(), worker)
            if self.run["status"] in {"pending", "retrying"}:
                self.run["status"] = "running"
                self.run["started_at"] = self.run["started_at"] or self.now
        self.note_moves()
        return [self.prepared(row) for row in taken]

    def hand_over(self, row: Row, token: UUID, worker: str) -> None:
        """Give a step run to a worker."""
        row |= {"status": "running", "attempt": row["attempt"] + 1, "claim_token": token, "worker": worker}
        row |= {"lease_until": self.now + self.lease, "started_at": self.now}

    def prepared(self, row: Row, *, started_at: Any = None) -> Prepared:
        """Return a claimed step run with what it may see."""
        run = self.run
        facts = RunFacts(
            id=run["id"],
            workflow=run["workflow"],
            trigger=run["trigger"],
            definition_hash=run["definition_hash"],
            payload=run["payload_text"],
            failure=None if run["failure"] is None else json.dumps(run["failure"]),
            schedule=None if run["schedule"] is None else json.dumps(run["schedule"]),
            started_at=run["started_at"] or self.now,
        )
        claim = Claim(
            id=row["id"],
            token=row["claim_token"],
            step=row["step"],
            kind=StepRunKind(row["kind"]),
            attempt=row["attempt"],
            losses=row["losses"],
            live_deps=row["live_deps"],
            scheduled_seq=row["scheduled_seq"] or 0,
            started_at=started_at or row["started_at"],
            begun=row["begun_at"] is not None,
            alone=row["solo"],
            run=facts,
        )
        return _prepare(self.definition, claim, self.outputs(), self.failures(claim))

    def outputs(self) -> list[StoredOutput]:
        """Return what the steps that ended have left."""
        return [
            StoredOutput(
                run_id=row["run_id"],
                step=row["step"],
                seq=row["completed_seq"],
                scheduled_seq=row["scheduled_seq"],
                output=row["output_text"],
            )
            for row in self.steps.values()
            if row["kind"] == StepRunKind.STEP and row["output"] is not None
        ]

    def failures(self, claim: Claim) -> list[StoredFailure]:
        """Return how the steps failed that are before a claimed one, as far as the run's row does not tell."""
        found = []
        for name in _failing(self.definition, claim):
            failure = self.failure_of(name)
            if failure is not None:
                row = self.steps[name, int(StepRunKind.STEP)]
                seq = row["completed_seq"]
                found.append(StoredFailure(run_id=row["run_id"], step=name, seq=seq, failure=failure))
        return sorted(found, key=lambda item: item.seq)

    def failure_of(self, name: str) -> Row | None:
        """Return how a step failed, here or in the run that it was carried over from; None if it did not."""
        row = self.steps.get((name, int(StepRunKind.STEP)), {})
        errors = [attempt["error"] for attempt in self.attempts if attempt["step_run_id"] == row.get("id")]
        if row.get("status") != "failed":
            return None
        if row["resume"] and "failure" in row["resume"]:
            carried: Row = row["resume"]["failure"]
            return carried
        if not errors or not errors[-1]:
            return None
        counted = errors[-1]["code"] == "worker_lost" and row["losses"] > 0
        return {"step": name, **errors[-1], "attempts": row["attempt"] - row["losses"] + counted}

    def record(self, completions: Sequence[tuple[int, Completion]]) -> dict[UUID, Row | None]:
        """Apply completions of this run that one statement records, each with its number among all in it.

        Return those taken, each with the row handed over (or None).
        """
        if self.run["phase"] != "forward":
            return {}
        base, taken = self.run["seq"], {}
        standing = [(k, item) for k, item in completions if self._stands(item)]
        failures, errors, entered = [], [], []
        settled = False
        for k, item in standing:
            row = self.row_of(item.id)
            settled |= item.status != "pending" and row["attempt"] > 1
            self._end(row, item, base + k)
            errors += [item.error] if item.status == "pending" and item.error else []
            failures += [item.failure] if item.failure else []
            self.run["seq"] = base + k
        handed: dict[UUID, Row | None] = {}
        self._decrement([(base + k, item) for k, item in standing], handed)
        for k, item in standing:
            taken[item.id] = self._insert(item, base + k) or handed.get(item.id)
            entered += [item.insertion.step] if item.insertion else []
        if standing:
            self._move_run(max(failures, default=None), max(errors, default=None), settled, entered)
        return taken

    def _stands(self, item: Completion) -> bool:
        row = self.row_of(item.id)
        return row["claim_token"] == item.token and (not item.lost or row["lease_until"] < self.now)

    def _end(self, row: Row, item: Completion, seq: int) -> None:
        ended = item.status != "pending"
        if item.attempted:
            self.add_attempt(row, parsed(item.error))
        for audit in item.audits:
            self.add_event(audit.type, row["step"], parsed(audit.metadata))
        row |= {"status": str(item.status), "claim_token": None, "lease_until": None}
        row |= {"losses": row["losses"] + item.lost, "output": parsed(item.output), "output_text": item.output}
        row["completed_seq"] = seq if ended else None
        row["finished_at"] = self.now if ended else None
        if not ended:
            row["run_at"] = self.now + item.delay
            if not item.lost:
                row["begun_at"] = None

    def _insert(self, item: Completion, seq: int) -> Row | None:
        if item.insertion is None:
            return None
        new = item.insertion
        row = self.add_step(
            new.step,
            StepRunKind.STEP,
            new.lane,
            status="pending",
            run_at=self.now + new.delay,
            live_deps=1,
            scheduled_seq=seq,
        )
        if item.next_token is None:
            return None
        self.hand_over(row, item.next_token, self.row_of(item.id)["worker"])
        return row

    def _decrement(self, standing: Sequence[tuple[int, Completion]], handed: dict[UUID, Row | None]) -> None:
        """Take what ended from the counts of what waits for it; the last one makes it due."""
        grouped: dict[str, list[tuple[int, Completion, Any]]] = {}
        for seq, item in standing:
            for decrement in item.decrements:
                grouped.setdefault(decrement.step, []).append((seq, item, decrement))
        for name, parts in grouped.items():
            row = self.steps[name, 0]
            if row["status"] != "waiting":
                continue
            row["open_deps"] -= len(parts)
            row["live_deps"] += sum(item.alive for _, item, _ in parts)
            delay = max(decrement.delay for _, _, decrement in parts)
            if row["open_deps"] == 0 or delay:
                row["run_at"] = max(row["run_at"] or self.now, self.now + delay)
            if row["open_deps"]:
                continue
            row |= {"status": "pending", "scheduled_seq": max(seq for seq, _, _ in parts)}
            for _, item, decrement in parts:
                if decrement.chained and item.next_token is not None:
                    self.hand_over(row, item.next_token, self.row_of(item.id)["worker"])
                    handed[item.id] = row

    def _move_run(self, failure: str | None, error: str | None, settled: bool, entered: list[str]) -> None:
        run = self.run
        run["started_at"] = run["started_at"] or self.now
        if failure is not None:
            run["failure"] = parsed(failure)
        if error is not None:
            run["last_error"] = parsed(error)
        elif settled or failure is not None:
            run["last_error"] = None
        run["current_step"] = entered[0] if entered else run["current_step"]
        if self.with_status("pending", "running", "paused"):
            self.count()
        else:
            run |= {"status": "completed", "finished_at": self.now, "current_step": None}
            run |= {"active": 0, "retrying": 0, "paused": 0}

    def record_alone(self, plan: Ended) -> dict[UUID, Row | None]:
        """Apply one planned completion, if it is one of the hot path."""
        return self.record([(1, plan.completion)]) if plan.completion is not None else {}

    def plan(self, task: Prepared, outcome: Outcome, *, chain: bool = False) -> Ended:
        """Plan a record by the product's own rules; with ``chain`` a successor may be handed over."""
        served = self.definition.lanes.values() if chain else ()
        return plan_record(task, outcome, self.rules, frozenset(served))
