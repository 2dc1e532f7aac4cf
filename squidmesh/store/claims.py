"""Claiming: taking due step runs under a lease, keeping the lease, giving claims back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg.rows import namedtuple_row

from squidmesh.model.claim import Claim, RunFacts
from squidmesh.model.state import RunStatus, StepRunKind
from squidmesh.store.arguments import integers, interval, uuids
from squidmesh.store.statement import hot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.store.engine import Database

# One bounded look-up a lane, merged by priority and time; picked first and locked after, so that only the
# rows taken are locked. The claim starts at step rows while everything else starts at the run: therefore
# it never waits for a lock (SKIP LOCKED both on the step and on the run whose shown status it flips).
# coalesce() keeps the planner off the partial index, where it would walk every pending row. The due time is
# looked at again there: between the look-up and the lock others may have taken the row and put it off.
# A worker that has not heard of the last pause or resumption of a queue takes nothing and is told its number.
# more_than_ours: candidates were seen but taken by others, so asking again at once is worth it.
_CLAIM = """
WITH changed AS MATERIALIZED (SELECT coalesce(max(change), 0) AS upto FROM squidmesh.queues),
cand AS MATERIALIZED (
    SELECT c.id, l.p, c.run_at FROM unnest(%(lanes)s::int[], %(priorities)s::int[]) l(lane, p) CROSS JOIN LATERAL (
        SELECT id, run_at FROM squidmesh.step_runs s
        WHERE s.status = 'pending' AND s.lane = l.lane AND s.run_at <= squidmesh.now()
        ORDER BY s.lane, s.run_at, s.id LIMIT %(look)s::int) c
    WHERE (SELECT upto FROM changed) = %(queues_as_of)s::bigint
    ORDER BY l.p DESC, c.run_at, c.id LIMIT %(look)s::int),
picked AS MATERIALIZED (
    SELECT s.id, s.run_id FROM squidmesh.step_runs s
    WHERE s.id = ANY(ARRAY(SELECT id FROM cand)) AND coalesce(s.status, '') = 'pending'
        AND s.run_at <= squidmesh.now()
    ORDER BY array_position(ARRAY(SELECT id FROM cand), s.id) LIMIT %(wanted)s::int FOR NO KEY UPDATE OF s SKIP LOCKED),
