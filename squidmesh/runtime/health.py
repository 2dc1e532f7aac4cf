"""Examining the database and the processes on it: what is found, and what to do about it."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from squidmesh import __version__
from squidmesh.errors import DatabaseUnavailable, SquidMeshError
from squidmesh.model.definition import BUILTIN_NAMES
from squidmesh.model.upkeep import Finding, TablesState, Verdict
from squidmesh.runtime.queues import list_queues, list_workers
from squidmesh.store import health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from squidmesh.model.definition import Workflow
    from squidmesh.model.worker import WorkerProcess
    from squidmesh.store.engine import Database

OLDEST_SERVER = 140000
_CLOCK_TOLERANCE = timedelta(seconds=5)
_MOVED = 1.0  # seconds
_PATIENCE = 2.0  # seconds


def ok(check: str, detail: str) -> Finding:
    """Return that nothing is wrong."""
    return Finding(check=check, verdict=Verdict.OK, detail=detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    """Return that something may be wrong."""
    return Finding(check=check, verdict=Verdict.WARNING, detail=detail, remedy=remedy)


def problem(check: str, detail: str, remedy: str) -> Finding:
    """Return that something is wrong."""
    return Finding(check=check, verdict=Verdict.PROBLEM, detail=detail, remedy=remedy)


def skipped(check: str, detail: str) -> Finding:
    """Return that a check could not be made."""
    return Finding(check=check, verdict=Verdict.SKIPPED, detail=detail)


def examine_database(database: Database, *, briefly: bool = False) -> Iterator[Finding]:
    """Yield what is found of the server and the tables; ``briefly`` only whether they are there.

    What cannot be looked at for an earlier problem is skipped.
    """
    server = _server(database)
    yield server
    if (facts := database.embedded) is not None:
        yield ok("embedded", f"PostgreSQL {facts.major} in {facts.home}, which logs to {facts.log}")
    tables = _tables(database) if server.verdict is not Verdict.PROBLEM else skipped("tables", "no database")
    yield tables
    if briefly:
        return
    if tables.verdict is not Verdict.OK:
        yield from (skipped(check, "no tables of this version") for check in ("rights", "clock", "wake-ups"))
        return
    for check, look in (("rights", _rights), ("clock", _clock), ("wake-ups", _wakeups)):
        yield _guarded(check, lambda look=look: look(database))  # type: ignore[misc]  # binds the loop's function


def _guarded(check: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except SquidMeshError as error:
        return problem(check, str(error), "see what the database says")


def _server(database: Database) -> Finding:
    try:
        server = health.read_server(database)
    except DatabaseUnavailable as error:
        return problem("database", error.detail, "squidmesh needs a PostgreSQL server that it can reach and log in to")
    except SquidMeshError as error:
        return problem("database", str(error), "do as it says, or correct the setting database_url")
    where = f"PostgreSQL {server.version.split()[0]} at {database.shown_url}, as {server.user}"
    if server.number < OLDEST_SERVER:
        return problem("database", where, "PostgreSQL 14 or later is needed: upgrade the server")
    if server.read_only:
        return problem("database", f"{where}, which only reads", "name the primary in the database URL")
    return ok("database", where)


def _tables(database: Database) -> Finding:
    try:
        tables = database.describe_tables()
    except SquidMeshError as error:
        return problem("tables", str(error), "let the owner of the schema look")
    match tables.state:
        case TablesState.UP_TO_DATE:
            return ok("tables", f"version {tables.current} in schema {tables.schema}")
        case TablesState.MISSING:
            return problem("tables", f"there are none in schema {tables.schema}", "run 'squidmesh db upgrade'")
        case TablesState.OUTDATED:
            detail = f"version {tables.current} in schema {tables.schema}, {tables.expected} is needed"
            return problem("tables", detail, "run 'squidmesh db upgrade'")
        case _:
            detail = f"version {tables.current} in schema {tables.schema}, which a newer squidmesh made"
            return problem("tables", detail, "upgrade the package squidmesh")


def _rights(database: Database) -> Finding:
    missing = health.tables_without_rights(database)
    if missing:
        detail = f"this user may not read and write {', '.join(missing)}"
        remedy = f'GRANT ALL ON ALL TABLES IN SCHEMA "{database.schema}" TO its role'
        return problem("rights", detail, remedy)
    return ok("rights", "every table may be read and written")


def _clock(database: Database) -> Finding:
    if abs(health.clock_ahead(database)) > _MOVED:
        remedy = "a test has moved it: run 'squidmesh db upgrade', which puts it right"
        return problem("clock", "the run clock does not show the time", remedy)
    off = abs(health.read_server(database).clock - datetime.now(UTC))
    if off > _CLOCK_TOLERANCE:
        detail = f"this machine and the server are {off.total_seconds():.0f} s apart"
        return warning("clock", detail, "runs go by the server's clock; let both follow NTP")
    return ok("clock", "this machine and the server agree")


def _wakeups(database: Database) -> Finding:
    if health.hears_wakeups(database, _PATIENCE):
        return ok("wake-ups", "LISTEN hears NOTIFY")
    detail = "no NOTIFY arrives by LISTEN: workers find work by polling alone"
    return warning("wake-ups", detail, "give them a connection that no pooler shares (port of the server itself)")


def examine_workers(database: Database, workflows: Iterable[Workflow]) -> Iterator[Finding]:
    """Yield who works, which of the workflows' queues and step types nobody serves, and which queues are paused."""
    workers = list_workers(database)
    alive = [worker for worker in workers if worker.alive]
    yield _processes(workers, alive)
    if alive:
        yield _served(alive, workflows)
    paused = [queue for queue in list_queues(database) if queue.paused]
    for queue in paused:
        detail = f"{queue.name} is paused since {queue.paused_at:%Y-%m-%d %H:%M} ({queue.due} steps are due)"
        yield warning("queues", detail, f"squidmesh queues resume {queue.name}")
    if not paused:
        yield ok("queues", "none is paused")


