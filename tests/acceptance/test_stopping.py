"""Stopping a worker: running steps may end, nothing new begins, what outlives the grace is given back."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from huey.consumer import Consumer

from squidmesh import SquidMesh, StepContext
from squidmesh.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from squidmesh.worker.worker import Worker
    from tests.acceptance.conftest import Desk, Process


def test_a_signal_lets_running_steps_end(
    mesh: SquidMesh,
    desk: Desk,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    stop_signal: int,
    tmp_path: Path,
) -> None:
    """After SIGTERM or Ctrl-C the running step ends and is recorded, its successor waits for another worker."""
    gate = tmp_path / "gate"
    run = mesh.start_run("acc.gated", {"gate": str(gate)})
    process = worker()
    until(lambda: len(desk.noted()) == 2)
    process.signal(stop_signal)
    until(lambda: "claiming nothing more" in process.wrote())
    other = mesh.start_run("acc.straight")
    time.sleep(0.5)  # several polls, in which a worker that drains must claim nothing
    gate.touch()

    assert process.ended() == 0
    assert desk.ask("SELECT step, status, attempt FROM squidmesh.step_runs WHERE run_id = %s ORDER BY id", run.id) == [
        ("before", "completed", 1),
        ("middle", "completed", 1),
        ("behind", "pending", 0),
    ]
    assert mesh.inspect_run(other.id).status == "pending"
    assert desk.one("SELECT count(*) FROM squidmesh.workers") == 0


def test_what_outlives_the_grace_is_given_back(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any], stop_signal: int
) -> None:
    """A step that goes on past the grace is pending again, due soon, its attempt and no loss counted."""
    run = mesh.start_run("acc.sleepy", {"seconds": 30.0})
    process = worker("--grace", "300ms", SQUIDMESH_LEASE="10m")
    until(desk.noted)
    process.signal(stop_signal)

    assert process.ended() == 0
    query = "SELECT status, attempt, losses, claim_token, run_at <= now() + interval '1 s' FROM squidmesh.step_runs"
    assert desk.ask(query) == [("pending", 0, 0, None, True)]
    assert desk.one("SELECT count(*) FROM squidmesh.attempts") == 0
    assert mesh.explain_run(run.id).reason in {"step_scheduled", "waiting_for_capable_worker"}


def test_a_second_signal_stops_hard(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """A second signal, even at once after the first, waits for no running step; the step is given back."""
    mesh.start_run("acc.sleepy", {"seconds": 60.0})
    process = worker("--grace", "10m", SQUIDMESH_LEASE="10m")
    until(desk.noted)
    process.signal(signal.SIGTERM)
    time.sleep(0.01)  # or the two signals are one
    process.signal(signal.SIGINT)

    process.ended(20)
    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]


def test_a_worker_of_a_host_leaves_signals_alone(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """start(), stop() and with use threads; the process's signal handlers stay the host's."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    run = mesh.start_run("acc.straight")
    with mesh.worker() as worker:
        during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
        assert worker.wait_until_nothing_due(20)
    assert mesh.inspect_run(run.id).status == "completed"
    assert before == during == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("squidmesh-rec")]


def test_run_gives_the_signals_back(mesh: SquidMesh) -> None:
    """After run() has ended, the process's signal handlers are those of before."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    mesh.worker(burst=True).run()
    assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]


STUBBORN = """
workflow: acc.stubborn
triggers: {go: {manual: {}}}
steps: {nap: {uses: acc.stubborn, next: complete}}
"""


@contextmanager
def stubborn_worker(database_url: str, folder: Path) -> Iterator[Worker]:
    """Give a worker whose step goes on, whatever it is told, until the test is over."""
    (folder / "stubborn.yaml").write_text(STUBBORN)
    entered, leave = threading.Event(), threading.Event()

    def stubborn() -> None:
        entered.set()
        leave.wait(20)

    with SquidMesh(database_url, workflows=folder, steps={"acc.stubborn": stubborn}) as mesh:
        worker = mesh.worker()
        mesh.start_run("acc.stubborn")
        worker.start()
        assert entered.wait(20)
        yield worker
        leave.set()


def test_stop_gives_back_what_outlives_its_grace(
    database_url: str, desk: Desk, until: Callable[..., Any], tmp_path: Path
) -> None:
    """stop(grace) in a host: the step that goes on is told and given back, its late result is refused."""
    told: list[bool] = []
    entered, leave = threading.Event(), threading.Event()

    def stubborn(ctx: StepContext) -> None:
        entered.set()
        leave.wait(20)
        told.append(ctx.cancelled)

    (tmp_path / "stubborn.yaml").write_text(STUBBORN)
    with SquidMesh(database_url, workflows=tmp_path, steps={"acc.stubborn": stubborn}) as mesh:
        mesh.start_run("acc.stubborn")
        worker = mesh.worker()
        worker.start()
        assert entered.wait(20)
        worker.stop(grace=0.1)
        leave.set()
        until(lambda: told)

    assert told == [True]
    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]


def test_what_ended_in_an_outage_is_recorded_within_the_grace(
    database_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker that is stopped while the database is away waits for it as long as it would for a running step."""
    monkeypatch.setattr("squidmesh.worker.worker._LAST_RECORDS", 0.1)
    (tmp_path / "brief.yaml").write_text(STUBBORN)
    away, back = threading.Event(), threading.Event()
    with SquidMesh(database_url, workflows=tmp_path, steps={"acc.stubborn": lambda: None}) as mesh:
        worker = mesh.worker()
        turn = worker._recorder._turn
        exchange = turn._exchange

        def exchange_unless_away(completions: Sequence[Any], *more: Any) -> Any:
            if completions and not back.is_set():
                away.set()
                raise DatabaseUnavailable("it is away")
            return exchange(completions, *more)

        monkeypatch.setattr(turn, "_exchange", exchange_unless_away)
        mesh.start_run("acc.stubborn")
        worker.start()
        assert away.wait(20)
        threading.Timer(0.7, back.set).start()
        worker.stop(grace=20)

    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("completed", 1)]


