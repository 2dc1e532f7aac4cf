"""Workers of several processes: each is interrupted, replaced and stopped by itself, and outlives nobody."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, make_url, text

from squidmesh import SquidMesh
from squidmesh.errors import SchemaOutdated
from tests.acceptance.conftest import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.conftest import Desk

Fleet = Any  # (size, *options, **variables) -> Process
PIDS = "SELECT pid FROM squidmesh.workers ORDER BY started_at"
CODES = "SELECT a.error->>'code' FROM squidmesh.attempts a ORDER BY a.finished_at"


def pids_of(desk: Desk) -> list[int]:
    """Return the processes that are present."""
    return [pid for (pid,) in desk.ask(PIDS)]


def is_gone(pid: int) -> bool:
    """Say whether a process has ended; one that nobody has asked for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def fleet(
    environment: dict[str, str], project: Path, desk: Desk, tmp_path: Path, until: Callable[..., Any]
) -> Iterator[Fleet]:
    """Start a worker of processes and wait until all are present; none is left afterwards."""
    started: list[Process] = []

    def start(size: int, *options: str, **variables: str) -> Process:
        arguments = ("run", "--worker-type", "process", "--concurrency", str(size), *options)
        log = tmp_path / f"fleet-{len(started)}.log"
        started.append(process := Process(arguments, project, environment | variables, log))
        until(lambda: len(pids_of(desk)) >= size or not process.alive())
        return process

    yield start
    left = pids_of(desk)
    for process in started:
        if process.alive():
            process.kill()
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_steps_run_at_once_in_processes_of_their_own(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any], tmp_path: Path
) -> None:
    """As many steps as there are processes run side by side, none of them in the one that was started."""
    gate = tmp_path / "gate"
    runs = mesh.start_runs("acc.gated", [{"gate": str(gate)}] * 2)
    process = fleet(2)
    at_gate = "SELECT DISTINCT pid FROM ledger WHERE step = 'middle' AND event = 'start'"
    until(lambda: len(desk.ask(at_gate)) == 2)
    assert sorted(desk.ask(at_gate)) == sorted(desk.ask("SELECT pid FROM squidmesh.workers"))
    assert (process.pid,) not in desk.ask(at_gate)
    gate.touch()
    until(lambda: {mesh.inspect_run(id_).status for id_ in runs} == {"completed"})


def test_the_supervising_process_has_no_connection(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]
) -> None:
    """Neither a connection nor a thread of it is there to be inherited."""
    process = fleet(1)
    sockets = [link for fd in Path(f"/proc/{process.pid}/fd").iterdir() if "socket:" in (link := str(fd.readlink()))]
    (pid,) = pids_of(desk)
    channel = 1
    assert len(sockets) == channel
    assert len(list(Path(f"/proc/{process.pid}/task").iterdir())) == 1
    assert not is_gone(pid)
    until(lambda: len(desk.sessions()) <= 5)


def test_a_step_past_its_timeout_is_interrupted(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]
) -> None:
    """Its process ends at once, the attempt is a timeout and no loss, and the place serves again."""
    process = fleet(1)
    before = pids_of(desk)
    run = mesh.start_run("acc.timed", {"seconds": 3600.0})
    until(lambda: pids_of(desk) and pids_of(desk) != before)
    assert is_gone(before[0])
    other = mesh.start_run("acc.straight")
    until(lambda: mesh.inspect_run(other.id).status == "completed")
    until(lambda: mesh.inspect_run(run.id).status == "completed")

    assert [code for (code,) in desk.ask(CODES) if code] == ["step_timed_out"] * 2
    assert desk.ask("SELECT sum(losses) FROM squidmesh.step_runs") == [(0,)]
    assert len({pid for (pid,) in desk.ask("SELECT pid FROM ledger WHERE step = 'nap'")}) == 2
    assert desk.noted("cancelled") == []
    late = "SELECT started_at - lag(finished_at) OVER (ORDER BY number) >= '2 s' FROM squidmesh.attempts"
    assert desk.ask(f"{late} WHERE error IS NOT NULL ORDER BY number") == [(None,), (True,)]
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert pids_of(desk) == []  # those that were interrupted have said goodbye


