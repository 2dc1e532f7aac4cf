"""The one asyncio loop of a worker process, for steps that are ``async def``."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from squidmesh.steps.context import ClaimSignals

_LAST_WORDS = 1.0


class EventLoop:
    """A loop in a thread of its own, started by the first async step."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._join: Callable[[float], object] | None = None
        self._lock = threading.Lock()

    def wait_for(self, coroutine: Coroutine[Any, Any, Any], signals: ClaimSignals) -> Any:
        """Run a coroutine on the loop and return its result, or raise what it raised; ``signals`` may cancel it."""
        future = asyncio.run_coroutine_threadsafe(kept(coroutine), self._running())
        signals.interrupt = future.cancel
        if signals.cancelled:  # it was told before there was anything to interrupt
            future.cancel()
        try:
            result, error = future.result()
        finally:
            signals.interrupt = None
        if error is not None:
            raise error
        return result

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = self._start()
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=serve, args=[loop], name="squidmesh-async", daemon=True)
        thread.start()
        self._join = thread.join
        return loop

    def close(self) -> None:
        """Stop the loop and cancel the steps that are still on it."""
        with self._lock:
            if self._loop is None or self._join is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._join(_LAST_WORDS)
            self._loop = None


def serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then cancel what is still on it."""
    try:
        loop.run_forever()
        loop.run_until_complete(_cancel_all())
    finally:
        loop.close()


async def _cancel_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def kept(coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    """Keep what a coroutine raises: asyncio lets SystemExit and KeyboardInterrupt end the loop of all the others."""
    try:
        return await coroutine, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
        return None, error
