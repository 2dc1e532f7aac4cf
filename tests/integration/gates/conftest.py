"""What the tests of gates share: a mesh on a fresh database, a worker until something holds, a clock to move."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from squidmesh import SquidMesh
from squidmesh.model.state import StepRunKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from squidmesh.model.run import Run, StepRun

_PATIENCE = 20.0
_HEAD = """\
workflow: shop.order
triggers:
  by_hand:
    manual: {}
    payload:
      amount: {type: integer, default: 5}
      at: {type: string, required: false}
      card: {type: string, required: false, sensitive: true}
"""


class Stage:
    """Plays workflows on one database; every mesh that it makes is closed at the end."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._meshes: list[SquidMesh] = []

    def mesh(self, text: str | None, steps: dict[str, Callable[..., Any]] | None = None, **settings: Any) -> SquidMesh:
        """Make a mesh that declares the workflow in ``text`` (None: none at all)."""
        folder = self.folder / str(len(self._meshes))
        folder.mkdir()
        if text is not None:
            (folder / "workflow.yaml").write_text(_HEAD + text)
        settings = {"sweep_interval": "100ms", "poll_interval": "100ms"} | settings
        workflows = folder if text is not None else []
        mesh = SquidMesh(self.url, workflows=workflows, steps=steps, folder=folder, **settings)
        self._meshes.append(mesh)
        return mesh

    def paused(self, mesh: SquidMesh, **payload: Any) -> Run:
        """Start a run and work it until it waits for a person."""
        run = mesh.start_run("shop.order", payload)
        with mesh.worker(concurrency=2):
            return self.until(mesh, run, "paused")

    def finish(self, mesh: SquidMesh, run: Run) -> Run:
        """Work a run until it has ended, and return it with its history."""
        with mesh.worker(concurrency=2):
            self.until(mesh, run, "completed", "failed", "cancelled")
        return mesh.inspect_run(run.id, include_history=True)

    def until(self, mesh: SquidMesh, run: Run, *statuses: str) -> Run:
        """Wait until a run has one of these statuses."""
        return self.wait(mesh, run, lambda found: found.status in statuses)

    def wait(self, mesh: SquidMesh, run: Run, holds: Callable[[Run], bool]) -> Run:
        """Wait until something holds of a run, seen with its history."""
        limit = time.monotonic() + _PATIENCE
        while not holds(found := mesh.inspect_run(run.id, include_history=True)):
            assert time.monotonic() < limit, f"{found.status}: {mesh.explain_run(run.id)}"
            time.sleep(0.02)
        return found

    def advance(self, interval: str) -> None:
        """Move the clock that the engine reads."""
        body = f"SELECT statement_timestamp() + interval '{interval}'"
        self.execute(
            "CREATE OR REPLACE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE "
            f"AS $$ {body} $$"
        )

    def execute(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Execute a statement on a connection of its own."""
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement, arguments or None)
            return cursor.fetchall() if cursor.description else []

    @staticmethod
    def step(run: Run, name: str) -> StepRun:
        """Return a run's row for a step."""
        return next(item for item in run.step_runs or () if item.step == name and item.kind == StepRunKind.STEP)

    @staticmethod
    def events(run: Run) -> list[tuple[str, str | None, str | None]]:
        """Return (type, step, actor) of a run's audit events."""
        return [(event.type, event.step, event.actor) for event in run.audit_events or ()]

    def close(self) -> None:
        """Close every mesh."""
        for mesh in self._meshes:
            mesh.close()


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage on a fresh database."""
    stage = Stage(database_url, tmp_path)
    yield stage
    stage.close()
