"""Starting runs: the payload is validated first, and one statement makes each run with its first steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squidmesh.errors import IdempotencyConflict, InvalidPayload, InvalidValue, TriggerNotFound, TriggerRequired
from squidmesh.model.definition import Shape
from squidmesh.model.identity import new_id
from squidmesh.model.payload import apply_contract, mask
from squidmesh.model.run import Run
from squidmesh.model.state import RunStatus
from squidmesh.model.values import check, encode
from squidmesh.runtime.idempotency import request_hash
from squidmesh.runtime.recording import first_delay
from squidmesh.runtime.traceparent import current_traceparent
from squidmesh.store.autocommit import autocommitting
from squidmesh.store.starts import NewRun, NewStepRun, find_by_key, insert_runs, insert_runs_prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition
    from squidmesh.store.callers import CallersConnection
    from squidmesh.store.engine import Database

MAX_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A run about to be inserted, with its first steps."""

    run: NewRun
    steps: tuple[NewStepRun, ...]

    @property
    def first_due(self) -> timedelta:
        """How long after its creation the run's first step is due."""
        return min(step.delay for step in self.steps if step.open_deps == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The run that a start gave: its id, and whether it was ``created`` now or found by its key."""

    id: UUID
    created: bool
    created_at: datetime


def choose_trigger(workflow: Workflow, name: str | None) -> str:
    """Return the trigger meant: the named one, the only one, or the only manual one."""
    names = tuple(workflow.triggers)
    if name is not None:
        if name not in workflow.triggers:
            raise TriggerNotFound(workflow.name, name, names)
        return name
    if len(names) == 1:
        return names[0]
    manual = tuple(key for key, trigger in workflow.triggers.items() if trigger.cron is None)
    if len(manual) == 1:
        return manual[0]
    raise TriggerRequired(workflow.name, manual or names)


def prepare_start(
    definition: Definition,
    trigger: str,
    payload: Mapping[str, Any],
    *,
    idempotency_key: str | None = None,
    moment: datetime | None = None,
    max_value_bytes: int,
) -> Start:
    """Return a validated start; ``InvalidPayload`` names every field that is wrong.

    ``moment`` is what the run is for, in its own time zone (default: now, in UTC). ``InvalidValue`` if the
    idempotency key cannot be kept.
    """
    if idempotency_key is not None:
        check_key(idempotency_key)
    contract = definition.workflow.triggers[trigger].payload
    try:
        text = encode(apply_contract(contract, payload, moment or datetime.now(UTC)), max_bytes=max_value_bytes)
    except InvalidValue as error:
        raise InvalidPayload({error.path or "payload": error.reason}) from error
    start = first_start(definition, trigger, text)
    if idempotency_key is None:
        return start
    asked = request_hash(contract, payload)
    return replace(start, run=replace(start.run, idempotency_key=idempotency_key, request_hash=asked))


def first_start(definition: Definition, trigger: str, payload: str) -> Start:
    """Return the start of a run with a valid payload (JSON text) at the steps that its definition begins with."""
    run_id = new_id()
    steps = tuple(_first_steps(definition, run_id))
    run = NewRun(
        id=run_id,
        workflow=definition.workflow.name,
        trigger=trigger,
        definition_hash=definition.hash,
        payload=payload,
        active=sum(1 for step in steps if step.open_deps == 0),
        current_step=steps[0].step if definition.workflow.shape is Shape.ROUTED else None,
        timeout=definition.workflow.timeout,
        traceparent=current_traceparent(),
    )
    return Start(run=run, steps=steps)


def check_key(key: str, name: str = "idempotency_key", longest: int = MAX_KEY) -> None:
    """Raise ``InvalidValue``, by the name that the caller gave the key, unless it can be kept."""
    check(key, name)
    if not isinstance(key, str) or not key or len(key) > longest:
        raise InvalidValue(name, f"must be a text of 1 to {longest} characters")


def _first_steps(definition: Definition, run_id: UUID) -> list[NewStepRun]:
    """Return the rows that a run begins with: its one entry, or every step of a dependency-based workflow."""
    workflow = definition.workflow
    names = list(workflow.steps) if workflow.shape is Shape.DEPENDENCY else list(definition.graph.entries)
    return [
        NewStepRun(
            id=new_id(),
            run_id=run_id,
            step=name,
            lane=definition.lane_of(name),
            delay=first_delay(workflow.steps[name]),
            open_deps=len(set(workflow.steps[name].after)),
        )
        for name in names
    ]


def start_now(database: Database, start: Start) -> Started:
    """Insert a run in a transaction of its own, or find the run that its idempotency key started."""
    with autocommitting(database) as connection:
        created = insert_runs_prepared(database, connection, [start.run], start.steps)
        return _started(database, connection, start, created)


def start_in(database: Database, connection: CallersConnection, start: Start) -> Started:
    """Insert a run inside the caller's transaction, or find the run that its idempotency key started."""
    created = insert_runs(database, connection, [start.run], start.steps)
    return _started(database, connection, start, created)


def _started(
    database: Database, connection: CallersConnection, start: Start, created: Mapping[UUID, datetime]
) -> Started:
    if created:
        return Started(id=start.run.id, created=True, created_at=created[start.run.id])
    assert start.run.idempotency_key is not None, "only a key or a tick stops an insert"
    existing = find_by_key(database, connection, start.run.workflow, start.run.idempotency_key)
    assert existing is not None, "the conflicting run is committed, or the insert would have waited"
    same = existing.request_hash == start.run.request_hash
    if not same and json.loads(existing.payload) != json.loads(start.run.payload):
        raise IdempotencyConflict(start.run.workflow, start.run.idempotency_key, str(existing.id))
    return Started(id=existing.id, created=False, created_at=existing.created_at)


def start_many_now(database: Database, starts: Sequence[Start]) -> list[UUID]:
    """Insert many runs in one transaction and return their ids, in order."""
    if starts:
        with autocommitting(database) as connection:
            insert_runs_prepared(database, connection, [start.run for start in starts], _all_steps(starts))
    return [start.run.id for start in starts]


def start_many_in(database: Database, connection: CallersConnection, starts: Sequence[Start]) -> list[UUID]:
    """Insert many runs inside the caller's transaction and return their ids, in order."""
    if starts:
        insert_runs(database, connection, [start.run for start in starts], _all_steps(starts))
    return [start.run.id for start in starts]


def _all_steps(starts: Sequence[Start]) -> list[NewStepRun]:
    return [step for start in starts for step in start.steps]


def started_run(definition: Definition, start: Start, started: Started) -> Run:
    """Return a run as it is right after its start."""
    run = start.run
    payload = mask(definition.workflow.triggers[run.trigger].payload, json.loads(run.payload))
    return Run(
        id=started.id,
        workflow=run.workflow,
        trigger=run.trigger,
        definition=run.definition_hash,
        version=definition.workflow.version,
        status=RunStatus.PENDING,
        payload=payload,
        context=dict(payload),
        current_step=run.current_step,
        last_error=None,
        schedule=json.loads(run.schedule) if run.schedule else None,
        idempotency_key=run.idempotency_key,
        replayed_from=run.replayed_from,
        created_at=started.created_at,
        started_at=None,
        finished_at=None,
    )
