"""A step that kills its process: it is found out alone, and its neighbours finish."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from squidmesh import SquidMesh, StepContext
from squidmesh.store.engine import Database
from squidmesh.store.solo_lanes import move_to_solo_lane_if_pending
from tests.integration.clock import libpq

WORKER = Path(__file__).with_name("host_worker.py")
FILE = """\
workflow: test.{name}
triggers:
  by_hand: {{manual: {{}}, payload: {{path: {{type: string}}, name: {{type: string, default: x}}}}}}
steps:
  work:
    uses: test.{name}
    next: complete
"""


@pytest.fixture
def folder(tmp_path):
    """The workflows of the host's worker."""
    made = tmp_path / "workflows"
    made.mkdir()
    for name in ("poison", "slow"):
        (made / f"{name}.yaml").write_text(FILE.format(name=name))
    return made


def finish_all(mesh, run_ids, command, seconds=90.0):
    """Keep one worker process running, starting another when it dies, until every run has ended."""
    deadline = time.monotonic() + seconds
    process, deaths = subprocess.Popen(command), 0
    try:
        while not all(mesh.inspect_run(id_).status.terminal for id_ in run_ids):
            assert time.monotonic() < deadline, [mesh.explain_run(id_) for id_ in run_ids]
            if process.poll() is not None:
                deaths += 1
                process = subprocess.Popen(command)
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(20)
    return deaths


def test_a_poison_step_fails_alone_and_its_neighbours_finish(database_url, folder, tmp_path):
    """It takes its process down each time: at the third loss, the last one alone, it fails; the rest completes."""
    notes = tmp_path / "notes"
    notes.touch()
    mesh = SquidMesh(
        database_url, workflows=folder, steps={"test.poison": lambda path: None, "test.slow": lambda path, name: None}
    )
    with mesh:
        poison = mesh.start_run("test.poison", {"path": str(notes)})
        siblings = [mesh.start_run("test.slow", {"path": str(notes), "name": f"s{n}"}) for n in range(3)]
        command = [sys.executable, str(WORKER), database_url, str(folder), str(tmp_path / "marker")]
        finish_all(mesh, [poison.id, *(run.id for run in siblings)], command)
        ended = mesh.inspect_run(poison.id, include_history=True)
        assert (ended.status, ended.last_error["code"]) == ("failed", "worker_lost")
        assert len(ended.steps[0].attempts) == 3
        assert [mesh.inspect_run(run.id).status for run in siblings] == ["completed"] * 3
    lines = [line.split() for line in notes.read_text().splitlines()]
    last = max(index for index, line in enumerate(lines) if line[0] == "poison")
    process = lines[last][2]
    started = {line[0].removeprefix("start:") for line in lines[:last] if line[2] == process and "start:" in line[0]}
    finished = {line[0].removeprefix("end:") for line in lines[:last] if line[2] == process and "end:" in line[0]}
    assert started == finished, "something was in flight beside it"
    assert not [line for line in lines[last + 1 :] if line[2] == process], "something was claimed beside it"


@pytest.fixture
def suspects(database_url):
    """Move the pending steps of some workflow to their solo lanes, as two losses would have done."""

    def move(workflow):
        with psycopg.connect(libpq(database_url), autocommit=True) as connection:
            rows = connection.execute(
                "UPDATE squidmesh.step_runs s SET losses = 2 FROM squidmesh.runs r "
                "WHERE r.id = s.run_id AND r.workflow = %s AND s.status = 'pending' RETURNING s.id",
                [workflow],
            ).fetchall()
            for (id_,) in rows:
                move_to_solo_lane_if_pending(Database(database_url), connection.execute, id_)

    return move


def test_a_suspect_runs_with_nothing_beside_it(database_url, folder, suspects):
    """Whatever else is due, a step on a solo lane starts on an empty process, and nothing starts until it ends."""
    running, seen = set(), []

    def work(path: str, name: str, ctx: StepContext) -> None:
        running.add(name)
        time.sleep(0.15)
        seen.append((ctx.workflow, name, frozenset(running)))
        running.discard(name)

    steps = {"test.poison": work, "test.slow": work}
    with SquidMesh(database_url, workflows=folder, steps=steps, sweep_interval="300ms") as mesh:
        suspected = [mesh.start_run("test.poison", {"path": "-", "name": f"p{n}"}) for n in range(2)]
        suspects("test.poison")
        others = [mesh.start_run("test.slow", {"path": "-", "name": f"s{n}"}) for n in range(12)]
        with mesh.worker(concurrency=4) as worker:
            assert worker.wait_until_nothing_due(60)
        assert {mesh.inspect_run(run.id).status for run in (*suspected, *others)} == {"completed"}
    assert [beside for workflow, name, beside in seen if workflow == "test.poison" and beside != {name}] == []
    assert any(len(beside) > 1 for workflow, _, beside in seen if workflow == "test.slow"), "the others ran in parallel"


def test_a_busy_process_makes_room(database_url, folder, suspects):
    """A process that never runs out of work stops claiming for a moment, so that a suspect is not starved."""
    order = []

    def work(path: str, name: str, ctx: StepContext) -> None:
        order.append(name)
        time.sleep(0.1)

    def again(path: str, name: str, ctx: StepContext) -> None:
        work(path, name, ctx)
        if "p" not in order and len(order) < 400:
            mesh.start_run("test.slow", {"path": "-", "name": name})

    steps = {"test.poison": work, "test.slow": again}
    with SquidMesh(database_url, workflows=folder, steps=steps, sweep_interval="500ms", poll_interval="100ms") as mesh:
        for n in range(8):
            mesh.start_run("test.slow", {"path": "-", "name": f"s{n}"})
        with mesh.worker(concurrency=4):
            deadline = time.monotonic() + 20
            while len(order) < 4:
                time.sleep(0.01)
            suspect = mesh.start_run("test.poison", {"path": "-", "name": "p"})
            suspects("test.poison")
            while not mesh.inspect_run(suspect.id).status.terminal:
                assert time.monotonic() < deadline, "it was starved"
                time.sleep(0.05)
    assert len(order) < 400
