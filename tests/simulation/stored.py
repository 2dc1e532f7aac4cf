"""The twin in Postgres: the same rules by the engine's own functions, on a database whose clock stands still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING, Any

from squidmesh.errors import IdempotencyConflict, InvalidTransition, RunNotPaused, UnsafeReplay, WrongManualAction
from squidmesh.runtime.deadlines import sweep_deadlines
from squidmesh.runtime.manual import decide_run
from squidmesh.runtime.recovery import release_claims
from squidmesh.runtime.timeouts import sweep_timeouts
from squidmesh.store.claims import expired_claims
from squidmesh.store.pauses import overdue_steps
from tests.invariants.checker import check_facts
from tests.invariants.facts import facts_in
from tests.invariants.ledger import Ledger
from tests.simulation.both import only
from tests.simulation.sameness import assert_same
from tests.simulation.stored_transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from squidmesh.model.claim import Claim
    from squidmesh.model.definition import Workflow
    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared
    from tests.integration.bench import Bench
    from tests.simulation.scripted import Script
    from tests.simulation.world import Place, World


class Stored:
    """Runs in Postgres, in the order in which they were started, and the worker that all claims are made by."""

    def __init__(self, bench: Bench, workflow: Workflow, script: Script, max_losses: int) -> None:
        self.bench = bench
        self.ledger = Ledger(bench.url, worker="%")
        script.note = lambda ctx: self.ledger.end(self.ledger.begin(ctx))
        self.mesh = bench.mesh(None, max_losses=max_losses, lease="30s")
        vars(self.mesh)["registry"] = only(script.steps())
        self.mesh.use_workflow(workflow)
        self.worker = bench.worker(self.mesh)
        self.transact = Transactions(bench, self.worker, script).transact
        self.max_losses = max_losses
        self.runs: list[UUID] = []

    def close(self) -> None:
        """Close what these runs alone have used."""
        self.ledger.close()
        self.bench.close()

    def set_clock(self, now: datetime) -> None:
        """Let the database's clock stand still at a moment."""
        self.bench.connection.execute(
            "CREATE OR REPLACE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE "
            f"AS $$SELECT timestamptz '{now.isoformat()}'$$"
        )

    def place(self, claim: Claim) -> Place:
        """Return what a claim is of."""
        return self.runs.index(claim.run.id), claim.step, int(claim.kind)

    def use(self, workflow: Workflow) -> None:
        """Start runs by another definition from now on."""
        self.mesh.use_workflow(workflow)

    def start(self, flag: bool, key: str | None = None) -> int | None:
        """Start a run, or find that of the key, and return its number; None if it was refused."""
        try:
            return self._number(self.mesh.start_run("sim.run", {"flag": flag}, idempotency_key=key).id)
        except IdempotencyConflict:
            return None

    def start_at_once(self, flag: bool, key: str, times: int) -> set[int | None]:
        """Start one run several times over, all at the same moment; return the runs that this gave."""
        barrier = Barrier(times)

        def start() -> UUID | None:
            barrier.wait()
            try:
                return self.mesh.start_run("sim.run", {"flag": flag}, idempotency_key=key).id
            except IdempotencyConflict:
                return None

        with ThreadPoolExecutor(times) as pool:
            found = {future.result() for future in [pool.submit(start) for _ in range(times)]}
        return {None if id_ is None else self._number(id_) for id_ in found}

    def start_batch(self, flags: Sequence[bool]) -> None:
        """Start several runs in one statement."""
        for id_ in self.mesh.start_runs("sim.run", [{"flag": flag} for flag in flags]):
            self._number(id_)

    def _number(self, id_: UUID) -> int:
        """Return the number of a run, the next one of a run that was not there before."""
        if id_ not in self.runs:
            self.runs.append(id_)
            self.ledger.acknowledge([id_])
        return self.runs.index(id_)

    def take_up(self, ids: Sequence[UUID]) -> None:
        """Number runs that something else has started."""
        for id_ in ids:
            self._number(id_)

    def replay(self, number: int, *, from_step: str | None, allow: bool, latest: bool) -> int | None:
        """Replay a run and return the new one's number; None if it was refused."""
        definition = "latest" if latest else "original"
        try:
            made = self.mesh.replay_run(
                self.runs[number], from_step=from_step, allow_irreversible=allow, definition=definition, actor="ann"
            )
        except (InvalidTransition, UnsafeReplay):
            return None
        return self._number(made.id)

    def claim(self, wanted: int) -> list[Prepared]:
        """Claim up to ``wanted`` step runs."""
        return self.worker.claim(wanted)

    def execute(self, task: Prepared) -> Outcome:
        """Execute a claimed step."""
        return self.worker.execute(task)

    def finish(self, ends: Sequence[tuple[Prepared, Outcome]], *, chain: bool) -> list[tuple[bool, Prepared | None]]:
        """Record how claims ended; return of each whether it was refused, and what was handed over."""
        return [(answer.refused, answer.successor) for answer in self.worker.finish(*ends, chain=chain)]

    def beat(self, tasks: Sequence[Prepared]) -> set[Place]:
        """Extend leases; return whose were."""
        lost = self.worker.beat(*tasks).lost
        return {self.place(task.claim) for task in tasks if task.claim.id not in lost}

    def sweep_losses(self) -> list[Place]:
        """Give up what has lost its worker; return it in the order of the sweep."""
        found = expired_claims(self.mesh.engine.database, self.worker.connection, 50, ())
        assert self.worker.sweep() == len(found)
        return [self.place(claim) for claim in found]

    def sweep_deadlines(self) -> list[Place]:
        """Let passed deadlines decide; return which, in the order of the sweep."""
        rows = self.bench.rows("SELECT * FROM squidmesh.step_runs")
        places = {row["id"]: (self.runs.index(row["run_id"]), row["step"], row["kind"]) for row in rows}
        with closing(self.mesh.engine.dedicated()) as store, store.use() as connection:
            found = [places[id_] for id_, _ in overdue_steps(self.mesh.engine.database, connection, 50)]
            sweep_deadlines(self.mesh.engine, connection)
        return found

    def sweep_timeouts(self) -> int:
        """Stop the runs whose time is up; return how many."""
        return sweep_timeouts(self.mesh.engine, self.worker.connection)

    def release(self, tasks: Sequence[Prepared], delay: timedelta) -> None:
        """Give claims back."""
        release_claims(self.mesh.engine, tasks, delay)

    def act(self, number: int, action: str, *arguments: Any, **options: Any) -> bool:
        """Do what a person asks for; return whether it was accepted."""
        id_ = self.runs[number]
        calls = {
            "decide": lambda ruling: decide_run(self.mesh.engine, id_, ruling),
            "cancel": lambda **how: self.mesh.cancel_run(id_, **how),
            "wake": lambda: self.mesh.wake_run(id_),
        }
        try:
            calls[action](*arguments, **options)
        except (InvalidTransition, RunNotPaused, WrongManualAction):
            return False
        return True

    def compare(self, world: World, *, settled: bool) -> None:
        """Check every invariant of what is stored, and that it is what the model says."""
        with self.bench.connection.transaction():
            facts = facts_in(self.bench.connection, max_losses=self.max_losses)
        report = check_facts(facts, settled=settled)
        assert report.clean, str(report)
        assert_same(facts, self.runs, world)
