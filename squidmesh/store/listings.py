"""Listing runs: the newest first, page by page, by what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import cast, select
from sqlalchemy.dialects.postgresql import JSONB

from squidmesh.model.state import RunStatus
from squidmesh.store.tables import definitions, runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Row

_STOPPED = {RunStatus.CANCELLING, RunStatus.FAILED, RunStatus.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are wanted: all that is given must hold; ``payload`` is what theirs must contain."""

    workflow: str | None = None
    trigger: str | None = None
    status: tuple[RunStatus, ...] = ()
    idempotency_key: str | None = None
    payload: Mapping[str, Any] | None = None
    since: datetime | None = None
    before: UUID | None = None
    limit: int = 50


def list_runs(connection: Connection, wanted: RunFilter) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return runs with their definition's version label; ids sort by time, so ``before`` is a cursor."""
    # Not a join: how many runs a guess leaves of it decides whether the planner sorts all of them.
    version = select(definitions.c.version).where(definitions.c.hash == runs.c.definition_hash).scalar_subquery()
    statement = select(runs, version.label("version")).where(*_conditions(wanted))
    return connection.execute(statement.order_by(runs.c.id.desc()).limit(wanted.limit)).all()


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    equal = {"workflow": wanted.workflow, "trigger": wanted.trigger, "idempotency_key": wanted.idempotency_key}
    conditions = [runs.c[name] == value for name, value in equal.items() if value is not None]
    if wanted.status:
        conditions += _of_status(wanted.status)
    if wanted.payload is not None:
        # As the index has it: the payload is kept as the text that was written.
        conditions.append(cast(runs.c.payload, JSONB).contains(wanted.payload))
    if wanted.since is not None:
        conditions.append(runs.c.created_at >= wanted.since)
    if wanted.before is not None:
        conditions.append(runs.c.id < wanted.before)
    return conditions


def _of_status(statuses: Sequence[RunStatus]) -> list[ColumnElement[bool]]:
    """Return the condition, and with it what the partial indexes are about.

    None is about the status itself: no claim could then be a HOT update of its run.
    """
    conditions: list[ColumnElement[bool]] = [runs.c.status.in_(statuses)]
    if not any(status.terminal for status in statuses):
        conditions.append(runs.c.finished_at.is_(None))
    elif _STOPPED.issuperset(statuses):
        conditions.append(runs.c.goal.is_not(None))
    return conditions
