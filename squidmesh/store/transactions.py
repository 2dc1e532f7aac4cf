"""The transaction that a step with ``transaction: true`` runs in: the step writes, the engine commits.

The connection comes from a pool of its own, without the planner settings of the hot statements. What the
step holds of it refuses ``commit`` and ``rollback``; a setting that is local to the transaction and carries
the claim's token tells whether somebody ended the transaction all the same (by SQL, or on the driver's
connection). No row of the engine is locked before the step has returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import psycopg
from sqlalchemy import event

from squidmesh.errors import StepFailed

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy import Connection

    from squidmesh.store.engine import Database

_OPEN = """
SELECT set_config('squidmesh.claim', %(token)s, true),
    set_config('idle_in_transaction_session_timeout', %(idle)s, true),
    set_config('statement_timeout', %(statement)s, true)
"""
_CLAIM = "SELECT current_setting('squidmesh.claim', true)"
# From here on nobody's code runs: the end of a step is bounded like the start of one.
_CLOSE = "SELECT set_config('statement_timeout', %(idle)s, true)"


class StepTransaction:
    """One step's transaction, open while the context is entered; whatever was not committed is rolled back.

    ``connection`` is for the step, ``raw`` for the statement that records its end.
    """

    def __init__(self, database: Database, *, token: UUID, lease: timedelta, timeout: timedelta | None) -> None:
        self._database = database
        self._token = str(token)
        self._idle = _milliseconds(lease)
        self._statement = _milliseconds(timeout) if timeout is not None else "0"

    def __enter__(self) -> Self:
        with self._database.errors():
            self.connection: Connection = self._database.step_engine.connect().execution_options(
                # The record reads what others committed while the step ran, whatever the host's default is.
                isolation_level="READ COMMITTED"
            )
            try:
                self._begin()
            except BaseException:
                self.connection.close()
                raise
        return self

    def _begin(self) -> None:
        self.connection.begin()
        raw = self.connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        self.raw: psycopg.Connection[Any] = raw
        self._database.watch(raw, patiently=True)  # the step's statements have its timeout, on the server
        raw.execute(_OPEN, {"token": self._token, "idle": self._idle, "statement": self._statement})
        event.listen(self.connection, "commit", _refuse)
        event.listen(self.connection, "rollback", _refuse)

    @property
    def lost(self) -> bool:
        """Whether the connection is gone, and with it whatever was not committed."""
        return bool(self.raw.closed)

    def is_intact(self) -> bool:
        """Return whether the transaction is the one that was opened; nobody has ended it meanwhile."""
        with self._database.errors():
            if self.connection.closed:
                return False
            self._database.watch(self.raw)
            row = self.raw.execute(_CLAIM).fetchone()
            return row is not None and row[0] == self._token

    def check_constraints(self) -> None:
        """Check what the host's constraints have deferred, before the step is recorded as completed."""
        with self._database.errors():
            self.raw.execute(_CLOSE, {"idle": self._idle})
            self.raw.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def for_tables(self) -> Connection:
        """Return the connection as the store's slow path needs it: with the name of the schema in use."""
        return self.connection.execution_options(**self._database.translation)

    def commit(self) -> None:
        """Commit the step's writes together with its record."""
        with self._database.errors():
            self.raw.commit()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event.remove(self.connection, "commit", _refuse)
        event.remove(self.connection, "rollback", _refuse)
        if self.connection.closed:
            return
        try:
            self.raw.rollback()
        except psycopg.Error:
            self.connection.invalidate()
        self.connection.close()


def _refuse(_: Connection) -> None:
    raise StepFailed(
        "a step with 'transaction: true' must not commit or roll back: its connection commits when the step "
        "is recorded (begin_nested() gives a savepoint)",
        code="transaction_broken",
    )


def _milliseconds(length: timedelta) -> str:
    return f"{max(round(length.total_seconds() * 1000), 1)}ms"
