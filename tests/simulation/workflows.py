"""Definitions for the simulation: every shape and every policy, small enough to be read when one fails.

They are made as values, not as files; no length of time is jittered, so that both sides reckon the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from squidmesh.model.definition import (
    COMPLETE,
    FAIL,
    Action,
    Approval,
    Backoff,
    BackoffType,
    Field,
    FieldType,
    Log,
    OnDeadline,
    OnWorkerLost,
    Pause,
    Recovery,
    RetryPolicy,
    Routes,
    Step,
    Transition,
    Trigger,
    Uses,
    Wait,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_STEPS = 6
CONDITIONS = ("payload.flag", "!payload.flag", "'last' in context && context.last == 's0'", "payload.missing == 1")
_TIMEOUT = timedelta(seconds=20)
_SECONDS = st.sampled_from([timedelta(seconds=10), timedelta(seconds=100)])
_BACKOFFS = st.builds(
    Backoff, type=st.sampled_from(list(BackoffType)), min=_SECONDS, max=st.just(timedelta(seconds=150)),
    jitter=st.just(False),
)  # fmt: skip
_RETRIES = st.builds(RetryPolicy, max_attempts=st.integers(1, 3), backoff=_BACKOFFS)
_TRIGGERS = {"go": Trigger(payload={"flag": Field(type=FieldType.BOOLEAN)})}
# Mostly none: what is skipped does little.
_CONDITION = st.sampled_from([None, None, None, None, None, None, *CONDITIONS])


@st.composite
def _uses(draw: st.DrawFn) -> Uses:
    irreversible = draw(st.sampled_from([False, False, False, True]))
    return Uses(
        step_type="m.work",
        retry=draw(_RETRIES),
        timeout=_TIMEOUT,
        irreversible=irreversible,
        compensate=None if irreversible else draw(st.sampled_from([None, "m.undo", "m.undo"])),
        on_worker_lost=draw(st.none() | st.sampled_from(list(OnWorkerLost))),
    )


_GATES = st.builds(Approval, deadline=st.just(timedelta(seconds=500)), on_deadline=st.sampled_from(list(OnDeadline)))
_WAITS = st.just(Wait(duration=timedelta(seconds=100)))
_OTHERS = st.one_of(_GATES, _WAITS, _WAITS, st.just(Pause()), st.just(Approval()), st.just(Log(message="here")))


@st.composite
def _actions(draw: st.DrawFn) -> Action:
    return draw(_uses()) if draw(st.sampled_from([True, True, False])) else draw(_OTHERS)


@st.composite
def depending(draw: st.DrawFn, most: int = MOST_STEPS) -> dict[str, Step]:
    """Return the steps of a dependency-based workflow: any acyclic graph."""
    steps: dict[str, Step] = {}
    for number in range(draw(st.integers(1, most))):
        before = [name for name in steps if draw(st.booleans())]
        steps[f"s{number}"] = Step(
            action=draw(_actions()),
            after=tuple(before),
            when=draw(_CONDITION),
            allow_failure=draw(st.sampled_from([False, False, True])),
            priority=draw(st.integers(0, 1)),
        )
    return steps


@st.composite
def routed(draw: st.DrawFn, most: int = MOST_STEPS) -> dict[str, Step]:
    """Return the steps of a routed workflow: one entry, and each other step behind some outcome of an earlier one."""
    count = draw(st.integers(1, most))
    actions = [draw(_actions()) for _ in range(count)]
    led: dict[int, list[tuple[str, str]]] = {number: [] for number in range(count)}
    for number in range(1, count):
        parent = draw(st.integers(0, number - 1))
        led[parent].append((draw(st.sampled_from(_outcomes(actions[parent]))), f"s{number}"))
    return {
        f"s{number}": Step(
            action=actions[number], when=draw(_CONDITION), next=draw(_routes(actions[number], led[number]))
        )
        for number in range(count)
    }


def _outcomes(action: Action) -> list[str]:
    fallible = ["ok", "ok", "error"] if isinstance(action, Uses | Approval) else ["ok"]
    return [*fallible, "deadline"] if isinstance(action, Approval) and action.deadline else fallible


@st.composite
def _routes(draw: st.DrawFn, action: Action, led: Sequence[tuple[str, str]]) -> Routes:
    """Return the routes to given targets, each under a condition or not; what is left has an end, mostly."""
    made: dict[str, tuple[Transition, ...]] = {}
    for outcome in ("ok", "error", "deadline"):
        targets = [target for name, target in led if name == outcome]
        routes = [Transition(to=target, when=draw(_CONDITION), recovery=_mark(outcome, draw)) for target in targets]
        if outcome == "ok" or (outcome in _outcomes(action) and draw(st.booleans())):
            ends = (
                [] if targets and draw(st.integers(0, 4)) == 0 else [draw(st.sampled_from([COMPLETE, COMPLETE, FAIL]))]
            )
            routes += [Transition(to=end) for end in ends]
        made[outcome] = tuple(routes)
    return Routes(**made)


def _mark(outcome: str, draw: st.DrawFn) -> Recovery | None:
    return draw(st.none() | st.sampled_from(list(Recovery))) if outcome == "error" else None


@st.composite
def workflows(draw: st.DrawFn, most: int = MOST_STEPS) -> Workflow:
    """Return a workflow of either shape, with or without a timeout and an ``on_failure`` step."""
    steps = draw(depending(most) | routed(most))
    handler = Step(action=Uses(step_type="m.tell", retry=draw(_RETRIES), timeout=_TIMEOUT))
    return Workflow(
        name="sim.run",
        triggers=_TRIGGERS,
        steps=steps,
        timeout=draw(st.none() | st.just(timedelta(seconds=2000))),
        on_failure=handler if draw(st.booleans()) else None,
    )


def undoable() -> st.SearchStrategy[Workflow]:
    """Return a small workflow whose steps have effects, which most of them can undo."""
    return _small(_effects())


def joined() -> st.SearchStrategy[Workflow]:
    """Return two branches and their join: what is recorded in one group matters there."""
    return _small(_effects(), least=3, shapes=("join",))


def booking() -> st.SearchStrategy[Workflow]:
    """Return a small workflow whose steps write in the transaction of their record, most of them."""
    return _small(_bookings())


@st.composite
def _small(
    draw: st.DrawFn,
    actions: st.SearchStrategy[Action],
    least: int = 2,
    shapes: Sequence[str] = ("routed", "chain", "join"),
) -> Workflow:
    """Return a workflow of two steps or three: a chain of either shape, or branches that are joined."""
    count = draw(st.integers(least, 3))
    steps = {f"s{number}": Step(action=draw(actions)) for number in range(count)}
    names = list(steps)
    shape = draw(st.sampled_from(shapes))
    for number, name in enumerate(names):
        following = names[number + 1] if number + 1 < count else COMPLETE
        before = {"chain": names[max(number - 1, 0) : number], "join": names[:-1] if number + 1 == count else []}
        if shape == "routed":
            steps[name] = replace(steps[name], next=Routes(ok=(Transition(to=following),)))
        else:
            steps[name] = replace(steps[name], after=tuple(before[shape]))
    return Workflow(name="sim.run", triggers=_TRIGGERS, steps=steps)


@st.composite
def _effects(draw: st.DrawFn) -> Action:
    kind = draw(st.sampled_from([*["undone"] * 6, "kept", "irreversible", "gate"]))
    if kind == "gate":
        return Pause()
    return Uses(
        step_type="m.work",
        timeout=_TIMEOUT,
        irreversible=kind == "irreversible",
        compensate="m.undo" if kind == "undone" else None,
    )


@st.composite
def _bookings(draw: st.DrawFn) -> Action:
    if draw(st.sampled_from([True, True, False])):
        retry, compensate = draw(_RETRIES), draw(st.sampled_from([None, "m.undo"]))
        return Uses(step_type="m.book", transaction=True, retry=retry, timeout=_TIMEOUT, compensate=compensate)
    return draw(_effects())
