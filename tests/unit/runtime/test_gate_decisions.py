"""Deciding about gates and interrupted steps, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squidmesh.model.decision import Advance, Retry, Stop, Suspend
from squidmesh.model.definition import (
    Approval,
    OnDeadline,
    OnWorkerLost,
    Pause,
    RetryPolicy,
    Routes,
    Step,
    Transition,
    Trigger,
    Uses,
    Workflow,
)
from squidmesh.model.document import routes_from_document, routes_to_document
from squidmesh.model.gate import PauseReason, Way
from squidmesh.model.outcome import Decided, Failed, Failure, Lost, Reached
from squidmesh.model.state import StepStatus
from squidmesh.runtime.progression import Situation, decide, loss_policy, way_of_deadline

REJECTED = Failure(message="rejected by ada", code="rejected")
ROUTES = Routes(ok=(Transition(to="on"),), error=(Transition(to="off"),))
TIMED_OUT = Failed(failure=Failure(message="late", code="step_timed_out", retryable=True), interrupted=True)


def situation(**facts: Any) -> Situation:
    """Return what is known of a first attempt."""
    return Situation(**{"attempt": 1, "losses": 0, "holds": lambda _: True, **facts})


def decided(way: Way, step: Step) -> Any:
    """Decide a gate."""
    workflow = Workflow(name="w", triggers={"t": Trigger()}, steps={"gate": step, "other": Step(action=Pause())})
    failure = REJECTED if way in {Way.ERROR, Way.FAIL} else None
    return decide(workflow, "gate", Decided(way=way, output="{}", failure=failure), situation())


def lost(step: Step, **facts: Any) -> Any:
    """Decide about a step whose worker vanished."""
    workflow = Workflow(name="w", triggers={"t": Trigger()}, steps={"step": step})
    return decide(workflow, "step", Lost(), situation(**facts))


def test_reaching_a_gate_pauses() -> None:
    """A gate decides nothing by itself."""
    workflow = Workflow(name="w", triggers={"t": Trigger()}, steps={"gate": Step(action=Pause(), next=ROUTES)})
    found = decide(workflow, "gate", Reached(reason=PauseReason.PAUSE), situation())
    assert found == Suspend(reason=PauseReason.PAUSE)


@pytest.mark.parametrize(
    ("way", "decision"),
    [
        (Way.OK, Advance(status=StepStatus.COMPLETED, enter="on")),
        (Way.ERROR, Advance(status=StepStatus.FAILED, enter="off", failure=REJECTED)),
        (Way.DEADLINE, Advance(status=StepStatus.COMPLETED, enter="late")),
        (Way.FAIL, Stop(status=StepStatus.FAILED, failure=REJECTED)),
    ],
)
def test_a_routed_gate_goes_its_way(way: Way, decision: Any) -> None:
    """Each way is a route, but ``fail``, which takes none."""
    routes = replace(ROUTES, deadline=(Transition(to="late"),))
    assert decided(way, Step(action=Approval(), next=routes)) == decision


@pytest.mark.parametrize("way", [Way.ERROR, Way.FAIL])
def test_a_gate_without_routes_fails_its_step(way: Way) -> None:
    """In a dependency-based run a rejection stops the run, unless ``allow_failure`` settles the step."""
    assert decided(way, Step(action=Approval())) == Stop(status=StepStatus.FAILED, failure=REJECTED)
    assert decided(way, Step(action=Approval(), allow_failure=True)) == Advance(status=StepStatus.FAILED)


@pytest.mark.parametrize(
    ("on_deadline", "way"),
    [(OnDeadline.APPROVE, Way.OK), (OnDeadline.REJECT, Way.ERROR), (OnDeadline.FAIL, Way.FAIL), (None, Way.FAIL)],
)
def test_the_way_of_a_deadline(on_deadline: OnDeadline | None, way: Way) -> None:
    """``on_deadline`` names the way; a route for the deadline goes before it."""
    step = Step(action=Approval(deadline=timedelta(days=1), on_deadline=on_deadline), next=ROUTES)
    assert way_of_deadline(step) is way
    assert way_of_deadline(replace(step, next=Routes(deadline=(Transition(to="late"),)))) is Way.DEADLINE


IRREVERSIBLE = Step(action=Uses(step_type="a.b", irreversible=True, retry=RetryPolicy(max_attempts=3)))


def test_a_lost_irreversible_step_pauses_once_begun() -> None:
    """Before it was begun it simply runs again, whatever the setting; after, a person decides."""
    assert isinstance(lost(IRREVERSIBLE, on_worker_lost=OnWorkerLost.FAIL), Retry)
    found = lost(IRREVERSIBLE, begun=True)
    assert isinstance(found, Suspend)
    assert found.reason is PauseReason.INTERRUPTED


def test_a_timed_out_irreversible_step_pauses_once_begun() -> None:
    """It may still be at work: no retry, though its policy has attempts left."""
    workflow = Workflow(name="w", triggers={"t": Trigger()}, steps={"step": IRREVERSIBLE})
    assert isinstance(decide(workflow, "step", TIMED_OUT, situation(begun=True)), Suspend)
    assert isinstance(decide(workflow, "step", TIMED_OUT, situation()), Retry)
    ended_by_itself = replace(TIMED_OUT, interrupted=False)
    assert isinstance(decide(workflow, "step", ended_by_itself, situation(begun=True)), Retry)


@pytest.mark.parametrize("own", [None, *OnWorkerLost])
@pytest.mark.parametrize("setting", list(OnWorkerLost))
def test_who_decides_what_a_loss_means(own: OnWorkerLost | None, setting: OnWorkerLost) -> None:
    """The step's own policy, else the setting; irreversible steps pause by default, built-ins run again."""
    plain = Step(action=Uses(step_type="a.b", on_worker_lost=own))
    irreversible = Step(action=Uses(step_type="a.b", irreversible=True, on_worker_lost=own))
    assert loss_policy(plain, setting, begun=True) is (own or setting)
    assert loss_policy(plain, setting, begun=False) is OnWorkerLost.RETRY
    assert loss_policy(irreversible, setting, begun=True) is (own or OnWorkerLost.PAUSE)
    assert loss_policy(irreversible, setting, begun=False) is OnWorkerLost.RETRY
    assert loss_policy(Step(action=Pause()), setting, begun=False) is OnWorkerLost.RETRY


def test_routes_become_json_and_routes_again() -> None:
    """What is kept with a paused step is what the definition says."""
    routes = Routes(
        ok=(Transition(to="a", when="payload.x"), Transition(to="complete")), deadline=(Transition(to="b"),)
    )
    assert routes_from_document(routes_to_document(routes)) == routes
