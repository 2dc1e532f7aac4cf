"""Deciding by hand: a person approves, rejects or unblocks a paused step, and the run goes on in the same transaction.

Whoever locks the run first has decided; see ``resumption.py`` for what a decision sets going.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from squidmesh.errors import RunNotFound
from squidmesh.model.gate import Verdict, Way
from squidmesh.model.outcome import Decided, Failure
from squidmesh.model.ruling import ManualAction, Ruling
from squidmesh.model.state import RunStatus
from squidmesh.model.values import printable
from squidmesh.runtime.choice import choose_paused, reason_of
from squidmesh.runtime.reporting import report_run
from squidmesh.runtime.resumption import report_resumed, resume
from squidmesh.store import pauses, runs
from squidmesh.store.audit_events import add_audit_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.resumption import Resumed

_AUDITED = {ManualAction.APPROVE: "approved", ManualAction.REJECT: "rejected", ManualAction.UNBLOCK: "resumed"}


def decide_run(engine: Engine, run_id: UUID, ruling: Ruling) -> None:
    """Apply a person's decision to the paused step that it is about.

    Raises ``RunNotFound``, ``RunNotPaused``, ``InvalidTransition`` or ``WrongManualAction``.
    """
    _load_definition(engine, run_id)
    with engine.database.transaction() as connection:
        run = runs.lock_run(connection, run_id)
        if run is None:
            raise RunNotFound(str(run_id))
        paused = choose_paused(connection, run, ruling)
        _audit(engine, connection, run_id, paused.step, ruling)
        if ruling.retry:
            shown = _retry(engine, connection, paused)
        else:
            resumed = _end(engine, connection, run, paused, ruling)
    if ruling.retry:
        report_run(engine.events, run.id, run.workflow, run.trigger, RunStatus(run.status), shown)
    else:
        report_resumed(engine.events, resumed)


def _load_definition(engine: Engine, run_id: UUID) -> None:
    """Have the run's definition at hand before its row is locked: reading it takes a connection of its own."""
    with engine.database.transaction() as connection:
        run = runs.find_run(connection, run_id)
    if run is None:
        raise RunNotFound(str(run_id))
    engine.definitions.get(run.definition_hash)


def _audit(engine: Engine, connection: Connection, run_id: UUID, step: str, ruling: Ruling) -> None:
    metadata = ruling.metadata
    if ruling.retry:
        metadata = {**(metadata or {}), "retry": True}
    add_audit_event(
        engine.database,
        connection,
        run_id,
        _AUDITED[ruling.action],
        step=step,
        actor=ruling.actor,
        comment=ruling.comment,
        metadata=metadata,
    )


def _retry(engine: Engine, connection: Connection, paused: Row[Any]) -> RunStatus:
    """Make an interrupted step due again; it counts as one that is tried again."""
    retried = pauses.retry_if_paused(engine.database, connection, paused.id)
    assert retried, "the run is locked"
    return runs.shift_counters(engine.database, connection, paused.run_id, retrying=1, paused=-1)


def _end(engine: Engine, connection: Connection, run: Row[Any], paused: Row[Any], ruling: Ruling) -> Resumed:
    def decide(at: datetime) -> Decided:
        if reason_of(paused).interrupted:
            output = json.dumps(ruling.metadata or {}, ensure_ascii=False)
            return Decided(way=Way.OK, output=output, attempted=False)
        return _decided(ruling, at)

    resumed = resume(engine, connection, run, paused.id, lambda _, at: decide(at))
    assert resumed is not None, "the run is locked"
    return resumed


def _decided(ruling: Ruling, at: datetime) -> Decided:
    """Return the outcome of a gate that a person decided."""
    verdicts = {
        ManualAction.APPROVE: Verdict.APPROVED,
        ManualAction.REJECT: Verdict.REJECTED,
        ManualAction.UNBLOCK: Verdict.RESUMED,
    }
    verdict = verdicts[ruling.action]
    output = gate_output(verdict, at, actor=ruling.actor, comment=ruling.comment, metadata=ruling.metadata)
    if verdict is not Verdict.REJECTED:
        return Decided(way=Way.OK, output=output)
    text = f"rejected by {ruling.actor}" + (f": {ruling.comment}" if ruling.comment else "")
    return Decided(way=Way.ERROR, output=output, failure=Failure(message=printable(text), code="rejected"))


def gate_output(
    verdict: Verdict,
    at: datetime,
    *,
    actor: str | None = None,
    comment: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """Return the output of a gate that was decided, as JSON text."""
    output = {
        "decision": verdict.value,
        "actor": actor,
        "decided_at": at.astimezone(UTC).isoformat(),
        "comment": comment,
        "metadata": metadata,
    }
    return json.dumps(output, ensure_ascii=False)
