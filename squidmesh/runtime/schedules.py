"""Schedules as a process knows them: those of its loaded workflows, and the rows that all processes share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squidmesh.errors import TriggerNotFound
from squidmesh.model.definition import CatchUp, Cron, Overlap
from squidmesh.model.schedule import Schedule
from squidmesh.runtime.ticks import Ticks
from squidmesh.store import schedules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition
    from squidmesh.store.engine import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSchedule:
    """A cron trigger of a loaded workflow."""

    definition: Definition
    trigger: str
    cron: Cron
    ticks: Ticks = field(repr=False, compare=False)

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self.definition.workflow.name

    @property
    def name(self) -> tuple[str, str]:
        """(workflow, trigger)."""
        return self.workflow, self.trigger


def schedules_of(definitions: Iterable[Definition]) -> list[LoadedSchedule]:
    """Return the cron triggers of definitions."""
    return [
        LoadedSchedule(definition=definition, trigger=name, cron=cron, ticks=Ticks(cron))
        for definition in definitions
        for name, cron in crons_of(definition.workflow)
    ]


def crons_of(workflow: Workflow) -> Iterator[tuple[str, Cron]]:
    """Yield the cron triggers of a workflow, by name."""
    for name in sorted(workflow.triggers):
        cron = workflow.triggers[name].cron
        if cron is not None:
            yield name, cron


def find_schedule(definition: Definition, trigger: str) -> LoadedSchedule:
    """Return one cron trigger; ``TriggerNotFound`` if the workflow has none of that name."""
    for schedule in schedules_of([definition]):
        if schedule.trigger == trigger:
            return schedule
    known = tuple(name for name, _ in crons_of(definition.workflow))
    raise TriggerNotFound(definition.workflow.name, trigger, known)


def adopt_schedules(database: Database, definition: Definition, *, forced: bool = False) -> bool:
    """Write the schedules of a definition, unless a newer one was seen of its workflow; return whether it did.

    ``forced`` takes them over from a newer one, as after a deploy was rolled back.
    """
    workflow = definition.workflow.name
    with database.transaction() as connection:
        if not (forced or _is_newest(connection, definition)):
            return False
        for trigger, cron in crons_of(definition.workflow):
            written = cron_to_document(cron)
            schedules.add_schedule(database, connection, workflow, trigger, written, definition.hash)
            held = schedules.lock_schedule(connection, workflow, trigger)
            # Looked at again under the lock: a newer definition may have come while this one waited for it.
            if (
                held is None
                or held.definition_hash == definition.hash
                or not (forced or _is_newest(connection, definition))
            ):
                continue
            schedules.set_cron(connection, workflow, trigger, written, definition.hash)
            if _times_differ(held.cron, written):
                schedules.set_fired_upto_now(database, connection, workflow, trigger)
        schedules.remove_other_schedules(connection, workflow, [name for name, _ in crons_of(definition.workflow)])
    return True


def _is_newest(connection: Connection, definition: Definition) -> bool:
    return schedules.newest_definition(connection, definition.workflow.name) == definition.hash


def _times_differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(one[key] != other[key] for key in ("expression", "timezone"))


def cron_to_document(cron: Cron) -> dict[str, Any]:
    """Return a cron trigger as it is kept in its schedule's row."""
    return {
        "expression": cron.expression,
        "timezone": cron.timezone,
        "catch_up": cron.catch_up.value,
        "overlap": cron.overlap.value,
    }


def cron_from_document(stored: Mapping[str, Any]) -> Cron:
    """Return the cron trigger that ``cron_to_document`` wrote."""
    return Cron(
        expression=stored["expression"],
        timezone=stored["timezone"],
        catch_up=CatchUp(stored["catch_up"]),
        overlap=Overlap(stored["overlap"]),
    )


def list_schedules(database: Database, loaded: Mapping[str, tuple[Workflow, str]]) -> list[Schedule]:
    """Return every schedule that has a row or is loaded here (workflow name to workflow and hash), by name."""
    with database.transaction() as connection:
        rows = schedules.read_schedules(database, connection)
        last = schedules.last_ticks(connection)
        now = database.read_clock(connection)
    found = {(row.workflow, row.trigger): _stored(row, last, loaded) for row in rows}
    for workflow, _ in loaded.values():
        for trigger, cron in crons_of(workflow):
            if (workflow.name, trigger) not in found:
                found[workflow.name, trigger] = _unseen(workflow.name, trigger, cron, now)
    return [found[name] for name in sorted(found)]


def _stored(
    row: Row[Any], last: Mapping[tuple[str, str], datetime], loaded: Mapping[str, tuple[Workflow, str]]
) -> Schedule:
    cron = cron_from_document(row.cron)
    here = loaded.get(row.workflow)
    return Schedule(
        workflow=row.workflow,
        trigger=row.trigger,
        cron=cron.expression,
        timezone=cron.timezone,
        catch_up=cron.catch_up,
        overlap=cron.overlap,
        definition=row.definition_hash,
        loaded=here is not None and here[1] == row.definition_hash,
        paused_at=row.paused_at,
        actor=row.actor,
        comment=row.comment,
        next_at=None if row.paused_at else Ticks(cron).after(row.now),
        last_at=last.get((row.workflow, row.trigger)),
    )


def _unseen(workflow: str, trigger: str, cron: Cron, now: datetime) -> Schedule:
    return Schedule(
        workflow=workflow,
        trigger=trigger,
        cron=cron.expression,
        timezone=cron.timezone,
        catch_up=cron.catch_up,
        overlap=cron.overlap,
        definition=None,
        loaded=True,
        paused_at=None,
        actor=None,
        comment=None,
        next_at=Ticks(cron).after(now),
        last_at=None,
    )


def pause_schedule(database: Database, schedule: LoadedSchedule, *, actor: str | None, comment: str | None) -> None:
    """Stop a schedule from firing, in every process."""
    adopt_schedules(database, schedule.definition)
    with database.transaction() as connection:
        schedules.pause_if_firing(database, connection, *schedule.name, actor=actor, comment=comment)


def resume_schedule(database: Database, schedule: LoadedSchedule, *, actor: str | None, comment: str | None) -> None:
    """Let a schedule fire again, by the definition loaded here; what came due meanwhile is not made up for."""
    adopt_schedules(database, schedule.definition, forced=True)
    with database.transaction() as connection:
        schedules.resume_if_paused(database, connection, *schedule.name, actor=actor, comment=comment)
