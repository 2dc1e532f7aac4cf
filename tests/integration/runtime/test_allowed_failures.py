"""What is known of a failure that did not fail its run: ``failure``, for the steps that come after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import StepContext, StepFailed

if TYPE_CHECKING:
    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.soft
triggers: {by_hand: {manual: {}}}
steps:
  top: {uses: t.work}
  soft: {uses: t.fail, after: [top], allow_failure: true, retry: {max_attempts: 2, backoff: {type: constant, min: 1ms}}}
  told:
    {uses: t.work, after: [soft], input: {why: failure.code}, when: 'failure.step == "soft" && failure.attempts == 2'}
  unneeded: {uses: t.work, after: [soft], when: 'failure.code != "gone_soft"'}
  beside: {uses: t.work, after: [top]}
  again: {uses: t.fail, after: [told], allow_failure: true}
  join: {uses: t.work, after: [again, unneeded, beside], input: {why: failure.message}}
"""


class Seen:
    """Step types that keep what each step was told."""

    def __init__(self) -> None:
        self.why: dict[str, str | None] = {}
        self.failures: dict[str, Any] = {}

    def work(self, ctx: StepContext, why: str | None = None) -> None:
        """Keep what is known."""
        self.why[ctx.step] = why
        self.failures[ctx.step] = ctx.failure

    def fail(self, ctx: StepContext) -> None:
        """Fail, ``soft`` after a retry."""
        self.failures[ctx.step] = ctx.failure
        if ctx.step == "soft":
            raise StepFailed("soft one", code="gone_soft") if ctx.attempt == 2 else RuntimeError("not yet")
        raise StepFailed("the second one", code="gone_again")


@pytest.fixture
def seen() -> Seen:
    """What the steps of the test were told."""
    return Seen()


def soft(bench: Bench, seen: Seen) -> SquidMesh:
    """Return a mesh with ``FLOW``."""
    return bench.mesh(FLOW, {"t.work": seen.work, "t.fail": seen.fail})


@pytest.mark.parametrize("chain", [False, True])
def test_the_steps_after_an_allowed_failure_read_it(bench: Bench, seen: Seen, chain: bool):
    """Its conditions, inputs and callables, until a later failure replaces it; never a parallel branch."""
    mesh = soft(bench, seen)
    run = mesh.start_run("shop.soft")
    worker = bench.worker(mesh)
    worker.drain(chain=chain)
    while bench.run_row(run)["finished_at"] is None:
        bench.advance(1)
        worker.drain(chain=chain)
    expected = {
        "step": "soft",
        "code": "gone_soft",
        "message": "soft one",
        "type": "StepFailed",
        "retryable": False,
        "details": None,
        "attempts": 2,
    }
    assert seen.failures["told"] == seen.failures["again"] == expected
    assert seen.failures["beside"] is None
    assert seen.why == {"top": None, "told": "gone_soft", "beside": None, "join": "the second one"}
    assert seen.failures["join"]["step"] == "again"
    shown = mesh.inspect_run(run.id, include_history=True)
    assert shown.status == "completed"
    states = {state.step: state for state in shown.steps or ()}
    assert (states["told"].input, states["join"].input) == ({"why": "gone_soft"}, {"why": "the second one"})
    assert states["unneeded"].status == "skipped"


def test_a_rejection_that_is_allowed_is_a_failure_that_is_known(bench: Bench, seen: Seen):
    """What follows a rejected approval reads who rejected it and why, and its decision."""
    mesh = bench.mesh(
        """
        workflow: shop.gate
        triggers: {by_hand: {manual: {}}}
        steps:
          ask: {approval: {}, allow_failure: true, output: asked}
          told: {uses: t.work, after: [ask], input: {why: failure.message}}
        """,
        {"t.work": seen.work},
    )
    run = mesh.start_run("shop.gate")
    worker = bench.worker(mesh)
    worker.drain()
    mesh.reject_run(run.id, actor="ann", comment="too dear")
    worker.drain()
    assert seen.why == {"told": "rejected by ann: too dear"}
    assert seen.failures["told"]["code"] == "rejected"


def test_a_replay_knows_the_failures_that_it_carries(bench: Bench, seen: Seen):
    """From a step behind an allowed failure, also in a replay of the replay; a branch beside it knows nothing."""
    mesh = soft(bench, seen)
    run = mesh.start_run("shop.soft")
    worker = bench.worker(mesh)
    worker.drain()
    while bench.run_row(run)["finished_at"] is None:
        bench.advance(1)
        worker.drain()
    for _ in range(2):
        seen.why.clear()
        seen.failures.clear()
        run = mesh.replay_run(run.id, from_step="told")
        worker.drain()
        assert mesh.inspect_run(run.id).status == "completed"
        assert (seen.why, seen.failures["told"]["attempts"]) == ({"told": "gone_soft", "join": "the second one"}, 2)
    seen.failures.clear()
    mesh.replay_run(run.id, from_step="beside")
    worker.drain()
    assert (seen.failures["beside"], seen.failures["join"]["step"]) == (None, "again")


def test_a_compensation_is_given_the_input_that_its_step_had(bench: Bench):
    """A failure that was routed before the step stays in its input, whatever stopped the run later."""
    inputs: list[Any] = []
    mesh = bench.mesh(
        """
        workflow: shop.mended
        triggers: {by_hand: {manual: {}}}
        steps:
          first: {uses: t.fail, with: {code: early}, next: {ok: complete, error: mend}}
          mend: {uses: t.mend, input: {why: failure.code}, compensate: t.undo, next: last}
          last: {uses: t.fail, with: {code: late}, next: complete}
        """,
        {"t.fail": fail_as, "t.mend": lambda why: None, "t.undo": lambda step, failure: inputs.append((step, failure))},
    )
    run = mesh.start_run("shop.mended")
    bench.worker(mesh).drain()
    ((step, failure),) = inputs
    assert (step["input"], failure["code"]) == ({"why": "early"}, "late")
    shown = mesh.inspect_run(run.id, include_history=True)
    assert [state.input for state in shown.steps or ()][1] == {"why": "early"}


def fail_as(code: str) -> None:
    """Fail for good with a code."""
    raise StepFailed(code, code=code)
