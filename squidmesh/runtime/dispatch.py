"""The database loop's exchange: record what has ended and claim for the idle, in one pipelined transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squidmesh.store.claims import ClaimRequest, ClaimResult, claim_due_steps, read_claims
from squidmesh.store.records import Completion, Recorded, read_recorded, record_if_forward

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What one exchange brought: what was recorded, by step run, and what was claimed (None: nothing was asked)."""

    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    claimed: ClaimResult | None = None


def exchange(
    database: Database,
    connection: psycopg.Connection[Any],
    completions: Sequence[Completion],
    request: ClaimRequest | None,
    lease: timedelta,
) -> Exchange:
    """Record completions and claim due steps in one transaction; with only one of the two, in one statement."""
    if completions and request:
        with connection.pipeline():
            recorded = record_if_forward(database, connection, completions, lease)
            claimed = claim_due_steps(database, connection, request)
        return Exchange(recorded=read_recorded(recorded, completions), claimed=read_claims(claimed))
    if completions:
        recorded = record_if_forward(database, connection, completions, lease)
        return Exchange(recorded=read_recorded(recorded, completions))
    if request:
        return Exchange(claimed=read_claims(claim_due_steps(database, connection, request)))
    return Exchange()


def record_alone(
    database: Database, connection: psycopg.Connection[Any], completion: Completion, lease: timedelta
) -> Recorded | None:
    """Record one completion by itself, as after a group that raised; None if its claim or its run did not allow it."""
    recorded = record_if_forward(database, connection, [completion], lease)
    return read_recorded(recorded, [completion]).get(completion.id)
