"""Recording what ended: the hot path, one guarded statement for any number of completions.

The statement locks the runs first (in id order, ``phase = 'forward'``), then takes each completion's own
step row by its token; everything else depends on the rows that this returned. A completion that got no
row (claim lost, or run no longer going forward) leaves no trace, and the caller takes the slow path.

The effects commute: they end this step, decrement these joins, insert this step. Nothing of the run is
read but what the lock and the UPDATEs hand back, since a statement that waits for a lock goes on with the
snapshot from before the wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.store.arguments import flags, integers, interval, intervals, texts, uuids
from squidmesh.store.statement import hot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A routed successor: a new step run, due after ``delay``."""

    id: UUID
    step: str
    lane: int
    delay: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Decrement:
    """A waiting step run that has one dependency less; after the last it is due, ``delay`` after each has passed.

    ``chained`` says that this completion is its only dependency and that ``next_token`` is to claim it.
    """

    step: str
    delay: timedelta
    chained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """An audit event of the step; ``metadata`` is JSON text."""

    type: str
    metadata: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What becomes of one claimed step run, and what follows.

    ``status`` is where the step goes: completed, skipped, failed (with a way on), or pending for a retry
    after ``delay``. ``output``, ``error`` and ``failure`` are JSON text; ``error`` belongs to the attempt,
    ``failure`` becomes the run's. ``attempted`` is False for a skip, which is no attempt. ``next_token``
    claims the successor for the same worker: the insertion, or the one decrement that reaches zero.
    ``lost`` is a sweep's: it takes the step only if its lease has passed. ``audits`` are the audit events, in order.
    """

    run_id: UUID
    id: UUID
    token: UUID
    status: str
    output: str | None = None
    error: str | None = None
    failure: str | None = None
    attempted: bool = True
    delay: timedelta = timedelta()
    insertion: Insertion | None = None
    decrements: tuple[Decrement, ...] = ()
    alive: bool = True
    next_token: UUID | None = None
    lost: bool = False
    audits: tuple[Audit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the statement says of one completion that it took.

    ``seq`` is the run's completion sequence after it, ``at`` the time, ``next_id`` the handed-over step run
    (None: nothing was handed over), ``run_status`` what the run shows now, ``made_due`` how many rows became
    pending. Of several completions of one run recorded together the last alone says what the run showed before
    (``run_status_before``); for the others nothing has changed.
    """

    id: UUID
    seq: int
    at: datetime
    next_id: UUID | None
    run_status: str
    run_status_before: str
    made_due: int


