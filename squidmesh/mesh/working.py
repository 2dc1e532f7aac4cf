"""Workers, and events for the host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from squidmesh.mesh.wiring import Wiring
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.firing import Firing
from squidmesh.runtime.schedules import schedules_of
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES
from squidmesh.worker.profile import Profile
from squidmesh.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from squidmesh.runtime.engine import Engine

    Paths = str | Path | Sequence[str | Path]


class Working(Wiring):
    """The façade's calls that execute steps and tell of them."""

    def on(self, event: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call ``callback`` for an event (``run.failed``, ``run.*``, ``step.*``), after the commit, in this process."""
        self._events.subscribe(event, callback)

    def worker(
        self,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 4,
        burst: bool = False,
        grace: float | None = None,
        stubs: Mapping[str, Mapping[str, Any]] | None = None,
        scheduler: bool = True,
    ) -> Worker:
        """Return a worker for some queues (default: the setting ``queue``) with ``concurrency`` threads.

        ``stubs`` answer for steps, by name, instead of their step types. ``grace`` is in seconds. Without
        ``scheduler`` it fires no schedules.
        """
        engine, profile, firing = self._prepare_worker(
            queues=queues, concurrency=concurrency, burst=burst, grace=grace, stubs=stubs, scheduler=scheduler
        )
        return Worker(engine, profile, firing)

    def _prepare_worker(
        self,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 1,
        burst: bool = False,
        grace: float | None = None,
        stubs: Mapping[str, Mapping[str, Any]] | None = None,
        scheduler: bool = True,
    ) -> tuple[Engine, Profile, Firing | None]:
        """Return what a worker is made of; the schedules of the loaded workflows count from now on at the latest."""
        settings = self.settings
        self.database.check_schema()
        definitions = [self._definition(workflow) for workflow in self.workflows.values()]
        profile = Profile(
            queues=tuple(queues or (settings.queue,)),
            step_types=self._step_types(stubs or {}),
            concurrency=concurrency,
            poll_interval=settings.poll_interval.total_seconds(),
            sweep_interval=settings.sweep_interval.total_seconds(),
            grace=settings.grace.total_seconds() if grace is None else grace,
            burst=burst,
            retention=settings.retention,
        )
        # A loop of its own: the worker stops it when it ends, and another worker here may go on.
        executor = replace(self.engine.executor, stubs=dict(stubs or {}), event_loop=EventLoop())
        engine = replace(self.engine, executor=executor)
        if not scheduler:
            return engine, profile, None
        firing = Firing(engine, schedules_of(definitions), settings.max_value_bytes)
        firing.adopt()
        return engine, profile, firing

    def _step_types(self, stubs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what a worker here can execute: the built-ins, what loads, and what is answered for."""
        stubbed = {
            step.step_type
            for workflow in self.workflows.values()
            for name, step in workflow.steps.items()
            if name in stubs
        }
        return tuple(sorted(BUILTIN_STEP_TYPES.union(self.registry.loadable(), stubbed)))
