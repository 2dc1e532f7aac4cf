"""Steps and tasks of the host share a worker's threads: neither waits for the other to run dry."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh
from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.wakeups import Notifier
from squidmesh.worker.handout import Errand, Handout
from squidmesh.worker.host_tasks import HostTasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psycopg
    import pytest


ROW = "INSERT INTO squidmesh.huey_task (queue, data) VALUES ('squidmesh', %s)"
SCHEDULED = "INSERT INTO squidmesh.huey_schedule (queue, data, timestamp) VALUES ('squidmesh', %s, 0)"


def test_a_burst_of_tasks_does_not_starve_steps(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """With thousands of tasks waiting, and one thread for all, a run that is started then ends long before them."""
    done: list[int] = []

    @mesh.huey.task()
    def work(n: int) -> None:
        done.append(n)
        time.sleep(0.01)

    for n in range(500):
        work(n)
    with mesh.worker(concurrency=1):
        until(lambda: done)
        run = mesh.start_run("a.b")
        until(lambda: mesh.inspect_run(run.id).status == "completed")
        assert len(done) < 250


def test_a_burst_of_steps_does_not_starve_tasks(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """With hundreds of runs due, and one thread for all, tasks are executed long before the last of them."""
    done: list[int] = []
    task = mesh.huey.task()(done.append)
    mesh.start_runs("a.b", [{}] * 500)
    for n in range(5):
        task(n)
    with mesh.worker(concurrency=1):
        until(lambda: len(done) == 5, 60)
        assert sum(run.status == "completed" for run in mesh.list_runs(limit=500)) < 250


def test_long_tasks_leave_a_thread_to_the_steps(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """However many long tasks wait, one of several threads goes on with steps."""
    gate = threading.Event()
    begun: list[int] = []

    @mesh.huey.task()
    def wait(n: int) -> None:
        begun.append(n)
        gate.wait(60)

    for n in range(5):
        wait(n)
    with mesh.worker(concurrency=3):
        until(lambda: len(begun) >= 2)
        run = mesh.start_run("a.b")
        try:
            until(lambda: mesh.inspect_run(run.id).status == "completed")
            assert len(begun) == 2
        finally:
            gate.set()
        until(lambda: len(begun) == 5)


def test_a_step_that_must_run_alone_has_no_task_beside_it(
    mesh: SquidMesh, tables: psycopg.Connection[Any], until: Callable[..., Any]
) -> None:
    """A step that was lost twice is claimed in a process without running tasks, and none begins until it has ended."""
    alongside: list[bool] = []
    running = threading.Semaphore(0)

    @mesh.huey.task()
    def work() -> None:
        running.release()
        time.sleep(0.02)
        running.acquire()

    def look() -> None:
        for _ in range(20):
            alongside.append(running.acquire(blocking=False))
            if alongside[-1]:
                running.release()
            time.sleep(0.01)

    mesh._extra_steps["t.one"] = look
    run = mesh.start_run("a.b")
    tables.execute(
        "INSERT INTO squidmesh.lanes (queue, step_type, priority, solo) "
        "SELECT queue, step_type, priority, true FROM squidmesh.lanes WHERE step_type = 't.one' ON CONFLICT DO NOTHING"
    )
    tables.execute(
        "UPDATE squidmesh.step_runs SET losses = 2, run_at = now() + interval '1 h', "
        "lane = (SELECT id FROM squidmesh.lanes WHERE step_type = 't.one' "
        "AND solo) WHERE run_id = %s",
        [run.id],
    )
    for _ in range(100):
        work()
    with mesh.worker(concurrency=4):
        until(lambda: mesh.huey.pending_count() < 95)
        tables.execute("UPDATE squidmesh.step_runs SET run_at = now()")
        until(lambda: mesh.inspect_run(run.id).status == "completed", 60)
    assert alongside
    assert not any(alongside)


def test_nothing_due_counts_tasks(database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting until nothing is due waits for tasks, for runs that they start, and for tasks that steps enqueue.

    So it does where no wake-up arrives and the next poll is far away.
    """
    monkeypatch.setattr(Notifier, "announce", lambda self, delay: None)
    monkeypatch.setattr(Notifier, "announce_task", lambda self, delay: None)
    order: list[str] = []
    steps = {"t.one": lambda: order.append("step"), "t.two": lambda: end() and None}
    mesh = SquidMesh(database_url, folder / "w.yaml", steps, folder=folder, poll_interval="10m")

    @mesh.huey.task()
    def begin() -> None:
        order.append("task")
        mesh.start_run("a.b")

    @mesh.huey.task()
    def end() -> None:
        order.append("enqueued by a step")

    with mesh, mesh.worker() as worker:
        for round_ in range(1, 6):
            begin()
            assert worker.wait_until_nothing_due(60)
            assert order == ["task", "step", "enqueued by a step"] * round_


def test_a_burst_ends_when_neither_steps_nor_tasks_are_due(mesh: SquidMesh) -> None:
    """``burst`` works off what both have; what is scheduled for later is not due."""
    seen: list[str] = []
    task = mesh.huey.task()(seen.append)
    for n in range(20):
        task(str(n))
    task.schedule(("later",), delay=3600)
    mesh.start_run("a.b")
    mesh.worker(burst=True).run()
    assert len(seen) == 20
    assert "later" not in seen
    assert mesh.list_runs()[0].status == "completed"
    assert mesh.huey.scheduled_count() == 1


