"""Runs that fail or are cancelled while workers die: what was done is undone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from squidmesh.errors import InvalidTransition

if TYPE_CHECKING:
    from tests.chaos.arena import Arena


def undo(arena: Arena) -> None:
    """Siblings fail together and cancels arrive while workers die: each completed step is undone once, in order."""
    arena.fleet.start_ready(2)
    for _ in range(arena.scale.strikes):
        ids = arena.start("chaos.siblings", [{}] * 8) + arena.start("chaos.saga", [{}] * 4)
        arena.until(arena.running, "steps are under way")
        for id_ in arena.dice.sample(ids, 5):
            with contextlib.suppress(InvalidTransition):  # it has ended before
                arena.mesh.cancel_run(id_, actor="chaos", compensate=arena.dice.random() < 0.7)
        arena.kill(arena.dice.choice(arena.fleet.alive()))
        arena.fleet.start()
    arena.until_all_ended()
    assert arena.ask("SELECT 1 FROM squidmesh.runs WHERE status NOT IN ('failed', 'cancelled')") == []
    # That each is undone once, in reverse order and only where asked for, is the checker's ninth invariant.
    assert arena.one("SELECT count(*) FROM squidmesh.step_runs WHERE kind = 1 AND status = 'completed'") > 0
