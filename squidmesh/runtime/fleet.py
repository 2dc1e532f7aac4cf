"""Explaining many runs: in groups by reason, step and error code, or each in a line; in a few statements."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import BUILTIN_NAMES, Wait
from squidmesh.model.fleet import FleetGroup
from squidmesh.model.gate import PauseReason
from squidmesh.model.standing import Standing
from squidmesh.model.state import Goal, Phase, RunStatus, StepStatus
from squidmesh.runtime.explanation import reason_of_failure
from squidmesh.runtime.paused import REASONS
from squidmesh.store.fleet import abilities, count_open_runs, read_ended_runs, read_open_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database


def explain_fleet(database: Database, workflow: str | None) -> list[FleetGroup]:
    """Return the groups of open runs, the largest first."""
    with database.transaction() as connection:
        rows = count_open_runs(database, connection, workflow)
        is_served = _served(database, connection)
    groups: dict[tuple[Any, ...], FleetGroup] = {}
    for row in rows:
        group = _group(row, is_served)
        key = (group.reason, group.workflow, group.step, group.code)
        groups[key] = _merge(groups[key], group) if key in groups else group
    return sorted(groups.values(), key=lambda group: (-group.runs, group.workflow, group.reason, group.step or ""))


def standings(database: Database, run_ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Return where each of some runs stands, as ``explain_run`` says; ids of no run are left out."""
    with database.snapshot() as connection:
        opened = read_open_runs(database, connection, run_ids)
        ended = read_ended_runs(database, connection, run_ids)
        is_served = _served(database, connection)
    found = {row.id: _standing_of_ended(row) for row in ended}
    for row in opened:
        found[row.id] = Standing(
            run_id=row.id, reason=_reason(row, is_served), step=row.step, code=row.code, since=row.since
        )
    return found


def _standing_of_ended(row: Row[Any]) -> Standing:
    failure = row.failure or {}
    failed = row.status == RunStatus.FAILED
    return Standing(
        run_id=row.id,
        reason=reason_of_failure(failure) if failed else row.status,
        step=failure.get("step") if failed else None,
        code=failure.get("code") if failed else None,
        since=row.finished_at,
    )


def _served(database: Database, connection: Connection) -> Callable[[str, str], bool]:
    """Return what tells whether a live worker serves a queue and knows a step type."""
    able = [(set(row.queues), set(row.step_types)) for row in abilities(database, connection)]

    def is_served(queue: str, step_type: str) -> bool:
        return any(queue in queues and step_type in step_types for queues, step_types in able)

    return is_served


def _group(row: Row[Any], is_served: Callable[[str, str], bool]) -> FleetGroup:
    return FleetGroup(
        reason=_reason(row, is_served),
        workflow=row.workflow,
        step=row.step,
        code=row.code,
        runs=row.runs,
        oldest_since=row.oldest,
        newest_since=row.newest,
        example=row.example,
    )


def _reason(row: Row[Any], is_served: Callable[[str, str], bool]) -> str:
    """Return the reason that ``explain_run`` gives for each run of a group."""
    if row.goal == Goal.CANCELLED:
        return "cancelling"
    if row.phase != Phase.FORWARD:
        return "compensating" if row.phase == Phase.COMPENSATING else "stopping"
    match row.status:
        case StepStatus.RUNNING:
            return "step_running"
        case StepStatus.PAUSED:
            return REASONS[PauseReason(row.pause)]
        case StepStatus.PENDING if row.due and row.held:
            return "queue_paused"
        case StepStatus.PENDING if row.due:
            return "pending_dispatch" if is_served(row.queue, row.step_type) else "waiting_for_capable_worker"
        case StepStatus.PENDING if row.attempted:
            return "waiting_for_retry"
        case StepStatus.PENDING:
            return "waiting_for_timer" if row.step_type == BUILTIN_NAMES[Wait] else "step_scheduled"
        case _:
            return "waiting_for_dependencies"


def _merge(one: FleetGroup, other: FleetGroup) -> FleetGroup:
    """Return two groups as one: what divides them (a queue, a phase) is not shown."""
    older = one if one.oldest_since <= other.oldest_since else other
    return replace(older, runs=one.runs + other.runs, newest_since=max(one.newest_since, other.newest_since))
