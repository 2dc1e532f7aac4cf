"""Workers of greenlets: very many steps wait side by side in one thread of one process, and each can be interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk, Process

GREENLETS = ("--worker-type", "greenlet")
CODES = "SELECT a.error->>'code' FROM squidmesh.attempts a ORDER BY a.finished_at"


def test_many_steps_wait_at_once(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any], tmp_path: Path
) -> None:
    """Two hundred steps are in the middle of their wait at the same time, in one process with one thread."""
    gate = tmp_path / "gate"
    mesh.start_runs("acc.gated", [{"gate": str(gate)}] * 200)
    process = worker(*GREENLETS, "--concurrency", "200", SQUIDMESH_LEASE="10s")
    until(lambda: sum(step == "middle" for _, step, _ in desk.noted()) == 200, 60)
    assert desk.ask("SELECT DISTINCT pid FROM ledger") == [(process.pid,)]
    gate.touch()
    until(lambda: desk.open_runs() == 0, 60)
    assert desk.ask("SELECT sum(losses) FROM squidmesh.step_runs") == [(0,)]


def test_leases_are_kept_and_wakeups_heard(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Heartbeats, LISTEN and the scheduler go on while a step waits for several leases."""
    run = mesh.start_run("acc.sleepy", {"seconds": 3.0})
    process = worker(*GREENLETS, SQUIDMESH_LEASE="1s", SQUIDMESH_POLL_INTERVAL="1m")
    until(lambda: "listening for wake-ups" in process.wrote())
    other = mesh.start_run("acc.straight")
    until(lambda: mesh.inspect_run(other.id).status == "completed")
    until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert desk.ask("SELECT sum(losses) FROM squidmesh.step_runs") == [(0,)]


