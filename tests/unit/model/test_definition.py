"""What the values of a definition tell about themselves."""

from __future__ import annotations

import dataclasses

import pytest

from squidmesh.model.definition import (
    Approval,
    Log,
    Pause,
    RetryPolicy,
    Routes,
    Shape,
    Step,
    Transition,
    Uses,
    Wait,
    Workflow,
)


@pytest.mark.parametrize(
    ("action", "name"),
    [
        (Uses(step_type="billing.charge"), "billing.charge"),
        (Log(message="x"), "log"),
        (Wait(), "wait"),
        (Pause(), "pause"),
        (Approval(), "approval"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_step_is_of_the_type_that_runs_it(action, name: str):
    """Built-ins have types too, so that a claim can name them."""
    assert Step(action=action).step_type == name


def test_only_a_callable_is_retried():
    """Built-ins have one attempt; a callable has its policy's."""
    policy = RetryPolicy(max_attempts=3)
    assert Step(action=Uses(step_type="a.b", retry=policy)).retry is policy
    assert Step(action=Log(message="x")).retry.max_attempts == 1


def test_one_route_makes_a_workflow_routed():
    """Without any it is dependency-based, whether anything waits or not."""
    step = Step(action=Log(message="x"))
    end = dataclasses.replace(step, next=Routes(ok=(Transition(to="complete"),)))
    assert Workflow(name="w", triggers={}, steps={"a": step, "b": end}).shape is Shape.ROUTED
    assert Workflow(name="w", triggers={}, steps={"a": step}).shape is Shape.DEPENDENCY


def test_routes_are_listed_in_the_order_of_outcomes():
    """ok, error, deadline."""
    routes = Routes(ok=(Transition(to="a"),), error=(Transition(to="b"),), deadline=(Transition(to="c"),))
    assert [transition.to for transition in routes.all()] == ["a", "b", "c"]


def test_values_cannot_be_changed():
    """A definition is shared among threads and runs."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Log(message="x").message = "y"  # type: ignore[misc] - the refusal is the point
