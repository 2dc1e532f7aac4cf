"""Run ids as people write them: shortened to a beginning that only one run has."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING
from uuid import UUID

from squidmesh.errors import AmbiguousRunId, InvalidRunId, RunNotFound
from squidmesh.store.run_ids import nearest, newest_between

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from squidmesh.store.engine import Database

_DIGITS = 32
_WRITTEN = re.compile(r"[0-9a-f-]{1,36}")
_CANDIDATES = 5
_SIMILAR_DIGITS = 8
_SIMILAR = 3


def find_run_id(database: Database, written: UUID | str) -> UUID:
    """Return the id of the one run whose id is, or begins with, what was written.

    ``InvalidRunId`` if no id can begin so, ``AmbiguousRunId`` if several do, ``RunNotFound`` if none does, with
    the ids of runs that begin almost so.
    """
    digits = _digits(written)
    with database.transaction() as connection:
        found = newest_between(connection, *_range(digits), limit=_CANDIDATES)
        if not found:
            raise RunNotFound(str(written), _similar(connection, digits))
    if len(found) > 1:
        raise AmbiguousRunId(str(written), tuple(map(str, found)))
    return found[0]


def _digits(written: UUID | str) -> str:
    if not isinstance(written, (str, UUID)):
        raise InvalidRunId(str(written))
    text = str(written).strip().lower()
    digits = text.replace("-", "")
    if not _WRITTEN.fullmatch(text) or not digits or len(digits) > _DIGITS:
        raise InvalidRunId(str(written))
    return digits


def _range(digits: str) -> tuple[UUID, UUID]:
    return UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))


def _similar(connection: Connection, digits: str) -> tuple[str, ...]:
    """Return the few ids that share the longest beginning with what was written, if it is long enough to mean it."""
    low, _ = _range(digits)
    shared = max((_shared(digits, found.hex) for found in nearest(connection, low)), key=len, default="")
    if len(shared) < _SIMILAR_DIGITS:
        return ()
    found = newest_between(connection, *_range(shared), limit=_SIMILAR + 1)
    return tuple(map(str, found)) if len(found) <= _SIMILAR else ()


def _shared(one: str, other: str) -> str:
    return "".join(digit for digit, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
