"""All open runs at a glance: grouped as ``explain_run`` explains each, in a bounded number of statements."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import event

from squidmesh import RetryStep, SquidMesh
from squidmesh.cli.main import main

FILE = """\
workflow: test.fleet
triggers:
  by_hand: {manual: {}, payload: {way: {type: string}}}
steps:
  choose:
    log: {message: choose}
    next:
      - {when: "payload.way == 'slow'", to: slow}
      - {when: "payload.way == 'retry'", to: flaky}
      - {when: "payload.way == 'timer'", to: nap}
      - {when: "payload.way == 'elsewhere'", to: elsewhere}
      - {when: "payload.way == 'ask'", to: ask}
      - {to: undoable}
  slow: {uses: test.slow, next: complete}
  flaky:
    uses: test.flaky
    retry: {max_attempts: 9, backoff: {type: constant, min: 1h, jitter: false}}
    next: complete
  nap: {wait: 1h, next: complete}
  elsewhere: {log: {message: x}, queue: elsewhere, next: complete}
  ask: {approval: {}, next: {ok: complete, error: complete}}
  undoable: {log: {message: x}, next: booked}
  booked: {uses: test.booked, compensate: test.slow, next: {ok: fail}}
"""


@pytest.fixture
def fleet(database_url, tmp_path):
    """A mesh with runs in every state that lasts, and what lets its slow steps end."""
    path = tmp_path / "fleet.yaml"
    path.write_text(FILE)
    go_on = threading.Event()

    def slow() -> None:
        go_on.wait(30)

    def flaky() -> None:
        raise RetryStep("later", code="upstream_down")

    with SquidMesh(
        database_url, workflows=path, steps={"test.slow": slow, "test.flaky": flaky, "test.booked": lambda: None}
    ) as mesh:
        wanted = {"slow": 2, "retry": 3, "timer": 4, "elsewhere": 1, "undo": 1, "ask": 2}
        runs = [mesh.start_run("test.fleet", {"way": way}) for way, n in wanted.items() for _ in range(n)]
        with mesh.worker(concurrency=4):
            deadline = time.monotonic() + 20
            while "pending_dispatch" in (reasons := {mesh.explain_run(run.id).reason for run in runs}) or (
                len(reasons) < len(wanted)
            ):
                assert time.monotonic() < deadline, reasons
                time.sleep(0.05)
            yield mesh, runs
            go_on.set()


def test_every_open_run_is_in_the_group_of_its_explanation(fleet):
    """Reason and step are those that ``explain_run`` gives, the code that of the last failure, the counts add up."""
    mesh, runs = fleet
    groups = mesh.explain_fleet()
    explained = [mesh.explain_run(run.id) for run in runs]
    assert {(group.reason, group.step): group.runs for group in groups} == Counter(
        (found.reason, found.step) for found in explained
    )
    assert [(group.reason, group.step, group.code, group.runs) for group in groups] == [
        ("waiting_for_timer", "nap", None, 4),
        ("waiting_for_retry", "flaky", "upstream_down", 3),
        ("paused_for_approval", "ask", None, 2),
        ("step_running", "slow", None, 2),
        ("compensating", "booked", "failed_by_route", 1),
        ("waiting_for_capable_worker", "elsewhere", None, 1),
    ]
    for group in groups:
        same = [found.since for found in explained if (found.reason, found.step) == (group.reason, group.step)]
        assert (group.oldest_since, group.newest_since) == (min(same), max(same))
        assert mesh.explain_run(group.example).since == group.oldest_since


def test_the_number_of_statements_does_not_grow(fleet):
    """Two statements, however many runs are open."""
    mesh, _ = fleet
    statements = []
    event.listen(mesh.database.engine, "after_cursor_execute", lambda *args: statements.append(args[2]))
    before = len(mesh.explain_fleet("test.fleet"))
    assert before
    mine = [statement for statement in statements if "step_runs" in statement or "workers" in statement]
    assert len([statement for statement in mine if statement.lstrip().startswith("SELECT")]) == 2


def test_each_run_in_a_line_says_what_its_explanation_says(fleet):
    """Reason, step and time of many runs are those of each alone, also of runs that ended or are being cancelled."""
    mesh, runs = fleet
    by_way = {run.payload["way"]: run for run in runs}
    mesh.cancel_run(by_way["timer"].id)
    mesh.reject_run(by_way["ask"].id, actor="ada")
    mesh.cancel_run(by_way["slow"].id)
    found = mesh.explain_runs([run.id for run in runs])
    assert set(found) == {run.id for run in runs}
    for run_id, standing in found.items():
        alone = mesh.explain_run(run_id)
        assert (standing.reason, standing.step, standing.since) == (alone.reason, alone.step, alone.since)
    assert {"cancelled", "cancelling", "compensating"} < {standing.reason for standing in found.values()}
    assert found[by_way["retry"].id].code == "upstream_down"


def test_one_workflow_alone(fleet):
    """A name narrows the view; an unknown one has no open runs."""
    mesh, runs = fleet
    assert sum(group.runs for group in mesh.explain_fleet("test.fleet")) == len(runs)
    assert mesh.explain_fleet("test.other") == []


def test_the_command_without_an_id_shows_the_fleet(fleet, database_url, capsys):
    """``squidmesh explain`` prints the groups, ``--json`` with every field."""
    _, runs = fleet

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["explain", "--database", database_url, *arguments])
        return stop.value.code, capsys.readouterr().out

    code, shown = run()
    assert code == 0
    assert "waiting_for_retry" in shown
    groups = json.loads(run("--json", "--workflow", "test.fleet")[1])
    assert sum(group["runs"] for group in groups) == len(runs)
    assert run("--workflow", "test.other") == (0, "no run is open\n")
    assert run(str(runs[0].id), "--workflow", "test.fleet")[0] == 2
