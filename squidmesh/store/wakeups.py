"""LISTEN and NOTIFY: the channels of our wake-ups, and of runs that are to stop."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from squidmesh.store.autocommit import autocommitting
from squidmesh.store.callers import execute_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from squidmesh.store.callers import CallersConnection
    from squidmesh.store.engine import Database

_STOP = "_stop"


class Waiting(Enum):
    """What a wake-up tells of that is no step."""

    HOST_TASK = "task"


def channel(database: Database) -> str:
    """Return the name of the channel; each schema has its own."""
    return f"{database.schema}_due"


def notify(database: Database, due_in: float) -> None:
    """Tell every listening worker that a row is due in ``due_in`` seconds."""
    with autocommitting(database) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", [channel(database), f"{due_in:.3f}"])


def notify_task(database: Database) -> None:
    """Tell every listening worker that a task of the host waits."""
    with autocommitting(database) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", [channel(database), Waiting.HOST_TASK.value])


def notify_in(database: Database, connection: CallersConnection, due_in: float) -> None:
    """Tell every listening worker, once the caller's transaction commits, that a row is due in ``due_in`` seconds."""
    statement = "SELECT pg_notify(CAST(:channel AS text), CAST(:due_in AS text))"
    execute_in(connection, statement, {"channel": channel(database), "due_in": f"{due_in:.3f}"})


def notify_stop(database: Database, run_id: UUID) -> None:
    """Tell every listening worker that the running steps of a run are to stop."""
    with autocommitting(database) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", [_stop_channel(database), str(run_id)])


def _stop_channel(database: Database) -> str:
    return f"{database.schema}{_STOP}"


def listen(database: Database, connection: psycopg.Connection[Any]) -> None:
    """Start listening on a dedicated connection."""
    connection.execute(f'LISTEN "{channel(database)}"')
    connection.execute(f'LISTEN "{_stop_channel(database)}"')


def received(connection: psycopg.Connection[Any], timeout: float) -> Iterator[float | UUID | Waiting]:
    """Yield what arrives within ``timeout`` seconds: the seconds of a wake-up, a run that is to stop, or what waits."""
    for notification in connection.notifies(timeout=timeout):
        yield _read(notification.payload, stops=notification.channel.endswith(_STOP))


def _read(payload: str, *, stops: bool) -> float | UUID | Waiting:
    """Return what a payload says; one that cannot be read is a wake-up."""
    if payload == Waiting.HOST_TASK.value and not stops:
        return Waiting.HOST_TASK
    try:
        return UUID(payload) if stops else float(payload)
    except ValueError:
        return 0.0
