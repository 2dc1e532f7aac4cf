"""Queues and worker processes: who serves what, and holding a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.mesh.wiring import Wiring
from squidmesh.model.values import check_texts
from squidmesh.runtime import queues

if TYPE_CHECKING:
    from squidmesh.model.queue import Queue
    from squidmesh.model.worker import WorkerProcess


class Supervising(Wiring):
    """The façade's calls about queues and the processes that serve them."""

    def list_workers(self) -> list[WorkerProcess]:
        """Return the worker processes, the oldest first; one that vanished is shown, not ``alive``, for minutes."""
        return queues.list_workers(self.database)

    def list_queues(self) -> list[Queue]:
        """Return every queue that a definition or a worker names, with what is due and running there, by name."""
        return queues.list_queues(self.database)

    def pause_queue(self, name: str, *, actor: str | None = None, comment: str | None = None) -> Queue:
        """Hold the claims of a queue, in every process, until it is resumed; return the queue.

        From now on no claim takes a step of it, and ``explain_run`` says ``queue_paused``; steps that run may end,
        and within a second no worker hands a successor on it over to itself. Compensations on it wait too;
        deadlines, run time-outs and cancels go on. A queue that is paused already stays as it is.
        ``QueueNotFound`` if nobody has named such a queue, ``InvalidValue`` for words that cannot be kept.
        """
        check_texts(name=name, actor=actor, comment=comment)
        return queues.pause_queue(self.engine, name, actor=actor, comment=comment)

    def resume_queue(self, name: str, *, actor: str | None = None, comment: str | None = None) -> Queue:
        """Let a queue be claimed from again; return the queue. Raises as ``pause_queue``."""
        check_texts(name=name, actor=actor, comment=comment)
        return queues.resume_queue(self.engine, name, actor=actor, comment=comment)
