"""Inspecting: persisted facts as the values of ``model/run.py``; derived, never stored twice."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from squidmesh.errors import RunNotFound
from squidmesh.model.claim import RunFacts
from squidmesh.model.definition import Approval, Pause, Uses, Workflow
from squidmesh.model.document import from_document
from squidmesh.model.graph import Graph
from squidmesh.model.payload import mask
from squidmesh.model.run import Attempt, AuditEvent, Run, StepRun, StepState
from squidmesh.model.state import AttemptStatus, RunStatus, StepRunKind, StepStatus
from squidmesh.runtime.preparation import last_failure, step_input
from squidmesh.runtime.snapshot import Snapshot
from squidmesh.store import history, listings
from squidmesh.store.audit_events import events_of_run
from squidmesh.store.effects import interrupted_steps
from squidmesh.store.outputs import read_failures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database
    from squidmesh.store.listings import RunFilter
    from squidmesh.store.outputs import StoredFailure


def inspect_run(database: Database, run_id: UUID, *, include_history: bool) -> Run:
    """Return a run, with its steps, step runs and audit events if asked; ``RunNotFound`` otherwise."""
    with database.snapshot() as connection:
        row = history.read_run(connection, run_id)
        if row is None:
            raise RunNotFound(str(run_id))
        return RunReader(database, connection, row).read(include_history=include_history)


def list_runs(database: Database, wanted: RunFilter) -> list[Run]:
    """Return the runs that are wanted, without history, the newest first."""
    with database.snapshot() as connection:
        rows = listings.list_runs(connection, wanted)
        outputs = defaultdict(list)
        for output in history.read_outputs_of(connection, [row.id for row in rows]):
            outputs[output.run_id].append(output)
        documents = history.read_documents(connection, {row.definition_hash for row in rows})
    workflows = {hash_: _read(document) for hash_, document in documents.items()}
    return [_run(row, workflows[row.definition_hash], outputs[row.id]) for row in rows]


def _read(document: Mapping[str, Any]) -> Workflow | None:
    """Return the workflow of a stored definition, None if it is damaged or of a later release."""
    try:
        return from_document(document)
    except Exception:  # noqa: BLE001 - it may raise anything; explain_run says why
        return None


def snapshot_of(row: Row[Any], workflow: Workflow, outputs: Sequence[Row[Any]], upto: int | None = None) -> Snapshot:
    """Return what was known of a run at completion sequence ``upto`` (None: now), sensitive fields masked."""
    facts = RunFacts(
        id=row.id,
        workflow=row.workflow,
        trigger=row.trigger,
        definition_hash=row.definition_hash,
        payload=json.dumps(_masked_payload(row, workflow)),
        failure=json.dumps(row.failure) if row.failure else None,
        schedule=json.dumps(row.schedule) if row.schedule else None,
        started_at=row.started_at or row.created_at,
    )
    snapshot = Snapshot.of_run(facts)
    for output in outputs:
        if upto is None or output.completed_seq <= upto:
            snapshot = snapshot.with_output(workflow.steps[output.step], output.output)
    return snapshot


def _masked_payload(row: Row[Any], workflow: Workflow) -> dict[str, Any]:
    return mask(workflow.triggers[row.trigger].payload, row.payload)


def _run(row: Row[Any], workflow: Workflow | None, outputs: Sequence[Row[Any]], **parts: Any) -> Run:
    """Return a run; without its workflow no data, since nobody could tell what of it is sensitive."""
    return Run(
        id=row.id,
        workflow=row.workflow,
        trigger=row.trigger,
        definition=row.definition_hash,
        version=row.version,
        status=RunStatus(row.status),
        payload=_masked_payload(row, workflow) if workflow is not None else {},
        context=snapshot_of(row, workflow, outputs).context() if workflow is not None else {},
        current_step=row.current_step,
        last_error=row.last_error,
        schedule=row.schedule,
        idempotency_key=row.idempotency_key,
        replayed_from=row.replayed_from,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        **parts,
    )


class RunReader:
    """Reads what is stored about one run."""

    def __init__(self, database: Database, connection: Connection, row: Row[Any]) -> None:
        self.database = database
        self.connection = connection
        self.row = row
        self.workflow = _read(row.document)
        self.graph = Graph(self.workflow) if self.workflow is not None else None
        self.outputs = history.read_outputs_of(connection, [row.id])
        self.failures: list[StoredFailure] = []
        self.interrupted: set[str] = set()

    def read(self, *, include_history: bool) -> Run:
        """Return the run."""
        if not include_history:
            return _run(self.row, self.workflow, self.outputs)
        step_runs = self.step_runs()
        return _run(
            self.row,
            self.workflow,
            self.outputs,
            steps=tuple(self._states(step_runs)),
            step_runs=step_runs,
            audit_events=tuple(_audit_event(event) for event in events_of_run(self.connection, self.row.id)),
        )

    def step_runs(self) -> tuple[StepRun, ...]:
        """Return the run's step runs in order of creation, each with its attempts."""
        tries: dict[UUID, list[Attempt]] = defaultdict(list)
        for attempt in history.read_attempts(self.connection, self.row.id):
            tries[attempt.step_run_id].append(_attempt(attempt))
        rows = history.read_steps(self.connection, [self.row.id])
        ended = [(self.row.id, row.step) for row in rows if row.status == StepStatus.FAILED]
        self.failures = read_failures(self.database, self.connection, ended) if ended else []
        steps = self.workflow.steps.values() if self.workflow is not None else ()
        if any(isinstance(step.action, Uses) and step.action.irreversible for step in steps):
            self.interrupted = interrupted_steps(self.database, self.connection, self.row.id)
        undone = {row.step: row for row in rows if row.kind == StepRunKind.COMPENSATION}
        return tuple(self._step_run(row, tries, undone.get(row.step)) for row in rows)

    def _step_run(self, row: Row[Any], tries: Mapping[UUID, list[Attempt]], undone: Row[Any] | None) -> StepRun:
        attempts = tuple(tries[row.id])
        graph = self.graph if row.kind == StepRunKind.STEP else None
        return StepRun(
            id=row.id,
            step=row.step,
            kind=StepRunKind(row.kind),
            status=StepStatus(row.status),
            attempt=row.attempt,
            input=self._input(graph, row) if graph is not None else None,
            output=row.output,
            last_error=None if row.status == StepStatus.COMPLETED else _last_error(attempts),
            attempts=attempts,
            recovery=self._recovery(graph.workflow, row, undone, tries) if graph is not None else {},
            run_at=row.run_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )

    def _input(self, graph: Graph, row: Row[Any]) -> dict[str, Any] | None:
        """Return the input that the step was or would be given, None while what it waits for is open.

        Of a gate it is what the person who decides is shown.
        """
        step = graph.workflow.steps[row.step]
        if row.resume is not None and isinstance(step.action, Approval | Pause):
            shown: dict[str, Any] | None = row.resume.get("input")
            return shown
        if row.scheduled_seq is None or not isinstance(step.action, Uses):
            return None
        visible = graph.ancestors(row.step)
        outputs = [output for output in self.outputs if output.step in visible]
        failures = [failure for failure in self.failures if failure.step in visible]
        snapshot = snapshot_of(self.row, graph.workflow, outputs, row.scheduled_seq)
        return dict(step_input(step, snapshot.with_failure(last_failure(failures, row.scheduled_seq))))

    def _recovery(
        self, workflow: Workflow, row: Row[Any], undone: Row[Any] | None, tries: Mapping[UUID, list[Attempt]]
    ) -> dict[str, Any]:
        step = workflow.steps[row.step]
        recovery: dict[str, Any] = dict(row.recovery or {})
        if isinstance(step.action, Uses) and step.action.irreversible:
            recovery["irreversible"] = True
            if row.step in self.interrupted:
                recovery["interrupted"] = True
        if isinstance(step.action, Uses) and not step.action.compensatable:
            recovery["compensatable"] = False
        for transition in step.next.error if step.next else ():
            if transition.recovery is not None:
                recovery["failure"] = {"strategy": transition.recovery.value, "target": transition.to}
        if undone is not None:
            error = _last_error(tuple(tries[undone.id]))
            recovery["compensation"] = {"status": undone.status, "output": undone.output, "error": error}
        return recovery

    def _states(self, step_runs: Sequence[StepRun]) -> list[StepState]:
        if self.graph is None:
            return []
        by_step = {item.step: item for item in step_runs if item.kind is StepRunKind.STEP}
        return [_state(self.graph, name, by_step.get(name)) for name in self.graph.workflow.steps]


def _state(graph: Graph, name: str, found: StepRun | None) -> StepState:
    step = graph.workflow.steps[name]
    return StepState(
        step=name,
        kind=step.step_type,
        status=found.status if found else None,
        depends_on=graph.predecessors[name],
        input=found.input if found else None,
        output=found.output if found else None,
        last_error=found.last_error if found else None,
        attempts=found.attempts if found else (),
        recovery=found.recovery if found else {},
    )


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        number=row.number,
        status=AttemptStatus(row.status),
        error=row.error,
        worker=row.worker,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _last_error(attempts: Sequence[Attempt]) -> Mapping[str, Any] | None:
    return attempts[-1].error if attempts else None


def _audit_event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        type=row.type,
        step=row.step,
        actor=row.actor,
        comment=row.comment,
        metadata=row.metadata,
        at=row.at,
    )
