"""Greenlets instead of threads: what a process needs for them, how one is interrupted, where ``async`` steps run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
from typing import TYPE_CHECKING, Any, Self

from squidmesh.errors import ConfigurationError
from squidmesh.runtime.event_loop import EventLoop, kept, serve

try:
    import gevent
    from gevent import monkey
    from gevent.event import AsyncResult
    from gevent.threadpool import ThreadPool
except ImportError:  # the extra squidmesh[gevent]
    gevent = None

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from squidmesh.steps.context import ClaimSignals


def check_greenlets(*, cooperative: bool) -> None:
    """Refuse a process in which one greenlet would hold up all; ``cooperative``: the driver waits as greenlets do."""
    if gevent is None:
        raise ConfigurationError(["worker type 'greenlet' needs gevent: pip install 'squidmesh[gevent]'"])
    if not monkey.is_module_patched("threading") or not cooperative:
        raise ConfigurationError(
            [
                (
                    "worker_type 'greenlet' needs a process that gevent has patched before anything else was imported: "
                    "put 'import gevent.monkey' and 'gevent.monkey.patch_all()' first"
                )
            ]
        )


def reach_process() -> bool:
    """Pass a KeyboardInterrupt of a step on to the process if Ctrl-C may have raised it, and return whether.

    All greenlets run in the main thread, and Python interrupts whichever does just then. A worker that owns the
    signals lets none of them raise anything.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return False
    hub = gevent.get_hub()
    hub.loop.run_callback(hub.handle_system_error, KeyboardInterrupt, KeyboardInterrupt())
    return True


class StepInterrupted(SystemExit):
    """Raised in a step that is past its timeout, where it waits; a driver takes it as the end of a process.

    psycopg then cancels the statement that it waits for, and the connection stays usable.
    """


class Interruptible:
    """While it is entered, ``signals`` may interrupt the greenlet that has entered it."""

    def __init__(self, signals: ClaimSignals) -> None:
        self._signals = signals
        self._inside = False

    def __enter__(self) -> Self:
        self._inside = True
        self._greenlet = gevent.getcurrent()
        self._signals.interrupt = self._interrupt
        if self._signals.cancelled:  # it was told before there was anything to interrupt
            raise StepInterrupted
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = False
        self._signals.interrupt = None

    def _interrupt(self) -> None:
        gevent.get_hub().loop.run_callback(self._throw)

    def _throw(self) -> None:
        """Raise in the greenlet, which waits if this runs; in its step, or not at all."""
        if self._inside:
            self._greenlet.throw(StepInterrupted)


class GreenletLoop(EventLoop):
    """Runs in a thread of the system, since asyncio's own wait would hold up every greenlet; they wait for it."""

    def wait_for(self, coroutine: Coroutine[Any, Any, Any], signals: ClaimSignals) -> Any:
        """Run a coroutine on the loop and return its result, or raise what it raised; ``signals`` may cancel it."""
        loop, hub = self._running(), gevent.get_hub()
        answer = AsyncResult()
        tasks: list[asyncio.Task[Any]] = []

        def begin() -> None:
            tasks.append(task := loop.create_task(kept(coroutine)))
            task.add_done_callback(lambda _: hub.loop.run_callback_threadsafe(answer.set, None))
            if signals.cancelled:
                task.cancel()

        def cancel() -> None:
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])

        signals.interrupt = cancel
        loop.call_soon_threadsafe(begin)
        try:
            answer.get()
        finally:
            signals.interrupt = None
        (task,) = tasks
        if task.cancelled():
            raise concurrent.futures.CancelledError
        result, error = task.result()
        if error is not None:
            raise error
        return result

    def _start(self) -> asyncio.AbstractEventLoop:
        """Let the thread make its loop: what gevent puts into it belongs to the thread that does."""
        started, hub = AsyncResult(), gevent.get_hub()

        def live() -> None:
            loop = asyncio.new_event_loop()
            hub.loop.run_callback_threadsafe(started.set, loop)
            serve(loop)

        self._join = ThreadPool(1).spawn(live).wait
        loop: asyncio.AbstractEventLoop = started.get()
        return loop
