"""Firing schedules: the runs of the ticks that have come, in one transaction that moves the schedule on.

Many processes may try at once. The schedule's row is locked with SKIP LOCKED, so that one of them fires, and
the unique index over (workflow, trigger, scheduled time) stops a second run for one tick whatever happens.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.errors import SquidMeshError
from squidmesh.model.definition import CatchUp, Overlap
from squidmesh.model.state import RunStatus
from squidmesh.model.values import check_moment
from squidmesh.runtime.schedules import adopt_schedules
from squidmesh.runtime.start import MAX_KEY, check_key, prepare_start
from squidmesh.store import schedules
from squidmesh.store.schedules import read_positions
from squidmesh.store.starts import find_by_key, insert_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.schedules import LoadedSchedule
    from squidmesh.runtime.start import Start

log = logging.getLogger(__name__)
MOST_CAUGHT_UP = 100
# A tick that nobody was there to fire counts as missed after this long; less is a worker that was busy.
ON_TIME = timedelta(minutes=1)


def choose_ticks(catch_up: CatchUp, missed: Sequence[datetime], now: datetime) -> Sequence[datetime]:
    """Return those of the due ticks (the earliest first) that start a run."""
    match catch_up:
        case CatchUp.ALL:
            return missed[-MOST_CAUGHT_UP:]
        case CatchUp.LATEST:
            return missed[-1:]
        case CatchUp.NONE:
            return [tick for tick in missed[-1:] if now - tick <= ON_TIME]


class Firing:
    """Fires the loaded schedules of one process when their ticks come."""

    def __init__(self, engine: Engine, loaded: Sequence[LoadedSchedule], max_value_bytes: int) -> None:
        self._engine = engine
        self._loaded = loaded
        self._max_value_bytes = max_value_bytes

    def fire_due(self, connection: psycopg.Connection[Any]) -> timedelta | None:
        """Fire what is due and return how long until the next tick; None if no schedule fires from here.

        To look takes one statement on ``connection``; what fires does so in a transaction of its own.
        """
        if not self._loaded:
            return None
        rows = {(row.workflow, row.trigger): row for row in read_positions(self._engine.database, connection)}
        waits = []
        for schedule in self._loaded:
            row = rows.get(schedule.name)
            if row is None or row.paused_at is not None or row.definition_hash != schedule.definition.hash:
                continue
            due = schedule.ticks.after(row.last_fired_at)
            if due is not None and due <= row.now:
                self._fire_safely(schedule)
                due = schedule.ticks.after(row.now)
            if due is not None:
                waits.append(due - row.now)
        return min(waits, default=None)

    def adopt(self) -> None:
        """Write the schedules' rows, before the first look, where this process has the newest definition."""
        for definition in {schedule.definition.hash: schedule.definition for schedule in self._loaded}.values():
            if not adopt_schedules(self._engine.database, definition):
                log.warning(
                    "the schedules of workflow %s are not fired from here: a newer definition of it was seen "
                    "(resume_schedule takes them over)",
                    definition.workflow.name,
                )

    def _fire_safely(self, schedule: LoadedSchedule) -> None:
        """Fire one; what is wrong with it must not hold up the others."""
        try:
            fire(self._engine, schedule, self._max_value_bytes)
        except SquidMeshError:
            log.exception("schedule %s of workflow %s could not fire", schedule.trigger, schedule.workflow)