def _processes(workers: list[WorkerProcess], alive: list[WorkerProcess]) -> Finding:
    if not alive:
        return warning("workers", "none is alive: nothing is executed", "start one: squidmesh run")
    silent = [worker.id for worker in workers if not worker.alive]
    if silent:
        detail = f"{len(alive)} alive; no sign of life from {', '.join(silent)}"
        return warning("workers", detail, "if they were not killed, look at their logs: squidmesh workers")
    others = sorted({worker.version for worker in alive} - {__version__})
    if others:
        detail = f"{len(alive)} alive, some of version {', '.join(others)} (this is {__version__})"
        return warning("workers", detail, "end the rolling upgrade, or make the versions one")
    return ok("workers", f"{len(alive)} alive")


def _served(alive: list[WorkerProcess], workflows: Iterable[Workflow]) -> Finding:
    """Return which (queue, step type) of the workflows no live worker can take."""
    needed = {
        (step.queue, step.step_type): f"{workflow.name}/{name}"
        for workflow in workflows
        for name, step in workflow.steps.items()
    }
    left = {
        where: who
        for where, who in needed.items()
        if not any(where[0] in worker.queues and where[1] in worker.step_types for worker in alive)
    }
    if not left:
        return ok("served", "live workers serve every queue and step type of the workflows")
    lines = [
        f"{who} (queue {queue}{'' if step_type in BUILTIN_NAMES.values() else f', step type {step_type}'})"
        for (queue, step_type), who in sorted(left.items())
    ]
    remedy = "run a worker with --queue for them, in an environment that has the step types"
    return warning("served", f"no live worker can take {'; '.join(lines)}", remedy)


def examine_here(database: Database) -> Finding:
    """Return whether the workers of this machine give signs of life; of processes that are gone nothing is said."""
    host = socket.gethostname()
    latest = {worker.pid: worker for worker in list_workers(database) if worker.host == host and _exists(worker.pid)}
    silent = [worker.id for worker in latest.values() if not worker.alive]
    if silent:
        return problem("workers", f"no sign of life from {', '.join(silent)}", "restart it; its steps go on elsewhere")
    return ok("workers", f"{len(latest)} alive on this machine")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
