"""A pooler between the workers and the server."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg

from tests.chaos.bouncer import SESSIONS, bouncer
from tests.chaos.scenarios.dying import expect_ends

if TYPE_CHECKING:
    from tests.chaos.arena import Arena


def pool(arena: Arena) -> None:
    """Workers behind PgBouncer in transaction mode poll, leave nothing in its sessions, and survive their killer."""
    with bouncer(arena.url, arena.folder) as url, arena.host(url=url) as host:
        workers = arena.fleet.start_ready(3, SQUIDMESH_DATABASE_URL=url)
        for worker in workers:
            arena.until(lambda worker=worker: "behind a pooler" in worker.wrote, "the worker says that it polls")
        arena.acknowledge([host.start_run("chaos.straight", idempotency_key=str(number)).id for number in range(10)])
        for strike in range(arena.scale.strikes):
            arena.start_mixed(arena.scale.load // arena.scale.strikes)
            arena.until(arena.running, "steps are under way")
            arena.kill(workers[strike % len(workers)])
            workers[strike % len(workers)] = arena.fleet.start(1, SQUIDMESH_DATABASE_URL=url)[0]
        arena.until_all_ended()
        expect_ends(arena)
        for worker in arena.fleet.alive():
            assert "Traceback" not in worker.wrote, worker.wrote
            worker.end()
        assert _left_in_sessions(url) == {("on", "auto")}


def _left_in_sessions(url: str) -> set[tuple[Any, ...]]:
    """Return what the pooler's sessions are set to, each held by a transaction while the others are asked."""
    asked = "SELECT current_setting('enable_seqscan'), current_setting('plan_cache_mode')"
    with ExitStack() as stack:
        held = [stack.enter_context(psycopg.connect(url, prepare_threshold=None)) for _ in range(SESSIONS)]
        return {connection.execute(asked).fetchone() or () for connection in held}
