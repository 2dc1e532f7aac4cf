"""Where a scenario takes place: a database with a ledger, a host that starts runs, and its worker processes."""

from __future__ import annotations

import random
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg

from squidmesh import SquidMesh
from tests.chaos.app import chaos_steps
from tests.chaos.fleet import PATIENCE, Fleet, Process, environment
from tests.invariants import ledger as ledgers
from tests.invariants.steps import ledger_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from tests.chaos.cluster import Cluster
    from tests.chaos.scale import Scale

WORKFLOWS = Path(__file__).with_name("workflows")
MIXED = ("chaos.straight", "chaos.diamond", "chaos.wide", "chaos.saga", "chaos.siblings")
LEASE = 2.0
SWEEP = 0.5
_WAVE = 5
# A step may be lost more often here than anywhere; what must not happen is that it counts as the step's doing.
MAX_LOSSES = 1000
SETTINGS = {
    "SQUIDMESH_LEASE": f"{int(LEASE * 1000)}ms",
    "SQUIDMESH_SWEEP_INTERVAL": f"{int(SWEEP * 1000)}ms",
    "SQUIDMESH_POLL_INTERVAL": "200ms",
    "SQUIDMESH_GRACE": "30s",
    "SQUIDMESH_MAX_LOSSES": str(MAX_LOSSES),
}


class Arena:
    """One scenario's surroundings, closed with it; ``dice`` is the source of all its chance."""

    def __init__(self, cluster: Cluster, scale: Scale, seed: str, folder: Path, settings: dict[str, str]) -> None:
        self.cluster = cluster
        self.scale = scale
        self.dice = random.Random(seed)
        self.folder = folder
        self.workflows = folder / "workflows"
        shutil.copytree(WORKFLOWS, self.workflows)
        self.settings = SETTINGS | settings
        self.max_losses = int(self.settings["SQUIDMESH_MAX_LOSSES"])
        self.kills: list[tuple[int, float]] = []
        self.restarts = 0
        self.acknowledged = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.url = self._stack.enter_context(self.cluster.database())
        ledgers.install(self.url)
        self.ledger = ledgers.Ledger(self.url)
        self._stack.callback(self.ledger.close)
        self.mesh = self._stack.enter_context(self.host())
        variables = environment(self.url, self.url, self.workflows, **self.settings)
        self.fleet = self._stack.enter_context(Fleet(variables, self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def host(self, workflows: Path | None = None, url: str | None = None) -> SquidMesh:
        """Return a host with the step types of the workers, to be closed by the caller."""
        steps = ledger_steps(self.ledger) | chaos_steps(self.ledger)
        ours = {name: value for name, value in self.settings.items() if name.startswith("SQUIDMESH_")}
        short = {name.removeprefix("SQUIDMESH_").lower(): value for name, value in ours.items()}
        return SquidMesh(url or self.url, workflows or self.workflows, steps, folder=self.folder, **short)

    def start(self, workflow: str, payloads: Sequence[dict[str, Any]] = ({},)) -> list[UUID]:
        """Start runs and note that this was acknowledged."""
        started = list(self.mesh.start_runs(workflow, payloads))
        self.acknowledge(started)
        return started

    def start_mixed(self, count: int) -> list[UUID]:
        """Start runs of every shape, in an order of chance."""
        waves = [MIXED[number % len(MIXED)] for number in range(-(-count // _WAVE))]
        self.dice.shuffle(waves)
        started: list[UUID] = []
        for name in waves:
            started += self.start(name, [{}] * min(_WAVE, count - len(started)))
        return started

    def acknowledge(self, ids: Sequence[UUID]) -> None:
        """Note runs whose start has returned."""
        self.ledger.acknowledge(ids)
        self.acknowledged += len(ids)

    def kill(self, process: Process) -> None:
        """Kill a worker, and note when, by the engine's clock, for the table."""
        process.kill()
        self.note_death(process)

    def note_death(self, process: Process) -> None:
        """Note that a worker has died just now."""
        self.kills.append((process.pid, float(self.one("SELECT extract(epoch FROM squidmesh.now())"))))

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query, on a connection of its own: the server may just have been restarted."""
        with psycopg.connect(self.url, autocommit=True, application_name="desk") as connection:
            return connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """Return the one value that a query gives."""
        return self.ask(query, *values)[0][0]

    def ended(self) -> int:
        """Return how many runs have ended."""
        return int(self.one("SELECT count(*) FROM squidmesh.runs WHERE finished_at IS NOT NULL"))

    def running(self) -> int:
        """Return how many steps a worker holds."""
        return int(self.one("SELECT count(*) FROM squidmesh.step_runs WHERE status = 'running'"))

    def statuses(self, ids: Sequence[UUID]) -> dict[str, int]:
        """Return how many of the runs are in each status."""
        query = "SELECT status, count(*) FROM squidmesh.runs WHERE id = ANY(%s) GROUP BY 1"
        return dict(self.ask(query, list(ids)))  # type: ignore[arg-type]  # pairs

    def until(self, holds: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
        """Wait for something to become true, and return it; the limit is for a machine that is busy with others."""
        give_up = time.monotonic() + within
        while True:
            if answer := holds():
                return answer
            if time.monotonic() > give_up:
                raise AssertionError(f"not within {within:.0f} s: {what}")
            time.sleep(0.05)

    def until_all_ended(self, within: float = 2 * PATIENCE) -> None:
        """Wait until every run that was acknowledged has ended."""
        query = (
            "SELECT a.run_id FROM ledger.acknowledged a LEFT JOIN squidmesh.runs r ON r.id = a.run_id "
            "WHERE r.finished_at IS NULL ORDER BY 1"
        )
        try:
            self.until(lambda: not self.ask(query), "every run ends", within)
        except AssertionError as error:
            open_ = [id_ for (id_,) in self.ask(query)]
            error.add_note(f"{len(open_)} have not: {[self.mesh.explain_run(id_) for id_ in open_[:3]]}")
            raise

    def executions(self, id_: UUID, step: str) -> int:
        """Return how often a step's callable was called."""
        return int(self.one("SELECT count(*) FROM ledger.executions WHERE run_id = %s AND step = %s", id_, step))

    def recoveries(self) -> tuple[float, ...]:
        """Return, for each step that a killed worker held, the seconds until it was taken from it for others.

        None where the story has moved the clock that says when that was.
        """
        if self.one("SELECT abs(extract(epoch FROM squidmesh.now() - statement_timestamp())) > 1"):
            return ()
        found: list[float] = []
        for pid, at in self.kills:
            rows = self.ask(
                "SELECT extract(epoch FROM a.finished_at) - %s FROM squidmesh.attempts a "
                "WHERE a.error ->> 'code' = 'worker_lost' AND a.worker LIKE %s",
                at,
                f"%-{pid}-%",
            )
            found += [float(seconds) for (seconds,) in rows]
        return tuple(found)
