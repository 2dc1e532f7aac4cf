"""Losses: leases that pass, what the sweep makes of them, and what a worker that lost its claim may still do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import StatementRefused
from squidmesh.model.outcome import Lost, Succeeded
from squidmesh.runtime.settlement import settle
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

ONE = """
workflow: shop.one
triggers: {by_hand: {manual: {}}}
steps: {work: {uses: t.work, retry: {max_attempts: 2}, next: {ok: complete}}}
"""
LEASE = timedelta(seconds=30)


def one(bench: Bench, extra: str = "", **settings: object) -> SquidMesh:
    """Return a mesh with one step."""
    return bench.mesh(ONE.replace("{uses: t.work,", f"{{uses: t.work, {extra}"), {"t.work": nothing}, **settings)


def test_losses_are_retried_apart_from_attempts_until_their_limit(bench: Bench):
    """Due again after 1 s, then 4 s, and failed as worker_lost by the third loss; each is an attempt and an event."""
    mesh = one(bench)
    run = mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    clock = 0.0
    for delay in (1, 4):
        worker.claim_one()
        clock += 31
        bench.advance(clock)
        assert worker.sweep() == 1
        assert bench.counters(run) == ("retrying", 0, 1, 0)
        assert mesh.explain_run(run.id).reason == "waiting_for_retry"
        bench.advance(clock + delay - 0.5)
        assert worker.claim() == []
        clock += delay + 0.5
        bench.advance(clock)
    last = worker.claim_one()
    assert (last.claim.attempt, last.claim.losses) == (3, 2)
    bench.advance(clock + 31)
    worker.sweep()
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.status == "failed"
    assert mesh.explain_run(run.id).reason == "worker_lost"
    (step,) = ended.steps or ()
    assert [(a.status, (a.error or {})["code"]) for a in step.attempts] == [("failed", "worker_lost")] * 3
    assert [event.type for event in ended.audit_events or ()] == ["worker_lost"] * 3
    assert bench.step_rows(run)["work"]["losses"] == 3


def test_a_loss_leaves_the_attempts_that_the_policy_allows(bench: Bench):
    """After two losses the step still has its two attempts, and says so to its callable."""
    mesh = one(bench)
    mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    for delay in (0, 2):
        bench.advance(delay)
        worker.lose(worker.claim_one())
    bench.advance(7)
    task = worker.claim_one()
    assert (task.claim.attempt, task.claim.losses) == (3, 2)
    answer = worker.end(task, failed(retryable=True, delay=timedelta()))
    assert answer.recorded is not None
    last = worker.end(worker.claim_one(), failed(retryable=True))
    assert last.settled is not None
    assert last.settled.run_status == "failed"


def test_on_worker_lost_fail_takes_the_step_at_its_word(bench: Bench):
    """``fail``: one loss ends the step, once its call has begun."""
    mesh = one(bench, "on_worker_lost: fail, ")
    run = mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    worker.lose(worker.claim_one())
    assert bench.statuses(run) == {"work": "pending"}
    bench.advance(2)
    task = worker.claim_one()
    worker.begin(task)
    worker.lose(task)
    assert mesh.inspect_run(run.id).status == "failed"


def test_a_loss_for_good_takes_the_error_route(bench: Bench):
    """Like any failure, ``worker_lost`` may be handled; the one loss that is allowed here was made alone."""
    text = ONE.replace("{ok: complete}}}", "{ok: complete, error: mend}}, mend: {log: {message: hm}, next: complete}}")
    mesh = bench.mesh(text, {"t.work": nothing}, max_losses=1)
    run = mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    worker.lose(worker.claim_one())
    assert bench.statuses(run) == {"work": "pending"}, "this loss may have been a neighbour's doing"
    bench.advance(2)
    worker.lose(worker.claim_one())
    assert bench.run_row(run)["failure"]["code"] == "worker_lost"
    assert worker.drain() == ["mend"]


def test_a_late_result_stands_if_nobody_took_the_step(bench: Bench):
    """The token decides, not the lease: past it, but before the sweep, a result is accepted."""
    mesh = one(bench)
    run = mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    task = worker.claim_one()
    bench.advance(100)
    assert not worker.end(task, succeeded()).refused
    assert mesh.inspect_run(run.id).status == "completed"


@pytest.mark.parametrize("outcome", [succeeded(), failed(), failed(retryable=True), Lost()])
def test_a_stale_token_changes_nothing(bench: Bench, outcome: object):
    """Whatever a worker reports that lost its claim, not a row changes, on either path."""
    mesh = one(bench)
    run = mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    stale = worker.claim_one()
    worker.lose(stale)
    bench.advance(2)
    bench.worker(mesh).claim_one()

    def everything() -> list[dict]:
        return [bench.run_row(run), *bench.step_rows(run).values(), *bench.rows("SELECT * FROM squidmesh.attempts")]

    before = everything()
    heard: list[str] = []
    mesh.on("step.*", lambda event: heard.append(event["event"]))
    assert worker.end(stale, outcome).refused
    assert settle(mesh.engine.database, stale, outcome, mesh.engine.rules) is None
    assert everything() == before
    assert heard == ["step.claim_lost"]


def test_a_result_recorded_twice_is_recorded_once(bench: Bench):
    """After an ambiguous commit the same record is repeated: the second one finds no claim."""
    mesh = one(bench)
    run = mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    task = worker.claim_one()
    assert not worker.end(task, succeeded()).refused
    assert worker.end(task, succeeded()).refused
    assert len(bench.rows("SELECT * FROM squidmesh.attempts")) == 1
    assert bench.counters(run) == ("completed", 0, 0, 0)


def test_a_heartbeat_extends_what_is_held_and_tells_what_is_lost(bench: Bench):
    """A claim that stands is extended by the database's clock; one taken by others is reported."""
    mesh = one(bench)
    first, second = mesh.start_runs("shop.one", [{}, {}])
    worker = bench.worker(mesh)
    kept, gone = sorted(worker.claim(2), key=lambda task: task.claim.run.id)
    worker.lose(gone)
    before = bench.step_rows(first)["work"]["lease_until"]
    bench.advance(20)
    found = worker.beat(kept, gone)
    assert (found.extended, found.lost) == ({kept.claim.id}, {gone.claim.id})
    assert bench.step_rows(first)["work"]["lease_until"] - before >= timedelta(seconds=19)
    assert bench.step_rows(second)["work"]["lease_until"] is None


