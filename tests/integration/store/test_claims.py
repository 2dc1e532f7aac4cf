"""Claiming: which rows a worker takes, in which order, and what a claim sets."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.store import claims
from squidmesh.store.definitions import add_lanes
from tests.integration.hand_worker import nothing, succeeded

if TYPE_CHECKING:
    import pytest

    from tests.integration.bench import Bench
    from tests.integration.hand_worker import HandWorker

LANES = """
workflow: shop.lanes
triggers: {by_hand: {manual: {}}}
steps:
  plain: {uses: t.plain}
  urgent: {uses: t.plain, priority: 5}
  idle: {uses: t.plain, priority: -5}
  special: {uses: t.special}
  other: {uses: t.plain, queue: other}
  note: {log: {message: hello}}
  timer: {wait: 1h}
"""
TYPES = {"t.plain": nothing, "t.special": nothing}


def names(worker: HandWorker, wanted: int = 99) -> list[str]:
    """Return the names of the steps that a worker claims."""
    return [task.claim.step for task in worker.claim(wanted)]


def test_a_worker_claims_what_it_serves_and_knows(bench: Bench):
    """Its queues and its step types, built-ins too; never a timer before its time."""
    mesh = bench.mesh(LANES, TYPES)
    mesh.start_run("shop.lanes")
    assert names(bench.worker(mesh, queues=("other",))) == ["other"]
    assert names(bench.worker(mesh, step_types=("log", "t.special"))) == ["note", "special"]
    assert names(bench.worker(mesh, queues=("nowhere",))) == []
    assert names(bench.worker(mesh)) == ["idle", "plain", "urgent"]
    bench.advance(3601)
    assert names(bench.worker(mesh)) == ["timer"]


def test_larger_priority_first_then_the_longest_due(bench: Bench):
    """One at a time, priority decides, and among equals the time since which a row is due."""
    mesh = bench.mesh(LANES, TYPES)
    first, second = mesh.start_runs("shop.lanes", [{}, {}])
    bench.connection.execute(
        "UPDATE squidmesh.step_runs SET run_at = run_at - interval '1 h' WHERE run_id = %s", [second]
    )
    worker = bench.worker(mesh, step_types=("t.plain",))
    order = [(task.claim.step, task.claim.run.id) for _ in range(6) for task in worker.claim()]
    assert order == [(step, run) for step in ("urgent", "plain", "idle") for run in (second, first)]


def test_never_more_than_wanted(bench: Bench):
    """A claim takes as many rows as it was given tokens, and says that there are more."""
    mesh = bench.mesh(LANES, TYPES)
    mesh.start_runs("shop.lanes", [{}] * 5)
    worker = bench.worker(mesh)
    found = worker.look(3)
    assert (len(found.claims), found.contended) == (3, True)
    assert len({claim.token for claim in found.claims}) == 3


def test_what_a_claim_sets(bench: Bench):
    """Running, attempt 1, worker, token and lease on the row; the run runs and has started."""
    mesh = bench.mesh(LANES, TYPES)
    run = mesh.start_run("shop.lanes")
    worker = bench.worker(mesh, step_types=("log",), lease=timedelta(seconds=12))
    task = worker.claim_one()
    row = bench.step_rows(run)["note"]
    assert (row["status"], row["attempt"], row["worker"]) == ("running", 1, worker.name)
    assert (row["claim_token"], row["started_at"]) == (task.claim.token, task.claim.started_at)
    assert row["lease_until"] - row["started_at"] == timedelta(seconds=12)
    shown = bench.run_row(run)
    assert (shown["status"], shown["started_at"]) == ("running", task.claim.run.started_at)


def test_an_empty_claim_says_how_long_to_sleep(bench: Bench):
    """The next due time among the lanes served, none if nothing is scheduled there."""
    mesh = bench.mesh(LANES, TYPES)
    mesh.start_run("shop.lanes")
    asleep = bench.worker(mesh, step_types=("wait",)).look()
    assert not asleep.claims
    assert asleep.next_in is not None
    assert timedelta(minutes=59) < asleep.next_in <= timedelta(hours=1)
    assert bench.worker(mesh, queues=("nowhere",)).look().next_in is None


def test_two_workers_never_take_the_same_row(bench: Bench):
    """Four workers claiming at once share 300 rows: each row once, none left."""
    mesh = bench.mesh(LANES, TYPES)
    mesh.start_runs("shop.lanes", [{}] * 50)
    workers = [bench.worker(mesh, queues=("default", "other")) for _ in range(4)]

    def take(worker: HandWorker) -> list[tuple]:
        taken = []
        while True:
            found = worker.look(5)
            taken += [(claim.id, claim.token) for claim in found.claims]
            if not found.claims and not found.contended:
                return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [pair for part in pool.map(take, workers) for pair in part]
    assert len(taken) == len({id_ for id_, _ in taken}) == 300
    rows = bench.rows("SELECT id, claim_token, attempt FROM squidmesh.step_runs WHERE status = 'running'")
    assert {(row["id"], row["claim_token"]) for row in rows} == set(taken)
    assert {row["attempt"] for row in rows} == {1}


def test_a_claim_waits_for_nobody(bench: Bench):
    """A locked step is passed over; with a locked run the step is taken, and its record shows the run running."""
    mesh = bench.mesh(LANES, TYPES)
    run = mesh.start_run("shop.lanes")
    worker = bench.worker(mesh, step_types=("log", "t.special"))
    with bench.connection.transaction():
        bench.rows("SELECT 1 FROM squidmesh.step_runs WHERE step = 'note' FOR UPDATE")
        bench.rows("SELECT 1 FROM squidmesh.runs FOR UPDATE")
        task = worker.claim_one()
    assert task.claim.step == "special"
    assert bench.counters(run)[0] == "pending"
    worker.end(task, succeeded())
    assert bench.counters(run)[0] == "running"
    assert bench.run_row(run)["started_at"] is not None


def test_a_row_put_off_between_look_and_lock_is_not_taken(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """The claim looks at the due time again under the lock: nothing fires before its time."""
    mesh = bench.mesh(LANES, TYPES)
    run = mesh.start_run("shop.lanes")
    gate = "AND CASE WHEN (SELECT count(*) FROM cand) >= 0 THEN pg_advisory_xact_lock_shared(77)::text IS NOT NULL END"
    marker = "AND s.run_at <= squidmesh.now()\n    ORDER BY array_position"
    assert claims._CLAIM.count(marker) == 1
    monkeypatch.setattr(claims, "_CLAIM", claims._CLAIM.replace(marker, marker.replace("\n", f" {gate}\n", 1)))
    worker = bench.worker(mesh, step_types=("log",))
    found = []
    bench.rows("SELECT pg_advisory_lock(77)")
    thread = threading.Thread(target=lambda: found.append(worker.look()))
    thread.start()
    while not bench.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        pass
    bench.rows("UPDATE squidmesh.step_runs SET run_at = run_at + interval '1 h' WHERE step = 'note' RETURNING 1")
    bench.rows("SELECT pg_advisory_unlock(77)")
    thread.join()
    assert found[0].claims == ()
    assert bench.statuses(run)["note"] == "pending"


def test_lanes_become_visible_in_the_order_of_their_numbers(bench: Bench):
    """A lane number that is smaller than one already seen never appears later, or workers would miss it."""
    mesh = bench.mesh()
    database = mesh.engine.database
    first, second = bench.connect(), threading.Thread(
        target=lambda: add_lanes(database, [("q", "second", 0)])
    )  # fmt: skip
    with first.transaction():
        first.execute("LOCK TABLE squidmesh.lanes IN SHARE ROW EXCLUSIVE MODE")
        first.execute("INSERT INTO squidmesh.lanes (queue, step_type, priority) VALUES ('q', 'first', 0)")
        second.start()
        while not bench.rows("SELECT 1 FROM pg_locks WHERE relation = 'squidmesh.lanes'::regclass AND NOT granted"):
            pass
        assert bench.rows("SELECT * FROM squidmesh.lanes") == []
    second.join()
    rows = bench.rows("SELECT step_type FROM squidmesh.lanes ORDER BY id")
    assert [row["step_type"] for row in rows] == ["first", "second"]


def test_a_lane_has_one_number_however_many_ask(bench: Bench):
    """Eight threads that meet the same new lanes get the same numbers."""
    database = bench.mesh().engine.database
    wanted = [("q", f"type{n}", 0) for n in range(5)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: add_lanes(database, wanted), range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == 5
