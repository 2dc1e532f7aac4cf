"""Replaying: a new run from an old one's payload, from its beginning or from one of its steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from squidmesh.errors import InvalidPayload, InvalidTransition, RunNotFound, TriggerNotFound, UnsafeReplay, suggestion
from squidmesh.model.definition import Shape
from squidmesh.model.identity import new_id
from squidmesh.model.payload import apply_contract
from squidmesh.model.state import RunStatus, StepRunKind, StepStatus
from squidmesh.runtime.recording import first_delay
from squidmesh.runtime.replay_plan import (
    Beginning,
    PastStep,
    Refused,
    plan_beginning,
    repeated_for_good,
    safe_beginning,
)
from squidmesh.runtime.start import Start, first_start, prepare_start, start_in
from squidmesh.store import effects, history, replays, runs
from squidmesh.store.audit_events import add_audit_event
from squidmesh.store.outputs import read_failures
from squidmesh.store.starts import NewStepRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition
    from squidmesh.runtime.engine import Engine
    from squidmesh.store.engine import Database

FAILED = "failed"
LATEST = "latest"
ORIGINAL = "original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was asked for; ``target`` is the definition to run on, ``original`` that of the run replayed.

    With ``from_step`` (a step, or ``failed`` for the one that failed) the target is the original.
    """

    original: Definition
    target: Definition
    from_step: str | None = None
    allow_irreversible: bool = False
    actor: str | None = None
    max_value_bytes: int


def replay_run(database: Database, run_id: UUID, replay: Replay) -> Start:
    """Insert the run that replays a finished one, and return its start.

    A replay does not undo what a completed run did.

    ``InvalidTransition`` if the run has not ended or cannot be replayed from that step, ``UnsafeReplay`` if it
    would repeat what cannot be undone, ``InvalidPayload`` or ``TriggerNotFound`` if the newer definition does not
    take the payload.
    """
    with database.transaction() as connection:
        run = _require_ended(runs.lock_run(connection, run_id), run_id)
        effects.lock_family(database, connection, run_id)
        beginning = _permitted_beginning(database, connection, run, replay)
        start = _insert(database, connection, run, replay, beginning)
        _note(database, connection, run, replay, start, beginning)
    return start


def rehearse_replay(database: Database, run_id: UUID, replay: Replay) -> None:
    """Raise what ``replay_run`` would raise now; nothing is written, and nothing locked."""
    with database.snapshot() as connection:
        run = _require_ended(runs.find_run(connection, run_id), run_id)
        _permitted_beginning(database, connection, run, replay)
        _start(run, replay)


def _require_ended(run: Row[Any] | None, run_id: UUID) -> Row[Any]:
    if run is None:
        raise RunNotFound(str(run_id))
    if not RunStatus(run.status).terminal:
        raise InvalidTransition(run.status, "replayed", "it has not ended; cancel it first")
    return run


def _permitted_beginning(database: Database, connection: Connection, run: Row[Any], replay: Replay) -> Beginning | None:
    """Return where the replay begins (None: at the start), if nothing forbids it."""
    past = read_past(database, connection, run.id, history.read_steps(connection, [run.id]))
    beginning = _beginning(run, replay, past)
    _require_safe(run, replay, past, beginning)
    return beginning


def newest_definition(engine: Engine, workflow: str) -> Definition:
    """Return the definition of a workflow that was first seen last; some run of it must be known."""
    with engine.database.transaction() as connection:
        hash_ = replays.newest_definition(connection, workflow)
    assert hash_ is not None, "a run is pinned to a definition of its workflow"
    return engine.definitions.get(hash_)


def read_past(
    database: Database, connection: Connection, run_id: UUID, rows: Sequence[Row[Any]]
) -> dict[str, PastStep]:
    """Return what became of a run's steps, by name; ``rows`` are its step runs."""
    undone = effects.undone_steps(database, connection, run_id)
    interrupted = effects.interrupted_steps(database, connection, run_id)
    carriers = effects.open_carriers(database, connection, run_id)
    return {
        row.step: PastStep(
            step=row.step,
            status=StepStatus(row.status),
            scheduled_seq=row.scheduled_seq,
            completed_seq=row.completed_seq,
            interrupted=row.step in interrupted,
            undone=row.step in undone,
            carrier=carriers.get(row.step),
        )
        for row in rows
        if row.kind == StepRunKind.STEP
    }


def failed_step(run: Row[Any]) -> str | None:
    """Return the step that a failed run failed at, None for any other run."""
    if run.status != RunStatus.FAILED:
        return None
    step: str | None = (run.failure or {}).get("step") or run.current_step
    return step


def _beginning(run: Row[Any], replay: Replay, past: Mapping[str, PastStep]) -> Beginning | None:
    """Return what is carried over and where the replay begins, None for one from the start."""
    if replay.from_step is None:
        return None
    workflow = replay.original.workflow
    try:
        return plan_beginning(workflow, past, _named(run, workflow, replay.from_step))
    except Refused as refusal:
        raise InvalidTransition(run.status, f"replayed from {replay.from_step!r}", str(refusal)) from None


def _named(run: Row[Any], workflow: Workflow, asked: str) -> str:
    if asked in workflow.steps:
        return asked
    if asked != FAILED:
        raise Refused(f"its workflow has no such step{suggestion(asked, tuple(workflow.steps))}")
    failed = failed_step(run)
    if failed is None:
        raise Refused("no step of it failed; name one")
    return failed


