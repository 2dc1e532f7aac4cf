"""What a loss means: it is retried apart from the policy, and only one made alone is the step's own doing."""

from __future__ import annotations

import pytest

from squidmesh.model.decision import Retry, Stop
from squidmesh.model.definition import OnWorkerLost, Routes, Step, Transition, Trigger, Uses, Workflow
from squidmesh.model.outcome import Lost
from squidmesh.runtime.progression import Situation, decide, runs_alone_after


def lose(losses, *, alone, max_losses=3, policy=None, begun=False):
    """Return the decision on a step that is lost once more."""
    step = Step(action=Uses(step_type="test.work", on_worker_lost=policy), next=Routes(ok=(Transition(to="complete"),)))
    workflow = Workflow(name="test.loss", triggers={"by_hand": Trigger()}, steps={"work": step})
    situation = Situation(
        attempt=losses + 1, losses=losses, holds=lambda _: True, alone=alone, max_losses=max_losses, begun=begun
    )
    return decide(workflow, "work", Lost(), situation)


@pytest.mark.parametrize(("losses", "seconds"), [(0, 1), (1, 4), (2, 16), (9, 4096)])
def test_a_loss_in_company_never_exhausts_the_limit(losses, seconds):
    """A neighbour may have taken the process down: the step is tried again, however often, with growing patience."""
    decision = lose(losses, alone=False)
    assert isinstance(decision, Retry)
    assert decision.lost
    assert decision.delay.total_seconds() == seconds


@pytest.mark.parametrize(
    ("losses", "max_losses", "given_up"), [(1, 3, False), (2, 3, True), (0, 1, True), (3, 5, False)]
)
def test_losses_made_alone_are_bounded(losses, max_losses, given_up):
    """The last loss that is allowed, made alone, fails the step as ``worker_lost``."""
    decision = lose(losses, alone=True, max_losses=max_losses)
    assert isinstance(decision, Stop if given_up else Retry)
    if given_up:
        assert decision.failure.code == "worker_lost"


def test_a_step_may_be_given_up_at_its_first_loss():
    """``on_worker_lost: fail`` asks no further."""
    assert isinstance(lose(0, alone=False, policy=OnWorkerLost.FAIL, begun=True), Stop)


@pytest.mark.parametrize("policy", list(OnWorkerLost))
def test_what_was_not_begun_is_tried_again(policy):
    """A step that was lost before its call has done nothing, whatever its policy says about losses."""
    assert isinstance(lose(0, alone=False, policy=policy), Retry)
    assert isinstance(lose(2, alone=True, policy=policy), Stop)


@pytest.mark.parametrize(("losses", "max_losses", "alone"), [(1, 3, False), (2, 3, True), (3, 3, True), (1, 1, True)])
def test_from_the_second_loss_on_a_step_runs_alone(losses, max_losses, alone):
    """From the second, or from the first where one is the limit: nothing else could exhaust it."""
    assert runs_alone_after(losses, max_losses) is alone
