"""Step run rows under the lock of their run: the moves of the slow paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text, update

from squidmesh.model.identity import new_id
from squidmesh.model.state import StepRunKind, StepStatus
from squidmesh.store.tables import attempts, step_runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database

_OPEN = (StepStatus.WAITING, StepStatus.PENDING, StepStatus.RUNNING, StepStatus.PAUSED)
_BUSY = (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.PAUSED)
_IDLE = (StepStatus.WAITING, StepStatus.PENDING, StepStatus.PAUSED)
_NO_CLAIM: dict[str, Any] = {"claim_token": None, "lease_until": None}


def hold_claim(connection: Connection, id_: UUID, token: UUID, *, expired_by: Any = None) -> Row[Any] | None:
    """Lock a step run whose claim stands (and whose lease passed before ``expired_by``); None if it does not."""
    statement = select(step_runs).where(step_runs.c.id == id_, step_runs.c.claim_token == token)
    if expired_by is not None:
        statement = statement.where(step_runs.c.lease_until < expired_by)
    return connection.execute(statement.with_for_update(key_share=True)).one_or_none()


def end_if_claimed(
    database: Database,
    connection: Connection,
    id_: UUID,
    token: UUID,
    *,
    status: StepStatus,
    seq: int,
    output: str | None = None,
    lost: bool = False,
    begun: bool = False,
) -> None:
    """Move a step run from running to a terminal status; ``output`` is JSON text.

    To be cancelled is no attempt; ``begun`` says that it was in the middle of one.
    """
    values: dict[str, Any] = {"begun_at": database.clock()} if begun else {}
    connection.execute(
        update(step_runs)
        .where(step_runs.c.id == id_, step_runs.c.claim_token == token)
        .values(
            **_NO_CLAIM,
            **values,
            status=status,
            attempt=step_runs.c.attempt - int(status is StepStatus.CANCELLED),
            completed_seq=seq,
            finished_at=database.clock(),
            losses=step_runs.c.losses + int(lost),
            output=text("CAST(:output_text AS json)").bindparams(output_text=output),
        )
    )


def retry_if_claimed(
    database: Database,
    connection: Connection,
    id_: UUID,
    token: UUID,
    *,
    delay: timedelta,
    lost: bool = False,
) -> None:
    """Move a step run from running back to pending, due after ``delay``."""
    connection.execute(
        update(step_runs)
        .where(step_runs.c.id == id_, step_runs.c.claim_token == token)
        .values(
            **_NO_CLAIM,
            status=StepStatus.PENDING,
            run_at=database.clock() + delay,
            losses=step_runs.c.losses + int(lost),
        )
    )


def give_back_if_claimed(
    database: Database, connection: Connection, id_: UUID, token: UUID, *, delay: timedelta, begun: bool | None
) -> None:
    """Move a step run from running back to pending as if never claimed, due after ``delay``.

    ``begun`` says whether it has begun (None: leave that as it is).
    """
    values: dict[str, Any] = {} if begun is None else {"begun_at": database.clock() if begun else None}
    connection.execute(
        update(step_runs)
        .where(step_runs.c.id == id_, step_runs.c.claim_token == token)
        .values(
            **_NO_CLAIM,
            **values,
            status=StepStatus.PENDING,
            run_at=database.clock() + delay,
            attempt=step_runs.c.attempt - 1,
        )
    )


def add_attempt(database: Database, connection: Connection, claimed: Row[Any], error: Mapping[str, Any] | None) -> None:
    """Write the attempt that has ended; ``claimed`` is the step run's row as it was held."""
    connection.execute(
        insert(attempts).values(
            step_run_id=claimed.id,
            number=claimed.attempt,
            status="completed" if error is None else "failed",
            error=error,
            worker=claimed.worker,
            started_at=claimed.started_at,
            finished_at=database.clock(),
        )
    )


def cancel_idle(database: Database, connection: Connection, run_id: UUID) -> None:
    """Cancel every step run of a stopping run that nobody is executing."""
    connection.execute(
        update(step_runs)
        .where(step_runs.c.run_id == run_id, step_runs.c.status.in_(_IDLE))
        .values(status=StepStatus.CANCELLED, finished_at=database.clock())
    )


def count_open(connection: Connection, run_id: UUID) -> int:
    """Return how many step runs of a run have not ended."""
    return connection.execute(
        select(func.count()).where(step_runs.c.run_id == run_id, step_runs.c.status.in_(_OPEN))
    ).scalar_one()


def count_busy(connection: Connection, run_id: UUID) -> int:
    """Return how many step runs of a run are due or under way: all that are open but those that wait for others."""
    return connection.execute(
        select(func.count()).where(step_runs.c.run_id == run_id, step_runs.c.status.in_(_BUSY))
    ).scalar_one()


def steps_of_kind(connection: Connection, run_id: UUID, kind: StepRunKind) -> set[str]:
    """Return the names of the steps for which a run has a row of this kind."""
    return set(
        connection.execute(select(step_runs.c.step).where(step_runs.c.run_id == run_id, step_runs.c.kind == kind))
        .scalars()
        .all()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A compensation (or the ``on_failure`` step) to write; ``seq`` is the sequence of what it may see."""

    step: str
    kind: StepRunKind
    lane: int
    seq: int


def add_handler(database: Database, connection: Connection, run_id: UUID, handler: Recovery) -> None:
    """Insert the ``on_failure`` step of a run, due at once."""
    now = database.clock()
    connection.execute(
        insert(step_runs).values(
            id=new_id(),
            run_id=run_id,
            step=handler.step,
            kind=handler.kind,
            status=StepStatus.PENDING,
            lane=handler.lane,
            run_at=now,
            attempt=0,
            losses=0,
            open_deps=0,
            live_deps=0,
            scheduled_seq=handler.seq,
            created_at=now,
        )
    )


def release_next_recovery(database: Database, connection: Connection, run_id: UUID) -> bool:
    """Make the next waiting compensation of a run pending; False if there is none."""
    following = (
        select(step_runs.c.id)
        .where(
            step_runs.c.run_id == run_id,
            step_runs.c.kind == StepRunKind.COMPENSATION,
            step_runs.c.status == StepStatus.WAITING,
        )
        .order_by(step_runs.c.scheduled_seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    released = connection.execute(
        update(step_runs)
        .where(step_runs.c.id == following)
        .values(status=StepStatus.PENDING, open_deps=0, run_at=database.clock())
    )
    return released.rowcount == 1


def make_due_if_later(
    database: Database, connection: Connection, run_id: UUID, step: str | None
) -> dict[str, timedelta]:
    """Move the due time of pending step runs that are due later to now; return how long each had to go."""
    now = database.clock()
    later = select(step_runs.c.id, step_runs.c.step, (step_runs.c.run_at - now).label("left")).where(
        step_runs.c.run_id == run_id, step_runs.c.status == StepStatus.PENDING, step_runs.c.run_at > now
    )
    if step is not None:
        later = later.where(step_runs.c.step == step)
    rows = connection.execute(later.with_for_update(key_share=True)).all()
    connection.execute(update(step_runs).where(step_runs.c.id.in_([row.id for row in rows])).values(run_at=now))
    return {row.step: row.left for row in rows}
