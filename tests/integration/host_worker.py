"""A host's worker process for the tests that kill it: ``host_worker.py URL WORKFLOW MARKER [DEATH]``.

``DEATH`` is where the process ends itself, once: a process that finds the file ``MARKER`` lives on.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import text

from squidmesh import SquidMesh, StepContext
from squidmesh.store.transactions import StepTransaction

URL, WORKFLOW, MARKER = sys.argv[1:4]
DEATH = sys.argv[4] if len(sys.argv) > 4 else "never"


def die() -> None:
    """End as ``kill -9`` ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def die_once(where: str) -> None:
    """End here, if this is the place and no process has done so."""
    if where == DEATH and not Path(MARKER).exists():
        Path(MARKER).touch()
        die()


def book(amount: int, ctx: StepContext) -> dict:
    """Write one row for the run."""
    ctx.connection.execute(text("INSERT INTO ledger VALUES (:run, :amount)"), {"run": ctx.run_id, "amount": amount})
    die_once("in_callable")
    return {"booked": amount}


def note(path: str, name: str, ctx: StepContext) -> None:
    """Append a line to a file that outlives the process."""
    with Path(path).open("a") as file:
        file.write(f"{name} {ctx.attempt} {os.getpid()}\n")


def poison(path: str, ctx: StepContext) -> None:
    """Take the whole process down, every time, after a moment in which its neighbours run."""
    note(path, "poison", ctx)
    time.sleep(0.3)
    die()


def slow(path: str, name: str, ctx: StepContext) -> None:
    """Run for a while."""
    note(path, f"start:{name}", ctx)
    time.sleep(1.5)
    note(path, f"end:{name}", ctx)


commit, is_intact = StepTransaction.commit, StepTransaction.is_intact


def die_or_look(transaction: StepTransaction) -> bool:
    """Die after the callable's return, before anything is recorded."""
    die_once("after_return")
    return is_intact(transaction)


def commit_and_die(transaction: StepTransaction) -> None:
    """Die just before or just after the commit."""
    die_once("before_commit")
    commit(transaction)
    die_once("after_commit")


StepTransaction.commit, StepTransaction.is_intact = commit_and_die, die_or_look
mesh = SquidMesh(
    URL,
    workflows=WORKFLOW,
    steps={"test.book": book, "test.note": note, "test.poison": poison, "test.slow": slow},
    lease="1s",
    sweep_interval="200ms",
    poll_interval="100ms",
)
if __name__ == "__main__":
    mesh.worker(concurrency=4, grace=5.0).run()