def test_a_harder_stop_ends_the_waiting_of_the_one_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever waits for the database through a long grace no longer does once somebody else stops without one."""
    monkeypatch.setattr("squidmesh.worker.worker._LAST_RECORDS", 0.1)
    (tmp_path / "brief.yaml").write_text(STUBBORN)
    away = threading.Event()
    with SquidMesh(database_url, workflows=tmp_path, steps={"acc.stubborn": lambda: None}) as mesh:
        worker = mesh.worker()
        turn = worker._recorder._turn
        exchange = turn._exchange

        def exchange_unless_away(completions: Sequence[Any], *more: Any) -> Any:
            if completions:
                away.set()
                raise DatabaseUnavailable("it is away")
            return exchange(completions, *more)

        monkeypatch.setattr(turn, "_exchange", exchange_unless_away)
        mesh.start_run("acc.stubborn")
        worker.start()
        assert away.wait(20)
        patient = threading.Thread(target=worker.stop, args=[3600], daemon=True)
        patient.start()
        while not worker._draining:
            time.sleep(0.01)
        worker.stop(grace=0)
        patient.join(30)
        assert not patient.is_alive()


def test_an_interrupted_stop_ends_the_worker_all_the_same(
    database_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C in a host that waits for its worker reaches the host once the worker has given back what it held."""
    with stubborn_worker(database_url, tmp_path) as worker:

        def interrupted(within: float) -> bool:
            monkeypatch.undo()
            raise KeyboardInterrupt

        monkeypatch.setattr(worker._recorder, "ended", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.stop(grace=0.1)

    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]
    assert desk.ask("SELECT 1 FROM squidmesh.workers") == []


def test_a_signal_may_come_to_any_thread(
    database_url: str, desk: Desk, until: Callable[..., Any], tmp_path: Path
) -> None:
    """A second signal ends the waiting whoever is handed it: gevent does not choose the greenlet that waits."""
    with stubborn_worker(database_url, tmp_path) as worker:
        stopping = threading.Thread(target=worker.stop, args=[3600], daemon=True)
        stopping.start()
        until(lambda: worker._recorder.handout.closed)
        for signum in (signal.SIGTERM, signal.SIGINT):
            worker._consumer._handle_signal(signum, None)
        stopping.join(30)
        assert not stopping.is_alive()

    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]


TWO = """
workflow: acc.two
triggers: {go: {manual: {}}}
steps:
  one: {uses: acc.one, next: two}
  two: {uses: acc.two, next: complete}
"""


def test_no_step_begins_once_a_worker_is_stopped(database_url: str, desk: Desk, tmp_path: Path) -> None:
    """A callback of the step before may take its time: what follows goes back at once, for another worker."""
    (tmp_path / "two.yaml").write_text(TWO)
    begun: list[str] = []
    told, go_on = threading.Event(), threading.Event()

    def linger(event: dict[str, Any]) -> None:
        told.set()
        go_on.wait(20)

    steps = {"acc.one": lambda: begun.append("one"), "acc.two": lambda: begun.append("two")}
    with SquidMesh(database_url, workflows=tmp_path, steps=steps) as mesh:
        mesh.on("step.completed", linger)
        mesh.start_run("acc.two")
        worker = mesh.worker(concurrency=1)
        worker.start()
        assert told.wait(20)
        stopping = threading.Thread(target=worker.stop, args=[20])
        stopping.start()
        while not worker._recorder.handout.closed:
            time.sleep(0.01)
        go_on.set()
        stopping.join(40)

    assert begun == ["one"]
    found = "SELECT step, status, attempt, run_at <= squidmesh.now() FROM squidmesh.step_runs ORDER BY step"
    assert desk.ask(found) == [("one", "completed", 1, True), ("two", "pending", 0, True)]


def test_a_worker_may_be_stopped_as_soon_as_it_was_started(mesh: SquidMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its threads take to start: there is nothing that could be stopped before they have."""
    start = Consumer.start

    def start_late(consumer: Consumer) -> None:
        time.sleep(0.3)
        start(consumer)

    monkeypatch.setattr(Consumer, "start", start_late)
    with mesh.worker():
        pass
    assert not mesh.list_workers()
