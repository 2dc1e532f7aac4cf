"""Irreversible steps cut short in a run that stops: what came before them is kept, since they may have happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.model.outcome import Released
from squidmesh.runtime.outcomes import timed_out
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from squidmesh import SquidMesh
    from squidmesh.runtime.preparation import Prepared
    from tests.integration.bench import Bench
    from tests.integration.hand_worker import HandWorker

FLOW = """
workflow: shop.wire
triggers: {by_hand: {manual: {}}}
steps:
  book: {uses: t.work, compensate: t.undo}
  beside: {uses: t.work, after: [book], compensate: t.undo}
  boom: {uses: t.work, after: [book]}
  wire: {uses: t.work, after: [book], irreversible: true, timeout: 1m, on_worker_lost: {lost}}
"""


class Bank:
    """A run whose irreversible step is under way, and what is undone of it."""

    def __init__(self, bench: Bench, lost: str = "pause") -> None:
        self.undone: list[str] = []
        steps = {"t.work": nothing, "t.undo": self.undo}
        self.bench = bench
        self.mesh: SquidMesh = bench.mesh(FLOW.replace("{lost}", lost), steps)
        self.run = self.mesh.start_run("shop.wire").id
        self.worker: HandWorker = bench.worker(self.mesh)
        self.worker.end(self.worker.claim_one(), succeeded())
        self.tasks: dict[str, Prepared] = {task.claim.step: task for task in self.worker.claim(9)}

    def undo(self, step: dict[str, Any]) -> None:
        """Note what is undone."""
        self.undone.append(step["name"])

    def begin(self) -> None:
        """Mark the irreversible step as begun."""
        assert self.mesh.engine.executor.begin(self.tasks["wire"])

    def end(self, step: str, outcome: Any) -> None:
        """Record how a step ended."""
        self.worker.end(self.tasks[step], outcome)

    def expect_kept(self, undone: tuple[str, ...], kept: list[str]) -> None:
        """Check what was undone, and that explanation and history name the step and what it kept."""
        self.worker.drain()
        assert tuple(self.undone) == undone
        explained = self.mesh.explain_run(self.run)
        assert explained.details["compensation_stopped_at"] == "wire"
        assert (explained.details["outcome_unknown"], explained.details["kept"]) == (True, kept)
        assert (explained.next_actions, explained.details["replay_would_repeat"]) == ((), ["wire"])
        states = {state.step: state for state in self.mesh.inspect_run(self.run, include_history=True).steps or ()}
        assert states["wire"].recovery["interrupted"] is True
        self.bench.check()


def test_one_lost_while_its_run_stops_is_taken_as_done(bench: Bench):
    """What completed before it was given up stays, and what completes afterwards is undone."""
    bank = Bank(bench)
    bank.begin()
    bank.end("boom", failed())
    bank.worker.lose(bank.tasks["wire"])
    assert bank.mesh.inspect_run(bank.run).status == "running"
    bank.end("beside", succeeded())
    bank.expect_kept(("beside",), ["book"])
    assert bank.mesh.inspect_run(bank.run).status == "failed"


def test_one_that_was_not_begun_has_done_nothing(bench: Bench):
    """Lost before its call, it holds up no compensation."""
    bank = Bank(bench)
    bank.end("boom", failed())
    bank.end("beside", succeeded())
    bank.worker.lose(bank.tasks["wire"])
    bank.worker.drain()
    assert bank.undone == ["beside", "book"]
    assert "compensation_stopped_at" not in bank.mesh.explain_run(bank.run).details


@pytest.mark.parametrize("how", ["timeout", "release", "fail"])
def test_however_it_was_cut_short(bench: Bench, how: str):
    """By its timeout, by the end of its worker's grace, or by a loss that the workflow takes as a failure."""
    bank = Bank(bench, lost="fail" if how == "fail" else "pause")
    bank.begin()
    bank.end("beside", succeeded())
    if how == "fail":
        bank.worker.lose(bank.tasks["wire"])
        bank.end("boom", succeeded())
    else:
        bank.end("boom", failed())
        bank.end("wire", Released() if how == "release" else timed_out(bank.tasks["wire"], bank.worker.lease))
    bank.expect_kept((), ["beside", "book"])


@pytest.mark.parametrize("paused", [False, True])
def test_a_cancel_that_undoes_keeps_what_came_before_it(bench: Bench, paused: bool):
    """Taken away by force in the middle of its call, or paused already for a person to say how it ended."""
    bank = Bank(bench)
    bank.begin()
    for step in ("beside", "boom"):
        bank.end(step, succeeded())
    if paused:
        bank.worker.lose(bank.tasks["wire"])
        assert bench.statuses(bank.run)["wire"] == "paused"
    bank.mesh.cancel_run(bank.run, compensate=True, force=True)
    bank.expect_kept((), ["beside", "book"])
    assert bank.mesh.inspect_run(bank.run).status == "cancelled"


def test_a_failure_that_is_known_is_no_effect(bench: Bench):
    """An irreversible step that said itself that it failed did not happen: what came before is undone."""
    bank = Bank(bench)
    bank.begin()
    bank.end("beside", succeeded())
    bank.end("wire", failed())
    bank.end("boom", succeeded())
    bank.worker.drain()
    assert bank.undone == ["beside", "book"]
