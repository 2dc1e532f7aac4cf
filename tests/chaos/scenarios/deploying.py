"""Deploys while runs are in flight: another set of step types, other files, other tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from squidmesh.errors import DatabaseUnavailable
from squidmesh.store.engine import Database
from tests.chaos.scenarios.dying import expect_ends

if TYPE_CHECKING:
    from tests.chaos.arena import Arena


def missing_type(arena: Arena) -> None:
    """A worker that lacks a step type never claims its steps and drops none: they wait for one that has it."""
    ids = arena.start("chaos.straight", [{}] * 10)
    (lacking,) = arena.fleet.start_ready(
        CHAOS_WITHOUT="ledger.book", SQUIDMESH_WORKFLOWS=str(arena.workflows / "wide.yaml")
    )
    waiting = "SELECT count(*) FROM squidmesh.step_runs WHERE step = 'five' AND status = 'pending' AND run_at <= now()"
    arena.until(lambda: arena.one(waiting) == len(ids), "all runs wait for their last step")
    assert arena.mesh.explain_run(ids[0]).reason == "waiting_for_capable_worker"
    (capable,) = arena.fleet.start_ready()
    arena.until_all_ended()
    pids = {pid for (pid,) in arena.ask("SELECT pid FROM ledger.executions WHERE step = 'five'")}
    assert pids == {capable.pid}
    assert lacking.alive


def rename_step(arena: Arena) -> None:
    """A file is changed and a step renamed while runs are in flight: they keep their definition, new ones the new."""
    old = arena.start("chaos.slow", [{"seconds": 1.0}] * 6)
    (before,) = arena.fleet.start_ready()
    arena.until(arena.running, "a run is in flight")
    file = arena.workflows / "slow.yaml"
    file.write_text(file.read_text().replace("behind", "afterwards"))
    with arena.host() as host:
        new = list(host.start_runs("chaos.slow", [{"seconds": 0.1}] * 3))
        arena.acknowledge(new)
        arena.fleet.start_ready()
        before.end()
        arena.restarts += 1
        arena.until_all_ended()
    assert {step for id_ in old for step in _steps(arena, id_)} == {"nap", "behind"}
    assert {step for id_ in new for step in _steps(arena, id_)} == {"nap", "afterwards"}
    assert arena.statuses([*old, *new]) == {"completed": len(old) + len(new)}


def _steps(arena: Arena, id_: object) -> list[str]:
    return [step for (step,) in arena.ask("SELECT step FROM squidmesh.step_runs WHERE run_id = %s", id_)]


def migrate(arena: Arena) -> None:
    """The tables are upgraded under live workers of the release before: they go on, a lock in the way is given up."""
    arena.fleet.start_ready(2)
    arena.start_mixed(arena.scale.load)
    for number in range(arena.scale.strikes):
        arena.until(lambda: arena.running() or arena.ended() == arena.acknowledged, "the load goes on")
        _next_release(arena, number)
    _give_up(arena)
    arena.until_all_ended()
    expect_ends(arena)
    for worker in arena.fleet.alive():
        assert "Traceback" not in worker.wrote, worker.wrote
    assert len(arena.fleet.alive()) == 2


def _next_release(arena: Arena, number: int) -> None:
    """Do what a later release may do: upgrade, and add columns and indexes, each with the patience of a migration."""
    database = Database(arena.url)
    database.migrate()
    database.close()
    changes = (
        f"ALTER TABLE squidmesh.step_runs ADD COLUMN later_{number} integer",
        f"ALTER TABLE squidmesh.runs ADD COLUMN later_{number} text DEFAULT 'x'",
        f"ALTER TABLE squidmesh.attempts ADD COLUMN later_{number} json",
    )
    with psycopg.connect(arena.url, autocommit=True) as connection:
        for change in changes:
            connection.execute("SET lock_timeout = '5s'")
            connection.execute(change)
        connection.execute(f"CREATE INDEX CONCURRENTLY later_{number} ON squidmesh.step_runs (worker)")


def _give_up(arena: Arena) -> None:
    """What somebody holds locked holds up a migration, but not for ever."""
    database = Database(arena.url)
    with psycopg.connect(arena.url) as holder:
        holder.execute("LOCK TABLE squidmesh.alembic_version IN ACCESS EXCLUSIVE MODE")
        try:
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                database.migrate()
        finally:
            database.close()
