"""Reading runs for people: rows as they are stored, nothing locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, cast, func, select

from squidmesh.model.state import StepRunKind
from squidmesh.store.tables import attempts, definitions, lanes, runs, step_runs, workers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database


def read_run(connection: Connection, run_id: UUID) -> Row[Any, *tuple[Any, ...]] | None:
    """Return a run with its definition's version label and document."""
    return connection.execute(
        select(runs, definitions.c.version, definitions.c.document)
        .join(definitions, definitions.c.hash == runs.c.definition_hash)
        .where(runs.c.id == run_id)
    ).one_or_none()


def read_steps(connection: Connection, run_ids: Sequence[UUID]) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return the step runs of runs with their lanes, in order of creation."""
    return connection.execute(
        select(step_runs, lanes.c.queue, lanes.c.step_type, lanes.c.priority, lanes.c.solo)
        .join(lanes, lanes.c.id == step_runs.c.lane)
        .where(step_runs.c.run_id.in_(list(run_ids)))
        .order_by(step_runs.c.created_at, step_runs.c.id)
    ).all()


def read_outputs_of(connection: Connection, run_ids: Sequence[UUID]) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return (run_id, step, completed_seq, scheduled_seq, output as JSON text) of the steps that have an output."""
    return connection.execute(
        select(
            step_runs.c.run_id,
            step_runs.c.step,
            step_runs.c.completed_seq,
            step_runs.c.scheduled_seq,
            cast(step_runs.c.output, Text).label("output"),
        )
        .where(
            step_runs.c.run_id.in_(list(run_ids)),
            step_runs.c.kind == StepRunKind.STEP,
            step_runs.c.output.is_not(None),
        )
        .order_by(step_runs.c.completed_seq)
    ).all()


def read_attempts(connection: Connection, run_id: UUID) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return the attempts at a run's step runs, by step run and number."""
    return connection.execute(
        select(attempts)
        .join(step_runs, step_runs.c.id == attempts.c.step_run_id)
        .where(step_runs.c.run_id == run_id)
        .order_by(attempts.c.step_run_id, attempts.c.number)
    ).all()


def capable_workers(database: Database, connection: Connection, queue: str, step_type: str) -> int:
    """Return how many live workers serve a queue and know a step type."""
    return connection.execute(
        select(func.count()).where(
            workers.c.queues.contains([queue]),
            workers.c.step_types.contains([step_type]),
            workers.c.silent_at > database.clock(),
        )
    ).scalar_one()


def read_documents(connection: Connection, hashes: Collection[str]) -> dict[str, Any]:
    """Return compiled documents by hash."""
    rows = connection.execute(
        select(definitions.c.hash, definitions.c.document).where(definitions.c.hash.in_(list(hashes)))
    )
    return {row.hash: row.document for row in rows}
