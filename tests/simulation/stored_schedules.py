"""The schedules' twin in Postgres: processes that each have their own mesh and fire what is due."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

from squidmesh.runtime.firing import Firing
from squidmesh.runtime.schedules import schedules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh import SquidMesh
    from squidmesh.model.definition import Workflow
    from squidmesh.store.dedicated import Dedicated
    from tests.simulation.rows import Row
    from tests.simulation.stored import Stored


class Process:
    """What one process has loaded, and its scheduler, gone round by hand."""

    def __init__(self, mesh: SquidMesh, workflow: Workflow) -> None:
        self.mesh = mesh
        mesh.use_workflow(workflow)
        loaded = schedules_of([mesh._definition(workflow)])
        self.firing = Firing(mesh.engine, loaded, mesh.settings.max_value_bytes)
        self.firing.adopt()
        self.store: Dedicated = mesh.engine.dedicated()

    def fire(self) -> None:
        """Look once."""
        with self.store.use() as connection:
            self.firing.fire_due(connection)

    def close(self) -> None:
        """Free its connections."""
        self.store.close()
        self.mesh.close()


class StoredSchedules:
    """Several processes that fire the same schedules."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.processes: dict[int, Process] = {}

    def load(self, process: int, workflow: Workflow) -> None:
        """Let a process begin with a definition; the one before it has ended."""
        if process in self.processes:
            self.processes[process].close()
        mesh = self._stored.bench.mesh(None)
        vars(mesh)["registry"] = self._stored.mesh.registry
        self.processes[process] = Process(mesh, workflow)
        self._stored.bench.keep(self.processes[process])

    def fire(self, process: int) -> None:
        """Let a process look at its schedules and fire what is due."""
        self.processes[process].fire()

    def fire_together(self) -> None:
        """Let all processes look at the same moment."""
        barrier = Barrier(len(self.processes))

        def fire(process: Process) -> None:
            barrier.wait()
            process.fire()

        with ThreadPoolExecutor(len(self.processes)) as pool:
            for future in [pool.submit(fire, process) for process in self.processes.values()]:
                future.result()

    def act(self, process: int, action: str, *arguments: Any, **options: Any) -> None:
        """Do what a person asks for, in a process."""
        getattr(self.processes[process].mesh, action)("sim.run", *arguments, **options)

    def take_up(self, started: Sequence[Row]) -> None:
        """Give the runs that have been started the numbers of these."""
        known = list(self._stored.runs)
        rows = self._stored.bench.rows("SELECT * FROM squidmesh.runs WHERE NOT id = ANY(%s)", known)
        found: dict[Any, Any] = {}
        for row in rows:
            tick = (row["trigger"], row["scheduled_for"])
            assert tick not in found, f"a tick fired twice: {tick}"
            found[tick] = row["id"]
        expected = [(row["trigger"], row["scheduled_for"]) for row in started]
        assert set(found) == set(expected), f"{sorted(found)} were started, and not {sorted(expected)}"
        self._stored.take_up([found[tick] for tick in expected])