def fire(engine: Engine, schedule: LoadedSchedule, max_value_bytes: int) -> list[Start]:
    """Start the runs of the ticks that have come since the schedule last fired; return what was started."""
    with engine.database.transaction() as connection:
        held = schedules.lock_schedule_if_firing(engine.database, connection, *schedule.name, schedule.definition.hash)
        if held is None:
            return []
        missed = schedule.ticks.between(held.last_fired_at, held.now, MOST_CAUGHT_UP)
        if not missed:
            return []
        wanted = choose_ticks(schedule.cron.catch_up, missed, held.now)
        if wanted and schedule.cron.overlap is Overlap.SKIP:
            busy = schedules.has_unfinished_run(connection, *schedule.name)
            wanted = [] if busy else wanted[:1]
        starts = [start_of_tick(schedule, tick, max_value_bytes) for tick in wanted]
        created = (
            insert_runs(
                engine.database,
                connection,
                [start.run for start in starts],
                [step for start in starts for step in start.steps],
            )
            if starts
            else {}
        )
        schedules.set_fired_upto(connection, *schedule.name, missed[-1])
    fired = [start for start in starts if start.run.id in created]
    for start in fired:
        report_fired(engine, start, held.now)
    return fired


def start_of_tick(
    schedule: LoadedSchedule,
    tick: datetime,
    max_value_bytes: int,
    *,
    signal_id: str | None = None,
) -> Start:
    """Return the start of a tick's run: its payload is what the defaults give at that moment in the trigger's zone."""
    start = prepare_start(
        schedule.definition,
        schedule.trigger,
        {},
        idempotency_key=_key(schedule, signal_id) if signal_id is not None else None,
        moment=tick.astimezone(schedule.ticks.zone),
        max_value_bytes=max_value_bytes,
    )
    window_end = schedule.ticks.after(tick)
    facts = {
        "signal_id": signal_id
        if signal_id is not None
        else f"{schedule.workflow}:{schedule.trigger}:{tick.isoformat()}",
        "intended_window": {
            "start_at": tick.isoformat(),
            "end_at": window_end.isoformat() if window_end is not None else None,
        },
        "scheduled_for": tick.isoformat(),
    }
    run = replace(start.run, schedule=json.dumps(facts, ensure_ascii=False), scheduled_for=tick)
    return replace(start, run=run)


def _key(schedule: LoadedSchedule, signal_id: str) -> str:
    return f"{schedule.trigger}:{signal_id}"


def fire_by_hand(
    engine: Engine,
    schedule: LoadedSchedule,
    max_value_bytes: int,
    *,
    scheduled_for: datetime | None,
    signal_id: str | None,
) -> UUID:
    """Start the run of one tick, paused or not; the run that this tick or signal started before, if one did.

    Without a time it is for this minute or, with a signal id, for this moment.
    """
    if scheduled_for is not None:
        check_moment("scheduled_for", scheduled_for)
    if signal_id is not None:
        check_key(signal_id, "signal_id", MAX_KEY - len(_key(schedule, "")))
    with engine.database.transaction() as connection:
        now = engine.database.read_clock(connection)
    tick = scheduled_for or (now if signal_id is not None else now.replace(second=0, microsecond=0))
    start = start_of_tick(schedule, tick.astimezone(UTC), max_value_bytes, signal_id=signal_id)
    with engine.database.transaction() as connection:
        if insert_runs(engine.database, connection, [start.run], start.steps):
            created = True
            run_id = start.run.id
        else:
            created = False
            key = start.run.idempotency_key
            before = find_by_key(engine.database, connection, schedule.workflow, key) if key is not None else None
            found = before.id if before is not None else schedules.find_tick(connection, *schedule.name, tick)
            assert found is not None, "only a signal or a tick stops an insert"
            run_id = found
    if created:
        report_fired(engine, start, now)
    return run_id


def report_fired(engine: Engine, start: Start, now: datetime) -> None:
    """Tell, once it is committed, that a schedule has fired; ``delay`` is how late, in seconds."""
    assert start.run.scheduled_for is not None
    facts = {"run_id": str(start.run.id), "workflow": start.run.workflow, "trigger": start.run.trigger}
    late = max((now - start.run.scheduled_for).total_seconds(), 0.0)
    log.info("schedule %s of workflow %s fired for %s", start.run.trigger, start.run.workflow, start.run.scheduled_for)
    engine.events.emit("schedule.fired", **facts, delay=late)
    engine.events.emit("run.created", **facts, to_status=RunStatus.PENDING.value)
    engine.notifier.announce(start.first_due)
