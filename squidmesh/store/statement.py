"""Statements of the hot path: taken apart once, and sent with arguments that are text already."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.rows import RowFactory

    from squidmesh.store.engine import Database

_PARAMETER = re.compile(r"%\((\w+)\)s")


class HotStatement:
    """SQL with ``%(name)s`` parameters, each with a cast to its type, since all of them are sent as text.

    psycopg looks for parameters in a long statement anew at each call, and for the type of each element of a list;
    together that was half of what the recording thread did.
    """

    def __init__(self, sql: str) -> None:
        self.names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
        self.sql = _PARAMETER.sub(lambda found: f"${self.names.index(found[1]) + 1}", sql)

    def execute(
        self,
        database: Database,
        connection: psycopg.Connection[Any],
        arguments: Mapping[str, str],
        *,
        rows: RowFactory[Any] = tuple_row,
    ) -> psycopg.Cursor[Any]:
        """Send it, prepared where the database allows that."""
        values = [arguments[name] for name in self.names]
        cursor = psycopg.RawCursor(connection, row_factory=rows)
        return cursor.execute(database.sql(self.sql), values, prepare=database.prepared)


@lru_cache(maxsize=64)
def hot(sql: str) -> HotStatement:
    """Return a statement's text made ready, once."""
    return HotStatement(sql)
