"""A worker taken apart: claims, executes and records when the test says so, in the test's own thread."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.model.outcome import Failed, Failure, Lost, Outcome, Succeeded
from squidmesh.runtime.dispatch import exchange
from squidmesh.runtime.lanes import ServedLanes
from squidmesh.runtime.leases import Beat, beat
from squidmesh.runtime.losses import record_loss, sweep_losses
from squidmesh.runtime.preparation import Prepared, prepare
from squidmesh.runtime.recording import Ended, plan_record, prepare_successor
from squidmesh.runtime.reporting import report_ended
from squidmesh.runtime.settlement import Settled, settle
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES
from squidmesh.steps.context import ClaimSignals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh import SquidMesh
    from squidmesh.store.claims import ClaimResult
    from squidmesh.store.records import Recorded


def succeeded(**output: Any) -> Succeeded:
    """Return the outcome of a step that returned ``output``."""
    return Succeeded(output=json.dumps(output))


def nothing() -> None:
    """Do nothing: a step type for steps whose outcomes the test makes up."""


def failed(code: str = "broken", *, retryable: bool = False, delay: timedelta | None = None) -> Failed:
    """Return the outcome of a step that failed."""
    return Failed(failure=Failure(message=f"it is {code}", code=code, type="Error", retryable=retryable), delay=delay)


@dataclass(frozen=True)
class Answer:
    """What became of one step run: recorded on the hot path, settled on the slow one, or refused (neither)."""

    ended: Ended
    recorded: Recorded | None = None
    settled: Settled | None = None
    successor: Prepared | None = None

    @property
    def refused(self) -> bool:
        """Whether the claim did not stand any more."""
        return self.recorded is None and self.settled is None


@dataclass
class HandWorker:
    """One worker process of a mesh, moved by hand; its connection is its own, so give each thread its own worker."""

    mesh: SquidMesh
    queues: Sequence[str] = ("default",)
    step_types: Sequence[str] | None = None
    lease: timedelta = timedelta(seconds=30)
    name: str = field(default_factory=lambda: f"worker-{uuid.uuid4().hex[:6]}")

    def __post_init__(self) -> None:
        self.engine = self.mesh.engine
        self.connection = self.engine.database.dedicate()
        types = self.step_types
        if types is None:
            types = sorted(BUILTIN_STEP_TYPES.union(self.engine.executor.registry.loadable()))
        self.lanes = ServedLanes(self.engine.database, self.queues, types)

    def close(self) -> None:
        """Close the connection; what is claimed stays claimed."""
        self.connection.close()

    def look(self, wanted: int = 1) -> ClaimResult:
        """Claim up to ``wanted`` due step runs, those that are to be alone too, and return the whole answer."""
        self.lanes = ServedLanes(self.engine.database, self.lanes._queues, self.lanes._step_types)
        self.lanes.load()
        request = self.lanes.request([uuid.uuid4() for _ in range(wanted)], self.name, self.lease, solo=True)
        claimed = exchange(self.engine.database, self.connection, [], request, self.lease).claimed
        assert claimed is not None
        return claimed

    def claim(self, wanted: int = 1) -> list[Prepared]:
        """Claim up to ``wanted`` due step runs, in order of their names."""
        claims = sorted(self.look(wanted).claims, key=lambda claim: claim.step)
        return prepare(self.engine.database, self.connection, self.engine.definitions, claims)

    def claim_one(self) -> Prepared:
        """Claim the one step run that is due."""
        (task,) = self.claim()
        return task

    def begin(self, *tasks: Prepared) -> None:
        """Mark claimed step runs as begun, as just before their call."""
        for task in tasks:
            assert self.engine.executor.begin(task)

    def execute(self, task: Prepared) -> Outcome:
        """Call the callable of a claimed step run."""
        return self.engine.executor.execute(task, ClaimSignals())

    def finish(self, *ends: tuple[Prepared, Outcome], chain: bool = False) -> list[Answer]:
        """Record how step runs ended: in one group, then on the slow path what the group did not take."""
        served = self.lanes.numbers if chain else ()
        plans = [plan_record(task, outcome, self.engine.rules, served) for task, outcome in ends]
        completions = [plan.completion for plan in plans if plan.completion is not None]
        recorded = exchange(self.engine.database, self.connection, completions, None, self.lease).recorded
        return [self._answer(plan, recorded.get(plan.task.claim.id)) for plan in plans]

    def _answer(self, plan: Ended, recorded: Recorded | None) -> Answer:
        settled = successor = None
        if plan.completion is None or recorded is None:
            recorded = None
            settled = settle(self.engine.database, plan.task, plan.outcome, self.engine.rules)
        else:
            successor = prepare_successor(plan, recorded)
        report_ended(self.engine.events, plan, recorded, settled, 0.0)
        return Answer(ended=plan, recorded=recorded, settled=settled, successor=successor)

    def end(self, task: Prepared, outcome: Outcome, *, chain: bool = False) -> Answer:
        """Record how one step run ended."""
        (answer,) = self.finish((task, outcome), chain=chain)
        return answer

    def step(self, outcome: Outcome | None = None) -> Answer:
        """Claim the one step run that is due, execute it (or take ``outcome`` for it) and record it."""
        task = self.claim_one()
        return self.end(task, outcome or self.execute(task))

    def drain(self, *, chain: bool = False, limit: int = 200) -> list[str]:
        """Work off all that is due; return the names of the steps in the order in which they were executed."""
        done = []
        queue = self.claim()
        while queue:
            task = queue.pop()
            done.append(task.claim.step)
            assert len(done) <= limit, f"no end: {done[-10:]}"
            answer = self.end(task, self.execute(task), chain=chain)
            queue = [answer.successor] if answer.successor else self.claim()
        return done

    def beat(self, *tasks: Prepared) -> Beat:
        """Extend the leases of claimed step runs."""
        return beat(self.engine, self.connection, [(task.claim.id, task.claim.token) for task in tasks])

    def sweep(self) -> int:
        """Give up what has lost its worker."""
        return sweep_losses(self.engine, self.connection)

    def lose(self, task: Prepared) -> Answer:
        """Let the lease of a claim pass and record the loss."""
        self.connection.execute(
            self.engine.database.sql(
                "UPDATE squidmesh.step_runs SET lease_until = squidmesh.now() - interval '1 s' WHERE id = %s"
            ),
            [task.claim.id],
        )
        plan = plan_record(task, Lost(), self.engine.rules)
        recorded = record_loss(self.engine, self.connection, task, plan.completion) if plan.completion else None
        return self._answer(plan, recorded)
