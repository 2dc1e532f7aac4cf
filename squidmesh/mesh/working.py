"""Workers, and events for the host."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from squidmesh.mesh.tasking import Tasking
from squidmesh.model.queue import check_queue_names
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.firing import Firing
from squidmesh.runtime.queues import list_queues
from squidmesh.runtime.schedules import schedules_of
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES
from squidmesh.store.cooperation import waits_cooperatively
from squidmesh.store.targets import disown
from squidmesh.worker.profile import Profile
from squidmesh.worker.worker_type import WorkerType, parse_worker_type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from squidmesh.runtime.engine import Engine
    from squidmesh.worker.processes import ProcessWorker
    from squidmesh.worker.worker import Worker


class Working(Tasking):
    """The façade's calls that execute steps and tell of them."""

    def on(self, event: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call ``callback`` for an event (``run.failed``, ``run.*``, ``step.*``), after the commit, in this process."""
        self._events.subscribe(event, callback)

    def worker(
        self,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 4,
        worker_type: str = "thread",
        burst: bool = False,
        grace: float | None = None,
        stubs: Mapping[str, Mapping[str, Any]] | None = None,
        scheduler: bool = True,
    ) -> Worker | ProcessWorker:
        """Return a worker for some queues (default: the setting ``queue``), for ``concurrency`` steps at once.

        ``worker_type`` says what executes them: threads of this process (``thread``), processes that it forks
        (``process``), or greenlets of this process (``greenlet``, in one that gevent has patched).
        ``stubs`` answer for steps, by name, instead of their step types. ``grace`` is in seconds. Without
        ``scheduler`` it fires no schedules. ``InvalidValue`` for a queue that no workflow could name.
        """
        from squidmesh.worker.worker import Worker  # noqa: PLC0415 - huey loads only where somebody works

        type_ = parse_worker_type(worker_type)
        options: dict[str, Any] = {
            "queues": queues,
            "burst": burst,
            "grace": grace,
            "stubs": stubs,
            "scheduler": scheduler,
        }
        if type_ is WorkerType.PROCESS:
            return self._process_worker(concurrency, options)
        engine, profile, firing = self._prepare_worker(**options, concurrency=concurrency, type_=type_)
        return Worker(engine, profile, firing, huey=self.huey)

    def _process_worker(self, concurrency: int, options: Mapping[str, Any]) -> ProcessWorker:
        """Return a worker whose processes each stand on a database and an engine of their own.

        What they share is loaded here, once; what is wrong with it is said here too.
        """
        from squidmesh.worker.child import Trade  # noqa: PLC0415 - as in worker
        from squidmesh.worker.processes import ProcessWorker  # noqa: PLC0415 - likewise
        from squidmesh.worker.supervisor import Plan  # noqa: PLC0415 - likewise
        from squidmesh.worker.worker import Worker  # noqa: PLC0415 - likewise

        _ = self.workflows, self.database
        self._step_types(options["stubs"] or {})
        huey = self.huey

        def make() -> Worker:
            self._begin_anew()
            engine, profile, firing = self._prepare_worker(**options, concurrency=1)
            return Worker(engine, replace(profile, expendable=True), firing, huey=huey)

        settings = self.settings
        plan = Plan(
            trade=Trade(make=make, close=self.close),
            size=concurrency,
            grace=settings.grace.total_seconds() if options["grace"] is None else options["grace"],
            lease=settings.lease.total_seconds(),
            burst=options["burst"],
        )
        queues = set(options["queues"] or (settings.queue,))
        return ProcessWorker(plan, partial(self._is_idle, queues), huey)

    def _begin_anew(self) -> None:
        """In a forked process: stand on connections of its own. Those of the parent are kept, unused and open."""
        made = self.__dict__
        self._inherited = [made.pop(name, None) for name in ("engine", "database")]
        self._inherited.append(disown(self._target))

    def _is_idle(self, names: Collection[str]) -> bool:
        standing = [queue for queue in list_queues(self.database) if queue.name in names]
        return not any(queue.running or (queue.due and not queue.paused) for queue in standing)

    def _prepare_worker(
        self,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 1,
        burst: bool = False,
        grace: float | None = None,
        stubs: Mapping[str, Mapping[str, Any]] | None = None,
        scheduler: bool = True,
        type_: WorkerType = WorkerType.THREAD,
    ) -> tuple[Engine, Profile, Firing | None]:
        """Return what a worker is made of; the schedules of the loaded workflows count from now on at the latest."""
        means = _means(type_)
        settings = self.settings
        served = check_queue_names(queues or (settings.queue,))
        self.database.check_schema()
        definitions = [self._definition(workflow) for workflow in self.workflows.values()]
        profile = Profile(
            queues=served,
            step_types=self._step_types(stubs or {}),
            concurrency=concurrency,
            poll_interval=settings.poll_interval.total_seconds(),
            sweep_interval=settings.sweep_interval.total_seconds(),
            grace=settings.grace.total_seconds() if grace is None else grace,
            type=type_,
            burst=burst,
            retention=settings.retention,
        )
        executor = replace(self.engine.executor, stubs=dict(stubs or {}), **means)
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


def _means(type_: WorkerType) -> dict[str, Any]:
    """Return what a type of worker executes with; its event loop is its own, since it stops it when it ends.

    ``ConfigurationError`` if greenlets cannot work in this process.
    """
    if type_ is WorkerType.GREENLET:
        from squidmesh.worker.greenlets import (  # noqa: PLC0415 - only for those who have gevent
            GreenletLoop,
            Interruptible,
            check_greenlets,
        )

        check_greenlets(cooperative=waits_cooperatively())
        return {"event_loop": GreenletLoop(), "interruptible": Interruptible}
    return {"event_loop": EventLoop()}
