"""Schedules: several processes fire at once, are away for hours, and the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.integration.clock import set_clock

if TYPE_CHECKING:
    from tests.chaos.arena import Arena

# The evenings before Berlin's clocks go forward and back.
EVENINGS = (datetime(2027, 3, 27, 22, 58, tzinfo=UTC), datetime(2027, 10, 30, 22, 58, tzinfo=UTC))
_SCHEDULERS = 4
_WORKFLOW = """
workflow: chaos.ticking
triggers:
  each: {cron: "* * * * *", catch_up: all}
  newest: {cron: "*/5 * * * *", catch_up: latest}
  lone: {cron: "*/10 * * * *", catch_up: latest, overlap: skip}
  nightly: {cron: "30 2 * * *", timezone: Europe/Berlin, catch_up: all}
steps:
  say: {log: {message: tick}, next: complete}
"""
_AWAY = timedelta(hours=5)
_MINUTE = timedelta(minutes=1)


def fire(arena: Arena) -> None:
    """Four schedulers at once, an outage over hundreds of ticks and both changes of clocks: each tick once."""
    (arena.workflows / "ticking.yaml").write_text(_WORKFLOW)
    for evening in EVENINGS:
        set_clock(arena.url, evening)
        arena.fleet.start_ready(_SCHEDULERS)
        now = _go_on(arena, evening)
        for process in arena.fleet.alive():
            arena.kill(process)
        arena.fleet.start_ready(_SCHEDULERS)
        now = now + _AWAY
        set_clock(arena.url, now)
        _until_fired(arena, now)
        _go_on(arena, now)
        for process in arena.fleet.alive():
            assert process.end() == 0, process.wrote
            arena.restarts += 1
        nightly = "SELECT count(*) FROM squidmesh.runs WHERE trigger = 'nightly' AND scheduled_for > %s"
        assert arena.one(nightly, evening) == 1
    _work_off(arena)


def _go_on(arena: Arena, now: datetime) -> datetime:
    """Let minutes pass, one or a few at a time."""
    for _ in range(arena.scale.strikes):
        now += arena.dice.randint(1, 4) * _MINUTE
        set_clock(arena.url, now)
        _until_fired(arena, now)
    return now


def _until_fired(arena: Arena, now: datetime) -> None:
    query = "SELECT count(*) FROM squidmesh.schedules WHERE trigger = 'each' AND last_fired_at >= %s"
    arena.until(lambda: arena.one(query, now.replace(second=0)), f"the ticks up to {now} fire")


def _work_off(arena: Arena) -> None:
    """End what the last killed workers held, and what fired last."""
    arena.fleet.start_ready(1, "--no-scheduler")
    arena.until(lambda: not arena.one("SELECT count(*) FROM squidmesh.runs WHERE finished_at IS NULL"), "all runs end")
