"""Reading what ended steps left: outputs, those of gates too (a rejected one has failed), and failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.store.arguments import texts, uuids
from squidmesh.store.callers import execute_in
from squidmesh.store.statement import hot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.store.callers import CallersConnection
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """The output of an ended step as JSON text, with the run's sequences at its scheduling and end."""

    run_id: UUID
    step: str
    seq: int
    scheduled_seq: int | None
    output: str


_READ = """
SELECT s.run_id, s.step, s.completed_seq, s.scheduled_seq, s.output::text
FROM unnest(%(runs)s::uuid[], %(steps)s::text[]) w(run_id, step)
JOIN squidmesh.step_runs s ON s.run_id = w.run_id AND s.step = w.step AND s.kind = 0
WHERE s.output IS NOT NULL
"""


def read_outputs(
    database: Database, connection: psycopg.Connection[Any], wanted: Sequence[tuple[UUID, str]]
) -> list[StoredOutput]:
    """Return the outputs of those (run, step) that have one."""
    arguments = {"runs": uuids([run for run, _ in wanted]), "steps": texts([step for _, step in wanted])}
    rows = hot(_READ).execute(database, connection, arguments)
    return [
        StoredOutput(run_id=run_id, step=step, seq=seq, scheduled_seq=scheduled_seq, output=output)
        for run_id, step, seq, scheduled_seq, output in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFailure:
    """How a failed step failed, as ``failure`` shows it, with the run's sequence at its end."""

    run_id: UUID
    step: str
    seq: int
    failure: Mapping[str, Any]


# The last attempt says it; of a step that was carried over from another run its row. An attempt that was lost is no
# try, but as the last one it was counted when the failure was made.
_FAILURES = """
SELECT s.run_id, s.step, s.completed_seq, s.resume->'failure' AS carried, a.error,
    s.attempt - s.losses + CASE WHEN a.error->>'code' = 'worker_lost' AND s.losses > 0 THEN 1 ELSE 0 END AS attempts
FROM unnest(CAST(:runs AS uuid[]), CAST(:steps AS text[])) w(run_id, step)
JOIN squidmesh.step_runs s ON s.run_id = w.run_id AND s.step = w.step AND s.kind = 0
LEFT JOIN squidmesh.attempts a ON a.step_run_id = s.id AND a.number = s.attempt
WHERE s.status = 'failed'
"""


def read_failures(
    database: Database, connection: CallersConnection, wanted: Sequence[tuple[UUID, str]]
) -> list[StoredFailure]:
    """Return how those of the (run, step) failed that did, the first to end first."""
    arguments = {"runs": [run for run, _ in wanted], "steps": [step for _, step in wanted]}
    rows = execute_in(connection, database.sql(_FAILURES), arguments)
    found = [
        StoredFailure(
            run_id=row.run_id,
            step=row.step,
            seq=row.completed_seq,
            failure=row.carried or {"step": row.step, **row.error, "attempts": row.attempts},
        )
        for row in rows
        if row.carried or row.error
    ]
    return sorted(found, key=lambda item: item.seq)
