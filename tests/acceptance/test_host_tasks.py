"""A host's own huey tasks on real workers: who executes them, what they cost, what stops and loses them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import SimpleNamespace

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk, Process
    from tests.acceptance.proxy import Proxy

APP = {"SQUIDMESH_APP": "host_app:make"}
SELDOM = {"SQUIDMESH_POLL_INTERVAL": "10m", "SQUIDMESH_SWEEP_INTERVAL": "10m"}
IDLE_SECONDS = 6


@pytest.fixture
def tasks(mesh: SquidMesh, project: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The host's tasks, in a process that runs no worker."""
    monkeypatch.syspath_prepend(project)
    monkeypatch.delitem(sys.modules, "host_app", raising=False)
    import host_app  # noqa: PLC0415 - it is in the folder of the test

    registered: SimpleNamespace = host_app.register(mesh)
    return registered


def count(desk: Desk, event: str) -> int:
    """Return how many lines of the ledger tell of this."""
    return int(desk.one("SELECT count(*) FROM ledger WHERE event = %s", event))


def test_a_worker_of_the_host_executes_what_another_process_enqueues(
    tasks: SimpleNamespace, mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """``squidmesh run`` with ``--app`` takes tasks at once, long before its next poll, beside the steps."""
    process = worker(**APP, **SELDOM)
    until(lambda: "listening for wake-ups" in process.wrote())
    tasks.note("hello")
    until(lambda: count(desk, "hello"))
    mesh.start_run("acc.straight")
    until(lambda: desk.open_runs() == 0)
    assert desk.one("SELECT pid FROM ledger WHERE event = 'hello'") == process.pid
    tasks.note.schedule(("later",), delay=0.5)
    until(lambda: count(desk, "later"))


def test_without_wake_ups_polling_finds_tasks(
    tasks: SimpleNamespace, mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Nobody tells the worker of the task: it is found by the next poll."""
    process = worker(**APP)
    until(lambda: "listening for wake-ups" in process.wrote())
    mesh.huey.storage._announce = lambda delay: None
    tasks.note("hello")
    until(lambda: count(desk, "hello"))


def test_each_task_is_executed_once_by_many_workers(
    tasks: SimpleNamespace, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Two processes share the tasks, and none is executed twice."""
    workers = [worker("--concurrency", "4", **APP) for _ in range(2)]
    for number in range(60):
        tasks.note(f"task {number}")
    until(lambda: desk.one("SELECT count(*) FROM ledger") >= 60, 60)
    for process in workers:
        process.signal(signal.SIGTERM)
        assert process.ended() == 0
    assert desk.one("SELECT count(DISTINCT event) FROM ledger") == desk.one("SELECT count(*) FROM ledger") == 60


def test_without_tasks_nothing_touches_their_tables(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any], proxy: Proxy
) -> None:
    """A host that registered no task pays nothing: idle, working and stopping, no statement names huey's tables."""
    process = worker(SQUIDMESH_DATABASE_URL=proxy.url)
    until(lambda: "listening for wake-ups" in process.wrote())
    mesh.start_run("acc.bumpy")
    until(lambda: desk.open_runs() == 0)
    time.sleep(1)  # several polls
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert len(proxy.statements) > 5
    assert [sent for sent in proxy.statements if "huey" in sent] == []


def test_an_idle_worker_with_tasks_asks_once_a_second_more(
    worker: Callable[..., Process], until: Callable[..., Any], desk: Desk, proxy: Proxy
) -> None:
    """With tasks registered an idle process sends at most one statement a second more, on one connection more."""
    defaults = {"SQUIDMESH_LEASE": "30s", "SQUIDMESH_POLL_INTERVAL": "1s", "SQUIDMESH_SWEEP_INTERVAL": "5s"}
    process = worker("--concurrency", "8", SQUIDMESH_DATABASE_URL=proxy.url, **defaults, **APP)
    until(lambda: "listening for wake-ups" in process.wrote())
    until(lambda: any("huey_task" in sent for sent in proxy.statements))
    time.sleep(1)
    proxy.statements.clear()
    time.sleep(IDLE_SECONDS)
    sent = list(proxy.statements)
    looks = [statement for statement in sent if "huey_task" in statement]
    assert IDLE_SECONDS - 2 <= len(looks) <= IDLE_SECONDS + 1
    assert len(sent) <= 3 * IDLE_SECONDS, sent
    assert len(desk.sessions()) <= 6


def test_a_signal_lets_a_running_task_end(
    tasks: SimpleNamespace,
    desk: Desk,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    stop_signal: int,
    tmp_path: Path,
) -> None:
    """After SIGTERM or Ctrl-C the running task may end, and the tasks that wait are left to others."""
    gate = tmp_path / "gate"
    tasks.gated(str(gate))
    process = worker("--concurrency", "2", **APP)
    until(lambda: count(desk, "task begun"))
    process.signal(stop_signal)
    until(lambda: "claiming nothing more; 0 steps and 1 huey tasks run" in process.wrote())
    tasks.note("for others")
    time.sleep(0.5)  # several polls, in which a worker that drains must take nothing
    gate.touch()
    assert process.ended() == 0
    assert count(desk, "task ended") == 1
    assert count(desk, "for others") == 0
    assert desk.one("SELECT count(*) FROM squidmesh.huey_task") == 1


def test_what_outlives_the_grace_is_told_and_lost(
    tasks: SimpleNamespace, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any], tmp_path: Path
) -> None:
    """A task that goes on past the grace is told to the signal ``interrupted``, and nobody executes it again."""
    tasks.gated(str(tmp_path / "never"))
    process = worker("--grace", "300ms", **APP)
    until(lambda: count(desk, "task begun"))
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert count(desk, "task interrupted") == 1
    assert "1 huey tasks did not end in time and are lost" in process.wrote()
    assert desk.one("SELECT count(*) FROM squidmesh.huey_task") == 0


