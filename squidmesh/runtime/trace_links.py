"""What spans are linked to, and when runs were: asked only in a process that traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from squidmesh.store import traceparents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from squidmesh.model.claim import Claim
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run that has ended: the span that it was started in, when it was, and its error."""

    traceparent: str | None
    created_at: datetime
    finished_at: datetime
    last_error: Mapping[str, Any] | None


def keep_traceparent(database: Database, claim: Claim, traceparent: str) -> None:
    """Note the span of an attempt that failed; before that is recorded, since the next may begin at once."""
    traceparents.add_span_of_attempt(database, claim.id, claim.attempt, traceparent)


def traceparent_before(database: Database, claim: Claim) -> str | None:
    """Return the span of the attempt before, None if this is the first or that one was not traced."""
    if claim.attempt == 1:
        return None
    return traceparents.span_of_attempt(database, claim.id, claim.attempt - 1)


def find_ended_run(database: Database, run_id: str) -> EndedRun | None:
    """Return what the span of a run says, None if it has not ended or is not there any more."""
    row = traceparents.span_of_run(database, UUID(run_id))
    if row is None or row.finished_at is None:
        return None
    return EndedRun(
        traceparent=row.traceparent,
        created_at=row.created_at,
        finished_at=row.finished_at,
        last_error=row.last_error,
    )
