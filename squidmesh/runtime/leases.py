"""Keeping leases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.store.claims import extend_leases, still_held
from squidmesh.store.stops import told_to_stop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.model.claim import Claim
    from squidmesh.runtime.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a heartbeat found: leases that it ``extended`` and claims that are ``lost``.

    A claim in neither was locked by somebody who is recording it.
    """

    extended: frozenset[UUID]
    lost: frozenset[UUID]


def beat(engine: Engine, connection: psycopg.Connection[Any], held: Sequence[tuple[UUID, UUID]]) -> Beat:
    """Extend the leases of (step run, token) pairs."""
    extended = extend_leases(engine.database, connection, held, engine.lease)
    missing = [(id_, token) for id_, token in held if id_ not in extended]
    standing = still_held(engine.database, connection, missing) if missing else set()
    return Beat(extended=frozenset(extended), lost=frozenset(id_ for id_, _ in missing if id_ not in standing))


def cancelled_claims(engine: Engine, connection: psycopg.Connection[Any], claims: Sequence[Claim]) -> set[UUID]:
    """Return the step runs whose callables should stop: their run was cancelled, or has timed out."""
    held = [(claim.id, claim.run.id, int(claim.kind)) for claim in claims]
    return told_to_stop(engine.database, connection, held)
