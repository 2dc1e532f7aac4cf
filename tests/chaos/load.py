"""What a worker takes up under a long load: memory, connections, and the room that its tables need.

``python -m tests.chaos.load [--steps 200000]`` measures one worker process, and prints a table: before, under way and
idle again. Steps are those of straight five-step runs that do nothing, so that what grows is the engine's.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from squidmesh import SquidMesh
from tests.chaos.cluster import Cluster
from tests.chaos.fleet import Fleet, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS_A_RUN = 5
_WAVE = 1000
_WORKFLOW = """
workflow: load.straight
triggers: {go: {manual: {}}}
steps:
  one: {uses: load.pass, next: two}
  two: {uses: load.pass, next: three}
  three: {uses: load.pass, next: four}
  four: {uses: load.pass, next: five}
  five: {uses: load.pass, next: complete}
"""
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'squidmesh'"
_SIZES = """
SELECT c.relname, pg_relation_size(c.oid), coalesce(s.n_dead_tup, 0) FROM pg_class c
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE c.relnamespace = 'squidmesh'::regnamespace
"""
_OPEN = "SELECT count(*) FROM squidmesh.runs WHERE finished_at IS NULL"
_MEGABYTE = 1024 * 1024
_STEPS = {"load.pass": lambda: None}
CLAIMING = "step_runs_claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One look: what the worker holds (``memory`` in bytes) and what the tables take (bytes, by name)."""

    steps: int
    memory: int
    connections: int
    sizes: dict[str, int]
    dead: int

    @property
    def row(self) -> str:
        """The look as a line of a Markdown table."""
        taken = [f"{self.sizes[name] / _MEGABYTE:.1f}" for name in ("step_runs", "runs", CLAIMING)]
        cells = (self.steps, f"{self.memory / _MEGABYTE:.1f}", self.connections, *taken, self.dead)
        return f"| {' | '.join(map(str, cells))} |"


HEAD = (
    "| steps | memory MB | connections | step_runs MB | runs MB | claiming index MB | dead rows |\n"
    "|---|---|---|---|---|---|---|"
)


def app() -> SquidMesh:
    """Return the worker's host."""
    return SquidMesh(steps=_STEPS)


def measures(cluster: Cluster, steps: int, looks: int = 8) -> Iterator[Measure]:
    """Yield a look before the load, several under way, and one when the worker is idle again."""
    with tempfile.TemporaryDirectory(prefix="squidmesh-load-") as name, cluster.database() as url:
        folder = Path(name)
        (folder / "load.yaml").write_text(_WORKFLOW)
        variables = environment(url, url, folder / "load.yaml")
        with (
            psycopg.connect(url, autocommit=True, application_name="desk") as desk,
            SquidMesh(f"{url}&application_name=host", folder / "load.yaml", _STEPS, folder=folder) as host,
            Fleet(variables, folder, app="tests.chaos.load:app") as fleet,
        ):
            (worker,) = fleet.start_ready(1, "--concurrency", "16")
            runs, done = -(-steps // STEPS_A_RUN), 0
            yield _look(desk, worker.pid, 0)
            for look in range(looks):
                while done < runs * (look + 1) // looks:
                    host.start_runs("load.straight", [{}] * _WAVE)
                    done += _WAVE
                    _until(desk, 2 * _WAVE)
                yield _look(desk, worker.pid, done * STEPS_A_RUN)
            _until(desk, 0)
            yield _look(desk, worker.pid, done * STEPS_A_RUN)


def _until(desk: psycopg.Connection[tuple[int]], few: int) -> None:
    """Wait until at most a few runs are open."""
    while (desk.execute(_OPEN).fetchone() or (0,))[0] > few:
        time.sleep(0.05)


def _look(desk: psycopg.Connection[tuple[int]], pid: int, steps: int) -> Measure:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    rows = desk.execute(_SIZES).fetchall()
    return Measure(
        steps=steps,
        memory=pages * os.sysconf("SC_PAGE_SIZE"),
        connections=(desk.execute(_CONNECTIONS).fetchone() or (0,))[0],
        sizes={str(name): int(size) for name, size, _ in rows},  # type: ignore[misc]  # three columns
        dead=sum(int(dead) for _, _, dead in rows),  # type: ignore[misc]  # likewise
    )


def main() -> None:
    """Measure, and print each look as it is taken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=200_000)
    chosen = parser.parse_args()
    print(HEAD, flush=True)  # noqa: T201 - it is a command
    with Cluster() as cluster:
        for measure in measures(cluster, chosen.steps):
            print(measure.row, flush=True)  # noqa: T201 - it is a command


if __name__ == "__main__":
    sys.exit(main())
