"""Worker processes that die, or are asked to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.arena import MIXED

if TYPE_CHECKING:
    from tests.chaos.arena import Arena
    from tests.chaos.fleet import Process

_FAILING = {"chaos.saga", "chaos.siblings"}


def calm(arena: Arena) -> None:
    """Three workers share a load without any fault: nothing is lost, each attempt is executed once."""
    arena.fleet.start_ready(3)
    arena.start_mixed(arena.scale.load)
    arena.until_all_ended()
    expect_ends(arena)
    query = "SELECT count(*) FROM squidmesh.attempts a JOIN squidmesh.step_runs s ON s.id = a.step_run_id"
    assert arena.one("SELECT count(*) FROM ledger.executions") == arena.one(query + " WHERE s.step <> 'four'")
    assert arena.one("SELECT sum(losses) FROM squidmesh.step_runs") == 0


def kill_workers(arena: Arena) -> None:
    """Workers are killed at random under load: every run ends as it would have, nothing is recorded twice."""
    arena.fleet.start_ready(3)
    share = arena.scale.runs // arena.scale.kills
    for strike in range(arena.scale.kills):
        arena.start_mixed(share)
        arena.until(lambda strike=strike: arena.ended() >= share * (strike - 1), "the load goes on")
        arena.kill(_somebody_busy(arena))
        arena.fleet.start()
    arena.until_all_ended()
    expect_ends(arena)


def _somebody_busy(arena: Arena) -> Process:
    """Wait until workers hold steps, and return one of those."""
    time.sleep(arena.dice.uniform(0.0, 0.15))
    alive = {process.pid: process for process in arena.fleet.alive()}
    query = (
        "SELECT DISTINCT w.pid FROM squidmesh.step_runs s JOIN squidmesh.workers w ON w.id = s.worker "
        "WHERE s.status = 'running' ORDER BY 1"
    )

    def busy() -> list[int]:
        if arena.ended() == arena.acknowledged:
            arena.start_mixed(10)
        return [pid for (pid,) in arena.ask(query) if pid in alive]

    return alive[arena.dice.choice(arena.until(busy, "a worker holds a step"))]


def expect_ends(arena: Arena) -> None:
    """Check that every run ended as its workflow does without any fault."""
    for name in MIXED:
        ends = {status for (status,) in arena.ask("SELECT status FROM squidmesh.runs WHERE workflow = %s", name)}
        assert ends <= {"failed" if name in _FAILING else "completed"}, (name, ends)


def rolling_restart(arena: Arena) -> None:
    """Three workers are replaced one by one under short, long and stuck steps: no attempt is burnt, all exit 0."""
    stuck = arena.start("chaos.stuck", [{}] * 2)
    long = arena.start("chaos.slow", [{"seconds": 1.5}] * 6)
    old = arena.fleet.start_ready(3, "--concurrency", "6")
    arena.start_mixed(arena.scale.load)
    arena.until(lambda: sum(arena.executions(id_, "hang") for id_ in stuck) == len(stuck), "the stuck steps hang")
    for process in old:
        arena.fleet.start_ready(1, "--concurrency", "6")
        assert process.end() == 0, process.wrote
        arena.restarts += 1
    for id_ in stuck:
        arena.mesh.cancel_run(id_, actor="chaos", force=True)
    arena.until_all_ended()
    expect_ends(arena)
    assert arena.statuses(long) == {"completed": len(long)}
    assert arena.one("SELECT coalesce(sum(losses), 0) FROM squidmesh.step_runs") == 0
    # An attempt that was given back is not counted: the first one that is recorded is the first.
    assert arena.ask("SELECT 1 FROM squidmesh.step_runs WHERE attempt > 2 OR (attempt > 1 AND step <> 'two')") == []


def poison(arena: Arena) -> None:
    """A step that kills its process each time fails after its limit, alone; its long siblings all finish."""
    siblings = arena.start("chaos.slow", [{"seconds": 2.5}] * 4)
    poisons = arena.start("chaos.poison", [{}] * 2)
    arena.fleet.start(2)
    known: set[int] = set()

    def revive() -> bool:
        for process in arena.fleet.all:
            if not process.alive and process.pid not in known:
                known.add(process.pid)
                arena.note_death(process)
                arena.fleet.start()
        return arena.ended() == arena.acknowledged

    arena.until(revive, "every run ends", 300)
    assert arena.statuses(siblings) == {"completed": len(siblings)}
    assert arena.statuses(poisons) == {"failed": len(poisons)}
    errors = "SELECT DISTINCT last_error ->> 'code' FROM squidmesh.runs WHERE id = ANY(%s)"
    assert arena.ask(errors, poisons) == [("worker_lost",)]
