"""Which span an attempt and a run belong to; asked and written only in a process that traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from squidmesh.store.tables import attempt_spans, runs

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row

    from squidmesh.store.engine import Database


def add_span_of_attempt(database: Database, step_run_id: UUID, number: int, traceparent: str) -> None:
    """Note the span of an attempt that failed, for the next one to link to."""
    row = {"step_run_id": step_run_id, "number": number, "traceparent": traceparent}
    with database.transaction() as connection:
        connection.execute(insert(attempt_spans).values(row).on_conflict_do_nothing())


def span_of_attempt(database: Database, step_run_id: UUID, number: int) -> str | None:
    """Return the span of an attempt that failed, None if it was not traced."""
    with database.transaction() as connection:
        return connection.execute(
            select(attempt_spans.c.traceparent).where(
                attempt_spans.c.step_run_id == step_run_id, attempt_spans.c.number == number
            )
        ).scalar_one_or_none()


def span_of_run(database: Database, run_id: UUID) -> Row[Any, *tuple[Any, ...]] | None:
    """Return (traceparent of its starter, created_at, finished_at, last_error) of a run."""
    with database.transaction() as connection:
        return connection.execute(
            select(runs.c.traceparent, runs.c.created_at, runs.c.finished_at, runs.c.last_error).where(
                runs.c.id == run_id
            )
        ).one_or_none()
