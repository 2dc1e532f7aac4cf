"""A server that crashes, ends sessions, or is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.scenarios.dying import expect_ends

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.arena import Arena

_SESSIONS = (
    "SELECT {what} FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'squidmesh' "
    "AND backend_type = 'client backend'"
)
# Of each of a worker's four loops: at most one try for each pause, which grows from 0.1 s.
_TRIES = 60


def crash_server(arena: Arena) -> None:
    """The server crashes under load (immediate restart, or its process killed): workers stay and nothing is lost."""

    def crash() -> None:
        way = arena.dice.choice([arena.cluster.restart, arena.cluster.kill])
        way()

    _strike(arena, crash)


def end_sessions(arena: Arena) -> None:
    """Every session of the workers is ended under load, that of LISTEN too: they open others and listen again."""
    workers = _strike(arena, lambda: arena.ask(_SESSIONS.format(what="pg_terminate_backend(pid)")))
    listening = _SESSIONS.format(what="count(*)") + " AND query LIKE 'LISTEN%%'"
    arena.until(lambda: arena.one(listening) == workers, "every worker listens again")


def _strike(arena: Arena, strike: Callable[[], object]) -> int:
    """Let something happen to the server several times under load; return how many workers there are."""
    total = len(arena.start_mixed(arena.scale.load))
    workers = arena.fleet.start_ready(2)
    for number in range(arena.scale.strikes):
        share = total * (number + 1) // (arena.scale.strikes + 2)
        arena.until(lambda share=share: arena.ended() >= share, "the load goes on")
        strike()
    arena.until_all_ended()
    expect_ends(arena)
    for worker in workers:
        assert worker.alive, worker.wrote
        assert worker.wrote.count("trying again") < _TRIES * arena.scale.strikes, "a hot loop"
    return len(workers)


def outage(arena: Arena) -> None:
    """The database is down for a while: no worker exits or spins, and the work goes on when it is back."""
    total = len(arena.start_mixed(arena.scale.load))
    workers = arena.fleet.start_ready(2)
    arena.until(lambda: arena.ended() >= total // 4, "the load goes on")
    arena.cluster.stop("fast")
    time.sleep(arena.scale.outage)
    arena.cluster.start()
    arena.cluster.restarts += 1
    arena.until_all_ended()
    expect_ends(arena)
    for worker in workers:
        assert worker.alive, worker.wrote
        assert worker.wrote.count("trying again") < _TRIES + arena.scale.outage, "a hot loop"
