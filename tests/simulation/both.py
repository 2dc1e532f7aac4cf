"""The two sides that every rule moves, the model in memory and its twin in Postgres, and what is held on both."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import OnWorkerLost
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.execution import Executor
from squidmesh.runtime.recording import Rules
from squidmesh.steps.registry import StepRegistry
from tests.invariants.checker import check_facts
from tests.simulation.rows import START, defined
from tests.simulation.scripted import Script
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from squidmesh.model.definition import Workflow
    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared
    from tests.simulation.stored import Stored

    MakeTwin = Callable[[Workflow, Script, int], Stored | None]

LEASE = timedelta(seconds=30)


@dataclass(eq=False)
class Held:
    """A claim that a worker holds, or believes to hold, on both sides, and how its execution ended."""

    task: Prepared
    twin: Prepared | None
    outcome: Outcome | None = None
    twin_outcome: Outcome | None = None


def only(steps: Mapping[str, Callable[..., Any]]) -> StepRegistry:
    """Return a registry of these step types alone: to look for installed ones takes longer than a run."""
    return StepRegistry({}, Path("/nonexistent")).replaced(steps)


class Both:
    """Runs in memory, and if ``make_twin`` makes one their twin; both at the same time of the same clock."""

    def __init__(self, workflow: Workflow, *, max_losses: int = 3, make_twin: MakeTwin | None = None) -> None:
        self.script = Script()
        rules = Rules(max_losses=max_losses, on_worker_lost=OnWorkerLost.RETRY)
        self.world = World(defined(workflow), rules, LEASE)
        self.executor = Executor(
            registry=only(self.script.steps()),
            event_loop=EventLoop(),
            max_value_bytes=1 << 20,
            begin=lambda task: self.world.of(task).begin_step(task),
        )
        self.held: list[Held] = []
        self._checking = True
        self.twin_script = Script()
        self.twin = make_twin(workflow, self.twin_script, max_losses) if make_twin else None
        if self.twin is not None:
            self.twin.set_clock(START)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Check once, after all that is done meanwhile."""
        before, self._checking = self._checking, False
        yield
        self._checking = before
        self.check()

    def check(self, *, settled: bool = False) -> None:
        """Check every invariant, and that both sides are the same."""
        if not self._checking:
            return
        report = check_facts(self.world.facts(), settled=settled)
        assert report.clean, str(report)
        if self.twin is not None:
            self.twin.compare(self.world, settled=settled)

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.world.advance(by)
        if self.twin is not None:
            self.twin.set_clock(self.world.now)