def test_a_step_past_its_timeout_is_interrupted(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """It is raised out of its wait, the attempt is a timeout, and its greenlet takes the next step."""
    run = mesh.start_run("acc.timed", {"seconds": 3600.0})
    process = worker(*GREENLETS, "--concurrency", "1")
    until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert [code for (code,) in desk.ask(CODES) if code] == ["step_timed_out"] * 2
    assert desk.noted("cancelled") == []
    assert process.alive()


def test_an_interrupted_irreversible_step_waits_for_a_person(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Nobody knows whether its effect happened: it pauses, and is not called again."""
    run = mesh.start_run("acc.once", {"seconds": 3600.0})
    worker(*GREENLETS)
    until(lambda: mesh.inspect_run(run.id).status == "paused")
    assert mesh.explain_run(run.id).reason == "interrupted_irreversible_step"
    assert len(desk.noted()) == 1


def test_a_transaction_commits_with_its_step_or_not_at_all(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Interrupted in the middle of a statement it leaves nothing behind, and the process goes on."""
    desk.connection.execute("CREATE TABLE sums (run_id uuid)")
    late, good = mesh.start_run("acc.summing", {"seconds": 3600.0}), mesh.start_run("acc.summing", {"seconds": 0.01})
    process = worker(*GREENLETS, "--concurrency", "1")
    until(lambda: mesh.inspect_run(late.id).status == "failed")
    until(lambda: mesh.inspect_run(good.id).status == "completed")
    assert desk.ask("SELECT run_id FROM sums") == [(good.id,)]
    assert ("step_timed_out",) in desk.ask(CODES)
    assert process.alive()


def test_async_steps_run_beside_the_others(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """They run on an event loop in a thread of its own; one that passes its timeout is cancelled.

    A plain step may run a loop of its own meanwhile.
    """
    runs = mesh.start_runs("acc.dozing", [{"seconds": 0.5}] * 20)
    late = mesh.start_run("acc.dozing", {"seconds": 3600.0})
    plain = mesh.start_run("acc.nesting")
    worker(*GREENLETS, "--concurrency", "30", SQUIDMESH_LEASE="10s")
    until(lambda: {mesh.inspect_run(id_).status for id_ in (*runs, late.id, plain.id)} == {"completed"})
    assert [code for (code,) in desk.ask(CODES) if code] == ["step_timed_out"]
    assert {run for run, _, _ in desk.noted("end")} == set(runs)
    assert [step for _, step, _ in desk.noted("cancelled")] == ["nap"]


def test_a_step_cannot_end_the_process(
    mesh: SquidMesh, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """sys.exit() and KeyboardInterrupt in a step, plain or async, are failures of that step."""
    run = mesh.start_run("acc.leaving")
    worker(*GREENLETS)
    until(lambda: mesh.inspect_run(run.id).status == "completed")


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
    process = worker(*GREENLETS)
    until(lambda: len(desk.noted()) == 2)
    process.signal(stop_signal)
    until(lambda: "claiming nothing more" in process.wrote())
    gate.touch()
    assert process.ended() == 0
    assert desk.ask("SELECT step, status FROM squidmesh.step_runs WHERE run_id = %s ORDER BY id", run.id) == [
        ("before", "completed"),
        ("middle", "completed"),
        ("behind", "pending"),
    ]
    assert desk.one("SELECT count(*) FROM squidmesh.workers") == 0


def test_what_outlives_the_grace_is_interrupted_and_given_back(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """After the grace, as after a second signal, the step is due again for another worker, its attempt not counted."""
    mesh.start_run("acc.sleepy", {"seconds": 3600.0})
    process = worker(*GREENLETS, "--grace", "300ms", SQUIDMESH_LEASE="10m")
    until(desk.noted)
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert desk.ask("SELECT status, attempt, losses FROM squidmesh.step_runs") == [("pending", 0, 0)]


def test_a_second_signal_stops_hard(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """It waits for no running step; each is given back."""
    mesh.start_run("acc.sleepy", {"seconds": 3600.0})
    process = worker(*GREENLETS, "--grace", "10m", SQUIDMESH_LEASE="10m")
    until(desk.noted)
    process.signal(signal.SIGTERM)
    until(lambda: "claiming nothing more" in process.wrote())
    process.signal(signal.SIGINT)
    assert process.ended() == 0
    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]


def test_burst_ends_when_nothing_is_due(mesh: SquidMesh, desk: Desk, squidmesh: Callable[..., Any]) -> None:
    """--burst works off what is due and exits 0."""
    mesh.start_runs("acc.straight", [{}] * 10)
    result = squidmesh("run", *GREENLETS, "--burst", anew=True)  # gevent patches what is not imported yet
    assert (result.returncode, result.stdout) == (0, "")
    assert desk.ask("SELECT status, count(*) FROM squidmesh.runs GROUP BY 1") == [("completed", 10)]


HOST = """
{first}
import psycopg
from squidmesh import SquidMesh
from squidmesh.errors import ConfigurationError
try:
    with SquidMesh() as mesh:
        run = mesh.start_run({workflow!r})
        with mesh.worker(worker_type="greenlet") as worker:
            assert worker.wait_until_nothing_due(20)
        print(mesh.inspect_run(run.id).status)
except ConfigurationError as error:
    print(error)
except KeyboardInterrupt:
    print("interrupted")
"""


def host(environment: dict[str, str], project: Path, first: str, workflow: str = "acc.straight") -> str:
    """Return what a host prints whose program begins with some lines."""
    program = [sys.executable, "-c", HOST.format(first=first, workflow=workflow)]
    return subprocess.run(
        program, cwd=project, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_host_that_is_patched_has_greenlets(environment: dict[str, str], project: Path, desk: Desk) -> None:
    """worker_type="greenlet" in a program that gevent has patched before anything else."""
    assert host(environment, project, "import gevent.monkey; gevent.monkey.patch_all()") == "completed\n"


def test_a_host_that_is_not_patched_in_time_is_told(environment: dict[str, str], project: Path, desk: Desk) -> None:
    """Not at all, or after the driver was imported: one message that says which two lines to put first."""
    for first in ("", "import psycopg, gevent.monkey; gevent.monkey.patch_all()"):
        told = host(environment, project, first)
        assert "put 'import gevent.monkey' and 'gevent.monkey.patch_all()' first" in told


def test_ctrl_c_reaches_the_host_whose_step_it_meets(environment: dict[str, str], project: Path, desk: Desk) -> None:
    """Its worker leaves the signals alone, and Python raises it in the greenlet that runs: the step is a loss."""
    # As in a terminal: a background job of a shell begins with SIGINT ignored.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    first = f"import gevent.monkey; gevent.monkey.patch_all(); {listening}"
    assert host(environment, project, first, "acc.pressing") == "interrupted\n"
    assert desk.ask("SELECT status FROM squidmesh.runs") == [("running",)]