def test_a_heartbeat_does_not_wait_for_a_row_that_is_being_recorded(bench: Bench):
    """A locked claim is neither extended nor lost."""
    mesh = one(bench)
    mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    task = worker.claim_one()
    with bench.connection.transaction():
        bench.rows("SELECT 1 FROM squidmesh.step_runs WHERE id = %s FOR UPDATE", task.claim.id)
        found = worker.beat(task)
    assert (found.extended, found.lost) == (frozenset(), frozenset())


def test_a_step_kept_by_heartbeats_is_not_swept(bench: Bench):
    """Five leases long, never taken over."""
    mesh = one(bench)
    mesh.start_run("shop.one")
    worker = bench.worker(mesh)
    task = worker.claim_one()
    for clock in range(20, 150, 20):
        bench.advance(clock)
        worker.beat(task)
        assert worker.sweep() == 0
    assert not worker.end(task, succeeded()).refused


def test_one_run_that_cannot_be_read_does_not_stop_the_sweep(bench: Bench, caplog: pytest.LogCaptureFixture):
    """A loss that cannot be recorded is logged, and the others are given to somebody."""
    mesh = one(bench)
    bad, good = mesh.start_runs("shop.one", [{}, {}])
    worker = bench.worker(mesh)
    worker.claim(2)
    bench.connection.execute("UPDATE squidmesh.runs SET definition_hash = 'gone' WHERE id = %s", [bad])
    bench.advance(31)
    assert worker.sweep() == 2
    assert bench.statuses(good) == {"work": "pending"}
    assert bench.statuses(bad) == {"work": "running"}
    assert "cannot be recorded" in caplog.text


def test_a_record_that_the_database_refuses_is_not_taken_for_a_stop(bench: Bench):
    """The slow path says StatementRefused, so that the worker can end the step as unrecordable instead.

    What the database accepts it records as the hot path would have.
    """
    mesh = one(bench)
    run = mesh.start_run("shop.one")
    task = bench.worker(mesh).claim_one()
    with pytest.raises(StatementRefused, match="invalid input syntax"):
        settle(mesh.engine.database, task, Succeeded(output="no JSON"), mesh.engine.rules)
    assert bench.statuses(run) == {"work": "running"}
    settled = settle(mesh.engine.database, task, succeeded(), mesh.engine.rules)
    assert settled is not None
    assert (settled.step_status, settled.run_status) == ("completed", "completed")
