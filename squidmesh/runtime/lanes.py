"""The lanes that a worker serves, read again when a new lane has appeared, or a queue was paused or resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.store.claims import ClaimRequest
from squidmesh.store.definitions import served_lanes
from squidmesh.store.solo_lanes import is_any_due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.store.engine import Database


class ServedLanes:
    """The numbers and priorities of the lanes of some queues and step types, but for those of paused queues."""

    def __init__(self, database: Database, queues: Sequence[str], step_types: Sequence[str]) -> None:
        self._database = database
        self._queues = queues
        self._step_types = step_types
        self._lanes: list[tuple[int, int, bool]] = []
        self._read_upto = -1
        self._newest = 0
        self._queues_as_of = 0
        self._queues_changed = 0
        self.numbers: frozenset[int] = frozenset()
        self.solo: tuple[int, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether every lane there is was looked at, and every pause and resumption of a queue."""
        return self._read_upto >= self._newest and self._queues_as_of == self._queues_changed

    def seen(self, newest: int, queues_changed: int) -> None:
        """Take note of the largest lane number there is, and of the last change of a queue."""
        self._newest = max(self._newest, newest)
        self._queues_changed = max(self._queues_changed, queues_changed)

    def load(self) -> None:
        """Read the lanes again if there are newer ones."""
        if self.fresh:
            return
        upto, changed = self._newest, self._queues_changed
        self._lanes = served_lanes(self._database, self._queues, self._step_types)
        self.numbers = frozenset(number for number, _, solo in self._lanes if not solo)
        self.solo = tuple(number for number, _, solo in self._lanes if solo)
        self._read_upto = max([upto, *self.numbers, *self.solo])
        self._queues_as_of = changed  # only now: a reading that fails is made again

    def request(
        self, tokens: Sequence[UUID], worker: str, lease: timedelta, *, solo: bool = False
    ) -> ClaimRequest | None:
        """Return what to claim with these tokens, None without any; of the ``solo`` lanes too if asked."""
        if not tokens:
            return None
        lanes = [(number, priority) for number, priority, alone in self._lanes if solo or not alone]
        return ClaimRequest(
            lanes=[number for number, _ in lanes],
            priorities=[priority for _, priority in lanes],
            tokens=tokens,
            worker=worker,
            lease=lease,
            solo=self.solo,
            queues_as_of=self._queues_as_of,
        )


def is_solo_step_due(database: Database, connection: psycopg.Connection[Any], lanes: ServedLanes) -> bool:
    """Return whether a step that is to run alone is due on a lane that is served here."""
    return is_any_due(database, connection, lanes.solo)
