"""How the tables are stored: what keeps a row written often cheap, and a value what it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOT = ("runs", "step_runs")
# What belongs to replays is null in every other row, and so are those of a step in no other state.
INDEXES = {
    "step_runs_pkey": "(id)",
    "once_per_run": "(run_id, step, kind)",
    "step_runs_claim": "(lane, run_at, id) WHERE (status = 'pending'::text)",
    "step_runs_running": "(id) WHERE (status = 'running'::text)",
    "step_runs_deadline": "(deadline_at) WHERE (status = 'paused'::text)",
    "step_runs_carried": "(origin_id) WHERE (origin_id IS NOT NULL)",
    "step_runs_undone_once": "(origin_id) WHERE ((kind = 1) AND (status <> 'cancelled'::text))",
}


@pytest.fixture
def ask(database_url: str) -> Iterator[Callable[..., list[Any]]]:
    """Ask the database's catalogue."""
    libpq = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def test_step_runs_have_no_index_that_is_not_needed(ask: Callable[..., list[Any]]) -> None:
    """Each slows every step; none holds the lease, or no heartbeat would be a HOT update."""
    found = ask("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'squidmesh' AND tablename = 'step_runs'")
    assert {name: re.sub(r"^.* USING btree ", "", definition) for name, definition in found} == INDEXES


@pytest.mark.parametrize("table", HOT)
def test_rows_that_are_updated_often_have_room(ask: Callable[..., list[Any]], table: str) -> None:
    """A fifth of each page is left free for the next version of its rows; 2 % of dead ones are enough to clean up."""
    ((options,),) = ask("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", f"squidmesh.{table}")
    assert {"fillfactor=80", "autovacuum_vacuum_scale_factor=0.02"} <= set(options)


def test_values_are_kept_as_they_were_written(ask: Callable[..., list[Any]]) -> None:
    """No column is of a type that reorders keys, or turns 1e16 into an integer."""
    kinds = "SELECT data_type, count(*) FROM information_schema.columns WHERE table_schema = 'squidmesh' GROUP BY 1"
    counted = dict(ask(kinds))
    assert "jsonb" not in counted
    assert counted["json"] > 5
