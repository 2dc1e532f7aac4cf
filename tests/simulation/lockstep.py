"""The rules by which workers move runs: each on the model in memory and, if there is one, on its twin in Postgres.

After every rule the checker looks at the model, and the twin is compared with it row by row.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.model.ruling import ManualAction, Ruling
from squidmesh.steps.context import ClaimSignals
from tests.simulation.asking import Asking
from tests.simulation.both import Held
from tests.simulation.transacting import Transacting, cut_off, is_in_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.runtime.preparation import Prepared

_ROUNDS = 60


class Lockstep(Transacting, Asking):
    """Runs, moved on both sides at once; ``held`` is what workers hold, lost claims included."""

    def claim(self, wanted: int) -> list[Held]:
        """Claim some of what is due, the most urgent first."""
        due = self.world.claimable()
        count = min(wanted, len(due))
        twins: list[Any] = [None] * count
        places = due[:count]
        if self.twin is not None:
            twins = self.twin.claim(wanted)
            places = [self.twin.place(task.claim) for task in twins]
            assert len(places) == count, f"{places} were claimed of {due}"
            ranks = [self.world.rank(place) for place in due]
            assert sorted(map(self.world.rank, places)) == ranks[:count], (
                f"{places} were claimed before others of {due}"
            )
        claimed = [Held(task, twin) for task, twin in zip(self.world.claim(places, "worker"), twins, strict=True)]
        self.held += claimed
        self.check()
        return claimed

    def execute(self, held: Held, ending: str) -> None:
        """Call what a claim is for; it ends as the script says."""
        if is_in_transaction(held.task):
            self.transact(held, ending)
            return
        self.script.ending = self.twin_script.ending = ending
        self.script.note = lambda _: self.world.of(held.task).note_execution(held.task)
        held.outcome = cut_off(held.task, self.executor.execute(held.task, ClaimSignals()), ending)
        if self.twin is not None and held.twin is not None:
            held.twin_outcome = cut_off(held.twin, self.twin.execute(held.twin), ending)
            assert held.twin_outcome == held.outcome
        self.check()

    def finish(self, chosen: Sequence[Held], *, chain: bool) -> None:
        """Record how claims ended, together; what is handed over is held."""
        chosen = [held for held in chosen if held in self.held]
        ends = [(held.task, held.outcome) for held in chosen if held.outcome is not None]
        answers = self.world.finish(ends, chain=chain)
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
        kept = self.world.beat([held.task for held in chosen])
        if self.twin is not None:
            assert self.twin.beat([held.twin for held in chosen if held.twin]) == kept
        self.check()

    def sweep(self) -> None:
        """Sweep for losses, deadlines and timeouts, as every process does."""
        self.world.give_up(self.twin.sweep_losses() if self.twin else self.world.expired())
        self.world.expire(self.twin.sweep_deadlines() if self.twin else self.world.overdue())
        timed = self.world.time_out()
        assert self.twin is None or self.twin.sweep_timeouts() == timed
        self.check()

    def release(self, chosen: Sequence[Held]) -> None:
        """End a process: what it holds is given back."""
        delay = timedelta(seconds=1)
        self.world.release([held.task for held in chosen], delay)
        if self.twin is not None:
            self.twin.release([held.twin for held in chosen if held.twin], delay)
        for held in chosen:
            self.held.remove(held)
        self.check()

    def late(self) -> list[Held]:
        """Return what workers believe to hold, and others have taken."""
        rows = [(held, self.world.row(self.world.place(held.task))) for held in self.held]
        return [held for held, row in rows if row["claim_token"] != held.task.claim.token]

    def settle(self) -> None:
        """Stop all faults: all is executed well and decided, until the runs end; what is late then is refused."""
        late = list(self.held)
        for _ in range(_ROUNDS):
            if not self.world.open_runs():
                break
            with self.together():
                self._work_off_all()
        for held in late:
            if held.outcome is None:
                self.execute(held, "ok")
        before = [dict(run.run) for run in self.world.runs]
        self.finish(late, chain=True)
        with self.together():
            for number in range(len(self.world.runs)):
                assert not self.wake(number)
                assert not self.decide(Ruling(action=ManualAction.UNBLOCK, actor="ann"), number)
                assert not self.cancel(number, compensate=True, force=True)
        assert [run.run for run in self.world.runs] == before, "a run changed after its end"
        self.check(settled=True)

    def _work_off_all(self) -> None:
        self.advance(timedelta(seconds=200))
        self.sweep()
        fresh = self.claim(40)
        for held in fresh:
            self.execute(held, "ok")
        self.finish(fresh, chain=False)
        for number, step, _ in self.world.with_status("paused"):
            for action in (ManualAction.APPROVE, ManualAction.UNBLOCK):
                self.decide(Ruling(action=action, actor="ann", step=step), number)