# The rows that wait are looked up one by one (LIMIT keeps the look-up apart): joined directly, a plan made while the
# tables were empty goes through the whole index for each of them.
_RECORD = """
WITH item AS MATERIALIZED (
    SELECT * FROM unnest(%(runs)s::uuid[], %(ids)s::uuid[], %(tokens)s::uuid[], %(statuses)s::text[],
        %(outputs)s::text[], %(errors)s::text[], %(failures)s::text[], %(attempted)s::bool[], %(delays)s::interval[],
        %(alive)s::int[], %(lost)s::int[], %(next_tokens)s::uuid[]) WITH ORDINALITY
    AS i(run_id, id, token, status, output, error, failure, attempted, delay, alive, lost, next_token, k)),
run AS MATERIALIZED (
    SELECT id, seq, status FROM squidmesh.runs WHERE id = ANY(%(run_ids)s::uuid[]) AND phase = 'forward'
    ORDER BY id FOR NO KEY UPDATE),
done AS (
    UPDATE squidmesh.step_runs s SET status = i.status, output = i.output::json, claim_token = NULL, lease_until = NULL,
        losses = s.losses + i.lost,
        begun_at = CASE WHEN i.status <> 'pending' OR i.lost = 1 THEN s.begun_at END,
        completed_seq = CASE WHEN i.status <> 'pending' THEN run.seq + i.k::int END,
        finished_at = CASE WHEN i.status <> 'pending' THEN squidmesh.now() END,
        run_at = CASE WHEN i.status = 'pending' THEN squidmesh.now() + i.delay ELSE s.run_at END
    FROM item i JOIN run ON run.id = i.run_id WHERE s.id = i.id AND s.claim_token = i.token
        AND (i.lost = 0 OR s.lease_until < squidmesh.now())
    RETURNING s.id, s.run_id, s.step, s.attempt, s.worker, s.started_at, s.status, run.seq + i.k::int AS at,
        i.k, i.error, i.failure, i.attempted, i.alive, i.next_token),
attempt AS (
    INSERT INTO squidmesh.attempts (step_run_id, number, status, error, worker, started_at, finished_at)
    SELECT id, attempt, CASE WHEN error IS NULL THEN 'completed' ELSE 'failed' END, error::json, worker,
        started_at, squidmesh.now() FROM done WHERE attempted),
audit AS (
    INSERT INTO squidmesh.audit_events (run_id, step, type, metadata, at)
    SELECT done.run_id, done.step, a.type, a.metadata::json, squidmesh.now()
    FROM unnest(%(audit_items)s::int[], %(audit_types)s::text[], %(audit_metadata)s::text[]) WITH ORDINALITY
        a(k, type, metadata, n) JOIN done ON done.k = a.k ORDER BY a.n),
inserted AS (
    INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses, claim_token, worker,
        lease_until, open_deps, live_deps, scheduled_seq, created_at, started_at)
    SELECT n.id, done.run_id, n.step, 0, CASE WHEN next_token IS NULL THEN 'pending' ELSE 'running' END, n.lane,
        squidmesh.now() + n.delay, CASE WHEN next_token IS NULL THEN 0 ELSE 1 END, 0, next_token,
        CASE WHEN next_token IS NOT NULL THEN done.worker END,
        CASE WHEN next_token IS NOT NULL THEN squidmesh.now() + %(lease)s::interval END, 0, 1, done.at, squidmesh.now(),
        CASE WHEN next_token IS NOT NULL THEN squidmesh.now() END
    FROM unnest(%(new_items)s::int[], %(new_ids)s::uuid[], %(new_steps)s::text[], %(new_lanes)s::int[],
        %(new_delays)s::interval[]) n(k, id, step, lane, delay) JOIN done ON done.k = n.k
    RETURNING run_id, step, claim_token),
released AS (
    UPDATE squidmesh.step_runs j SET open_deps = j.open_deps - g.n, live_deps = j.live_deps + g.alive,
        status = CASE WHEN j.open_deps > g.n THEN 'waiting' WHEN g.token IS NULL THEN 'pending' ELSE 'running' END,
        run_at = CASE WHEN j.open_deps > g.n AND g.delay = interval '0' THEN j.run_at
            ELSE greatest(j.run_at, squidmesh.now() + g.delay) END,
        scheduled_seq = CASE WHEN j.open_deps = g.n THEN g.at END,
        attempt = CASE WHEN g.token IS NOT NULL THEN 1 ELSE 0 END, claim_token = g.token,
        worker = CASE WHEN g.token IS NOT NULL THEN g.worker END,
        lease_until = CASE WHEN g.token IS NOT NULL THEN squidmesh.now() + %(lease)s::interval END,
        started_at = CASE WHEN g.token IS NOT NULL THEN squidmesh.now() END
    FROM (SELECT s.*, w.id FROM (
        SELECT done.run_id, d.step, count(*)::int AS n, sum(done.alive)::int AS alive, max(done.at) AS at,
            max(d.delay) AS delay, max(done.worker) AS worker,
            (array_agg(done.next_token) FILTER (WHERE d.chained))[1] AS token
        FROM unnest(%(dec_items)s::int[], %(dec_steps)s::text[], %(dec_delays)s::interval[], %(dec_chained)s::bool[])
            d(k, step, delay, chained) JOIN done ON done.k = d.k GROUP BY done.run_id, d.step) s
        CROSS JOIN LATERAL (SELECT id FROM squidmesh.step_runs w
            WHERE w.run_id = s.run_id AND w.step = s.step AND w.kind = 0 LIMIT 1) w) g
    WHERE j.id = g.id AND j.status = 'waiting'
    RETURNING j.id, j.run_id, j.status, j.claim_token),
began AS (
    SELECT run_id, count(*)::int AS n, count(*) FILTER (WHERE claim_token IS NULL)::int AS due FROM (
        SELECT run_id, claim_token FROM inserted
        UNION ALL SELECT run_id, claim_token FROM released WHERE status <> 'waiting') b GROUP BY run_id),
change AS (
    SELECT d.run_id, d.at, d.active + coalesce(b.n, 0) AS active, d.retrying, d.failure, d.error, d.settled,
        coalesce(b.due, 0) AS due, (SELECT n.step FROM inserted n WHERE n.run_id = d.run_id LIMIT 1) AS step
    FROM (SELECT run_id, max(at) AS at,
            -count(*) FILTER (WHERE attempt = 1)::int AS active,
            (count(*) FILTER (WHERE attempt = 1 AND status = 'pending')
             - count(*) FILTER (WHERE attempt > 1 AND status <> 'pending'))::int AS retrying,
            max(failure) AS failure, max(error) FILTER (WHERE status = 'pending') AS error,
            bool_or(status <> 'pending' AND attempt > 1) AS settled
        FROM done GROUP BY run_id) d LEFT JOIN began b ON b.run_id = d.run_id),
run_now AS (
    UPDATE squidmesh.runs r SET seq = c.at, active = r.active + c.active, retrying = r.retrying + c.retrying,
        status = CASE WHEN r.active + c.active > 0 THEN 'running' WHEN r.retrying + c.retrying > 0 THEN 'retrying'
            WHEN r.paused > 0 THEN 'paused' ELSE 'completed' END,
        started_at = coalesce(r.started_at, squidmesh.now()),
        finished_at = CASE WHEN r.active + c.active + r.retrying + c.retrying + r.paused = 0 THEN squidmesh.now() END,
        current_step = CASE WHEN r.active + c.active + r.retrying + c.retrying + r.paused = 0 THEN NULL
            ELSE coalesce(c.step, r.current_step) END,
        failure = coalesce(c.failure::json, r.failure),
        last_error = CASE WHEN c.error IS NOT NULL THEN c.error::json
            WHEN c.settled OR c.failure IS NOT NULL THEN NULL ELSE r.last_error END
    FROM change c WHERE r.id = c.run_id RETURNING r.id, r.status, c.due, c.at)
SELECT done.k, done.at, squidmesh.now(), run_now.status,
    CASE WHEN done.at = run_now.at THEN run.status ELSE run_now.status END, run_now.due, released.id
FROM done JOIN run_now ON run_now.id = done.run_id JOIN run ON run.id = done.run_id
    LEFT JOIN released ON released.claim_token = done.next_token
"""


