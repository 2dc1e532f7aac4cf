"""Lists of runs: the newest first, page by page, by what is asked, and found by index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from squidmesh.errors import InvalidRunId, InvalidValue
from squidmesh.model.state import RunStatus
from squidmesh.store.listings import RunFilter, list_runs
from tests.integration.hand_worker import failed, nothing

if TYPE_CHECKING:
    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.orders
triggers:
  by_hand:
    manual: {}
    payload:
      order: {type: integer, default: 1}
      tags: {type: list, default: []}
      buyer: {type: map, default: {}}
steps: {one: {uses: t.work}}
"""


def orders(bench: Bench) -> SquidMesh:
    """Return a mesh with ``FLOW``."""
    return bench.mesh(FLOW, {"t.work": nothing})


def test_runs_are_listed_newest_first_and_by_what_is_asked(bench: Bench):
    """By workflow, trigger, status (one or several), key and time, page by page."""
    mesh = orders(bench)
    ids = [mesh.start_run("shop.orders", idempotency_key=f"k{n}").id for n in range(5)]
    bench.worker(mesh).step(failed())
    assert [run.id for run in mesh.list_runs()] == ids[::-1]
    assert [run.id for run in mesh.list_runs(limit=2, cursor=ids[3])] == [ids[2], ids[1]]
    assert [run.id for run in mesh.list_runs(cursor=str(ids[1]))] == [ids[0]]
    assert [run.id for run in mesh.list_runs(status="failed")] == [ids[0]]
    assert [run.id for run in mesh.list_runs(status=RunStatus.PENDING)] == ids[:0:-1]
    assert [run.id for run in mesh.list_runs(status=["failed", "pending"], limit=9)] == ids[::-1]
    assert [run.id for run in mesh.list_runs(idempotency_key="k3")] == [ids[3]]
    assert mesh.list_runs(workflow="shop.none") == mesh.list_runs(trigger="none") == []
    third = mesh.inspect_run(ids[2]).created_at
    assert [run.id for run in mesh.list_runs(since=third)] == ids[:1:-1]
    assert mesh.list_runs(since=datetime.now(UTC) + timedelta(hours=1)) == []


def test_runs_are_found_by_what_their_payload_contains(bench: Bench):
    """Fields with their values, and of maps and lists inside as much as is named; numbers by value, not spelling."""
    mesh = orders(bench)
    first = mesh.start_run("shop.orders", {"order": 1, "buyer": {"name": "Ann", "town": "Bern"}}).id
    second = mesh.start_run(
        "shop.orders", {"order": 2, "buyer": {"name": "Bob", "town": "Bern"}, "tags": ["a", "b"]}
    ).id

    def found(**payload: Any) -> list[Any]:
        return [run.id for run in mesh.list_runs(payload=payload)]

    assert found(order=2) == found(order=2.0) == found(tags=["b"]) == found(buyer={"name": "Bob"}) == [second]
    assert found(buyer={"town": "Bern"}) == found() == [second, first]
    assert found(order="2") == found(order=2, buyer={"name": "Ann"}) == found(nothing=None) == []
    assert [run.id for run in mesh.list_runs(payload={"order": 1}, status="pending", workflow="shop.orders")] == [first]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"status": "runing"}, r"status: 'runing' is no status of a run \(did you mean 'running'\?\): pending, "),
        ({"payload": {"order": float("nan")}}, "payload.order: is nan"),
        ({"payload": {"order": {"a\x00": 1}}}, "payload.order: contains a NUL"),
        ({"payload": ["order"]}, "payload: must be a mapping"),
        ({"workflow": 5}, "workflow: is a int, not text"),
        ({"trigger": 5}, "trigger: is a int, not text"),
        ({"trigger": "a\x00b"}, "trigger: contains a NUL character"),
        ({"idempotency_key": "\ud800"}, "idempotency_key: contains a lone surrogate"),
        ({"status": 5}, "status: must be one status or several, found 5"),
        ({"status": [5]}, "status: 5 is no status of a run"),
        ({"since": "2026-01-01"}, "since: must be an aware time"),
        ({"since": datetime(2026, 1, 1)}, "since: must be an aware time"),  # noqa: DTZ001 - what is refused
        ({"limit": 0}, "limit: must be a whole number from 1 to 10000, found 0; cursor turns to the next page"),
        ({"limit": 10**30}, "limit: must be a whole number from 1 to 10000, found 1000000"),
        ({"limit": True}, "limit: "),
    ],
)
def test_a_wrong_argument_of_a_list_is_named(bench: Bench, asked: dict[str, Any], message: str):
    """Nothing is listed by a filter that cannot be meant."""
    with pytest.raises(InvalidValue, match=f"^{message}"):
        orders(bench).list_runs(**asked)


def test_a_cursor_is_a_run_id(bench: Bench):
    """Anything else is refused as a run id."""
    with pytest.raises(InvalidRunId):
        orders(bench).list_runs(cursor="page2")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (RunFilter(), "runs_pkey"),
        (RunFilter(workflow="w7"), "runs_of_workflow"),
        (RunFilter(status=(RunStatus.RUNNING, RunStatus.PAUSED)), "runs_open"),
        (RunFilter(status=(RunStatus.FAILED,)), "runs_stopped"),
        (RunFilter(idempotency_key="k7"), "runs_idempotency"),
        (RunFilter(payload={"order": 7}), "runs_payload"),
        (RunFilter(since=datetime(2030, 1, 1, tzinfo=UTC)), "runs_created"),
    ],
)
def test_a_list_is_found_by_index(bench: Bench, wanted: RunFilter, index: str):
    """Whatever is rare is looked up among many finished runs, none of them read."""
    bench.connection.execute(
        "INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, paused, "
        "seq, payload, idempotency_key, created_at, finished_at) SELECT gen_random_uuid(), 'w' || n %% 100, 't', 'h', "
        "'completed', 'forward', 0, 0, 0, 0, json_build_object('order', n), 'k' || n, now(), now() "
        "FROM generate_series(1, 20000) n",
        [],
    )
    bench.connection.execute("VACUUM ANALYZE squidmesh.runs")
    bench.connection.execute("VACUUM squidmesh.definitions")  # as autovacuum may have: it knows the size, no values
    plan = explain(bench, wanted)
    assert index in plan
    assert "Seq Scan on runs" not in plan


def explain(bench: Bench, wanted: RunFilter) -> str:
    """Return the plan of the statement that a list sends."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    with bench.mesh().database.transaction() as connection:
        event.listen(connection, "before_cursor_execute", note)
        list_runs(connection, wanted)
        ((statement, parameters),) = sent
        return str(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all())
