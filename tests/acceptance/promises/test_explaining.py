"""Every reason that an explanation gives, on runs that a worker brought there; what it offers next is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import StepContext, StepFailed, Success
from squidmesh.model.state import RunStatus
from tests.acceptance.conftest import eventually
from tests.acceptance.promises.conftest import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh.model.run import Run
    from tests.acceptance.promises.conftest import Doors, House

_RETRY = "retry: {max_attempts: 2, backoff: {type: constant, min: 1h, max: 1h, jitter: false}}"
_SOON = "retry: {max_attempts: 2, backoff: {type: constant, min: 10ms, max: 10ms, jitter: false}}"
# The steps of each workflow, by its name.
STEPS = {
    "held": "held: {uses: p.hold, next: complete}",
    "timed": "timed: {wait: 1h, next: complete}",
    "retried": f"retried: {{uses: p.raise, {_RETRY}, next: complete}}",
    "exhausted": f"exhausted: {{uses: p.raise, {_SOON}, next: complete}}",
    "failing": "failing: {uses: p.fail, next: complete}",
    "asking": "asking: {approval: {}, next: {ok: complete, error: fail}}",
    "pausing": "pausing: {pause: {}, next: complete}",
    "wire": "wire: {uses: p.hold, irreversible: true, next: complete}",
    "lost": "lost: {uses: p.hold, on_worker_lost: fail, next: complete}",
    "noted": "noted: {uses: p.note, next: complete}",
    "strange": "noted: {uses: p.note, queue: nobody, next: complete}",
    "apart": "noted: {uses: p.note, queue: apart, next: complete}",
    "late": "ask: {pause: {}, next: complete}",
    "delayed": "first: {uses: p.delay, next: noted}, noted: {uses: p.note, next: complete}",
    "undone": "a: {uses: p.note, compensate: p.undo, next: b}, b: {uses: p.fail, next: complete}",
    "branched": "held: {uses: p.hold}, bad: {uses: p.hold_and_fail}",
}
WORKFLOWS = "\n---\n".join(
    f"workflow: p.{name}\ntriggers: {{go: {{manual: {{}}}}}}\nsteps: {{{steps}}}" for name, steps in STEPS.items()
).replace("workflow: p.late\n", "workflow: p.late\ntimeout: 1s\n")


def make_steps(doors: Doors) -> dict[str, Callable[..., Any]]:
    """Return the step types."""

    def hold(ctx: StepContext) -> None:
        doors.wait(ctx)

    def hold_and_fail(ctx: StepContext) -> None:
        doors.wait(ctx)
        raise StepFailed("it cannot be done", code="no_way")

    def fail() -> None:
        raise StepFailed("it cannot be done", code="no_way")

    def raise_() -> None:
        raise RuntimeError("not this time")

    def undo(ctx: StepContext) -> None:
        doors.wait(ctx, "undo ")

    return {
        "p.hold": hold,
        "p.hold_and_fail": hold_and_fail,
        "p.fail": fail,
        "p.raise": raise_,
        "p.undo": undo,
        "p.note": lambda: None,
        "p.delay": lambda: Success({}, delay="1h"),
    }


@pytest.fixture(autouse=True)
def let_go(house: House) -> Iterator[None]:
    """Let what a test has held go on after it."""
    yield
    house.doors.open_all()


def reached(house: House, workflow: str, *statuses: str) -> Run:
    """Start a run and wait until it shows one of these statuses."""
    return house.until(house.start(workflow), *statuses)


def held(house: House, workflow: str, step: str) -> Run:
    """Start a run and wait until its step is in the middle of its call."""
    run = house.start(workflow)
    house.doors.until_reached(run, step)
    return run


def lost(house: House, workflow: str, step: str) -> Run:
    """Start a run and let the lease of its step pass in the middle of its call."""
    run = held(house, workflow, step)
    house.lose(run, step)
    return house.until(run, "paused", "failed")


def on_a_paused_queue(house: House) -> Run:
    """Start a run on a queue that nobody serves for now."""
    run = house.start("p.apart")
    house.mesh.resume_queue("apart")
    house.until(run, "completed")
    house.mesh.pause_queue("apart", actor="ada")
    return house.start("p.apart")


def untaken(house: House) -> Run:
    """Start a run while every thread of the worker is in the middle of a call."""
    house.mesh.start_runs("p.held", [{}] * (THREADS - running(house)))
    eventually(lambda: running(house) == THREADS)
    return house.start("p.noted")


def running(house: House) -> int:
    """Return how many steps run."""
    return int(house.rows("SELECT count(*) AS n FROM squidmesh.step_runs WHERE status = 'running'")[0]["n"])


def failing_beside(house: House) -> Run:
    """Let one branch fail its run while another is in the middle of its call."""
    run = held(house, "p.branched", "held")
    house.doors.open(run, "bad")
    house.until_step(run, "bad", "failed")
    return run


def undoing(house: House) -> Run:
    """Let a run fail, and hold what undoes it."""
    run = house.start("p.undone")
    house.doors.until_reached(run, "undo a")
    return run


def cancelling(house: House) -> Run:
    """Cancel a run in the middle of a call."""
    run = held(house, "p.held", "held")
    house.mesh.cancel_run(run.id)
    return run


def cancelled(house: House) -> Run:
    """Cancel a run that waits."""
    run = house.start("p.timed")
    house.mesh.cancel_run(run.id)
    return run


def delayed(house: House) -> Run:
    """Start a run whose first step has its successor wait."""
    run = house.start("p.delayed")
    house.until_step(run, "noted", "pending")
    return run


REASONS: dict[str, Callable[[House], Run]] = {
    "pending_dispatch": untaken,
    "step_scheduled": delayed,
    "step_running": lambda house: held(house, "p.held", "held"),
    "waiting_for_timer": lambda house: house.start("p.timed"),
    "waiting_for_retry": lambda house: reached(house, "p.retried", "retrying"),
    "waiting_for_capable_worker": lambda house: house.start("p.strange"),
    "queue_paused": on_a_paused_queue,
    "paused_for_manual_action": lambda house: reached(house, "p.pausing", "paused"),
    "paused_for_approval": lambda house: reached(house, "p.asking", "paused"),
    "interrupted_irreversible_step": lambda house: lost(house, "p.wire", "wire"),
    "stopping": failing_beside,
    "compensating": undoing,
    "cancelling": cancelling,
    "cancelled": cancelled,
    "completed": lambda house: reached(house, "p.noted", "completed"),
    "retry_exhausted": lambda house: reached(house, "p.exhausted", "failed"),
    "step_failed": lambda house: reached(house, "p.failing", "failed"),
    "worker_lost": lambda house: lost(house, "p.lost", "lost"),
    "run_timed_out": lambda house: reached(house, "p.late", "failed"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_given_and_what_it_offers_is_accepted(house: House, reason: str) -> None:
    """Whoever asks learns why the run is where it is, and each call named as next does not raise."""
    calls: dict[str, Callable[[Run], object]] = {
        "wait": lambda run: house.mesh.inspect_run(run.id),
        "approve_run": lambda run: house.mesh.approve_run(run.id, actor="ada"),
        "reject_run": lambda run: house.mesh.reject_run(run.id, actor="ada"),
        "unblock_run": lambda run: house.mesh.unblock_run(run.id),
        "wake_run": lambda run: house.mesh.wake_run(run.id),
        "cancel_run": lambda run: house.mesh.cancel_run(run.id),
        "replay_run": lambda run: house.mesh.replay_run(run.id),
        "resume_queue": lambda _: house.mesh.resume_queue("apart"),
    }
    explained = explain(house, reason)[1]
    finished = RunStatus(explained.status).terminal
    assert finished == ("cancel_run" not in explained.next_actions)
    for action in explained.next_actions:
        run, again = explain(house, reason)
        assert action in again.next_actions
        calls[action](run)


def explain(house: House, reason: str) -> tuple[Run, Any]:
    """Bring a run to a reason, and explain it."""
    run = REASONS[reason](house)
    eventually(lambda: house.mesh.explain_run(run.id).reason == reason)
    explained = house.mesh.explain_run(run.id)
    assert explained.reason == reason
    assert (explained.since is not None, bool(explained.evidence)) == (True, True)
    return run, explained
