"""What huey's documentation says of tasks holds for those of a host on our consumer and our tables."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from huey import CancelExecution, chord, crontab, group
from huey.exceptions import RetryTask, TaskException
from sqlalchemy import create_engine, make_url

from squidmesh import SquidMesh
from squidmesh.errors import InvalidHueyTask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psycopg


def test_a_task_is_executed_with_what_it_was_given(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """Arguments by position and by name arrive as JSON carries them; tasks with priority go first."""
    seen: list[Any] = []

    @mesh.huey.task()
    def remind(order: int, *, items: list[Any]) -> None:
        seen.append((order, items))

    remind(1, items=["a", {"b": None}])
    mesh.huey.enqueue(remind.s(2, items=[], priority=5))
    with mesh.worker(concurrency=1):
        until(lambda: len(seen) == 2)
    assert seen == [(2, []), (1, ["a", {"b": None}])]


def test_a_task_that_fails_is_tried_again(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """``retries``, ``retry_delay`` and ``RetryTask`` work; each try is told to the signals."""
    tries: list[str] = []
    signals: list[str] = []
    mesh.huey.signal()(lambda signal, task, *_: signals.append(signal))

    @mesh.huey.task(retries=1, retry_delay=0.2)
    def fail() -> None:
        tries.append("fail")
        raise RuntimeError("no")

    @mesh.huey.task(context=True)
    def once_more(task: Any) -> None:
        tries.append("once more")
        if tries.count("once more") == 1:
            raise RetryTask(delay=0.1)

    fail()
    once_more()
    with mesh.worker():
        until(lambda: signals.count("error") == 2 and signals.count("complete") == 1)
    assert (tries.count("fail"), tries.count("once more")) == (2, 2)
    assert signals.count("retrying") == 2


def test_a_task_waits_until_its_time(
    mesh: SquidMesh, until: Callable[..., Any], tables: psycopg.Connection[Any]
) -> None:
    """A task scheduled by delay or by time stands in the schedule and is executed once that has come, not before."""
    seen: list[tuple[str, datetime]] = []

    @mesh.huey.task()
    def note(name: str) -> None:
        seen.append((name, datetime.now(UTC)))

    at = datetime.now(UTC) + timedelta(seconds=0.6)
    note.schedule(("delayed",), delay=0.3)
    note.schedule(("timed",), eta=at)
    note.schedule(("tomorrow",), delay=86400)
    with mesh.worker():
        until(lambda: len(seen) == 2)
        until(lambda: mesh.huey.scheduled_count() == 1)
    assert [name for name, _ in seen] == ["delayed", "timed"]
    assert seen[1][1] >= at
    (stands,) = tables.execute("SELECT to_timestamp(timestamp) - now() FROM squidmesh.huey_schedule").fetchall()
    assert timedelta(hours=23) < stands[0] < timedelta(hours=25)  # whatever the zone of this machine is


def test_results_are_kept_once_they_are_switched_on(mesh: SquidMesh, tables: psycopg.Connection[Any]) -> None:
    """Off, a call returns None and nothing is kept; on, values, errors and pipelines are what huey says."""

    @mesh.huey.task()
    def add(a: int, b: int) -> Any:
        return a + b

    @mesh.huey.task()
    def cost() -> Any:
        return Decimal(1)

    with mesh.worker() as worker:
        assert add(1, 2) is None
        assert worker.wait_until_nothing_due(30)
        assert tables.execute("SELECT count(*) FROM squidmesh.huey_kv").fetchall() == [(0,)]
        mesh.huey.results = True
        assert add(1, 2).get(blocking=True, timeout=30) == 3
        last = mesh.huey.enqueue(add.s(1, 2).then(add, 10).then(add, 100))[-1]  # a ResultGroup waits for each
        assert last == 113
        with pytest.raises(TaskException, match="unsupported operand"):
            add(1, None).get(blocking=True, timeout=30)
        with pytest.raises(TaskException, match=r"is a Decimal, which is not JSON: write str\(value\)"):
            cost().get(blocking=True, timeout=30)


def test_pipelines_errors_groups_and_chords(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """What huey hands from task to task is JSON: an exception becomes text, a failed member a mapping."""
    seen: list[Any] = []

    @mesh.huey.task()
    def half(n: int) -> float:
        if n % 2:
            raise ValueError(f"{n} is odd")
        return n / 2

    @mesh.huey.task()
    def told(*given: Any) -> None:
        seen.append(given)

    mesh.huey.enqueue(half.s(8).then(told))
    mesh.huey.enqueue(half.s(3).error(told))
    mesh.huey.enqueue(group([half.s(2), half.s(4)]))
    mesh.huey.enqueue(chord([half.s(6), half.s(5)], told.s("all")))
    with mesh.worker():
        until(lambda: len(seen) == 3)
    assert (4.0,) in seen
    assert ("ValueError: 3 is odd",) in seen
    ((_, (good, bad)),) = [given for given in seen if given[0] == "all"]
    assert good == 3.0
    assert "5 is odd" in bad["error"]


def test_revoked_expired_and_cancelled_tasks_are_not_executed(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """A revocation made in another process, an expiry and a hook that raises each keep a task from running."""
    seen: list[str] = []
    signals: list[str] = []
    mesh.huey.signal("revoked", "expired", "canceled")(lambda signal, task: signals.append(signal))

    @mesh.huey.task()
    def note(name: str) -> None:
        seen.append(name)

    @mesh.huey.pre_execute()
    def no_c(task: Any) -> None:
        if "c" in task.args:
            raise CancelExecution

    revoked = note.s("a")
    mesh.huey.enqueue(revoked)
    mesh.huey.revoke(revoked)
    mesh.huey.enqueue(note.s("b", expires=datetime.now(UTC) - timedelta(seconds=1)))
    note("c")
    note("d")
    with mesh.worker(concurrency=1):
        until(lambda: seen)
    assert seen == ["d"]
    assert signals == ["revoked", "expired", "canceled"]


def test_locks_and_rate_limits_hold_across_threads(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """``lock_task`` and ``rate_limit`` work over the same tables."""
    gate = threading.Event()
    told: list[str] = []
    mesh.huey.signal("locked", "rate-limited", "executing", "complete")(lambda signal, task: told.append(signal))

    @mesh.huey.task()
    @mesh.huey.lock_task("one at a time")
    def alone() -> None:
        gate.wait(30)

    @mesh.huey.task()
    @mesh.huey.rate_limit("seldom", limit=1, per=10**9, retry=False)  # huey's windows begin at multiples of it
    def seldom() -> None:
        return

    alone()
    with mesh.worker(concurrency=4):
        until(lambda: told == ["executing"])
        alone()
        until(lambda: "locked" in told)
        gate.set()
        seldom()
        until(lambda: told.count("complete") == 2)
        seldom()
        until(lambda: "rate-limited" in told)
        until(lambda: not mesh.huey.is_locked("one at a time"))


def test_hooks_and_signals_are_one_for_steps_and_tasks(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """What is registered on ``mesh.huey`` is told of each step and of each task, on every worker of the mesh."""
    told: list[tuple[str, str]] = []
    hooks: set[str] = set()
    mesh.huey.signal("complete")(lambda signal, task: told.append((signal, task.name)))
    mesh.huey.post_execute()(lambda task, value, error: hooks.add(task.name))
    mesh.huey.on_startup()(lambda: hooks.add("startup"))

    @mesh.huey.task()
    def note() -> None:
        return

    worker = mesh.worker()
    assert worker.huey is mesh.huey
    note()
    mesh.start_run("a.b")
    with worker, mesh.worker():
        until(lambda: len(told) == 3)
    assert sorted(told) == [("complete", "note"), ("complete", "run_step"), ("complete", "run_step")]
    assert hooks == {"startup", "note", "run_step"}


def test_hooks_of_a_step_are_called_by_its_own_thread_around_its_record(
    mesh: SquidMesh, until: Callable[..., Any]
) -> None:
    """What a hook opened in its thread the other can close there, and what is told as complete is recorded."""
    seen: list[tuple[str, int, str]] = []
    run = mesh.start_run("a.b")

    def note(when: str) -> None:
        seen.append((when, threading.get_ident(), mesh.inspect_run(run.id).status))

    mesh.huey.pre_execute()(lambda task: note("before"))
    mesh.huey.post_execute()(lambda task, value, error: note("after"))
    mesh.huey.signal("complete")(lambda signal, task: note("complete"))
    with mesh.worker(concurrency=4):
        until(lambda: len(seen) == 6)
    assert [when for when, _, _ in seen] == ["before", "after", "complete"] * 2
    assert [status for _, _, status in seen] == ["running"] * 4 + ["completed"] * 2
    for first in (0, 3):
        assert len({thread for _, thread, _ in seen[first : first + 3]}) == 1


def test_a_step_that_a_hook_cancels_is_given_back(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """``CancelExecution`` before a step puts it off, without an attempt; nothing holds its claim meanwhile."""
    cancelled: list[str] = []

    @mesh.huey.pre_execute()
    def not_yet(task: Any) -> None:
        if not cancelled:
            cancelled.append(task.id)
            raise CancelExecution

    run = mesh.start_run("a.b")
    with mesh.worker():
        until(lambda: mesh.inspect_run(run.id).status == "completed")
    (first, _) = mesh.inspect_run(run.id, include_history=True).step_runs
    assert cancelled == [str(first.id)]
    assert len(first.attempts) == 1


def test_a_value_that_json_cannot_carry_is_refused_where_it_is_enqueued(
    mesh: SquidMesh, tables: psycopg.Connection[Any]
) -> None:
    """The error names task and argument; neither it nor a group with it leaves anything behind, nor is it signalled."""
    told: list[str] = []
    mesh.huey.signal()(lambda signal, task: told.append(signal))

    @mesh.huey.task(name="remind")
    def remind(order: Any, *rest: Any, at: Any = None) -> None:
        return

    now = datetime.now(UTC)
    for call, argument in (
        (lambda: remind(now), "order"),
        (lambda: remind(1, now), "number 2"),
        (lambda: remind(1, at=[now]), "at"),
        (lambda: remind.schedule((now,), delay=5), "order"),
        (lambda: mesh.huey.enqueue(remind.s(1).then(remind, at=now)), "at"),
        (lambda: mesh.huey.enqueue(group([remind.s(1), remind.s(now)])), "order"),
        (lambda: mesh.huey.enqueue(chord([remind.s(1)], remind.s(now))), "order"),
        (lambda: remind("x" * 2_000_000), ""),
        (lambda: remind(1, id=7), ""),
    ):
        with pytest.raises(InvalidHueyTask, match=r"^huey task '.*\.remind' was not enqueued: ") as caught:
            call()
        assert caught.value.argument == argument
    assert tables.execute("SELECT count(*) FROM squidmesh.huey_task").fetchall() == [(0,)]
    assert told == []
    mesh.huey.immediate = True
    with pytest.raises(InvalidHueyTask):  # what tests execute in place is checked as well
        remind(now)


def test_immediate_tasks_run_where_they_are_called(
    mesh: SquidMesh, until: Callable[..., Any], tables: psycopg.Connection[Any]
) -> None:
    """With ``immediate`` nothing reaches the tables, and a worker beside it executes steps as ever."""
    seen: list[int] = []

    @mesh.huey.task()
    def note(n: int) -> None:
        seen.append(n)

    mesh.huey.immediate = True
    note(1)
    assert seen == [1]
    run = mesh.start_run("a.b")
    with mesh.worker():
        until(lambda: mesh.inspect_run(run.id).status == "completed")
    mesh.huey.immediate = False
    note(2)
    assert tables.execute("SELECT count(*) FROM squidmesh.huey_task").fetchall() == [(1,)]


def test_a_periodic_task_is_enqueued_once_a_minute(
    mesh: SquidMesh, tables: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many workers ask, each minute of the server's clock enqueues it once; what is not due is left out."""
    monkeypatch.setattr("squidmesh.worker.host_huey.read_minute", lambda database: (minute, 60.0))
    minute = 29_000_000  # 2025-02-19 21:20 UTC
    moments: list[datetime] = []

    @mesh.huey.periodic_task(lambda moment: bool(moments.append(moment)))
    def never() -> None:
        return

    @mesh.huey.periodic_task(crontab(minute="*/20", hour="21"))
    def sometimes() -> None:
        return

    def enqueued() -> int:
        return int(tables.execute("SELECT count(*) FROM squidmesh.huey_task").fetchall()[0][0])

    threads = [threading.Thread(target=mesh.huey.enqueue_periodic) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert enqueued() == 1
    assert set(moments) == {datetime(2025, 2, 19, 21, 20, tzinfo=UTC).replace(tzinfo=None)}
    minute += 1
    assert mesh.huey.enqueue_periodic() == 60.0
    assert enqueued() == 1
    minute += 19
    mesh.huey.enqueue_periodic()
    assert enqueued() == 2


def test_what_has_come_due_is_moved_once(mesh: SquidMesh, tables: psycopg.Connection[Any]) -> None:
    """Many processes that move the schedule at once enqueue each task once, with its priority."""
    task = mesh.huey.task()(lambda n: None)
    for n in range(150):
        mesh.huey.add_schedule(task.s(n, priority=n, eta=datetime(2020, 1, 1, tzinfo=UTC)))

    def move() -> None:
        while mesh.huey.enqueue_due():
            pass

    threads = [threading.Thread(target=move) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = tables.execute("SELECT priority FROM squidmesh.huey_task ORDER BY priority").fetchall()
    assert [row[0] for row in rows] == list(range(150))
    assert mesh.huey.scheduled_count() == 0


def test_everything_is_found_in_another_schema_and_over_a_hosts_engine(
    empty_database_url: str, folder: Path, until: Callable[..., Any]
) -> None:
    """A host's SQLAlchemy engine and a schema of its own serve tasks as they serve steps."""
    engine = create_engine(make_url(empty_database_url).set(drivername="postgresql+psycopg"))
    seen: list[int] = []
    with SquidMesh(engine, [], folder=folder, schema="flows") as mesh:
        mesh.migrate()
        mesh.huey.results = True

        @mesh.huey.task()
        def note(n: int) -> int:
            seen.append(n)
            return n

        note(1)
        note.schedule((2,), delay=0.1)
        with mesh.worker():
            assert note(3).get(blocking=True, timeout=30) == 3
            until(lambda: len(seen) == 3)
        assert mesh.huey.pending_count() == mesh.huey.scheduled_count() == 0
        mesh.huey.flush()
    engine.dispose()


def test_a_clock_that_is_behind_does_not_send_a_task_round(
    mesh: SquidMesh, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's clock tells when a scheduled task is due, for its move and its execution alike."""
    scheduled: list[str] = []
    seen: list[float] = []
    mesh.huey.signal("scheduled")(lambda signal, task: scheduled.append(signal))
    task = mesh.huey.task()(lambda: seen.append(time.monotonic()))
    mesh.huey.add_schedule(task.s(eta=datetime.now(UTC) - timedelta(seconds=1)))
    behind = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    monkeypatch.setattr(mesh.huey, "_get_timestamp", lambda: behind)
    with mesh.worker():
        until(lambda: seen)
    assert scheduled == ["scheduled"]
