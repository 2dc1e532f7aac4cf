"""Plans of the hot statements on full tables: look-ups by index, never a scan, however they were first planned."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.runtime.recording import plan_record
from squidmesh.store import claims, pruning, records
from squidmesh.store.engine import HOT_SETTINGS
from tests.integration.hand_worker import nothing, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.bench import Bench

FLOW = """
workflow: shop.full
triggers: {by_hand: {manual: {}}}
steps:
  a: {uses: t.work}
  b: {uses: t.work, after: [a]}
  c: {uses: t.work, after: [a, b]}
"""
ROWS = 50_000


@pytest.fixture
def full(bench: Bench) -> Bench:
    """A bench whose tables hold many finished, pending, waiting and future rows."""
    bench.connection.execute(
        "INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, paused, "
        "seq, payload, created_at) SELECT gen_random_uuid(), 'w', 't', 'h', 'pending', 'forward', 1, 0, 0, 0, '{}', "
        "now() FROM generate_series(1, %s)",
        [ROWS // 5],
    )
    bench.connection.execute(
        "INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses, open_deps, "
        "live_deps, finished_at, completed_seq, created_at) SELECT gen_random_uuid(), r.id, 's' || n, 0, "
        "CASE n WHEN 1 THEN 'completed' WHEN 2 THEN 'waiting' ELSE 'pending' END, 900 + n, "
        "now() + CASE WHEN n < 5 THEN interval '-1 h' ELSE interval '1 h' END, 0, 0, "
        "CASE n WHEN 2 THEN 1 ELSE 0 END, "
        "0, CASE n WHEN 1 THEN now() END, CASE n WHEN 1 THEN 1 END, now() "
        "FROM squidmesh.runs r, generate_series(1, 5) n"
    )  # fmt: skip
    return bench


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def scans(bench: Bench, call: Any, constant: str) -> dict[str, set[str]]:
    """Explain, without running it, the generic plan of the statement that ``call`` sends; return scans by table."""
    taken: list[tuple[str, dict[str, Any]]] = []

    class Recorder:
        """Stands in for a connection, and notes what it is asked."""

        def cursor(self, **_: Any) -> Recorder:
            return self

        def execute(self, statement: str, arguments: dict[str, Any], **_: Any) -> Recorder:
            taken.append((statement, arguments))
            return self

        def fetchone(self) -> dict[str, Any]:
            return {"last": None}

    call(Recorder())
    ((statement, arguments),) = taken
    assert statement == constant
    with bench.connect() as connection, connection.transaction():
        connection.execute(HOT_SETTINGS)
        (row,) = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", arguments).fetchall()
    (plan,) = row["QUERY PLAN"] if isinstance(row["QUERY PLAN"], list) else json.loads(row["QUERY PLAN"])
    found: dict[str, set[str]] = {}
    for node in nodes(plan["Plan"]):
        if "Scan" in node["Node Type"] and "Relation Name" in node:
            kind = node.get("Index Name", node["Node Type"])
            found.setdefault(node["Relation Name"], set()).add(kind)
    return found


@pytest.mark.parametrize("analysed", [False, True])
def test_a_claim_looks_up_by_lane_and_by_id(full: Bench, analysed: bool):
    """With statistics or, as after a migration, without any."""
    mesh = full.mesh(FLOW, {"t.work": nothing})
    mesh.start_run("shop.full")
    if analysed:
        full.connection.execute("ANALYZE squidmesh.runs, squidmesh.step_runs")
    worker = full.worker(mesh)
    worker.lanes.load()
    request = worker.lanes.request([mesh.start_run("shop.full").id], "w", worker.lease)
    assert request is not None
    found = scans(full, lambda fake: claims.claim_due_steps(mesh.database, fake, request), claims._CLAIM)
    assert found["step_runs"] == {"step_runs_claim", "step_runs_pkey"}
    assert found["runs"] == {"runs_pkey"}


@pytest.mark.parametrize("analysed", [False, True])
def test_a_record_looks_up_by_key(full: Bench, analysed: bool):
    """The run and the step by id, the joins by their unique key."""
    mesh = full.mesh(FLOW, {"t.work": nothing})
    mesh.start_run("shop.full")
    worker = full.worker(mesh)
    completion = plan_record(worker.claim_one(), succeeded(), mesh.engine.rules).completion
    assert completion is not None
    if analysed:
        full.connection.execute("ANALYZE squidmesh.runs, squidmesh.step_runs")
    found = scans(
        full,
        lambda fake: records.record_if_forward(mesh.database, fake, [completion], worker.lease),
        records._RECORD,
    )
    assert found["step_runs"] == {"step_runs_pkey", "once_per_run"}
    assert found["runs"] == {"runs_pkey"}


@pytest.mark.parametrize("analysed", [False, True])
def test_pruning_looks_up_by_id(full: Bench, analysed: bool):
    """Old runs come in the order of their ids, and what belongs to them by its key: no table is read through."""
    if analysed:
        full.connection.execute("ANALYZE")
    moment = datetime.now(UTC)
    found = scans(
        full,
        lambda fake: pruning.delete_finished(full.mesh().database, fake, moment, pruning.FIRST, 100),
        pruning._PRUNE,
    )
    assert found == {
        "runs": {"runs_pkey"},
        "step_runs": {"once_per_run"},
        "attempts": {"attempts_pkey"},
        "attempt_spans": {"attempt_spans_pkey"},
        "audit_events": {"audit_events_of_run"},
    }
