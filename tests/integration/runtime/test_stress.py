"""Every move against every other, for some seconds."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.errors import InvalidTransition
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

STRESS = """
workflow: shop.stress
triggers: {by_hand: {manual: {}}}
steps:
  a: {uses: t.work, retry: {max_attempts: 3}, compensate: t.work}
  b: {uses: t.work, retry: {max_attempts: 2}, compensate: t.work}
  c: {uses: t.work, after: [a], compensate: t.work}
  d: {uses: t.work, after: [a, b]}
  e: {uses: t.work, after: [c, d], allow_failure: true}
"""


def test_every_move_against_every_other_meets_no_deadlock(bench: Bench):
    """Groups, failures, losses, sweeps, beats and wakes for some seconds: no error, and all that must hold holds."""
    mesh = bench.mesh(STRESS, {"t.work": nothing}, max_losses=50)
    stop = time.monotonic() + 4

    def work(seed: int) -> int:
        dice, worker, ended = random.Random(seed), bench.worker(mesh, lease=timedelta(milliseconds=150)), 0
        while time.monotonic() < stop:
            tasks = worker.claim(dice.randint(1, 6))
            if not tasks and dice.random() < 0.5:
                mesh.start_runs("shop.stress", [{}] * 3)
            worker.beat(*tasks)
            ends = [(task, make_up(dice)) for task in tasks if dice.random() < 0.9]
            dice.shuffle(ends)
            ended += sum(not answer.refused for answer in worker.finish(*ends, chain=dice.random() < 0.3))
        return ended

    def make_up(dice: random.Random):
        chance = dice.random()
        if chance < 0.8:
            return succeeded()
        return failed(retryable=chance < 0.92, delay=timedelta(milliseconds=20))

    def sweep() -> int:
        worker, found = bench.worker(mesh), 0
        while time.monotonic() < stop:
            found += worker.sweep()
            time.sleep(0.01)
        return found

    def wake() -> int:
        woken = 0
        while time.monotonic() < stop:
            for run in mesh.list_runs(status="retrying", limit=20):
                try:
                    woken += len(mesh.wake_run(run.id))
                except InvalidTransition:
                    continue
        return woken

    with ThreadPoolExecutor(7) as pool:
        futures = [*(pool.submit(work, seed) for seed in range(5)), pool.submit(sweep), pool.submit(wake)]
        done = [future.result(timeout=60) for future in futures]
    assert all(count > 0 for count in done[:5])
    assert bench.rows("SELECT 1 FROM squidmesh.step_runs WHERE losses > 0 LIMIT 1")
    bench.check()
    settle_everything(bench, mesh)
    assert bench.rows("SELECT * FROM squidmesh.runs WHERE finished_at IS NULL") == []
    assert bench.rows("SELECT * FROM squidmesh.step_runs WHERE finished_at IS NULL OR lease_until IS NOT NULL") == []
    bench.check()


def settle_everything(bench: Bench, mesh: SquidMesh) -> None:
    """Work off what is left, the clock running ahead over every lease, retry and loss."""
    worker = bench.worker(mesh)
    for hours in range(1, 40):
        bench.advance(hours * 7200)
        worker.sweep()
        bench.advance(hours * 7200 + 5000)
        while tasks := worker.claim(50):
            worker.finish(*[(task, succeeded()) for task in tasks])
        if not bench.rows("SELECT 1 FROM squidmesh.runs WHERE finished_at IS NULL LIMIT 1"):
            return
