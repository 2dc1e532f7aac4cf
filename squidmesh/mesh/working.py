"""Workers, and events for the host."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidValue
from squidmesh.mesh.tasking import Tasking
from squidmesh.model.definition import ON_FAILURE_NAME, Uses
from squidmesh.model.duration import to_duration
from squidmesh.model.queue import check_queue_names
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.firing import Firing
from squidmesh.runtime.queues import list_queues
from squidmesh.runtime.schedules import schedules_of
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES
from squidmesh.store.cooperation import waits_cooperatively
from squidmesh.store.targets import disown
from squidmesh.worker.profile import Profile, new_worker_id
from squidmesh.worker.worker_type import WorkerType, parse_worker_type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import timedelta

    from squidmesh.model.definition import Workflow
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
        grace: str | float | timedelta | None = None,
        stubs: Mapping[str, Mapping[str, Any]] | None = None,
        scheduler: bool = True,
    ) -> Worker | ProcessWorker:
        """Return a worker for some queues (default: the setting ``queue``), for ``concurrency`` steps at once.

        ``worker_type`` says what executes them: threads of this process (``thread``), processes that it forks
        (``process``), or greenlets of this process (``greenlet``, in one that gevent has patched).
        ``stubs`` answer for steps, by name, instead of their step types, and undo them likewise. ``grace`` is a
        duration such as ``"10s"``, seconds or a ``timedelta`` (default: the setting). Without ``scheduler`` it fires no
        schedules. ``InvalidValue`` for a queue that no workflow could name, and for a concurrency or a grace that
        cannot be.
        """
        from squidmesh.worker.worker import Worker  # noqa: PLC0415 - huey loads only where somebody works

        type_ = parse_worker_type(worker_type)
        profile = self._profile(queues, type_, stubs or {}, concurrency=concurrency, burst=burst, grace=grace)
        if type_ is WorkerType.PROCESS:
            return self._process_worker(profile, stubs or {}, scheduler=scheduler)
        engine, firing = self._prepare_worker(profile, stubs or {}, scheduler=scheduler)
        return Worker(engine, profile, firing, huey=self.huey)

    def _process_worker(
        self, profile: Profile, stubs: Mapping[str, Mapping[str, Any]], *, scheduler: bool
    ) -> ProcessWorker:
        """Return a worker whose processes each stand on a database and an engine of their own.

        What they share is loaded here, once; what is wrong with it is said here too. No connection is opened, for it
        would be theirs as well: they look at the tables.
        """
        from squidmesh.worker.child import Trade  # noqa: PLC0415 - as in worker
        from squidmesh.worker.processes import ProcessWorker  # noqa: PLC0415 - likewise
        from squidmesh.worker.supervisor import Plan  # noqa: PLC0415 - likewise
        from squidmesh.worker.worker import Worker  # noqa: PLC0415 - likewise

        _ = self.database
        huey = self.huey

        def make() -> Worker:
            self._begin_anew()
            own = replace(profile, type=WorkerType.THREAD, concurrency=1, expendable=True, id=new_worker_id())
            engine, firing = self._prepare_worker(own, stubs, scheduler=scheduler)
            return Worker(engine, own, firing, huey=huey)

        plan = Plan(
            trade=Trade(make=make, close=self.close),
            size=profile.concurrency,
            grace=profile.grace,
            lease=self.settings.lease.total_seconds(),
            burst=profile.burst,
        )
        return ProcessWorker(plan, partial(self._is_idle, profile.queues), huey)

    def _begin_anew(self) -> None:
        """In a forked process: stand on connections of its own. Those of the parent are kept, unused and open."""
        made = self.__dict__
        self._inherited = [made.pop(name, None) for name in ("engine", "database")]
        self._inherited.append(disown(self._target))

    def _is_idle(self, names: Collection[str]) -> bool:
        standing = [queue for queue in list_queues(self.database) if queue.name in names]
        return not any(queue.running or (queue.due and not queue.paused) for queue in standing)

    def _profile(
        self,
        queues: Sequence[str] | None,
        type_: WorkerType = WorkerType.THREAD,
        stubs: Mapping[str, Any] = MappingProxyType({}),
        *,
        concurrency: int = 1,
        burst: bool = False,
        grace: str | float | timedelta | None = None,
    ) -> Profile:
        """Return what a worker is to be; whatever its type, what cannot be is refused."""
        settings = self.settings
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise InvalidValue("concurrency", f"must be a whole number from 1 on, found {concurrency!r:.80}")
        served = check_queue_names(queues or (settings.queue,))
        patience = settings.grace if grace is None else _grace(grace)
        return Profile(
            queues=served,
            step_types=self._step_types(stubs),
            concurrency=concurrency,
            poll_interval=settings.poll_interval.total_seconds(),
            sweep_interval=settings.sweep_interval.total_seconds(),
            grace=patience.total_seconds(),
            type=type_,
            burst=burst,
            retention=settings.retention,
        )

    def _prepare_worker(
        self, profile: Profile, stubs: Mapping[str, Mapping[str, Any]] = MappingProxyType({}), *, scheduler: bool = True
    ) -> tuple[Engine, Firing | None]:
        """Return what a worker moves; the schedules of the loaded workflows count from now on at the latest.

        ``ConfigurationError`` if its type cannot be here, ``SchemaOutdated`` if the tables are of another version.
        """
        means = _means(profile.type)
        self.database.check_schema()
        definitions = [self._definition(workflow) for workflow in self.workflows.values()]
        executor = replace(self.engine.executor, stubs=dict(stubs), **means)
        engine = replace(self.engine, executor=executor)
        if not scheduler:
            return engine, None
        firing = Firing(engine, schedules_of(definitions), self.settings.max_value_bytes)
        firing.adopt()
        return engine, firing

    def _step_types(self, stubs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what a worker here can execute: the built-ins, what loads, and what is answered for."""
        answered = {name for workflow in self.workflows.values() for name in _answered(workflow, stubs)}
        return tuple(sorted(BUILTIN_STEP_TYPES.union(self.registry.loadable(), answered)))


def _answered(workflow: Workflow, stubs: Collection[str]) -> Iterator[str]:
    """Yield the step types that stubs of some steps stand in for, those that would undo the steps too."""
    for name, step in (*workflow.steps.items(), (ON_FAILURE_NAME, workflow.on_failure)):
        if step is not None and name in stubs:
            yield step.step_type
            if isinstance(step.action, Uses) and step.action.compensate is not None:
                yield step.action.compensate


def _grace(given: str | float | timedelta) -> timedelta:
    try:
        return to_duration(given)
    except (TypeError, ValueError) as error:
        raise InvalidValue("grace", str(error)) from None


def _means(type_: WorkerType) -> dict[str, Any]:
    """Return what a type of worker executes with; its event loop is its own, since it stops it when it ends.

    ``ConfigurationError`` if greenlets cannot work in this process.
    """
    if type_ is WorkerType.GREENLET:
        from squidmesh.worker.greenlets import (  # noqa: PLC0415 - only for those who have gevent
            GreenletLoop,
            Interruptible,
            check_greenlets,
            reach_process,
        )

        check_greenlets(cooperative=waits_cooperatively())
        return {"event_loop": GreenletLoop(), "interruptible": Interruptible, "is_for_process": reach_process}
    return {"event_loop": EventLoop()}