def _require_safe(run: Row[Any], replay: Replay, past: Mapping[str, PastStep], beginning: Beginning | None) -> None:
    original = replay.original.workflow
    carried = beginning.names if beginning is not None else frozenset()
    repeated = repeated_for_good(past.values(), [original, replay.target.workflow], carried)
    if repeated and replay.allow_irreversible is not True:
        raise UnsafeReplay(repeated, safe_beginning(original, past, failed_step(run)))


def _insert(
    database: Database, connection: Connection, run: Row[Any], replay: Replay, beginning: Beginning | None
) -> Start:
    start = _start(run, replay)
    if beginning is None:
        start_in(database, connection, start)
        return start
    start = _start_at(start, replay.original, beginning)
    failures = _failures_before(database, connection, run, beginning)
    carried = {item.step: failures.get(item.step) for item in beginning.carried}
    replays.carry_steps(database, connection, run.id, start.run.id, carried)
    start_in(database, connection, start)
    routed = replay.original.workflow.shape is Shape.ROUTED
    replays.begin_after(
        database,
        connection,
        start.run.id,
        seq=beginning.seq,
        failure=next(reversed(failures.values()), None) if routed else None,
        live={step.step: _live(replay.original, step.step, beginning) for step in start.steps},
    )
    return start


def _start(run: Row[Any], replay: Replay) -> Start:
    """Return the start on the target definition: the same run by what it is for, under another id and no key."""
    target = replay.target
    if target is replay.original:
        start = first_start(target, run.trigger, json.dumps(run.payload, ensure_ascii=False))
    else:
        if run.trigger not in target.workflow.triggers:
            raise TriggerNotFound(run.workflow, run.trigger, tuple(target.workflow.triggers))
        start = prepare_start(
            target,
            run.trigger,
            run.payload,
            moment=_moment(run, target.workflow),
            max_value_bytes=replay.max_value_bytes,
        )
    schedule = json.dumps(run.schedule, ensure_ascii=False) if run.schedule else None
    return replace(start, run=replace(start.run, replayed_from=run.id, schedule=schedule))


def why_unfit(run: Row[Any], workflow: Workflow) -> str | None:
    """Return why a definition does not take a run's trigger and payload for a replay, None if it does."""
    if run.trigger not in workflow.triggers:
        return str(TriggerNotFound(run.workflow, run.trigger, tuple(workflow.triggers)))
    try:
        apply_contract(workflow.triggers[run.trigger].payload, run.payload, _moment(run, workflow) or datetime.now(UTC))
    except InvalidPayload as error:
        return str(error)
    return None


def _moment(run: Row[Any], workflow: Workflow) -> datetime | None:
    """Return the moment that a scheduled run is for, which its replay is for too; None for any other run."""
    if not run.schedule:
        return None
    cron = workflow.triggers[run.trigger].cron
    zone = ZoneInfo(cron.timezone) if cron is not None else UTC
    return datetime.fromisoformat(run.schedule["scheduled_for"]).astimezone(zone)


def _start_at(start: Start, definition: Definition, beginning: Beginning) -> Start:
    """Return a start with the steps that remain: the one begun at, or all that is not carried, counted anew."""
    workflow = definition.workflow
    routed = start.run.current_step is not None
    names = [beginning.step] if routed else [name for name in workflow.steps if name not in beginning.names]
    steps = tuple(
        NewStepRun(
            id=new_id(),
            run_id=start.run.id,
            step=name,
            lane=definition.lane_of(name),
            delay=first_delay(workflow.steps[name]),
            open_deps=len(set(workflow.steps[name].after) - beginning.names),
        )
        for name in names
    )
    active = sum(1 for step in steps if step.open_deps == 0)
    current = beginning.step if routed else None
    return replace(start, run=replace(start.run, active=active, current_step=current), steps=steps)


def _live(definition: Definition, name: str, beginning: Beginning) -> int:
    """Return how many dependencies of a step were carried over and not skipped, as its join would have counted."""
    after = set(definition.workflow.steps[name].after)
    return sum(1 for item in beginning.carried if item.step in after and item.status is not StepStatus.SKIPPED)


def _failures_before(database: Database, connection: Connection, run: Row[Any], beginning: Beginning) -> dict[str, str]:
    """Return how the carried steps failed that did, as JSON text, in order; the last led to the step begun at.

    In a dependency-based run each step knows those that it waits for.
    """
    failed = [(run.id, item.step) for item in beginning.carried if item.status is StepStatus.FAILED]
    found = read_failures(database, connection, failed) if failed else []
    return {item.step: json.dumps(item.failure, ensure_ascii=False) for item in found}


def _note(
    database: Database,
    connection: Connection,
    run: Row[Any],
    replay: Replay,
    start: Start,
    beginning: Beginning | None,
) -> None:
    metadata: dict[str, Any] = {"run_id": str(start.run.id), "definition": replay.target.hash}
    if beginning is not None:
        metadata["carried"] = [item.step for item in beginning.carried]
    step = beginning.step if beginning is not None else None
    add_audit_event(database, connection, run.id, "replayed", step=step, actor=replay.actor, metadata=metadata)
