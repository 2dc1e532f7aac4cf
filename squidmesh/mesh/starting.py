"""Starting runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.errors import RunNotFound
from squidmesh.mesh.reading import Reading
from squidmesh.model.state import RunStatus
from squidmesh.model.values import check_texts
from squidmesh.runtime.start import (
    Start,
    choose_trigger,
    prepare_start,
    start_in,
    start_many_in,
    start_many_now,
    start_now,
    started_run,
)
from squidmesh.store.callers import require_connection
from squidmesh.store.wakeups import notify_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from squidmesh.model.definition import Field
    from squidmesh.model.run import Run
    from squidmesh.runtime.definitions import Definition
    from squidmesh.store.callers import CallersConnection


class Starting(Reading):
    """The façade's calls that start runs."""

    def start_run(
        self,
        workflow: str,
        payload: Mapping[str, Any] | None = None,
        *,
        trigger: str | None = None,
        idempotency_key: str | None = None,
        connection: CallersConnection | None = None,
        notify: bool = True,
    ) -> Run:
        """Start a run and return it.

        With an ``idempotency_key`` a second start returns the first run. Raises ``WorkflowNotFound``,
        ``TriggerNotFound``, ``TriggerRequired``, ``InvalidPayload``, ``IdempotencyConflict`` or
        ``DatabaseUnavailable``; any failure leaves nothing behind.

        With ``connection`` (a SQLAlchemy ``Connection`` or ``Session``, or a psycopg ``Connection``) the run is
        started in the caller's transaction: it exists once that commits, never if it rolls back. What the database
        says on that connection is raised as it is, and ``run.created`` is not told, since the commit is the
        caller's. Without ``notify`` no worker is woken, and the run is found by polling.
        """
        if connection is not None:
            require_connection(connection)
        definition, start = self._prepare(workflow, {} if payload is None else payload, trigger, idempotency_key)
        if connection is None:
            started = start_now(self.database, start)
            if not started.created:
                return self.inspect_run(started.id)
            self._announce([start], notify=notify)
            return started_run(definition, start, started)
        started = start_in(self.database, connection, start)
        if started.created:
            self._announce_in(connection, [start], notify=notify)
            return started_run(definition, start, started)
        try:
            return self.inspect_run(started.id)
        except RunNotFound:  # it was started under this key in the same transaction
            return started_run(definition, start, started)

    def start_runs(
        self,
        workflow: str,
        payloads: Iterable[Mapping[str, Any]],
        *,
        trigger: str | None = None,
        connection: CallersConnection | None = None,
        notify: bool = True,
    ) -> list[UUID]:
        """Start one run for each payload, all in one transaction, and return their ids in order.

        ``connection`` and ``notify`` are those of ``start_run``.
        """
        if connection is not None:
            require_connection(connection)
        starts = [self._prepare(workflow, payload, trigger, None)[1] for payload in payloads]
        if connection is None:
            ids = start_many_now(self.database, starts)
            self._announce(starts, notify=notify)
        else:
            ids = start_many_in(self.database, connection, starts)
            self._announce_in(connection, starts, notify=notify)
        return ids

    def payload_fields(self, workflow: str, trigger: str | None = None) -> Mapping[str, Field]:
        """Return the payload contract of a trigger, chosen as ``start_run`` chooses it."""
        found = self._find(workflow)
        return found.triggers[choose_trigger(found, trigger)].payload

    def _prepare(
        self, workflow: str, payload: Mapping[str, Any], trigger: str | None, key: str | None
    ) -> tuple[Definition, Start]:
        """Return a start and its definition, which is written now, on a connection of the engine's own."""
        found = self._find(workflow)
        check_texts(trigger=trigger)
        definition = self._definition(found)
        start = prepare_start(
            definition,
            choose_trigger(found, trigger),
            payload,
            idempotency_key=key,
            moment=self._moment(),
            max_value_bytes=self.settings.max_value_bytes,
        )
        return definition, start

    def _moment(self) -> datetime | None:
        """Return the time that a run started now is for; None: by this machine's clock, which costs no round trip."""
        return None

    def _announce(self, starts: Sequence[Start], *, notify: bool = True) -> None:
        for start in starts:
            self._events.emit(
                "run.created",
                run_id=str(start.run.id),
                workflow=start.run.workflow,
                trigger=start.run.trigger,
                to_status=RunStatus.PENDING.value,
            )
        if starts and notify:
            self.engine.notifier.announce(min(start.first_due for start in starts))

    def _announce_in(self, connection: CallersConnection, starts: Sequence[Start], *, notify: bool) -> None:
        due = min((start.first_due for start in starts), default=None)
        if notify and due is not None and due <= self.settings.poll_interval:
            notify_in(self.database, connection, due.total_seconds())