def test_rows_that_cannot_be_read_are_dropped(
    mesh: SquidMesh, tables: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever somebody writes into the tables, it is logged once and gone, executes nothing and holds up nothing."""
    seen: list[str] = []
    task = mesh.huey.task()(seen.append)
    run = mesh.start_run("a.b")
    (step,) = tables.execute("SELECT id::text FROM squidmesh.step_runs LIMIT 1").fetchone() or ("",)
    hostile = [
        b"\x80\x05cos\nsystem\n(S'true'\ntR.",
        b'["%s", "squidmesh.worker.tasks.run_step", null, 0, 0, null, ["%s"], {}]' % (step.encode(), step.encode()),
        b'{"task": {"id": "1", "name": "squidmesh.worker.tasks.run_step", "args": [], "kwargs": {}}}',
        b'{"task": {"id": "1", "name": "os.system", "args": ["true"], "kwargs": {}}}',
        b'{"value": 1}',
        b"{" * 200_000,
        b"\xff\x00",
    ]
    for row in hostile:
        tables.execute(ROW, [row])
        tables.execute(SCHEDULED, [row])
    task("behind them")
    with caplog.at_level(logging.ERROR), mesh.worker() as worker:
        assert worker.wait_until_nothing_due(60)
    assert seen == ["behind them"]
    assert mesh.inspect_run(run.id).status == "completed"
    dropped = [record for record in caplog.records if "was dropped" in record.getMessage()]
    assert len(dropped) == 2 * len(hostile)
    assert all(len(record.getMessage()) < 400 and record.exc_info is None for record in dropped)
    assert len(caplog.records) == len(dropped)
    assert mesh.huey.pending_count() == mesh.huey.scheduled_count() == 0


def test_arguments_that_fit_no_task_fail_it_alone(
    mesh: SquidMesh, tables: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A row with arguments that the function does not take fails like any task; the thread goes on."""
    seen: list[str] = []
    task = mesh.huey.task(name="note")(seen.append)
    row = '{"task": {"id": "1", "name": "%s", "args": [], "kwargs": {"no such": 1}}}'
    (name,) = mesh.huey.task_names
    tables.execute(ROW, [(row % name).encode()])
    task("x")
    with caplog.at_level(logging.ERROR), mesh.worker(concurrency=1) as worker:
        assert worker.wait_until_nothing_due(60)
    assert seen == ["x"]
    assert [record.name for record in caplog.records] == ["huey"]


def test_a_missing_table_does_not_hold_up_steps(
    mesh: SquidMesh, tables: psycopg.Connection[Any], until: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Where the tables cannot be read the log says it once, looks grow rare, and steps are executed as ever."""
    seen: list[str] = []
    task = mesh.huey.task()(seen.append)
    tables.execute("ALTER TABLE squidmesh.huey_task RENAME TO gone")
    with caplog.at_level(logging.WARNING), mesh.worker():
        until(lambda: "huey tasks of the host wait" in caplog.text)
        run = mesh.start_run("a.b")
        until(lambda: mesh.inspect_run(run.id).status == "completed")
        tables.execute("ALTER TABLE squidmesh.gone RENAME TO huey_task")
        task("x")
        until(lambda: seen)
    assert caplog.text.count("huey tasks of the host wait") == 1


class Broken:
    """A huey whose tables cannot be read; it stands where no database is needed."""

    waits_for_workers = True
    calls = 0

    def take(self, store: Any) -> Any:
        """Fail."""
        self.calls += 1
        raise DatabaseUnavailable("it is away")


def test_looks_that_fail_grow_rare() -> None:
    """Each failed look doubles the pause before the next, up to half a minute."""
    tasks = HostTasks(broken := Broken(), None, concurrency=4, poll_interval=1.0, on_change=lambda: None)
    pauses = []
    for _ in range(8):
        tasks.begin_look()
        assert tasks.look() is None
        pauses.append(round(tasks.next_look - time.monotonic()))
    assert pauses == [2, 4, 8, 16, 30, 30, 30, 30]
    assert broken.calls == 8
    tasks.hint()  # an outage is over when somebody has enqueued
    assert tasks.next_look <= time.monotonic()


def test_an_errand_that_nobody_took_is_returned() -> None:
    """A thread that was to be sent when the worker drained is told of, so that nobody waits for its look."""
    handout = Handout(on_idle=lambda: None)
    handout.offer([Errand.LOOK_FOR_HOST_TASK])
    assert handout.close() == [Errand.LOOK_FOR_HOST_TASK]


def test_children_of_a_process_enqueue_on_connections_of_their_own(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """A host that forks after it has enqueued, as web servers do, goes on in parent and children."""
    seen: list[str] = []
    task = mesh.huey.task()(seen.append)
    task("parent")
    held, forked = threading.Event(), threading.Event()

    def send() -> None:
        with mesh.engine.notifier._condition:  # as the thread does that sends wake-ups
            held.set()
            forked.wait(30)

    sender = threading.Thread(target=send)
    sender.start()
    held.wait(30)
    pids = []
    for n in range(3):
        pid = os.fork()
        if not pid:
            code = 1
            signal.alarm(20)
            try:
                task(f"child {n}")
                mesh.close()
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    forked.set()
    sender.join()
    task("parent again")
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    with mesh.worker():
        until(lambda: len(seen) == 5)
    assert sorted(seen) == ["child 0", "child 1", "child 2", "parent", "parent again"]
