"""The twin in Postgres: the same rules by the engine's own functions, on a database whose clock stands still."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidTransition, RunNotPaused, WrongManualAction
from squidmesh.runtime.deadlines import sweep_deadlines
from squidmesh.runtime.manual import decide_run
from squidmesh.runtime.recovery import release_claims
from squidmesh.runtime.timeouts import sweep_timeouts
from squidmesh.store.claims import expired_claims
from squidmesh.store.pauses import overdue_steps
from tests.invariants.checker import check_facts
from tests.invariants.facts import facts_in
from tests.invariants.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from squidmesh.model.definition import Workflow
    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared
    from tests.integration.bench import Bench
    from tests.invariants.facts import Facts
    from tests.simulation.memory import Memory
    from tests.simulation.rows import Name, Row
    from tests.simulation.scripted import Script

_STEP = (
    *("status", "attempt", "losses", "run_at", "lease_until", "begun_at", "open_deps", "live_deps", "output"),
    *("completed_seq", "scheduled_seq", "deadline_at", "created_at", "started_at", "finished_at"),
)
_RUN = (
    *("status", "phase", "goal", "compensate", "active", "retrying", "paused", "seq", "current_step", "failure"),
    *("last_error", "deadline_at", "created_at", "started_at", "finished_at"),
)


class Stored:
    """One run in Postgres, and the worker that all claims are made by."""

    def __init__(self, bench: Bench, workflow: Workflow, script: Script, max_losses: int) -> None:
        self.bench = bench
        self.ledger = Ledger(bench.url, worker="%")
        script.note = lambda ctx: self.ledger.end(self.ledger.begin(ctx))
        self.mesh = bench.mesh(None, script.steps(), max_losses=max_losses, lease="30s")
        self.mesh.use_workflow(workflow)
        self.worker = bench.worker(self.mesh)
        self.max_losses = max_losses

    def close(self) -> None:
        """Close what this run alone has used."""
        self.ledger.close()
        self.bench.close()

    def set_clock(self, now: datetime) -> None:
        """Let the database's clock stand still at a moment."""
        self.bench.connection.execute(
            "CREATE OR REPLACE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE "
            f"AS $$SELECT timestamptz '{now.isoformat()}'$$"
        )

    def start(self, flag: bool) -> None:
        """Start the run."""
        self.run = self.mesh.start_run("sim.run", {"flag": flag})
        self.ledger.acknowledge([self.run.id])

    def claim(self, wanted: int) -> list[Prepared]:
        """Claim up to ``wanted`` step runs."""
        return self.worker.claim(wanted)

    def execute(self, task: Prepared) -> Outcome:
        """Execute a claimed step."""
        return self.worker.execute(task)

    def finish(self, ends: Sequence[tuple[Prepared, Outcome]], *, chain: bool) -> list[tuple[bool, Prepared | None]]:
        """Record how claims ended; return of each whether it was refused, and what was handed over."""
        return [(answer.refused, answer.successor) for answer in self.worker.finish(*ends, chain=chain)]

    def beat(self, tasks: Sequence[Prepared]) -> set[Name]:
        """Extend leases; return whose were."""
        lost = self.worker.beat(*tasks).lost
        return {(task.claim.step, int(task.claim.kind)) for task in tasks if task.claim.id not in lost}

    def sweep_losses(self) -> list[Name]:
        """Give up what has lost its worker; return it in the order of the sweep."""
        found = expired_claims(self.mesh.engine.database, self.worker.connection, 50)
        assert self.worker.sweep() == len(found)
        return [(claim.step, int(claim.kind)) for claim in found]

    def sweep_deadlines(self) -> list[Name]:
        """Let passed deadlines decide; return which, in the order of the sweep."""
        names = {row["id"]: (row["step"], row["kind"]) for row in self.bench.rows("SELECT * FROM squidmesh.step_runs")}
        with closing(self.mesh.engine.dedicated()) as store, store.use() as connection:
            found = [names[id_] for id_, _ in overdue_steps(self.mesh.engine.database, connection, 50)]
            sweep_deadlines(self.mesh.engine, connection)
        return found

    def sweep_timeouts(self) -> bool:
        """Stop the run if its time is up."""
        return bool(sweep_timeouts(self.mesh.engine, self.worker.connection))

    def release(self, tasks: Sequence[Prepared], delay: timedelta) -> None:
        """Give claims back."""
        release_claims(self.mesh.engine, tasks, delay)

    def act(self, action: str, *arguments: Any, **options: Any) -> bool:
        """Do what a person asks for; return whether it was accepted."""
        calls = {
            "decide": lambda ruling: decide_run(self.mesh.engine, self.run.id, ruling),
            "cancel": lambda **how: self.mesh.cancel_run(self.run.id, **how),
            "wake": lambda: self.mesh.wake_run(self.run.id),
        }
        try:
            calls[action](*arguments, **options)
        except (InvalidTransition, RunNotPaused, WrongManualAction):
            return False
        return True

    def compare(self, memory: Memory, *, settled: bool) -> None:
        """Check every invariant of what is stored, and that it is what the model says."""
        with self.bench.connection.transaction():
            facts = facts_in(self.bench.connection, max_losses=self.max_losses)
        report = check_facts(facts, settled=settled)
        assert report.clean, str(report)
        (run,) = facts.runs.values()
        assert _of(run, _RUN) == _of(memory.run, _RUN)
        found = {(row["step"], row["kind"]): row for row in facts.steps.values()}
        assert set(found) == set(memory.steps)
        for name, row in memory.steps.items():
            assert _step(found[name]) == _step(row), name
        assert _attempts(facts) == _attempts(memory.facts())
        assert _events(facts) == _events(memory.facts())


def _of(row: Row, columns: Sequence[str]) -> Row:
    return {column: row[column] for column in columns}


def _step(row: Row) -> Row:
    resume = row["resume"] or {}
    known = {"claimed": row["claim_token"] is not None, "why": resume.get("reason"), "error": resume.get("error")}
    return _of(row, _STEP) | known


def _attempts(facts: Facts) -> list[Any]:
    rows = facts.steps
    kept = [(rows[row["step_run_id"]], row) for row in facts.rows["attempts"]]
    return sorted(
        (step["step"], step["kind"], row["number"], row["status"], str(row["error"]), row["finished_at"])
        for step, row in kept
    )


def _events(facts: Facts) -> Counter[Any]:
    return Counter((row["type"], row["step"]) for row in facts.rows["events"])
