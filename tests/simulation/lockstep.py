"""The rules by which a run is moved: each on the model in memory and, if there is one, on its twin in Postgres.

After every rule the checker looks at the model, and the twin is compared with it row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import OnWorkerLost, Uses
from squidmesh.model.outcome import Outcome, Succeeded
from squidmesh.model.ruling import ManualAction, Ruling
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.execution import Executor
from squidmesh.runtime.outcomes import timed_out
from squidmesh.runtime.recording import Rules
from squidmesh.steps.context import ClaimSignals
from squidmesh.steps.registry import StepRegistry
from tests.invariants.checker import check_facts
from tests.simulation.memory import Memory, RefusedError
from tests.simulation.rows import START, defined
from tests.simulation.scripted import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.preparation import Prepared
    from tests.simulation.rows import Name
    from tests.simulation.stored import Stored

    MakeTwin = Callable[[Workflow, Script, int], Stored | None]

LEASE = timedelta(seconds=30)
_ROUNDS = 60
_NEVER = OnWorkerLost.RETRY


@dataclass
class Held:
    """A claim that a worker holds, or believes to hold, on both sides, and how its execution ended."""

    task: Prepared
    twin: Prepared | None
    outcome: Outcome | None = None
    twin_outcome: Outcome | None = None


class Lockstep:
    """One run, moved on both sides at once; ``held`` is what workers hold, lost claims included."""

    def __init__(
        self,
        workflow: Workflow,
        *,
        max_losses: int = 3,
        make_twin: Callable[[Workflow, Script, int], Stored | None] | None = None,
    ) -> None:
        self.script = Script()
        rules = Rules(max_losses=max_losses, on_worker_lost=_NEVER)
        self.memory = Memory(defined(workflow), rules, LEASE)
        self.executor = Executor(
            registry=StepRegistry.discover(extra=self.script.steps(), folder=Path("/nonexistent")),
            event_loop=EventLoop(),
            max_value_bytes=1 << 20,
            begin=self.memory.begin,
        )
        self.held: list[Held] = []
        self.twin_script = Script()
        self.twin = make_twin(workflow, self.twin_script, max_losses) if make_twin else None

    def check(self, *, settled: bool = False) -> None:
        """Check every invariant, and that both sides are the same."""
        report = check_facts(self.memory.facts(), settled=settled)
        assert report.clean, str(report)
        if self.twin is not None:
            self.twin.compare(self.memory, settled=settled)

    def start(self, *, flag: bool) -> None:
        """Start the run."""
        payload = '{"flag": true}' if flag else '{"flag": false}'
        if self.twin is not None:
            self.twin.set_clock(START)
            self.twin.start(flag)
        self.memory.start(payload)
        self.check()

    def claim(self, wanted: int) -> None:
        """Claim some of what is due, the most urgent first."""
        due = self.memory.claimable()
        count = min(wanted, len(due))
        twins: list[Any] = [None] * count
        names = due[:count]
        if self.twin is not None:
            twins = self.twin.claim(wanted)
            names = [(task.claim.step, int(task.claim.kind)) for task in twins]
            assert len(names) == count, f"{names} were claimed of {due}"
            self._expect_urgent(names, due)
        for task, twin in zip(self.memory.claim(names, "worker"), twins, strict=True):
            self.held.append(Held(task, twin))
        self.check()

    def _expect_urgent(self, names: Sequence[Name], due: Sequence[Name]) -> None:
        steps = self.memory.steps
        ranks = [(-self.memory.priority(steps[name]), steps[name]["run_at"]) for name in due]
        taken = sorted((-self.memory.priority(steps[name]), steps[name]["run_at"]) for name in names)
        assert taken == sorted(ranks)[: len(names)], f"{names} were claimed before others of {due}"

    def execute(self, held: Held, ending: str) -> None:
        """Call what a claim is for; it ends as the script says."""
        self.script.ending = self.twin_script.ending = ending
        self.script.note = lambda _: self.memory.note_execution(held.task)
        held.outcome = _cut(held.task, self.executor.execute(held.task, ClaimSignals()), ending)
        if self.twin is not None and held.twin is not None:
            held.twin_outcome = _cut(held.twin, self.twin.execute(held.twin), ending)
            assert held.twin_outcome == held.outcome
        self.check()

    def finish(self, chosen: Sequence[Held], *, chain: bool) -> None:
        """Record how claims ended, together; what is handed over is held."""
        ends = [(held.task, held.outcome) for held in chosen if held.outcome is not None]
        served = self.memory.definition.lanes.values() if chain else ()
        answers = self.memory.finish(ends, served)
        twins: list[tuple[bool, Prepared | None]] = [(answer.refused, None) for answer in answers]
        if self.twin is not None:
            twin_ends = [(held.twin, held.twin_outcome) for held in chosen if held.twin and held.twin_outcome]
            twins = self.twin.finish(twin_ends, chain=chain)
            assert [refused for refused, _ in twins] == [answer.refused for answer in answers]
        for held in chosen:
            self.held.remove(held)
        for answer, (_, twin) in zip(answers, twins, strict=True):
            if answer.successor is not None:
                self.held.append(Held(answer.successor, twin))
        self.check()

    def beat(self, chosen: Sequence[Held]) -> None:
        """Extend leases; a claim that was lost is not."""
        kept = self.memory.beat([held.task for held in chosen])
        if self.twin is not None:
            assert self.twin.beat([held.twin for held in chosen if held.twin]) == kept
        self.check()

    def sweep(self) -> None:
        """Sweep for losses, deadlines and timeouts, as every process does."""
        self.memory.give_up(self.twin.sweep_losses() if self.twin else self.memory.expired())
        self.check()
        self.memory.expire(self.twin.sweep_deadlines() if self.twin else self.memory.overdue())
        self.check()
        timed = self.memory.time_out()
        assert self.twin is None or self.twin.sweep_timeouts() == timed
        self.check()

    def release(self, chosen: Sequence[Held]) -> None:
        """End a process: what it holds is given back."""
        delay = timedelta(seconds=1)
        self.memory.release([held.task for held in chosen], delay)
        if self.twin is not None:
            self.twin.release([held.twin for held in chosen if held.twin], delay)
        for held in chosen:
            self.held.remove(held)
        self.check()

    def decide(self, ruling: Ruling) -> bool:
        """Let a person decide; return whether there was something to decide."""
        return self._act("decide", ruling)

    def cancel(self, *, compensate: bool, force: bool) -> bool:
        """Cancel the run; return whether it had not ended."""
        return self._act("cancel", compensate=compensate, force=force)

    def wake(self) -> bool:
        """Make due what is due later; return whether anything was."""
        return self._act("wake")

    def _act(self, action: str, *arguments: Any, **options: Any) -> bool:
        try:
            getattr(self.memory, action)(*arguments, **options)
            accepted = True
        except RefusedError:
            accepted = False
        assert self.twin is None or self.twin.act(action, *arguments, **options) == accepted, f"{action} {accepted}"
        self.check()
        return accepted

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.memory.now += by
        if self.twin is not None:
            self.twin.set_clock(self.memory.now)

    def settle(self) -> None:
        """Stop all faults: all is executed well and decided, until the run ends; what is late then is refused."""
        late = list(self.held)
        for _ in range(_ROUNDS):
            if self.memory.run["finished_at"] is not None:
                break
            self.advance(timedelta(seconds=200))
            self.sweep()
            self.claim(10)
            fresh = [held for held in self.held if held not in late]
            for held in fresh:
                self.execute(held, "ok")
            self.finish(fresh, chain=False)
            for row in self.memory.with_status("paused"):
                for action in (ManualAction.APPROVE, ManualAction.UNBLOCK):
                    self.decide(Ruling(action=action, actor="ann", step=row["step"]))
        for held in late:
            if held.outcome is None:
                self.execute(held, "ok")
        before = dict(self.memory.run)
        self.finish(late, chain=True)
        unblock = Ruling(action=ManualAction.UNBLOCK, actor="ann")
        assert not (self.wake())
        assert not (self.decide(unblock))
        assert not (self.cancel(compensate=True, force=True))
        assert self.memory.run == before, "a run changed after its end"
        self.check(settled=True)


def _cut(task: Prepared, outcome: Outcome, ending: str) -> Outcome:
    """Return the outcome of an attempt that was cut off at its timeout, if that is how it is to end."""
    if ending == "cut" and isinstance(outcome, Succeeded) and isinstance(task.step.action, Uses):
        return timed_out(task, LEASE)
    return outcome
