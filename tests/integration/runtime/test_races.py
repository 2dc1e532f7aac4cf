"""Several connections at once: joins, stops, repeated records, and every move against every other."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from psycopg.errors import CheckViolation, DeadlockDetected

from squidmesh.store import records
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh
    from squidmesh.runtime.preparation import Prepared
    from tests.integration.bench import Bench
    from tests.integration.hand_worker import Answer, HandWorker

FORK = """
workflow: shop.fork
triggers: {by_hand: {manual: {}}}
steps:
  left: {uses: t.work, compensate: t.work}
  right: {uses: t.work, compensate: t.work}
  join: {uses: t.work, after: [left, right]}
"""


def fork(bench: Bench) -> SquidMesh:
    """Return a mesh with two roots and their join."""
    return bench.mesh(FORK, {"t.work": nothing})


def pairs(bench: Bench, mesh: SquidMesh, count: int) -> list[dict[str, Prepared]]:
    """Start runs and claim both roots of each."""
    mesh.start_runs("shop.fork", [{}] * count)
    found: dict[uuid.UUID, dict[str, Prepared]] = {}
    for task in bench.worker(mesh).claim(2 * count):
        found.setdefault(task.claim.run.id, {})[task.claim.step] = task
    return list(found.values())


def together(bench: Bench, run: uuid.UUID, *moves: Callable[[], Answer]) -> list[Answer]:
    """Make moves that all wait for the run's lock when it is let go."""
    with ThreadPoolExecutor(len(moves)) as pool:
        with bench.connection.transaction():
            bench.rows("SELECT 1 FROM squidmesh.runs WHERE id = %s FOR UPDATE", run)
            futures: list[Future[Answer]] = []
            for number, move in enumerate(moves, 1):
                futures.append(pool.submit(move))
                await_waiting(bench, number)
        return [future.result(timeout=20) for future in futures]


def await_waiting(bench: Bench, count: int) -> None:
    """Wait until ``count`` other backends of this database wait for a lock."""
    with bench.connect() as watcher:
        while True:
            found = watcher.execute(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock'"
            ).fetchone()
            assert found is not None
            if found["n"] >= count:
                return
            time.sleep(0.005)


def check_siblings_at_one_moment(bench: Bench) -> None:
    """Both siblings' records wait for the run; then each counts, with a sequence number of its own."""
    mesh = fork(bench)
    one, two = bench.worker(mesh), bench.worker(mesh)
    for pair in pairs(bench, mesh, 5):
        run = pair["left"].claim.run.id
        answers = together(
            bench,
            run,
            lambda pair=pair: one.end(pair["left"], succeeded()),
            lambda pair=pair: two.end(pair["right"], succeeded()),
        )
        assert not any(answer.refused for answer in answers)
        rows = bench.step_rows(run)
        assert rows["left"]["completed_seq"] != rows["right"]["completed_seq"]
        join = rows["join"]
        assert (join["status"], join["open_deps"], join["live_deps"]) == ("pending", 0, 2)
        assert join["scheduled_seq"] == max(rows["left"]["completed_seq"], rows["right"]["completed_seq"])
    bench.check()


def test_siblings_that_end_at_one_moment_schedule_their_join_once(bench: Bench):
    """Neither is lost: the join is released by the second, whichever that is."""
    check_siblings_at_one_moment(bench)


def test_siblings_racing_freely_schedule_their_join_once(bench: Bench):
    """The same 80 times with nothing but a barrier between the two workers."""
    mesh = fork(bench)
    work = pairs(bench, mesh, 80)
    barrier = threading.Barrier(2)

    def end_all(worker: HandWorker, step: str) -> list[int]:
        made_due = []
        for pair in work:
            barrier.wait(20)
            recorded = worker.end(pair[step], succeeded(), chain=True).recorded
            assert recorded is not None
            made_due.append(recorded.made_due)
        return made_due

    with ThreadPoolExecutor(2) as pool:
        sides = pool.map(end_all, [bench.worker(mesh), bench.worker(mesh)], ["left", "right"])
        left, right = sides
    assert [a + b for a, b in zip(left, right, strict=True)] == [1] * 80
    joins = bench.rows("SELECT status, open_deps FROM squidmesh.step_runs WHERE step = 'join'")
    assert {(row["status"], row["open_deps"]) for row in joins} == {("pending", 0)}
    bench.check()


def check_record_against_stop(bench: Bench) -> None:
    """A record that waited while its run was stopped is told by the phase, and nothing goes forward."""
    mesh = fork(bench)
    (pair,) = pairs(bench, mesh, 1)
    run = pair["left"].claim.run.id
    stopper, other = bench.worker(mesh), bench.worker(mesh)
    stopped, answer = together(
        bench,
        run,
        lambda: stopper.end(pair["left"], failed()),
        lambda: other.end(pair["right"], succeeded()),
    )
    assert stopped.settled is not None
    assert answer.recorded is None
    assert answer.settled is not None
    assert bench.statuses(run) == {"left": "failed", "right": "completed", "join": "cancelled"}
    assert bench.statuses(run, kind=1) == {"right": "pending"}
    bench.check()