def record_if_forward(
    database: Database, connection: psycopg.Connection[Any], completions: Sequence[Completion], lease: timedelta
) -> psycopg.Cursor[Any]:
    """End each step whose claim stands in a run that goes forward, with all that follows; ``read_recorded`` reads."""
    new = [(k, item.insertion) for k, item in enumerate(completions, 1) if item.insertion is not None]
    dec = [(k, item, d) for k, item in enumerate(completions, 1) for d in item.decrements]
    arguments = {
        "runs": uuids([item.run_id for item in completions]),
        "run_ids": uuids({item.run_id for item in completions}),
        "ids": uuids([item.id for item in completions]),
        "tokens": uuids([item.token for item in completions]),
        "statuses": texts([item.status for item in completions]),
        "outputs": texts([item.output for item in completions]),
        "errors": texts([item.error for item in completions]),
        "failures": texts([item.failure for item in completions]),
        "attempted": flags([item.attempted for item in completions]),
        "delays": intervals([item.delay for item in completions]),
        "alive": integers([int(item.alive) for item in completions]),
        "lost": integers([int(item.lost) for item in completions]),
        "next_tokens": uuids([item.next_token for item in completions]),
        "new_items": integers([k for k, _ in new]),
        "new_ids": uuids([insertion.id for _, insertion in new]),
        "new_steps": texts([insertion.step for _, insertion in new]),
        "new_lanes": integers([insertion.lane for _, insertion in new]),
        "new_delays": intervals([insertion.delay for _, insertion in new]),
        "dec_items": integers([k for k, _, _ in dec]),
        "dec_steps": texts([decrement.step for _, _, decrement in dec]),
        "dec_delays": intervals([decrement.delay for _, _, decrement in dec]),
        "dec_chained": flags([decrement.chained and item.next_token is not None for _, item, decrement in dec]),
        "audit_items": integers([k for k, item in enumerate(completions, 1) for _ in item.audits]),
        "audit_types": texts([audit.type for item in completions for audit in item.audits]),
        "audit_metadata": texts([audit.metadata for item in completions for audit in item.audits]),
        "lease": interval(lease),
    }
    return hot(_RECORD).execute(database, connection, arguments)


def read_recorded(cursor: psycopg.Cursor[Any], completions: Sequence[Completion]) -> dict[UUID, Recorded]:
    """Return what ``record_if_forward`` took of these completions, by step run."""
    found = {}
    for k, seq, at, status, status_before, made_due, released in cursor:
        item = completions[k - 1]
        inserted = item.insertion.id if item.insertion is not None and item.next_token is not None else None
        found[item.id] = Recorded(
            id=item.id,
            seq=seq,
            at=at,
            next_id=released or inserted,
            run_status=status,
            run_status_before=status_before,
            made_due=made_due,
        )
    return found
