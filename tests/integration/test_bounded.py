"""A worker that has worked holds no more than before: counted, since memory itself depends on the allocator."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

from squidmesh import SquidMesh
from tests.integration.bench import connect

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

WORKFLOW = """
workflow: test.straight
triggers: {go: {manual: {}}}
steps:
  one: {uses: test.pass, next: two}
  two: {uses: test.pass, next: three}
  three: {uses: test.pass, next: four}
  four: {uses: test.pass, next: five}
  five: {uses: test.pass, next: complete}
"""
SESSIONS = (
    "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)
RUNS = 300
SLACK = 200


def held(desk: psycopg.Connection) -> tuple[int, int, int]:
    """Return the tracked objects, the threads and the sessions of this process."""
    gc.collect()
    sessions = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    row = desk.execute(sessions).fetchone()
    assert row is not None
    return len(gc.get_objects()), threading.active_count(), row["n"]


def test_a_worker_holds_nothing_of_what_it_has_done(database_url: str, tmp_path: Path) -> None:
    """After 1,500 more steps there are as many objects, threads and connections as there were before them."""
    (tmp_path / "straight.yaml").write_text(WORKFLOW)
    with (
        SquidMesh(database_url, workflows=tmp_path, steps={"test.pass": lambda: None}) as mesh,
        connect(database_url) as desk,
        mesh.worker(concurrency=4) as worker,
    ):

        def work() -> tuple[int, int, int]:
            mesh.start_runs("test.straight", [{}] * RUNS)
            assert worker.wait_until_nothing_due(120)
            return held(desk)

        work()
        objects, threads, _ = work()
        objects_after, threads_after, sessions = work()
    assert objects_after < objects + SLACK
    assert threads_after <= threads
    assert sessions <= 8  # as the worker's module says
