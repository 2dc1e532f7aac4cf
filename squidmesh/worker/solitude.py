"""Making room for steps that must run alone, in a process that is never idle by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from squidmesh.runtime.lanes import is_solo_step_due

if TYPE_CHECKING:
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.lanes import ServedLanes
    from squidmesh.store.dedicated import Dedicated

_PAUSES = 10


class Solitude:
    """Says when to claim nothing, so that what is in flight may end and a step that waits to be alone be claimed.

    A process that has long steps in flight does not get empty in time; it then goes on with its work, and
    tries again ten times as much later, so that waiting for solitude costs it little.
    """

    def __init__(self, engine: Engine, store: Dedicated, lanes: ServedLanes, *, window: float) -> None:
        self._engine = engine
        self._store = store
        self._lanes = lanes
        self._window = window
        self._look_at = 0.0
        self._until = 0.0

    @property
    def wanted(self) -> bool:
        """Whether nothing is to be claimed or handed over just now."""
        return time.monotonic() < self._until

    def look(self, *, busy: bool) -> None:
        """Ask, now and then and only in a busy process, whether a step waits to be alone."""
        if not busy:
            self._until = 0.0  # the next claim takes it
            return
        now = time.monotonic()
        if not self._lanes.solo or now < self._look_at:
            return
        with self._store.use() as connection:
            due = is_solo_step_due(self._engine.database, connection, self._lanes)
        self._until = now + self._window if due else 0.0
        self._look_at = now + self._window * (_PAUSES + 1 if due else 1)