flip AS (
    UPDATE squidmesh.runs SET status = 'running', started_at = coalesce(started_at, squidmesh.now())
    WHERE id = ANY(ARRAY(
        SELECT id FROM squidmesh.runs WHERE id = ANY(ARRAY(SELECT run_id FROM picked))
        AND status IN ('pending', 'retrying') FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING id),
mine AS (
    UPDATE squidmesh.step_runs s SET status = 'running', attempt = s.attempt + 1, claim_token = t.token,
        worker = %(worker)s::text, lease_until = squidmesh.now() + %(lease)s::interval, started_at = squidmesh.now()
    FROM unnest(ARRAY(SELECT id FROM picked), %(tokens)s::uuid[]) t(id, token)
    WHERE s.id = ANY(ARRAY(SELECT id FROM picked)) AND s.id = t.id
    RETURNING s.*)
SELECT (SELECT count(*) FROM cand) AS seen,
    CASE WHEN (SELECT count(*) FROM cand) < %(wanted)s::int THEN (
        SELECT min(x.run_at) - squidmesh.now() FROM unnest(%(lanes)s::int[]) l(lane) CROSS JOIN LATERAL (
            SELECT run_at FROM squidmesh.step_runs s
            WHERE s.status = 'pending' AND s.lane = l.lane AND s.run_at > squidmesh.now()
            ORDER BY s.lane, s.run_at, s.id LIMIT 1) x) END AS next_in,
    (SELECT max(id) FROM squidmesh.lanes) AS newest_lane,
    (SELECT upto FROM changed) AS queues_changed,
    m.lane = ANY(%(solo)s::int[]) AS alone,
    m.id, m.claim_token, m.step, m.kind, m.attempt, m.losses, m.live_deps, m.scheduled_seq, m.begun_at, m.started_at,
    r.id AS run_id, r.workflow, r.trigger, r.definition_hash, r.payload::text AS payload, r.failure::text AS failure,
    r.schedule::text AS schedule, r.traceparent, coalesce(r.started_at, squidmesh.now()) AS run_started_at,
    EXISTS (SELECT 1 FROM flip WHERE flip.id = r.id) AS flipped, r.status AS run_status
FROM (VALUES (1)) one LEFT JOIN mine m ON true LEFT JOIN squidmesh.runs r ON r.id = m.run_id
"""

_EXTRA_CANDIDATES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """What to claim: at most ``len(tokens)`` step runs of these lanes (with their priorities, in parallel).

    ``solo`` names the solo lanes among them. ``queues_as_of`` is the last change of a queue (paused, resumed) that
    the lanes allow for; if there was another, nothing is claimed.
    """

    lanes: Sequence[int]
    priorities: Sequence[int]
    tokens: Sequence[UUID]
    worker: str
    lease: timedelta
    solo: Sequence[int] = ()
    queues_as_of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """What was claimed.

    ``next_in`` is how long until the next row of these lanes is due (None: none is, or enough were due now),
    ``contended`` says that due rows were seen but others took them, ``newest_lane`` the largest lane number there is,
    ``queues_changed`` the number of the last change of a queue.
    """

    claims: tuple[Claim, ...]
    next_in: timedelta | None
    contended: bool
    newest_lane: int
    queues_changed: int


def claim_due_steps(
    database: Database, connection: psycopg.Connection[Any], request: ClaimRequest
) -> psycopg.Cursor[Any]:
    """Move due step runs from pending to running under a token and a lease; ``read_claims`` reads the answer."""
    arguments = {
        "lanes": integers(request.lanes),
        "priorities": integers(request.priorities),
        "solo": integers(request.solo),
        "queues_as_of": str(request.queues_as_of),
        "look": str(len(request.tokens) + _EXTRA_CANDIDATES),
        "wanted": str(len(request.tokens)),
        "tokens": uuids(request.tokens),
        "worker": request.worker,
        "lease": interval(request.lease),
    }
    return hot(_CLAIM).execute(database, connection, arguments, rows=namedtuple_row)


def read_claims(cursor: psycopg.Cursor[Any]) -> ClaimResult:
    """Return what ``claim_due_steps`` claimed."""
    rows = cursor.fetchall()
    taken = [row for row in rows if row.id is not None]
    return ClaimResult(
        claims=tuple(_say_once([_read_claim(row, _status_left(row)) for row in taken])),
        next_in=rows[0].next_in,
        contended=rows[0].seen > len(taken),
        newest_lane=rows[0].newest_lane or 0,
        queues_changed=rows[0].queues_changed,
    )


def _status_left(row: Any) -> RunStatus | None:
    return RunStatus(row.run_status) if row.flipped else None


def _say_once(claims: list[Claim]) -> Iterator[Claim]:
    """Leave ``run_left`` to the first of several claims of one run: its status changed once."""
    told: set[UUID] = set()
    for claim in claims:
        yield replace(claim, run_left=None) if claim.run.id in told else claim
        told.add(claim.run.id)


def _read_claim(row: Any, run_left: RunStatus | None = None) -> Claim:
    run = RunFacts(
        id=row.run_id,
        workflow=row.workflow,
        trigger=row.trigger,
        definition_hash=row.definition_hash,
        payload=row.payload,
        failure=row.failure,
        schedule=row.schedule,
        started_at=row.run_started_at,
        traceparent=row.traceparent,
    )
    return Claim(
        id=row.id,
        token=row.claim_token,
        step=row.step,
        kind=StepRunKind(row.kind),
        attempt=row.attempt,
        losses=row.losses,
        live_deps=row.live_deps,
        scheduled_seq=row.scheduled_seq or 0,
        begun=row.begun_at is not None,
        started_at=row.started_at,
        alone=row.alone,
        run_left=run_left,
        run=run,
    )


# SKIP LOCKED: a row that is being recorded needs no heartbeat, and waiting for it would hold up the others'.
_EXTEND = """
UPDATE squidmesh.step_runs SET lease_until = squidmesh.now() + %(lease)s::interval WHERE id = ANY(ARRAY(
    SELECT s.id FROM squidmesh.step_runs s JOIN unnest(%(ids)s::uuid[], %(tokens)s::uuid[]) t(id, token)
    ON s.id = t.id AND s.claim_token = t.token FOR NO KEY UPDATE OF s SKIP LOCKED))
RETURNING id
"""


def extend_leases(
    database: Database, connection: psycopg.Connection[Any], held: Sequence[tuple[UUID, UUID]], lease: timedelta
) -> set[UUID]:
    """Extend the lease of each (step run, token) that is still ours and not locked; return the ids extended."""
    arguments = _pairs(held) | {"lease": interval(lease)}
    return {id_ for (id_,) in hot(_EXTEND).execute(database, connection, arguments)}


def _pairs(held: Sequence[tuple[UUID, UUID]]) -> dict[str, str]:
    return {"ids": uuids([id_ for id_, _ in held]), "tokens": uuids([token for _, token in held])}


_HELD = """
SELECT s.id FROM squidmesh.step_runs s JOIN unnest(%(ids)s::uuid[], %(tokens)s::uuid[]) t(id, token)
ON s.id = t.id AND s.claim_token = t.token
"""


def still_held(database: Database, connection: psycopg.Connection[Any], held: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    """Return the ids of those (step run, token) whose claim stands."""
    return {id_ for (id_,) in hot(_HELD).execute(database, connection, _pairs(held))}


_STANDING = """
SELECT EXISTS (SELECT 1 FROM squidmesh.lanes l WHERE l.id = s.lane AND l.solo) AS alone,
    s.id, s.claim_token, s.step, s.kind, s.attempt, s.losses, s.live_deps, s.scheduled_seq, s.begun_at, s.started_at,
    r.id AS run_id, r.workflow, r.trigger, r.definition_hash, r.payload::text AS payload, r.failure::text AS failure,
    r.schedule::text AS schedule, r.traceparent, coalesce(r.started_at, squidmesh.now()) AS run_started_at
FROM squidmesh.step_runs s JOIN squidmesh.runs r ON r.id = s.run_id WHERE s.status = 'running'
"""
_ONE = f"{_STANDING} AND s.id = %(id)s"
_OWN = f"{_STANDING} AND s.worker = %(worker)s"
_EXPIRED = f"""{_STANDING} AND s.lease_until < squidmesh.now()
AND s.claim_token <> ALL(%(beside)s::uuid[]) LIMIT %(limit)s
"""


def standing_claim(database: Database, connection: psycopg.Connection[Any], id_: UUID) -> Claim:
    """Return the claim that stands on a step run; the caller knows that one does."""
    cursor = connection.cursor(row_factory=namedtuple_row)
    return _read_claim(cursor.execute(database.sql(_ONE), {"id": id_}).fetchone())


def claims_of_worker(database: Database, connection: psycopg.Connection[Any], worker: str) -> list[Claim]:
    """Return every claim that stands under a worker's name."""
    cursor = connection.cursor(row_factory=namedtuple_row)
    return [_read_claim(row) for row in cursor.execute(database.sql(_OWN), {"worker": worker})]


def expired_claims(
    database: Database, connection: psycopg.Connection[Any], limit: int, beside: Sequence[UUID]
) -> list[Claim]:
    """Return claims whose lease has passed, but for those with the tokens ``beside``, without locking them."""
    cursor = connection.cursor(row_factory=namedtuple_row)
    arguments = {"limit": limit, "beside": list(beside)}
    return [_read_claim(row) for row in cursor.execute(database.sql(_EXPIRED), arguments)]