def test_an_interrupted_irreversible_step_waits_for_a_person(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]
) -> None:
    """Nobody knows whether its effect happened: it pauses, and is not called again."""
    run = mesh.start_run("acc.once", {"seconds": 3600.0})
    fleet(1)
    until(lambda: mesh.inspect_run(run.id).status == "paused")
    assert mesh.explain_run(run.id).reason == "interrupted_irreversible_step"
    assert len(desk.noted()) == 1


def test_a_step_that_lets_no_thread_run_is_ended_from_outside(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]
) -> None:
    """No sign of life for a lease: the process is killed, so that the next attempt at its step is alone."""
    mesh.start_run("acc.seizing", {"seconds": 3600})
    process = fleet(1)
    until(desk.noted)
    before = desk.one("SELECT pid FROM ledger")
    until(lambda: is_gone(before))
    assert f"process {before} has given no sign of life for a whole lease and is killed" in process.wrote()
    until(lambda: len(desk.noted()) == 2)
    assert desk.one("SELECT losses FROM squidmesh.step_runs") == 1


def test_a_killed_process_is_replaced_and_its_step_resumed(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any], tmp_path: Path
) -> None:
    """Kill -9 of one: another takes its place, the step is lost, and runs again after its lease."""
    gate = tmp_path / "gate"
    run = mesh.start_run("acc.gated", {"gate": str(gate)})
    process = fleet(2)
    at_gate = "SELECT pid FROM ledger WHERE step = 'middle' AND event = 'start' ORDER BY id"
    until(lambda: desk.ask(at_gate))
    victim = desk.one(at_gate)
    before = set(pids_of(desk))
    os.kill(victim, signal.SIGKILL)
    until(lambda: set(pids_of(desk)) - before)
    until(lambda: f"process {victim} ended by SIGKILL; another takes its place" in process.wrote())
    gate.touch()
    until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert desk.ask("SELECT step, losses FROM squidmesh.step_runs WHERE losses > 0") == [("middle", 1)]


def test_a_process_that_is_asked_to_stop_is_renewed(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any], tmp_path: Path
) -> None:
    """SIGTERM to one: its step ends and is recorded, and another takes its place."""
    gate = tmp_path / "gate"
    run = mesh.start_run("acc.gated", {"gate": str(gate)})
    process = fleet(1)
    until(lambda: len(desk.noted()) == 2)
    (before,) = pids_of(desk)
    os.kill(before, signal.SIGTERM)
    until(lambda: "claiming nothing more" in process.wrote())
    gate.touch()
    until(lambda: is_gone(before))
    until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert pids_of(desk) != [before]
    assert desk.ask("SELECT DISTINCT attempt, losses FROM squidmesh.step_runs") == [(1, 0)]
    assert process.alive()


def test_a_signal_drains_every_process(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any], stop_signal: int, tmp_path: Path
) -> None:
    """Running steps end and are recorded, nothing new begins; also where the signal reaches all processes at once."""
    gate = tmp_path / "gate"
    runs = mesh.start_runs("acc.gated", [{"gate": str(gate)}] * 2)
    process = fleet(2)
    until(lambda: sum(step == "middle" for _, step, _ in desk.noted()) == 2)
    for pid in (process.pid, *pids_of(desk)):
        os.kill(pid, stop_signal)
    until(lambda: process.wrote().count("claiming nothing more") == 2)
    gate.touch()

    assert process.ended() == 0
    assert desk.ask("SELECT step, status, attempt FROM squidmesh.step_runs WHERE run_id = %s ORDER BY id", runs[0]) == [
        ("before", "completed", 1),
        ("middle", "completed", 1),
        ("behind", "pending", 0),
    ]
    assert pids_of(desk) == []


def test_a_second_signal_stops_hard(mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]) -> None:
    """It waits for no running step; each is given back, its attempt not counted."""
    mesh.start_runs("acc.sleepy", [{"seconds": 3600.0}] * 2)
    process = fleet(2, "--grace", "10m", SQUIDMESH_LEASE="10m")
    until(lambda: len(desk.noted()) == 2)
    process.signal(signal.SIGTERM)
    until(lambda: process.wrote().count("claiming nothing more") == 2)
    process.signal(signal.SIGINT)
    assert process.ended() == 0
    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)] * 2


