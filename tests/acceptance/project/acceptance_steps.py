"""Step types of the acceptance tests; each writes what it does into a ledger, on a connection of its own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from squidmesh import StepContext, StepFailed

_lock = threading.Lock()
_connections: dict[str, psycopg.Connection[Any]] = {}


def write(ctx: StepContext, event: str) -> None:
    """Commit one line of the ledger (without a LEDGER_URL: write nothing)."""
    url = os.environ.get("LEDGER_URL")
    if url is None:
        return
    with _lock:
        if url not in _connections:
            _connections[url] = psycopg.connect(url, autocommit=True, application_name="ledger")
        _connections[url].execute(
            "INSERT INTO ledger (run_id, step, attempt, pid, event) VALUES (%s, %s, %s, %s, %s)",
            (ctx.run_id, ctx.step, ctx.attempt, os.getpid(), event),
        )


def close() -> None:
    """Close the ledgers of this process."""
    with _lock:
        while _connections:
            _connections.popitem()[1].close()


def note(ctx: StepContext) -> dict[str, Any]:
    """Note that it ran."""
    write(ctx, "start")
    return {}


def add(ctx: StepContext, n: int = 0) -> dict[str, Any]:
    """Add one to n."""
    write(ctx, "start")
    return {"n": n + 1}


def gated(ctx: StepContext, gate: str) -> dict[str, Any]:
    """Go on once the file ``gate`` exists."""
    write(ctx, "start")
    while not Path(gate).exists():
        time.sleep(0.02)
    write(ctx, "end")
    return {}


def sleep(ctx: StepContext, seconds: float) -> dict[str, Any]:
    """Sleep, whatever it is told meanwhile, and note what it was told."""
    write(ctx, "start")
    time.sleep(seconds)
    write(ctx, "cancelled" if ctx.cancelled else "end")
    return {"slept": seconds}


def seize(ctx: StepContext, seconds: int) -> None:
    """Let no other thread of the process run for a while."""
    write(ctx, "start")
    ctypes.PyDLL(None).sleep(seconds)  # keeps the interpreter's lock, as much of what computes does


def sum_up(ctx: StepContext, seconds: float) -> None:
    """Write a row in the transaction of the step, and wait in the database."""
    assert ctx.connection is not None
    ctx.connection.exec_driver_sql("INSERT INTO sums VALUES (%s)", (ctx.run_id,))
    ctx.connection.exec_driver_sql("SELECT pg_sleep(%s)", (seconds,))


def flaky(ctx: StepContext) -> dict[str, Any]:
    """Fail at the first attempt."""
    write(ctx, "start")
    if ctx.attempt == 1:
        raise RuntimeError("not yet")
    return {}


def fail(ctx: StepContext) -> dict[str, Any]:
    """Fail for good."""
    write(ctx, "start")
    raise StepFailed("no such invoice", code="unknown_invoice")


async def doze(ctx: StepContext, seconds: float) -> dict[str, Any]:
    """Sleep without a thread; note if it was cancelled."""
    await asyncio.to_thread(write, ctx, "start")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        await asyncio.to_thread(write, ctx, "cancelled")
        raise
    await asyncio.to_thread(write, ctx, "end")
    return {"dozed": seconds}


def nest() -> None:
    """Run an event loop of its own."""
    asyncio.run(asyncio.sleep(0.1))


def leave() -> None:
    """Try to end the process."""
    sys.exit("leaving")


async def leave_async() -> None:
    """Try to end the process from the event loop."""
    sys.exit("leaving")


def interrupt() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


async def interrupt_async() -> None:
    """Raise what Ctrl-C raises, on the event loop."""
    raise KeyboardInterrupt


def press_ctrl_c() -> None:
    """Send this process what a terminal sends it, and run on until it arrives."""
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        pass
