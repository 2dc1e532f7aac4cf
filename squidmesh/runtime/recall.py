"""Recalling records whose answer never came: what was committed all the same is not a lost claim.

After a connection error the worker repeats a record with the same arguments, and its token then finds nothing. The
attempt that it wrote tells that it was recorded; the tokens that it made tell which step runs it was handed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.model.state import RunStatus, StepStatus
from squidmesh.runtime.recording import attempt_failure, was_attempted
from squidmesh.runtime.settlement import Settled
from squidmesh.store.answers import take_up_if_claimed, written_ends
from squidmesh.store.records import Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.recording import Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What stands of an end that this worker wrote: as the record would have answered, or the slow path."""

    recorded: Recorded
    settled: Settled


def recall(
    engine: Engine, connection: psycopg.Connection[Any], ends: Sequence[Ended], worker: str
) -> dict[UUID, Recalled]:
    """Return what a worker has written of these ends, by step run; the leases of successors begin anew."""
    by_id = {ended.task.claim.id: ended for ended in ends}
    numbers = [(id_, ended.task.claim.attempt) for id_, ended in by_id.items()]
    rows = [row for row in written_ends(engine.database, connection, numbers, worker) if _is_ours(row, by_id[row.id])]
    tokens = [token for row in rows if (token := _next_token(by_id[row.id])) is not None]
    taken = take_up_if_claimed(engine.database, connection, tokens, worker, engine.lease) if tokens else {}
    return {row.id: _recalled(row, by_id[row.id], taken) for row in rows}


def _is_ours(row: Any, ended: Ended) -> bool:
    """A sweep, or a forced cancel, writes the attempt too, under our name but with an error of its own."""
    if not row.attempted:
        return row.status == StepStatus.PAUSED or not was_attempted(ended.outcome)
    failure = attempt_failure(ended.outcome)
    expected = None if failure is None else json.loads(json.dumps(failure.to_dict()))
    return bool(row.error == expected)


def _next_token(ended: Ended) -> UUID | None:
    return ended.completion.next_token if ended.completion is not None else None


def _recalled(row: Any, ended: Ended, taken: dict[UUID, UUID]) -> Recalled:
    status = RunStatus(row.run_status)
    before = RunStatus.RUNNING if row.ended_run else status
    token = _next_token(ended)
    recorded = Recorded(
        id=row.id,
        seq=row.seq,
        at=row.at,
        next_id=taken.get(token) if token is not None else None,
        run_status=status,
        run_status_before=before,
        made_due=1,  # nobody knows: others are told to look
    )
    failure = attempt_failure(ended.outcome)
    settled = Settled(step_status=StepStatus(row.status), run_status=status, run_status_before=before, failure=failure)
    return Recalled(recorded=recorded, settled=settled)