def test_what_outlives_the_grace_is_given_back(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]
) -> None:
    """--grace holds in each process."""
    mesh.start_run("acc.sleepy", {"seconds": 3600.0})
    process = fleet(1, "--grace", "300ms", SQUIDMESH_LEASE="10m")
    until(desk.noted)
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]


def test_no_process_outlives_the_supervising_one(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any], tmp_path: Path
) -> None:
    """Kill -9 of the parent: the others notice, let their steps end, record them, and are gone."""
    gate = tmp_path / "gate"
    mesh.start_runs("acc.gated", [{"gate": str(gate)}] * 2)
    process = fleet(3)
    until(lambda: sum(step == "middle" for _, step, _ in desk.noted()) == 2)
    pids = pids_of(desk)
    process.kill()
    until(lambda: process.wrote().count("claiming nothing more") == 3)
    gate.touch()
    until(lambda: all(is_gone(pid) for pid in pids))
    assert pids_of(desk) == []
    done = "SELECT count(*) FROM squidmesh.step_runs WHERE step = 'middle' AND status = 'completed'"
    assert desk.one(done) == 2


def test_burst_ends_when_nothing_is_due(mesh: SquidMesh, desk: Desk, squidmesh: Callable[..., Any]) -> None:
    """--burst: each process ends by itself, and the one that supervises them with 0."""
    mesh.start_runs("acc.straight", [{}] * 10)
    result = squidmesh("run", "--worker-type", "process", "--concurrency", "2", "--burst")
    assert (result.returncode, result.stdout) == (0, "")
    assert desk.ask("SELECT status, count(*) FROM squidmesh.runs GROUP BY 1") == [("completed", 10)]
    assert pids_of(desk) == []


def test_what_keeps_all_from_beginning_is_said_once(empty_database_url: str, squidmesh: Callable[..., Any]) -> None:
    """A database without tables: one clear message and exit code 2, as from any other worker."""
    result = squidmesh("run", "--worker-type", "process", SQUIDMESH_DATABASE_URL=empty_database_url)
    assert result.returncode == 2
    assert result.stderr.count("squidmesh db upgrade") == 1
    assert "Traceback" not in result.stderr


def test_a_host_holds_processes(mesh: SquidMesh, desk: Desk, until: Callable[..., Any]) -> None:
    """With, from a process that has connections and threads of its own: they stay its own, and so do its signals."""
    before = mesh.start_run("acc.straight")
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    events: list[str] = []
    mesh.on("step.*", lambda event: events.append(event["event"]))
    with mesh.worker(worker_type="process", concurrency=2) as worker:
        assert handlers == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
        assert worker.wait_until_nothing_due(20)
        assert not worker.stuck
        assert mesh.inspect_run(before.id).status == "completed"
        assert os.getpid() not in pids_of(desk)
        again = mesh.start_run("acc.straight")
        until(lambda: mesh.inspect_run(again.id).status == "completed")
    assert pids_of(desk) == []
    assert events == []  # they fire where the step was executed


def test_a_hosts_processes_tell_why_they_cannot_begin(empty_database_url: str, project: Path) -> None:
    """start() raises what a worker of threads would."""
    with SquidMesh(empty_database_url, folder=project) as host, pytest.raises(SchemaOutdated):
        host.worker(worker_type="process").start()


def test_hooks_fire_in_the_process_that_executes(mesh: SquidMesh, until: Callable[..., Any], tmp_path: Path) -> None:
    """Signals and hooks that are registered with the worker's huey before it starts are those of each process.

    So are the callbacks of ``mesh.on``.
    """
    mesh.on("run.completed", lambda event: (tmp_path / f"{os.getpid()}.event").touch())
    worker = mesh.worker(worker_type="process", concurrency=1)
    worker.huey.pre_execute("note")(lambda task: (tmp_path / f"{os.getpid()}.before").touch())
    worker.huey.signal("complete")(lambda signal, task: (tmp_path / f"{os.getpid()}.complete").touch())
    mesh.start_run("acc.straight")
    with worker:
        assert worker.wait_until_nothing_due(20)
        until(lambda: len(list(tmp_path.glob("*.complete"))) == 1)
    assert not list(tmp_path.glob(f"{os.getpid()}.*"))
    assert {path.suffix for path in tmp_path.glob("*.*")} >= {".before", ".complete", ".event"}


