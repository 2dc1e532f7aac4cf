"""When a worker looks for tasks of the host, and which of them run here.

The database loop sends one thread at a time to look, so that an idle process asks once a second and however many
threads it has; a look that finds a task makes the next one due at once. Looks have a connection of their own, which
is opened for the first of them: while no task is registered nobody looks.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING

from squidmesh.errors import SquidMeshError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from huey.api import Task

    from squidmesh.store.dedicated import Dedicated
    from squidmesh.worker.host_huey import HostHuey

log = logging.getLogger(__name__)
_LONGEST_BACKOFF = 30.0
_DOUBLINGS = 10


class HostTasks:
    """The looks and the running tasks of one worker; ``on_change`` is called when another look may be due.

    With several threads one is always left to the steps, so that long tasks cannot hold them all up.
    """

    def __init__(
        self,
        huey: HostHuey,
        store: Dedicated,
        *,
        concurrency: int,
        poll_interval: float,
        on_change: Callable[[], None],
    ) -> None:
        self._huey = huey
        self._store = store
        self._limit = max(concurrency - 1, 1)
        self._poll_interval = poll_interval
        self._on_change = on_change
        self._lock = threading.Lock()
        self._look_at = 0.0
        self._scheduled_at = math.inf
        self._looking = False
        self._hinted = False
        self._running: dict[int, tuple[Task, datetime]] = {}
        self._failures = 0
        self._doubts = 0
        self._empty_since: int | None = None
        self.ended_so_far = 0

    @property
    def next_look(self) -> float:
        """When a thread is to look next, in ``time.monotonic``; infinite while none may."""
        if not self._huey.waits_for_workers or self._looking or len(self._running) >= self._limit:
            return math.inf
        return min(self._look_at, self._scheduled_at)

    @property
    def busy(self) -> bool:
        """Whether a task runs here, or is being looked for."""
        return self._looking or bool(self._running)

    @property
    def running(self) -> list[Task]:
        """The tasks that run here."""
        return [task for task, _ in self._running.copy().values()]

    @property
    def none_due(self) -> bool:
        """Whether no task is due or runs, as far as is known since the last doubt."""
        return not self._huey.waits_for_workers or (not self.busy and self._empty_since == self._doubts)

    @property
    def failing(self) -> bool:
        """Whether the last look met an error of the database."""
        return self._failures > 0

    def doubt(self) -> None:
        """Say that a task may have been enqueued here: only a look from now on tells that none is due."""
        self._doubts += 1

    def hint(self) -> None:
        """Look as soon as a thread is free."""
        with self._lock:
            self._look_at = 0.0
            self._hinted = True
        self._on_change()

    def begin_look(self) -> None:
        """Say that a thread is sent."""
        self._looking = True

    def cancel_look(self) -> None:
        """Say that the thread was not sent."""
        self._looking = False

    def look(self) -> Task | None:
        """Take a task for the calling thread; None if there is none, or the database does not answer."""
        doubts, found, look_in = self._doubts, None, 0.0
        self._hinted = False
        try:
            found, look_in = self._take()
            self._recovered()
        except SquidMeshError as error:
            look_in = self._failed(error)
        except BaseException:
            look_in = self._poll_interval
            raise
        finally:
            with self._lock:
                self._look_at = 0.0 if self._hinted else time.monotonic() + look_in
                self._empty_since = doubts if look_in and not self._failures else None
                self._looking = False
            self._on_change()
        return found

    def close(self) -> None:
        """Close the connection of the looks."""
        self._store.close()

    def taken_at(self, task: Task) -> datetime | None:
        """Return when a task that runs here was taken, None if it is none of the host's."""
        held = self._running.get(id(task))
        return held[1] if held is not None else None

    def ended(self, task: Task) -> None:
        """Say that a task runs no more."""
        self._running.pop(id(task), None)
        self.ended_so_far += 1
        self._on_change()

    def _take(self) -> tuple[Task | None, float]:
        """Take a row, after enqueuing what has come due; return its task and in how many seconds to look again."""
        if time.monotonic() >= self._scheduled_at:
            self._enqueue_due()
        taken = self._huey.take(self._store)
        if taken.row is None and taken.scheduled_in is not None and taken.scheduled_in <= 0:
            self._enqueue_due()
            taken = self._huey.take(self._store)
        scheduled_in = math.inf if taken.scheduled_in is None else taken.scheduled_in
        self._scheduled_at = time.monotonic() + scheduled_in
        if taken.row is None:
            return None, self._poll_interval
        task = self._huey.read_row(taken.row)
        if task is not None:
            self._running[id(task)] = (task, taken.at)
        return task, 0.0

    def _enqueue_due(self) -> None:
        while self._huey.enqueue_due():
            pass

    def _failed(self, error: SquidMeshError) -> float:
        if not self._failures:
            log.warning("huey tasks of the host wait, the next looks are tried more and more seldom: %s", error)
        self._failures += 1
        self._scheduled_at = math.inf  # the look that succeeds tells it anew
        doubled: float = self._poll_interval * 2 ** min(self._failures, _DOUBLINGS)
        return min(doubled, _LONGEST_BACKOFF)

    def _recovered(self) -> None:
        if self._failures:
            log.info("huey tasks of the host are taken again")
        self._failures = 0
