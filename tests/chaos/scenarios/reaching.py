"""Connections that break at the worst moment, or swallow all that they are given."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import DatabaseUnavailable
from tests.acceptance.proxy import Proxy as AnswerProxy
from tests.chaos.proxy import Proxy

if TYPE_CHECKING:
    from tests.chaos.arena import Arena


def black_hole(arena: Arena) -> None:
    """Nothing comes through a worker's connections: its callables learn that, it begins nothing, and it comes back."""
    with Proxy(arena.url) as proxy:
        (cut_off,) = arena.fleet.start_ready(1, SQUIDMESH_DATABASE_URL=proxy.url)
        enough = arena.folder / "enough"
        (told,) = arena.start("chaos.told", [{"enough": str(enough)}])
        arena.until(lambda: arena.executions(told, "listen"), "the worker waits for bad news")
        arena.start_mixed(arena.scale.load // 4)
        with proxy.black_hole():
            (other,) = arena.fleet.start_ready()
            ended = "SELECT count(*) FROM ledger.executions WHERE run_id = %s AND ended_at IS NOT NULL"
            arena.until(lambda: arena.one(ended, told), "the callable is told that its claim is lost")
            arena.until(lambda: arena.executions(told, "listen") == 2, "another worker takes up its step")
            enough.touch()
            arena.until_all_ended()
            arena.until(lambda: "did not answer" in cut_off.wrote, "silent connections are given up")
        assert other.end() == 0
        arena.start_mixed(10)  # which the first worker alone can take
        arena.until_all_ended()
        assert cut_off.alive
        assert cut_off.end() == 0


def ambiguous_start(arena: Arena) -> None:
    """A start whose commit was never answered is repeated with its idempotency key: there is one run."""
    arena.fleet.start_ready()
    proxy = AnswerProxy(arena.url)
    with closing(proxy), arena.host(url=proxy.url) as host:
        for number in range(arena.scale.strikes):
            key = f"order {number}"
            proxy.swallow("INSERT INTO squidmesh.runs", 1)
            with pytest.raises(DatabaseUnavailable):
                host.start_run("chaos.wide", idempotency_key=key)
            assert arena.one("SELECT count(*) FROM squidmesh.runs WHERE idempotency_key = %s", key) == 1
            run = host.start_run("chaos.wide", idempotency_key=key)
            arena.acknowledge([run.id])
    arena.until_all_ended()
    assert arena.one("SELECT count(*) FROM squidmesh.runs") == arena.acknowledged
