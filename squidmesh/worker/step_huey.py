"""The ``Huey`` of one worker: its queue is what the database loop claimed, and the host's tasks between.

Signals and hooks are those of the host's ``Huey``, which is also what executes a task of the host: a host deals with
one ``Huey``, however many workers there are.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from huey import signals
from huey.api import Huey
from huey.exceptions import CancelExecution

from squidmesh.worker.handout import Errand
from squidmesh.worker.host_huey import NAME
from squidmesh.worker.storage import JSONSerializer, StepStorage, step_message
from squidmesh.worker.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from huey.api import Task

    from squidmesh.worker.handout import Handout
    from squidmesh.worker.host_huey import HostHuey
    from squidmesh.worker.host_tasks import HostTasks
    from squidmesh.worker.inflight import Held

log = logging.getLogger(__name__)


class StepHuey(Huey):  # type: ignore[misc]  # huey ships no type information
    """Executes steps itself and hands the host's tasks on.

    ``decline`` gives back a step that a hook cancelled, ``give_back`` one that was handed over too late.
    """

    def __init__(
        self,
        host: HostHuey,
        host_tasks: HostTasks,
        handout: Handout,
        *,
        decline: Callable[[UUID], None],
        give_back: Callable[[Held], None],
    ) -> None:
        super().__init__(NAME, results=False, serializer=JSONSerializer(), storage_class=StepStorage, handout=handout)
        self._host = host
        self._host_tasks = host_tasks
        self._handout = handout
        self._decline = decline
        self._give_back = give_back
        host.share_with(self)

    def dequeue(self) -> Task | None:
        """Return what the calling thread is to execute, None if that is nothing for now."""
        message = self.storage.dequeue()
        while isinstance(message, Ticket):
            message = self._conclude(message)
        if message is Errand.LOOK_FOR_HOST_TASK:
            return self._host_tasks.look()
        return None if message is None else self.deserialize_task(message)

    def execute(self, task: Task, timestamp: datetime | None = None) -> Any:
        """Execute a step, or a task of the host."""
        taken_at = self._host_tasks.taken_at(task)
        if taken_at is None:
            return super().execute(task, timestamp)
        began = time.monotonic()
        try:
            return self._host.perform(task, taken_at, self._timeout_handler)
        finally:
            self._host_tasks.ended(task)
            log.info("huey task %s took %.3f s", task, time.monotonic() - began)

    @property
    def is_heard(self) -> bool:
        """Whether anybody is told of tasks: hooks may expect the thread that executed, and the end to be recorded."""
        return bool(self._pre_execute or self._post_execute or any(self._signal.receivers.values()))

    def enqueue_periodic(self) -> float | None:
        """Enqueue the host's periodic tasks of this minute; see ``HostHuey.enqueue_periodic``."""
        return self._host.enqueue_periodic()

    def notify_interrupted_tasks(self) -> None:
        """Tell of what did not end in time."""
        super().notify_interrupted_tasks()
        for task in self._host_tasks.running:
            self._emit(signals.SIGNAL_INTERRUPTED, task)

    def _conclude(self, ticket: Ticket) -> bytes | Ticket | Errand | None:
        """Tell of an end, and return what to do next: the step that it handed over, unless the worker drains by now."""
        successor = ticket.successor
        try:
            ticket.told()
        except BaseException:
            if successor is not None:  # this thread may be at its end: another one executes the step
                self._handout.offer([successor.id])
            raise
        if successor is None:
            return cast("bytes | Ticket | Errand | None", self.storage.dequeue())
        if self._handout.closed:
            self._give_back(successor)
            return None
        return step_message(successor.id)

    def _run_pre_execute(self, task: Task) -> None:
        try:
            super()._run_pre_execute(task)
        except CancelExecution:
            self._decline(UUID(task.id))
            raise
