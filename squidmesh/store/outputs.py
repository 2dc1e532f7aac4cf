"""Reading what ended steps left: what they returned, and what was decided at gates (a rejected one has failed)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.store.arguments import texts, uuids
from squidmesh.store.statement import hot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import psycopg

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
