"""Worker processes that stand still and come back, and steps that merely take long."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from tests.chaos.arena import Arena

SLOW_LEASE = 4
_LEASES = 5


def zombie(arena: Arena) -> None:
    """A worker is stopped past its lease and goes on: its steps were taken by others, its results are refused."""
    for _ in range(min(arena.scale.strikes, 5)):
        naps = arena.start("chaos.slow", [{"seconds": 1.0}] * 4)
        (frozen,) = arena.fleet.start_ready()
        arena.until(lambda naps=naps: _napping(arena, naps) == len(naps), "the first worker holds all the naps")
        frozen.signal(signal.SIGSTOP)
        (other,) = arena.fleet.start_ready()
        arena.until(lambda naps=naps: _napping(arena, naps) == 2 * len(naps), "others take up the work")
        frozen.signal(signal.SIGCONT)  # while the others are at it
        arena.until_all_ended()
        arena.start_mixed(5)  # it may go on with what it claims from now on
        arena.until_all_ended()
        for process in (frozen, other):
            assert process.end() == 0, process.wrote
        assert "is refused" in frozen.wrote, frozen.wrote


def _napping(arena: Arena, ids: list[UUID]) -> int:
    return sum(arena.executions(id_, "nap") for id_ in ids)


def frozen_irreversible(arena: Arena) -> None:
    """A worker frozen between the claim and the call of an irreversible step does not fire it when it thaws."""
    marker = arena.folder / "send"
    (frozen,) = arena.fleet.start_ready(CHAOS_FREEZE=str(marker))
    (id_,) = arena.start("chaos.final")
    arena.until(marker.exists, "the worker stands still before its call")
    arena.fleet.start_ready()
    arena.until_all_ended()
    assert arena.executions(id_, "send") == 1
    frozen.signal(signal.SIGCONT)
    arena.until(lambda: "claim_lost" in frozen.wrote, "the thawed worker finds its claim gone")
    arena.start_mixed(5)
    arena.until_all_ended()
    assert arena.executions(id_, "send") == 1
    assert arena.statuses([id_]) == {"completed": 1}


def slow_step(arena: Arena) -> None:
    """A step that takes five leases keeps its claim by heartbeats: nobody takes it over."""
    arena.fleet.start_ready(2)
    ids = arena.start("chaos.slow", [{"seconds": float(SLOW_LEASE * _LEASES)}] * 3)
    arena.until_all_ended()
    assert arena.statuses(ids) == {"completed": len(ids)}
    assert [arena.executions(id_, "nap") for id_ in ids] == [1] * len(ids)
    assert arena.one("SELECT sum(losses) FROM squidmesh.step_runs") == 0