def test_a_record_that_meets_a_stop_takes_the_slow_path(bench: Bench):
    """The completion is kept and undone; the join, cancelled before, stays so."""
    check_record_against_stop(bench)


def test_two_failures_at_one_moment_stop_the_run_once(bench: Bench):
    """The second finds the run stopping; each completed step is undone once."""
    mesh = fork(bench)
    one, two = bench.worker(mesh), bench.worker(mesh)
    for pair in pairs(bench, mesh, 5):
        run = pair["left"].claim.run.id
        together(
            bench,
            run,
            lambda pair=pair: one.end(pair["left"], failed("first")),
            lambda pair=pair: two.end(pair["right"], failed("second")),
        )
        assert bench.run_row(run)["status"] == "failed"
        assert bench.statuses(run) == {"left": "failed", "right": "failed", "join": "cancelled"}
    bench.check()


def test_a_record_sent_twice_at_one_moment_counts_once(bench: Bench):
    """Two connections repeat the same record: one takes it, the other finds no claim."""
    mesh = fork(bench)
    one, two = bench.worker(mesh), bench.worker(mesh)
    for pair in pairs(bench, mesh, 5):
        task = pair["left"]
        answers = together(
            bench,
            task.claim.run.id,
            lambda task=task: one.end(task, succeeded()),
            lambda task=task: two.end(task, succeeded()),
        )
        assert sorted(answer.refused for answer in answers) == [False, True]
        assert bench.step_rows(task.claim.run.id)["join"]["open_deps"] == 1
    bench.check()


def test_a_sweep_and_a_late_result_at_one_moment_agree(bench: Bench):
    """Either the step is lost and the result refused, or it is recorded and not swept."""
    mesh = fork(bench)
    pair, *_ = pairs(bench, mesh, 1)
    task = pair["left"]
    bench.advance(31)
    one, two = bench.worker(mesh), bench.worker(mesh)
    lost, late = together(bench, task.claim.run.id, lambda: one.lose(task), lambda: two.end(task, succeeded()))
    assert sorted([lost.refused, late.refused]) == [False, True]
    assert bench.step_rows(task.claim.run.id)["left"]["status"] == ("completed" if lost.refused else "pending")


def check_a_stale_token(bench: Bench) -> None:
    """A record with another token than the row's writes nothing."""
    mesh = fork(bench)
    (pair,) = pairs(bench, mesh, 1)
    task = pair["left"]
    bench.connection.execute(
        "UPDATE squidmesh.step_runs SET claim_token = %s WHERE id = %s", [uuid.uuid4(), task.claim.id]
    )
    assert bench.worker(mesh).end(task, succeeded()).refused
    assert bench.statuses(task.claim.run.id)["left"] == "running"


def check_a_key_starts_one_run(bench: Bench) -> None:
    """Eight starts at once under one key give one run."""
    mesh = fork(bench)
    mesh.start_run("shop.fork")
    with ThreadPoolExecutor(8) as pool:
        starts = pool.map(lambda _: mesh.start_run("shop.fork", idempotency_key="k"), range(8))
    assert len({run.id for run in starts}) == 1


def test_one_key_starts_one_run_whoever_is_first(bench: Bench):
    """The unique index decides, and the others are given the winner's run."""
    check_a_key_starts_one_run(bench)


def test_a_stale_token_is_refused(bench: Bench):
    """The token is what proves a claim."""
    check_a_stale_token(bench)


SABOTAGE = {
    "token predicate": (
        check_a_stale_token,
        " AND s.claim_token = i.token",
        "",
    ),
    "run lock, seen by siblings": (
        check_siblings_at_one_moment,
        "ORDER BY id FOR NO KEY UPDATE",
        "ORDER BY id",
    ),
    "run lock, seen by a stop": (
        check_record_against_stop,
        "ORDER BY id FOR NO KEY UPDATE",
        "ORDER BY id",
    ),
    "phase": (check_record_against_stop, " AND phase = 'forward'", ""),
    "decrement": (
        check_siblings_at_one_moment,
        "open_deps = j.open_deps - g.n",
        "open_deps = 1",
    ),
}


@pytest.mark.parametrize("removed", SABOTAGE)
def test_without_its_guards_the_record_is_found_out(bench: Bench, monkeypatch: pytest.MonkeyPatch, removed: str):
    """Each guard of the statement is held by a check above: taken away, that check fails."""
    check, guard, instead = SABOTAGE[removed]
    assert records._RECORD.count(guard) == 1
    monkeypatch.setattr(records, "_RECORD", records._RECORD.replace(guard, instead))
    with pytest.raises((AssertionError, CheckViolation, DeadlockDetected)):
        check(bench)


def test_without_the_unique_index_a_key_starts_several_runs(bench: Bench):
    """The check of idempotent starts stands on the index alone."""
    (index,) = bench.rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'runs_idempotency'")
    bench.connection.execute("DROP INDEX squidmesh.runs_idempotency")
    try:
        with pytest.raises(AssertionError):
            check_a_key_starts_one_run(bench)
    finally:
        bench.connection.execute("DELETE FROM squidmesh.runs")
        bench.connection.execute(index["indexdef"])
