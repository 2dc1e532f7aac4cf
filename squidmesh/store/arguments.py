"""Arguments of the hot statements as the text that Postgres reads.

psycopg writes a list element by element, each through a dumper that it looks up anew; for the dozens of arrays of one
record that took more time than all else which the recording thread does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from uuid import UUID

_NULL = "NULL"


def uuids(values: Iterable[UUID | None]) -> str:
    """Return a ``uuid[]``."""
    return f"{{{','.join([_NULL if value is None else value.hex for value in values])}}}"


def integers(values: Iterable[int]) -> str:
    """Return an ``int[]``, or a ``bool[]`` of zeros and ones."""
    return f"{{{','.join(map(str, values))}}}"


def flags(values: Iterable[bool]) -> str:
    """Return a ``bool[]``."""
    return f"{{{','.join(['t' if value else 'f' for value in values])}}}"


def texts(values: Iterable[str | None]) -> str:
    """Return a ``text[]``."""
    return f"{{{','.join([_NULL if value is None else _quoted(value) for value in values])}}}"


def moments(values: Iterable[datetime | None]) -> str:
    """Return a ``timestamptz[]``."""
    return f"{{{','.join([_NULL if value is None else value.isoformat() for value in values])}}}"


def intervals(values: Iterable[timedelta | None]) -> str:
    """Return an ``interval[]``."""
    return f"{{{','.join([_NULL if value is None else interval(value) for value in values])}}}"


def interval(value: timedelta) -> str:
    """Return an ``interval``, exact to the microsecond."""
    return f"{value.days} d {value.seconds}.{value.microseconds:06} s" if value else "0"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
