"""Whether nothing is due: no step, and no huey task of the host, each looked for after the other ran."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.worker.host_tasks import HostTasks
    from squidmesh.worker.inflight import InFlight


class Stillness:
    """Sets ``nothing_due`` when a look for steps and a look for tasks have both found nothing, and nothing ran between.

    ``look`` is called for another look for steps, while somebody waits for the answer (``awaited``). It is the database
    loop's own, but for ``doubt``.
    """

    def __init__(self, inflight: InFlight, tasks: HostTasks, look: Callable[[], None], *, awaited: bool) -> None:
        self._inflight = inflight
        self._tasks = tasks
        self._look = look
        self._awaited = awaited
        self._since: int | None = None  # how many tasks had ended before the look for steps that found nothing
        self.nothing_due = threading.Event()

    @property
    def in_question(self) -> bool:
        """Whether what becomes of the tasks decides."""
        return self._since is not None

    def doubt(self) -> None:
        """Find out again, from now on: somebody waits for it."""
        self._awaited = True
        self._since = None
        self.nothing_due.clear()
        self._tasks.doubt()
        self._look()

    def recorded(self) -> None:
        """Say that ends were recorded, which may have made anything due: only another look tells that nothing is."""
        self._tasks.doubt()
        if self._awaited and not len(self._inflight):
            self._look()

    def looked(self, *, nothing_due: bool, tasks_ended: int) -> None:
        """Say what a look for steps has found that began when so many tasks had ended."""
        self._since = tasks_ended if nothing_due and not len(self._inflight) else None

    def conclude(self) -> None:
        """Say that nothing is due, if that is certain; see to the look that is missing, if somebody waits for it."""
        if self._since is None or len(self._inflight):
            return
        if self._tasks.ended_so_far != self._since:
            self._since = None
            if self._awaited:
                self._look()  # a task may have started a run
        elif self._tasks.none_due:
            self.nothing_due.set()
        elif self._awaited and not self._tasks.busy and not self._tasks.failing:
            self._tasks.hint()
