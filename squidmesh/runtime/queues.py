"""Queues and the processes that serve them: what stands where, and holding the claims of one queue.

A pause is durable and holds for every process: from its commit on no claim takes a step of the queue. Steps that
run may end; a successor on the queue is handed over for as long as a chain may last (a second), by a process that
has not heard of the pause yet. Nothing is lost and no attempt counted: what is due stays due.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.errors import QueueNotFound
from squidmesh.model.queue import Queue
from squidmesh.model.worker import WorkerProcess
from squidmesh.store import queues
from squidmesh.store.workers import read_workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from squidmesh.runtime.engine import Engine
    from squidmesh.store.engine import Database


def list_queues(database: Database) -> list[Queue]:
    """Return every queue that is known, by name."""
    with database.snapshot() as connection:
        names = queues.known_queues(connection)
        rows = queues.read_standing(database, connection, names)
    return [_queue(row) for row in rows]


def pause_queue(engine: Engine, name: str, *, actor: str | None, comment: str | None) -> Queue:
    """Hold the claims of a queue and return it; one that is paused already stays as it is."""
    return _change(engine, name, queues.pause_if_served, actor, comment)


def resume_queue(engine: Engine, name: str, *, actor: str | None, comment: str | None) -> Queue:
    """Let a queue be claimed from again and return it; one that is not paused stays as it is."""
    return _change(engine, name, queues.resume_if_paused, actor, comment)


def _change(engine: Engine, name: str, change: Callable[..., bool], actor: str | None, comment: str | None) -> Queue:
    database = engine.database
    with database.transaction() as connection:
        known = queues.known_queues(connection)
        if name not in known:
            raise QueueNotFound(name, tuple(known))
        queues.lock_queues(database, connection)
        change(database, connection, name, actor=actor, comment=comment)
        (row,) = queues.read_standing(database, connection, [name])
    engine.notifier.announce(timedelta())  # every worker looks, and learns of it
    return _queue(row)


def _queue(row: Row[Any]) -> Queue:
    return Queue(
        name=row.name,
        due=int(row.due),
        running=row.running,
        later=int(row.later),
        oldest_due_at=row.oldest_due_at,
        workers=row.workers,
        paused_at=row.paused_at,
        actor=row.actor,
        comment=row.comment,
        changed_at=row.changed_at,
    )


def list_workers(database: Database) -> list[WorkerProcess]:
    """Return the worker processes that have a row: those that live, and those that vanished not long ago."""
    with database.transaction() as connection:
        rows = read_workers(database, connection)
    return [
        WorkerProcess(
            id=row.id,
            host=row.host,
            pid=row.pid,
            version=row.version,
            queues=tuple(row.queues),
            step_types=tuple(row.step_types),
            running=row.running,
            started_at=row.started_at,
            beat_at=row.beat_at,
            alive=row.silent_at > row.now,
        )
        for row in rows
    ]
