"""A mesh that a test drives: nothing happens but what the test asks for, in the test's own thread."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from squidmesh.errors import SchemaOutdated, StepTypeBroken
from squidmesh.mesh import SquidMesh
from squidmesh.model.duration import to_duration
from squidmesh.store.clock import move_clock, restore_clock
from squidmesh.testing.inline import InlineWorker
from squidmesh.testing.replacement import Fake, Replacement

if TYPE_CHECKING:
    from squidmesh.steps.registry import StepRegistry

_HOPS = 10_000


class DrivenMesh(SquidMesh):
    """A ``SquidMesh`` with a clock to move and steps to replace, on a database that is the test's own.

    ``close`` puts the clock back.
    """

    def drain(self, *, through: str | float | timedelta | None = None, limit: int = 1000) -> list[str]:
        """Work off all that is due, in this thread, and return the names of the step runs in order of execution.

        Schedules whose time has come fire, and deadlines that have passed are acted upon, as in a worker. With
        ``through`` that much time passes meanwhile: the clock moves from one due moment to the next, so that timers,
        retries and every tick of a schedule are worked off at their time. A compensation is named
        ``STEP (compensation)``. ``RuntimeError`` if there is no end after ``limit`` executions.
        """
        worker = self._inline
        if through is None:
            return worker.work(limit)
        end = self.now() + to_duration(through)
        executed = worker.work(limit)
        for _ in range(_HOPS):
            left = end - self.now()
            if left <= timedelta():
                break
            due_in = worker.next_due_in()
            self._move(min(left, due_in) if due_in is not None else left)
            executed += worker.work(limit - len(executed))
        return executed

    def advance(self, by: str | float | timedelta | datetime) -> None:
        """Move the run clock on by a duration (``"3d"``, seconds, a ``timedelta``), or to an aware time to come.

        Waits, retries, deadlines and schedules come due by it; the next ``drain`` works them off. It is a jump, as
        if no worker had run meanwhile: of a schedule's missed ticks those fire that its ``catch_up`` says.
        """
        if isinstance(by, datetime):
            by = by - self.now()
            if by < timedelta():
                raise ValueError("the run clock moves forwards only")
        self._move(to_duration(by))

    def now(self) -> datetime:
        """Return the time that the run clock shows, in UTC."""
        with self.database.transaction() as connection:
            return self.database.read_clock(connection).astimezone(UTC)

    def replace_step(self, name: str, fake: Fake) -> Replacement:
        """Let ``fake`` stand for the step type ``name`` from now on, compensations included; return what records it.

        A callable is called as a step is, its input bound by name; a mapping is returned each time; an exception is
        raised each time. What it returns has to obey the output schema of the step type that it replaces.
        ``StepTypeNotFound`` if no step type has that name.
        """
        real = None
        try:
            real = self.registry.get(name)
        except StepTypeBroken:
            pass  # what it imports may be missing where the tests run
        else:
            _ = self.workflows  # checked against the step types that they will run with, not against fakes
        replacement = Replacement(name, fake, real)
        self._use_registry(self.registry.replaced({name: replacement.call}))
        return replacement

    def ensure_tables(self) -> None:
        """Make the tables where there are none, as in a schema of another name."""
        try:
            self.database.check_schema()
        except SchemaOutdated:
            self.migrate()

    def close(self) -> None:
        """Put the clock back, and free what is held."""
        if "_inline" in self.__dict__:
            self._inline.close()
            del self.__dict__["_inline"]
            restore_clock(self.database)
        super().close()

    def _moment(self) -> datetime:
        return self.now()

    @cached_property
    def _inline(self) -> InlineWorker:
        queues = {step.queue for workflow in self.workflows.values() for step in workflow.all_steps}
        profile = self._profile(sorted(queues | {self.settings.queue}))
        engine, firing = self._prepare_worker(profile)
        return InlineWorker(engine, profile, firing)

    def _move(self, by: timedelta) -> None:
        worker = self._inline  # made before the clock moves: a schedule counts its ticks from when it was first seen
        move_clock(self.database, by)
        worker.beat()

    def _use_registry(self, registry: StepRegistry) -> None:
        made: dict[str, Any] = self.__dict__
        if "engine" in made:
            executor = replace(self.engine.executor, registry=registry)
            made["engine"] = replace(self.engine, executor=executor)
        if "_inline" in made:
            self._inline.use_registry(registry)
        made["registry"] = registry
