"""The row that says that a worker process lives, and what it can do."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from squidmesh import __version__
from squidmesh.store.workers import add_worker, beat_if_known, remove_silent, remove_worker

if TYPE_CHECKING:
    import psycopg

    from squidmesh.runtime.engine import Engine

_FORGET_AFTER = timedelta(minutes=5)
_BEATS_MISSED = 6


class Present(Protocol):
    """What is to be known of a worker process."""

    @property
    def id(self) -> str: ...  # noqa: D102 - the class says it

    @property
    def queues(self) -> tuple[str, ...]: ...  # noqa: D102 - the class says it

    @property
    def step_types(self) -> tuple[str, ...]: ...  # noqa: D102 - the class says it


def begin_presence(engine: Engine, present: Present) -> None:
    """Write the row of a process, and forget those long silent."""
    add_worker(
        engine.database,
        id_=present.id,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        queues=present.queues,
        step_types=present.step_types,
        silent_after=_silent_after(engine),
    )
    remove_silent(engine.database, _FORGET_AFTER)


def beat_presence(engine: Engine, connection: psycopg.Connection[Any], present: Present) -> None:
    """Say that a process lives, writing its row again if it is not there."""
    if not beat_if_known(engine.database, connection, present.id, _silent_after(engine)):
        begin_presence(engine, present)


def end_presence(engine: Engine, present: Present) -> None:
    """Remove the row of a process that ends."""
    remove_worker(engine.database, present.id)


def _silent_after(engine: Engine) -> timedelta:
    """Return how long after a beat a process still counts as able: it beats with each sweep, and its leases end."""
    return max(engine.lease, _BEATS_MISSED * engine.sweep_interval)
