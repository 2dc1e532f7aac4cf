"""Plans of the hot statements on full tables: look-ups by index, never a scan, however they were first planned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.store import claims, outputs, pruning, records
from squidmesh.store.engine import HOT_SETTINGS
from squidmesh.store.statement import hot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.bench import Bench

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


def plan_of(bench: Bench, sql: str) -> dict[str, Any]:
    """Return a statement's generic plan, as the engine's connections make it."""
    statement = hot(sql)
    with bench.connect() as connection:
        connection.execute(HOT_SETTINGS)
        connection.execute(f"PREPARE hot AS {statement.sql}")
        values = ", ".join(["NULL"] * len(statement.names))
        (row,) = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE hot ({values})").fetchall()
    (plan,) = row["QUERY PLAN"] if isinstance(row["QUERY PLAN"], list) else json.loads(row["QUERY PLAN"])
    return dict(plan["Plan"])


def scans(bench: Bench, sql: str) -> dict[str, set[str]]:
    """Return the scans of a statement's generic plan by table."""
    found: dict[str, set[str]] = {}
    for node in nodes(plan_of(bench, sql)):
        if "Scan" in node["Node Type"] and "Relation Name" in node:
            kind = node.get("Index Name", node["Node Type"])
            found.setdefault(node["Relation Name"], set()).add(kind)
    return found


@pytest.mark.parametrize("analysed", [False, True])
def test_a_claim_looks_up_by_lane_and_by_id(full: Bench, analysed: bool):
    """With statistics or, as after a migration, without any."""
    if analysed:
        full.connection.execute("ANALYZE squidmesh.runs, squidmesh.step_runs")
    found = scans(full, claims._CLAIM)
    assert found["step_runs"] == {"step_runs_claim", "step_runs_pkey"}
    assert found["runs"] == {"runs_pkey"}


@pytest.mark.parametrize("analysed", [False, True])
def test_a_record_looks_up_by_key(full: Bench, analysed: bool):
    """The run and the step by id, the joins by their unique key."""
    if analysed:
        full.connection.execute("ANALYZE squidmesh.runs, squidmesh.step_runs")
    found = scans(full, records._RECORD)
    assert found["step_runs"] == {"step_runs_pkey", "once_per_run"}
    assert found["runs"] == {"runs_pkey"}


def test_joins_are_looked_up_by_their_whole_key_by_a_plan_of_empty_tables(bench: Bench):
    """Such a plan is kept for ever after: by a part of the key it would go through the whole index for each join."""
    conditions = {
        node.get("Index Cond", "")
        for node in nodes(plan_of(bench, records._RECORD))
        if node.get("Index Name") == "once_per_run"
    }
    (condition,) = conditions
    assert [part for part in ("run_id =", "step =", "kind =") if part not in condition] == []


@pytest.mark.parametrize("analysed", [False, True])
def test_what_belongs_to_claims_is_looked_up_by_key(full: Bench, analysed: bool):
    """Heartbeats by id, the outputs that a step sees by their unique key."""
    if analysed:
        full.connection.execute("ANALYZE squidmesh.runs, squidmesh.step_runs")
    for statement in (claims._EXTEND, claims._HELD):
        assert scans(full, statement) == {"step_runs": {"step_runs_pkey"}}
    assert scans(full, outputs._READ) == {"step_runs": {"once_per_run"}}


@pytest.mark.parametrize("analysed", [False, True])
def test_pruning_looks_up_by_id(full: Bench, analysed: bool):
    """Old runs come in the order of their ids, and what belongs to them by its key: no table is read through."""
    if analysed:
        full.connection.execute("ANALYZE")
    found = scans(full, pruning._PRUNE)
    assert found == {
        "runs": {"runs_pkey"},
        "step_runs": {"once_per_run", "step_runs_carried"},
        "attempts": {"attempts_pkey"},
        "attempt_spans": {"attempt_spans_pkey"},
        "audit_events": {"audit_events_of_run"},
    }
