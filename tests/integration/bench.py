"""Meshes, workers and connections on one database, and what must hold of its rows."""

from __future__ import annotations

import textwrap
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import make_url

from squidmesh import SquidMesh
from squidmesh.store.tables import metadata
from tests.integration.hand_worker import HandWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from squidmesh.model.run import Run


def emptied(url: str) -> None:
    """Take everything out of the tables and set the engine's clock right."""
    with connect(url) as connection:
        for table in metadata.tables:
            connection.execute(f"DELETE FROM {table}")
        set_clock(connection, 0)


def connect(url: str) -> psycopg.Connection[Any]:
    """Return an autocommitting connection."""
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(libpq, autocommit=True, row_factory=dict_row)


def set_clock(connection: psycopg.Connection[Any], seconds: float) -> None:
    """Let the database's clock, as the engine reads it, run ahead by ``seconds``."""
    body = f"SELECT statement_timestamp() + interval '{seconds} s'"
    connection.execute(
        "CREATE OR REPLACE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE "
        f"AS $body${body}$body$"
    )


class Bench:
    """Meshes and workers on one database, closed together."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._open: list[Any] = []
        self._connection: psycopg.Connection[Any] | None = None

    def mesh(
        self, workflow: str | None = None, steps: Mapping[str, Callable[..., Any]] | None = None, **settings: Any
    ) -> SquidMesh:
        """Return a mesh with the workflows of one YAML text (documents are set apart by ``---``)."""
        folder = self.folder / uuid.uuid4().hex[:8]
        folder.mkdir()
        for number, text in enumerate(textwrap.dedent(workflow).split("\n---\n") if workflow else ()):
            (folder / f"{number}.yaml").write_text(text)
        mesh = SquidMesh(settings.pop("database", self.url), folder, dict(steps or {}), folder=folder, **settings)
        self._open.append(mesh)
        return mesh

    def worker(self, mesh: SquidMesh, **options: Any) -> HandWorker:
        """Return a worker of a mesh."""
        worker = HandWorker(mesh, **options)
        self._open.append(worker)
        return worker

    def keep(self, opened: Any) -> None:
        """Close something at the end, too."""
        self._open.append(opened)

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """An autocommitting connection of the test's own."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection

    def connect(self) -> psycopg.Connection[Any]:
        """Return another connection of the test's own."""
        connection = connect(self.url)
        self._open.append(connection)
        return connection

    def rows(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """Return what a statement finds (its tables in our schema)."""
        return self.connection.execute(statement, arguments).fetchall()

    def run_row(self, run: Run | uuid.UUID) -> dict[str, Any]:
        """Return a run as it is stored."""
        (row,) = self.rows("SELECT * FROM squidmesh.runs WHERE id = %s", getattr(run, "id", run))
        return row

    def step_rows(self, run: Run | uuid.UUID, kind: int = 0) -> dict[str, dict[str, Any]]:
        """Return the step runs of one kind by name."""
        found = self.rows(
            "SELECT * FROM squidmesh.step_runs WHERE run_id = %s AND kind = %s ORDER BY created_at, id",
            getattr(run, "id", run),
            kind,
        )
        return {row["step"]: row for row in found}

    def statuses(self, run: Run | uuid.UUID, kind: int = 0) -> dict[str, str]:
        """Return the status of each step run of one kind, by name."""
        return {name: row["status"] for name, row in self.step_rows(run, kind).items()}

    def counters(self, run: Run | uuid.UUID) -> tuple[str, int, int, int]:
        """Return (status, active, retrying, paused) of a run."""
        row = self.run_row(run)
        return row["status"], row["active"], row["retrying"], row["paused"]

    def check(self) -> None:
        """Assert what must hold of all runs whenever nothing is half done."""
        wrong = self.rows(
            """
            SELECT r.id, r.status, r.phase, r.active, r.retrying, s.* FROM squidmesh.runs r, LATERAL (
                SELECT count(*) FILTER (WHERE open AND NOT again) AS first_tries,
                    count(*) FILTER (WHERE open AND again) AS retries,
                    count(*) FILTER (WHERE status IN ('waiting', 'paused')) AS idle,
                    count(completed_seq) - count(DISTINCT completed_seq) AS shared_numbers,
                    max(completed_seq) AS last FROM (
                    SELECT *, status IN ('pending', 'running') AS open,
                        attempt > CASE status WHEN 'running' THEN 1 ELSE 0 END AS again
                    FROM squidmesh.step_runs WHERE run_id = r.id) rows) s
            WHERE s.shared_numbers > 0 OR s.last > r.seq
                OR (r.phase = 'forward' AND (r.active, r.retrying) <> (s.first_tries, s.retries))
                OR (r.phase <> 'forward' AND r.active <> s.first_tries + s.retries + s.idle)
                OR (r.finished_at IS NOT NULL AND s.first_tries + s.retries + s.idle > 0)
            """
        )
        assert wrong == []
        unrecorded = self.rows(
            """
            SELECT s.* FROM squidmesh.step_runs s, LATERAL (
                SELECT count(*) AS n, count(*) FILTER (WHERE status = 'completed') AS good,
                    count(*) FILTER (WHERE error ->> 'code' = 'worker_lost') AS lost
                FROM squidmesh.attempts a WHERE a.step_run_id = s.id) a
            WHERE a.good > 1 OR (s.status = 'completed') <> (a.good = 1) OR a.lost <> s.losses
                OR a.n <> s.attempt - CASE WHEN s.status IN ('running', 'skipped') THEN 1 ELSE 0 END
            """
        )
        assert unrecorded == []

    def advance(self, seconds: float) -> None:
        """Let the database's clock, as the engine reads it, run ahead by ``seconds``."""
        set_clock(self.connection, seconds)

    def close(self) -> None:
        """Close everything, the last opened first."""
        for each in reversed(self._open):
            each.close()
