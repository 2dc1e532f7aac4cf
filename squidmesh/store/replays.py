"""Replays: copying what ended in one run into another that is about to be inserted, and looking at the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text

from squidmesh.model.identity import new_id
from squidmesh.store.tables import definitions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from squidmesh.store.engine import Database

_CARRY = """
INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, attempt, losses, open_deps, live_deps, output,
    origin_id, resume, completed_seq, scheduled_seq, created_at, finished_at)
SELECT c.id, CAST(:new AS uuid), s.step, s.kind, s.status, s.lane, 0, 0, 0, s.live_deps, s.output,
    coalesce(s.origin_id, s.id), CASE WHEN c.failure IS NOT NULL THEN json_build_object('failure', c.failure::json) END,
    s.completed_seq, s.scheduled_seq, squidmesh.now(), squidmesh.now()
FROM unnest(CAST(:ids AS uuid[]), CAST(:steps AS text[]), CAST(:failures AS text[])) c(id, step, failure)
JOIN squidmesh.step_runs s ON s.run_id = CAST(:old AS uuid) AND s.step = c.step AND s.kind = 0
"""


def carry_steps(
    database: Database, connection: Connection, old: UUID, new: UUID, steps: Mapping[str, str | None]
) -> None:
    """Copy ended step runs of a run, with their outputs and sequences, as if they had ended in another; no attempt.

    ``steps`` gives the failure of each that failed, as JSON text: no attempt tells it there.
    """
    ids = [new_id() for _ in steps]
    arguments = {"old": old, "new": new, "ids": ids, "steps": list(steps), "failures": list(steps.values())}
    connection.execute(text(database.sql(_CARRY)), arguments)


_BEGIN = """
WITH begun AS (
    UPDATE squidmesh.runs SET seq = CAST(:seq AS int), failure = CAST(:failure AS json) WHERE id = CAST(:run AS uuid))
UPDATE squidmesh.step_runs s SET live_deps = l.live,
    scheduled_seq = CASE WHEN s.open_deps = 0 THEN CAST(:seq AS int) END
FROM unnest(CAST(:steps AS text[]), CAST(:lives AS int[])) l(step, live)
WHERE s.run_id = CAST(:run AS uuid) AND s.step = l.step AND s.kind = 0
"""


def begin_after(
    database: Database,
    connection: Connection,
    run_id: UUID,
    *,
    seq: int,
    failure: str | None,
    live: Mapping[str, int],
) -> None:
    """Let a new run go on after carried steps: at their sequence, with their failure (JSON text) and live joins."""
    arguments = {"run": run_id, "seq": seq, "failure": failure, "steps": list(live), "lives": list(live.values())}
    connection.execute(text(database.sql(_BEGIN)), arguments)


def newest_definition(connection: Connection, workflow: str) -> str | None:
    """Return the hash of the definition of a workflow that was seen first most recently."""
    return connection.execute(
        select(definitions.c.hash)
        .where(definitions.c.workflow == workflow)
        .order_by(definitions.c.first_seen_at.desc())
        .limit(1)
    ).scalar_one_or_none()
