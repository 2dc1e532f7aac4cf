"""What is told of the care of the database: the state of the tables, what was pruned, what a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from datetime import datetime


class TablesState(StrEnum):
    """How the tables stand to the package: the same version, an older one, none, or one it does not know."""

    UP_TO_DATE = "up_to_date"
    OUTDATED = "outdated"
    MISSING = "missing"
    NEWER = "newer"

    @classmethod
    def of(cls, current: str | None, expected: str) -> Self:
        """Return the state of tables of a version (None: there are none); versions sort by their age."""
        if current is None:
            return cls.MISSING
        if current == expected:
            return cls.UP_TO_DATE
        return cls.OUTDATED if current < expected else cls.NEWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables(Shown):
    """The tables in a database: ``current`` is their version (None: there are none), ``expected`` the package's.

    ``database`` is its URL without a password, ``server`` the version of PostgreSQL.
    """

    state: TablesState
    current: str | None
    expected: str
    schema: str
    database: str
    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned(Shown):
    """How many rows of finished runs were deleted, or would be (``dry_run``).

    Of runs that finished before ``before``, a moment of the database's clock.
    """

    before: datetime
    runs: int = 0
    step_runs: int = 0
    attempts: int = 0
    audit_events: int = 0
    dry_run: bool = False


class Verdict(StrEnum):
    """What a check found: nothing wrong, something worth knowing, something that must change; or it was not made."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Shown):
    """The answer of one check: ``detail`` says what was found, ``remedy`` what to do about it."""

    check: str
    verdict: Verdict
    detail: str
    remedy: str | None = None