def test_a_killed_worker_loses_its_task_and_no_step(
    tasks: SimpleNamespace,
    mesh: SquidMesh,
    desk: Desk,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Huey's tasks are executed at most once: kill -9 loses the one that runs; the step beside it runs again."""
    gate = tmp_path / "gate"
    mesh.start_run("acc.gated", {"gate": str(gate)})
    tasks.gated(str(gate))
    process = worker(**APP)
    until(lambda: count(desk, "task begun") and len(desk.noted()) == 2)
    process.kill()
    gate.touch()
    worker(**APP)
    until(lambda: desk.open_runs() == 0)
    tasks.note("the queue goes on")
    until(lambda: count(desk, "the queue goes on"))
    assert count(desk, "task begun") == 1
    assert count(desk, "task ended") == 0


def test_a_burst_works_off_tasks(tasks: SimpleNamespace, desk: Desk, worker: Callable[..., Process]) -> None:
    """``--burst`` exits once neither steps nor tasks are due."""
    for number in range(5):
        tasks.note(f"task {number}")
    assert worker("--burst", **APP).ended() == 0
    assert desk.one("SELECT count(*) FROM ledger") == 5


def test_a_periodic_task_is_executed_once_by_many_workers(
    desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Three workers start in one minute: each minute since was executed once, and one without scheduler asks nobody."""
    app = {"SQUIDMESH_APP": "host_app:make_punctual"}
    began = desk.one("SELECT date_trunc('minute', now())")
    alone = worker("--no-scheduler", **app)
    until(lambda: "listening for wake-ups" in alone.wrote())
    until(lambda: desk.one("SELECT beat_at > started_at + interval '1 s' FROM squidmesh.workers"))  # it has swept
    assert desk.one("SELECT count(*) FROM squidmesh.huey_counter") == 0
    started = [worker(**app) for _ in range(3)]
    until(lambda: count(desk, "tick"))
    for process in started:
        until(lambda process=process: "listening for wake-ups" in process.wrote())
    time.sleep(1)  # two sweeps, each of which looks again
    minutes = desk.one("SELECT 1 + extract(epoch FROM date_trunc('minute', now()) - %s)::int / 60", began)
    assert 1 <= count(desk, "tick") <= minutes


def test_an_app_that_cannot_reach_the_database_says_so_at_the_enqueue(project: Path) -> None:
    """Making the mesh and registering connect to nothing; an enqueue that fails is one error without the password."""
    code = (
        "import os; os.environ['SQUIDMESH_DATABASE_URL'] = 'postgresql://ada:geheim@127.0.0.1:1/shop'\n"
        "import host_app, squidmesh\nfrom squidmesh.errors import DatabaseUnavailable\n"
        "mesh = squidmesh.SquidMesh(); note = host_app.register(mesh).note\n"
        "try: note('x')\nexcept DatabaseUnavailable as error: print(error)\nmesh.close()"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("the database is not available:")
    assert "geheim" not in ran.stdout + ran.stderr