def test_the_engine_of_a_host_may_be_in_use(
    mesh: SquidMesh, database_url: str, desk: Desk, project: Path, until: Callable[..., Any]
) -> None:
    """Its open connections stay the host's alone, whoever of it has used them: a forked process opens others."""
    run = mesh.start_run("acc.straight")
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    backend = text("SELECT pg_backend_pid()")
    with engine.connect() as connection:
        before = connection.execute(backend).scalar_one()
    with SquidMesh(engine, folder=project, lease="2s", poll_interval="200ms") as host:
        with host.worker(worker_type="process", concurrency=2, grace=1.0):
            until(lambda: mesh.inspect_run(run.id).status == "completed")
        with engine.connect() as connection:
            assert connection.execute(backend).scalar_one() == before
    engine.dispose()


def test_a_process_that_cannot_stop_is_killed(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any]
) -> None:
    """The grace and a few seconds for farewells are all that a process gets that hears nothing."""
    mesh.start_run("acc.seizing", {"seconds": 3600})
    process = fleet(1, "--grace", "100ms", SQUIDMESH_LEASE="10m")
    until(desk.noted)
    (pid,) = pids_of(desk)
    process.signal(signal.SIGTERM)
    assert process.ended(40) == 0
    assert is_gone(pid)
    assert f"process {pid} has not stopped in time and is killed" in process.wrote()


HOST = """
import time
from squidmesh import SquidMesh
with SquidMesh() as mesh, mesh.worker(worker_type="process", concurrency=2):
    time.sleep(3600)
"""


def test_no_process_outlives_its_host(
    environment: dict[str, str], project: Path, desk: Desk, until: Callable[..., Any]
) -> None:
    """Kill -9 of a host: the process that supervises for it stops the others, and is gone itself."""
    host = subprocess.Popen([sys.executable, "-c", HOST], cwd=project, env=environment)
    until(lambda: len(pids_of(desk)) == 2)
    pids = pids_of(desk)
    supervising = {int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) for pid in pids}
    assert len(supervising) == 1
    host.kill()
    host.wait(10)
    until(lambda: all(is_gone(pid) for pid in (*pids, *supervising)))
    assert pids_of(desk) == []


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has forked and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_processes_are_counted_together(
    mesh: SquidMesh, desk: Desk, fleet: Fleet, until: Callable[..., Any], tmp_path: Path
) -> None:
    """One port serves what all of them did, and keeps it when one of them is gone; it is served to the end."""
    process = fleet(2, "--metrics-port", "0")
    port = until(lambda: re.search(r"serving metrics on port (\d+)", process.wrote()))[1]

    def finished() -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
        assert families["squidmesh_database_up"].samples[0].value == 1
        samples = families["squidmesh_runs_finished"].samples
        return sum(sample.value for sample in samples if sample.name.endswith("_total"))

    gate = tmp_path / "gate"
    gated = mesh.start_runs("acc.gated", [{"gate": str(gate)}] * 2)
    until(lambda: len(desk.ask("SELECT DISTINCT pid FROM ledger WHERE step = 'middle'")) == 2)
    gate.touch()
    until(lambda: {mesh.inspect_run(id_).status for id_ in gated} == {"completed"})
    until(lambda: finished() == 2)
    os.kill(pids_of(desk)[0], signal.SIGKILL)
    until(lambda: len(children_of(process.pid)) == 3)
    run = mesh.start_run("acc.straight")
    until(lambda: mesh.inspect_run(run.id).status == "completed")
    until(lambda: finished() == 3)
    (counting,) = set(children_of(process.pid)) - set(pids_of(desk))
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert is_gone(counting)


def test_nobody_counts_for_a_worker_that_is_gone(fleet: Fleet, desk: Desk, until: Callable[..., Any]) -> None:
    """Kill -9 of the process that supervises: the one that serves the metrics ends too, and frees the port."""
    process = fleet(1, "--metrics-port", "0")
    (counting,) = set(children_of(process.pid)) - set(pids_of(desk))
    process.kill()
    until(lambda: is_gone(counting))


def test_a_port_that_is_taken_keeps_processes_from_beginning(squidmesh: Callable[..., Any]) -> None:
    """No process is forked for work that nobody could count: one clear message."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = squidmesh("run", "--worker-type", "process", "--burst", "--metrics-port", port)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: metrics cannot be served on port {port}")
