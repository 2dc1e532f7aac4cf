"""The text of arguments: what Postgres reads is what was meant."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from squidmesh.store.arguments import flags, integers, interval, intervals, moments, texts, uuids
from squidmesh.store.statement import HotStatement

if TYPE_CHECKING:
    from tests.integration.bench import Bench

HOSTILE = ["", "NULL", None, "null", '"', "\\", '\\"', "a,b", "{}", "{a}", " a ", "'", "\n\t", "ä€😀", "%(x)s", "$1"]
MOMENT = datetime(2026, 2, 28, 23, 59, 59, 999_999, timezone(timedelta(hours=-3, minutes=-30)))
DELAYS = [timedelta(), timedelta(microseconds=1), timedelta(days=40_000, seconds=86_399, microseconds=999_999)]


@pytest.mark.parametrize(
    ("text", "kind", "meant"),
    [
        (texts(HOSTILE), "text[]", HOSTILE),
        (texts([]), "text[]", []),
        (uuids([UUID(int=7), None]), "uuid[]", [UUID(int=7), None]),
        (integers([-1, 0, 2**31 - 1]), "int[]", [-1, 0, 2**31 - 1]),
        (flags([True, False]), "bool[]", [True, False]),
        (intervals([*DELAYS, None]), "interval[]", [*DELAYS, None]),
        (moments([MOMENT, None]), "timestamptz[]", [MOMENT, None]),
        (interval(timedelta(seconds=30)), "interval", timedelta(seconds=30)),
    ],
)
def test_postgres_reads_what_was_meant(bench: Bench, text: str, kind: str, meant: Any):
    """Quotes, commas, braces, NULL as a word: whatever it is, it arrives as it was."""
    database = bench.mesh().engine.database
    statement = HotStatement(f"SELECT %(first)s::{kind}, %(second)s::text, %(first)s::{kind}")
    with database.transaction() as connection:
        raw = connection.connection.driver_connection
        row = statement.execute(database, raw, {"second": "x", "first": text}).fetchone()
    assert row == (meant, "x", meant)
