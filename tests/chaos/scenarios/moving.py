"""Every move of the engine against every other, on the same runs."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.errors import InvalidTransition, RunNotPaused
from squidmesh.runtime.deadlines import sweep_deadlines
from squidmesh.runtime.timeouts import sweep_timeouts
from tests.integration.hand_worker import HandWorker, failed, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared
    from tests.chaos.arena import Arena

SHAPES = ("chaos.knot", "chaos.gated")
_SHORT = timedelta(milliseconds=300)  # so that leases pass while their holders are at it
_OPEN = "SELECT id FROM squidmesh.runs WHERE finished_at IS NULL ORDER BY random() LIMIT 5"


def collide(arena: Arena) -> None:
    """Records, failures, cancels, decisions, sweeps, beats and wakes meet on few runs: no deadlock, no error."""
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        hired = [stack.enter_context(contextlib.closing(HandWorker(arena.mesh, lease=_SHORT))) for _ in range(4)]
        sweeping = [stack.enter_context(contextlib.closing(HandWorker(arena.mesh))) for _ in range(2)]
        moves = [
            *(_loop(stop, _Hands(arena, worker, number)) for number, worker in enumerate(hired)),
            *(_loop(stop, _Sweeper(worker)) for worker in sweeping),
            _loop(stop, _Canceller(arena)),
            _loop(stop, _Decider(arena)),
            _loop(stop, _Waker(arena)),
        ]
        with ThreadPoolExecutor(len(moves)) as pool:
            futures = [pool.submit(move) for move in moves]
            stop.wait(arena.scale.stress)
            stop.set()
            rounds = [future.result(timeout=120) for future in futures]
    assert all(rounds), rounds
    assert arena.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
    arena.fleet.start_ready(2)
    for (id_,) in arena.ask("SELECT id FROM squidmesh.runs WHERE finished_at IS NULL AND workflow = %s", SHAPES[1]):
        with contextlib.suppress(InvalidTransition):
            arena.mesh.cancel_run(id_, actor="chaos")
    arena.until_all_ended()


def _loop(stop: threading.Event, move: Callable[[], None]) -> Callable[[], int]:
    def rounds() -> int:
        count = 0
        while not stop.is_set():
            move()
            count += 1
        return count

    return rounds


class _Hands:
    """Claims, beats, and records one end or several together, as made up."""

    def __init__(self, arena: Arena, worker: HandWorker, number: int) -> None:
        self._arena = arena
        self._dice = random.Random(f"{arena.dice.random()} {number}")
        self._worker = worker

    def __call__(self) -> None:
        tasks = self._worker.claim(self._dice.randint(1, 6))
        if not tasks and self._dice.random() < 0.5:
            self._arena.start(self._dice.choice(SHAPES), [{}] * 2)
        self._worker.beat(*tasks)
        ends = [(task, self._end(task)) for task in tasks if self._dice.random() < 0.9]
        self._dice.shuffle(ends)
        self._worker.finish(*ends, chain=self._dice.random() < 0.3)

    def _end(self, task: Prepared) -> Outcome:
        if task.claim.step == "ask":
            return self._worker.execute(task)
        chance = self._dice.random()
        if chance < 0.85:
            return succeeded()
        return failed(retryable=chance < 0.95)


class _Sweeper:
    """Looks for passed leases, deadlines and timeouts."""

    def __init__(self, worker: HandWorker) -> None:
        self._worker = worker

    def __call__(self) -> None:
        self._worker.sweep()
        sweep_deadlines(self._worker.engine, self._worker.connection)
        sweep_timeouts(self._worker.engine, self._worker.connection)
        time.sleep(0.01)


class _Canceller:
    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    def __call__(self) -> None:
        for (id_,) in self._arena.ask(_OPEN):
            with contextlib.suppress(InvalidTransition):  # it has ended meanwhile
                force = self._arena.dice.random() < 0.3
                self._arena.mesh.cancel_run(id_, actor="chaos", compensate=not force, force=force)
        time.sleep(0.05)


class _Decider:
    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    def __call__(self) -> None:
        for run in self._arena.mesh.list_runs(status="paused", limit=20):
            decide = self._arena.dice.choice([self._arena.mesh.approve_run, self._arena.mesh.reject_run])
            with contextlib.suppress(RunNotPaused, InvalidTransition):
                decide(run.id, actor="chaos")


class _Waker:
    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    def __call__(self) -> None:
        for run in self._arena.mesh.list_runs(status="retrying", limit=20):
            with contextlib.suppress(InvalidTransition):
                self._arena.mesh.wake_run(run.id)
