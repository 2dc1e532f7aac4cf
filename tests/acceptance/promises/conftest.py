"""One worker for all promises of a module: runs are started, and what the worker does is seen in the rows."""

from __future__ import annotations

import threading
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import make_url

from squidmesh import SquidMesh, StepContext
from tests.acceptance.conftest import eventually
from tests.conftest import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from squidmesh.model.run import Run

THREADS = 6
_PATIENCE = 20.0


class Doors:
    """Steps wait at the door of their (run, step, attempt) until it is opened; what came there is known."""

    def __init__(self) -> None:
        self._doors: dict[tuple[str, str, int], threading.Event] = defaultdict(threading.Event)
        self._left_open = False
        self.reached: set[tuple[str, str, int]] = set()

    def wait(self, ctx: StepContext, doing: str = "") -> None:
        """Wait in a step, or in what is ``doing`` something to it."""
        key = (ctx.run_id, doing + ctx.step, ctx.attempt)
        self.reached.add(key)
        assert self._left_open or self._doors[key].wait(_PATIENCE), f"nobody opened {key}"

    def open_all(self) -> None:
        """Let go on whatever waits at a door now."""
        for door in list(self._doors.values()):
            door.set()

    def leave_open(self) -> None:
        """Let go on whatever waits at a door, now and from now on."""
        self._left_open = True
        self.open_all()

    def until_reached(self, run: Run, step: str, attempt: int = 1) -> None:
        """Wait until a step has come to its door."""
        eventually(lambda: (str(run.id), step, attempt) in self.reached)

    def open(self, run: Run, step: str, attempt: int = 1) -> None:
        """Let a step go on, whether it has come to its door or not."""
        self._doors[str(run.id), step, attempt].set()


class House:
    """A mesh on a database of its own, the doors of its steps, and the test's own view of the rows."""

    def __init__(self, url: str, folder: Path, workflows: str, steps: Callable[[Doors], Mapping[str, Any]]) -> None:
        self.doors = Doors()
        self._make = partial(SquidMesh, url, folder, dict(steps(self.doors)), folder=folder)
        self._others: list[SquidMesh] = []
        for number, text in enumerate(workflows.split("\n---\n")):
            (folder / f"{number}.yaml").write_text(text)
        self.mesh = self.another()
        libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection = psycopg.connect(libpq, autocommit=True, row_factory=dict_row)
        self.connection.execute(f'ALTER DATABASE "{self.connection.info.dbname}" SET synchronous_commit = off')

    def another(self, **settings: Any) -> SquidMesh:
        """Make a further mesh of the same workflows on the same database."""
        self._others.append(self._make(**{"poll_interval": "100ms", "sweep_interval": "100ms"} | settings))
        return self._others[-1]

    def rows(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """Return what a statement finds."""
        cursor = self.connection.execute(statement, arguments or None)
        return cursor.fetchall() if cursor.description else []

    def run_row(self, run: Run) -> dict[str, Any]:
        """Return a run as it is stored."""
        (row,) = self.rows("SELECT * FROM squidmesh.runs WHERE id = %s", run.id)
        return row

    def step_row(self, run: Run, step: str, kind: int = 0) -> dict[str, Any]:
        """Return a step run as it is stored."""
        query = "SELECT * FROM squidmesh.step_runs WHERE run_id = %s AND step = %s AND kind = %s"
        (row,) = self.rows(query, run.id, step, kind)
        return row

    def statuses(self, run: Run, kind: int = 0) -> dict[str, str]:
        """Return the status of each step run of one kind."""
        query = "SELECT step, status FROM squidmesh.step_runs WHERE run_id = %s AND kind = %s"
        return {row["step"]: row["status"] for row in self.rows(query, run.id, kind)}

    def start(self, workflow: str, **payload: Any) -> Run:
        """Start a run."""
        return self.mesh.start_run(workflow, payload)

    def until(self, run: Run, *statuses: str) -> Run:
        """Wait until a run shows one of these statuses, and return it with its history."""
        eventually(lambda: self.mesh.inspect_run(run.id).status in statuses)
        return self.mesh.inspect_run(run.id, include_history=True)

    def until_step(self, run: Run, step: str, *statuses: str, kind: int = 0) -> dict[str, Any]:
        """Wait until a step run has one of these statuses, and return its row."""
        eventually(lambda: self.statuses(run, kind).get(step) in statuses)
        return self.step_row(run, step, kind)

    def lose(self, run: Run, step: str) -> dict[str, Any]:
        """Let the lease of a running step pass until it is taken from its worker, whatever heartbeats say."""
        token = self.step_row(run, step)["claim_token"]
        passed = "UPDATE squidmesh.step_runs SET lease_until = squidmesh.now() - interval '1 s' WHERE claim_token = %s"

        def taken() -> bool:
            self.connection.execute(passed, [token])
            return bool(self.step_row(run, step)["claim_token"] != token)

        eventually(taken)
        return self.step_row(run, step)

    def close(self) -> None:
        """Close the mesh and the connection."""
        for mesh in self._others:
            mesh.close()
        self.connection.close()


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A house whose worker has not begun: ``WORKFLOWS`` and ``make_steps(doors)`` are the module's."""
    with fresh_database(server_url, template) as url:
        house = House(url, tmp_path_factory.mktemp("house"), request.module.WORKFLOWS, request.module.make_steps)
        yield house
        house.close()


@pytest.fixture(scope="module")
def house(site: House) -> Iterator[House]:
    """The house with its worker, which works through all tests of the module."""
    with site.mesh.worker(queues=("default", "apart"), concurrency=THREADS):
        yield site
        site.doors.leave_open()
