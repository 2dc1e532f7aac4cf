"""A worker of several processes, as a host holds it."""

from __future__ import annotations

import logging
import math
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Self

from squidmesh.errors import SquidMeshError
from squidmesh.worker.forking import Word, fork, say
from squidmesh.worker.orders import Orders
from squidmesh.worker.supervisor import LAST_WORDS, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from squidmesh.worker.forking import Channel, Forked
    from squidmesh.worker.host_huey import HostHuey
    from squidmesh.worker.supervisor import Plan

log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_UNUSABLE = 2
_POLL = 0.05


class ProcessWorker:
    """Executes due steps in processes that it forks, until it is stopped; made by ``SquidMesh.worker``.

    ``run()`` blocks, owns the process's signals and supervises from this process. ``start()`` and ``stop()``, or
    ``with``, leave signals alone and fork a process that supervises. A process that ends is replaced; when the
    supervising one is gone, or the host, the others drain.
    """

    def __init__(self, plan: Plan, is_idle: Callable[[], bool], huey: HostHuey) -> None:
        self._plan = plan
        self._is_idle = is_idle
        self._huey = huey
        self._supervising: Forked | None = None
        self._used = False

    @property
    def huey(self) -> HostHuey:
        """The mesh's ``huey``: its tasks, signals and hooks, as registered before the processes are forked."""
        return self._huey

    @property
    def stuck(self) -> bool:
        """Never: a process that hangs in a step past its timeout ends, and another takes its place."""
        return False

    def run(self) -> None:
        """Work until a signal or, with ``burst``, until nothing is due; then drain. A second signal stops hard."""
        self._use()
        orders = Orders()
        orders.take_signals(draining=_SIGNALS, hard=True)
        try:
            Supervisor(self._plan, orders).supervise()
        finally:
            orders.close()

    def start(self) -> None:
        """Start the processes, and return once the first of them works."""
        self._use()
        self._supervising = fork(partial(_supervise, self._plan))
        match self._supervising.wait_for_word():
            case (Word.READY, _):
                pass
            case (Word.FAILED, error):
                self._join()
                raise error
            case _:
                self._join()
                raise RuntimeError("the worker's processes ended before one of them worked; the log says why")

    def stop(self, grace: float | None = None) -> None:
        """Stop: running steps may go on for ``grace`` seconds (default: the worker's), then they are given back."""
        if self._supervising is None:
            return
        self._supervising.tell(Word.DRAIN, grace)
        patience = (self._plan.grace if grace is None else grace) + 2 * LAST_WORDS
        if not self._supervising.join(patience):
            log.error("the supervising process %d has not stopped in time and is killed", self._supervising.pid)
            self._supervising.kill()
        self._join()

    def wait_until_nothing_due(self, timeout: float | None) -> bool:
        """Wait until no step is due on its queues and none runs, anywhere.

        False if ``timeout`` seconds (None: any) pass before.
        """
        until = time.monotonic() + (math.inf if timeout is None else timeout)
        while not self._is_idle():
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _use(self) -> None:
        if self._used:
            raise RuntimeError("a worker runs once; make another")
        self._used = True

    def _join(self) -> None:
        if self._supervising is not None:
            self._supervising.join(LAST_WORDS)
            self._supervising.close()
            self._supervising = None


def _supervise(plan: Plan, channel: Channel) -> int:
    """Supervise for a host: in a process of its own, told by the host what to do."""
    orders = Orders(channel)
    orders.take_signals(draining=[signal.SIGTERM], ignored=[signal.SIGINT, signal.SIGHUP])
    try:
        Supervisor(plan, orders, on_ready=partial(say, channel, Word.READY)).supervise()
    except SquidMeshError as error:
        say(channel, Word.FAILED, error)
        return _UNUSABLE
    return 0
