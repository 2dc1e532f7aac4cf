"""Executing a claimed step run: every way in which a callable can end, and nothing that it can do to us."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import StepContext, Success, step
from squidmesh.model.outcome import Deferred, Failed, Skipped, Succeeded
from squidmesh.runtime.event_loop import EventLoop
from tests.unit.runtime.claimed import claimed
from tests.unit.runtime.executing import ONE, endless, failure, run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    """The loop of async steps."""
    loop = EventLoop()
    yield loop
    loop.close()


@pytest.mark.parametrize(
    ("returned", "output", "delay"),
    [
        (None, {}, 0),
        ({"a": [1, 2.5, None, {"b": "ü"}]}, {"a": [1, 2.5, None, {"b": "ü"}]}, 0),
        (Success(), {}, 0),
        (Success({"a": 1}, delay="5s"), {"a": 1}, 5),
        (Success({"a": 1}, delay=0.5), {"a": 1}, 0.5),
    ],
)
def test_what_counts_as_success(returned: object, output: dict[str, Any], delay: float):
    """A mapping, None, or Success with a delay for what follows."""
    outcome = run(lambda: returned)
    assert isinstance(outcome, Succeeded)
    assert (json.loads(outcome.output), outcome.delay) == (output, timedelta(seconds=delay))


@pytest.mark.parametrize(
    ("returned", "path"),
    [
        ({"a": float("nan")}, "a"),
        ({"a": [1, float("inf")]}, "a.1"),
        ({"a": {"b": "nul \x00"}}, "a.b"),
        ({"a": "lone \ud800"}, "a"),
        ({"a": 10**5000}, "a"),
        ({"a": endless()}, "a" + ".0" * 99),
        ({"a": "x" * 2000}, ""),
        ({"a": datetime(2024, 5, 1, tzinfo=UTC)}, "a"),
        ({1: "key"}, ""),
        ({"nul\x00": 1}, ""),
        ([1], ""),
        ("text", ""),
        (Success({"a": 1}, delay="soon"), ""),
        (Success({"a": 1}, delay=float("inf")), ""),
        (Success({"a": 1}, delay=-5), ""),
    ],
)
def test_an_output_that_cannot_be_kept_fails_the_step_for_good(returned: object, path: str):
    """Its effect may have happened, so it is not tried again; the error names the place."""
    outcome = run(lambda: returned)
    assert failure(outcome) == ("invalid_output", False)
    assert isinstance(outcome, Failed)
    assert (outcome.failure.details or {})["path"] == path


def test_schemas_are_checked_before_and_after():
    """What breaks the input schema is never called; what breaks the output schema is not kept."""
    called = []

    @step(
        input_schema={"type": "object", "properties": {"size": {"type": "integer"}}},
        output_schema={"type": "object", "required": ["sum"]},
    )
    def call(size: Any) -> dict[str, Any]:
        called.append(size)
        return {}

    assert failure(run(call, claimed(ONE, "work", payload={"size": "big"}))) == ("invalid_input", False)
    assert called == []
    assert failure(run(call, claimed(ONE, "work", payload={"size": 3}))) == ("invalid_output", False)


INPUTS = """
load: {uses: t.load, output: order, next: work}
work: {uses: t.work, input: {sku: order.items.0.sku, size: payload.size}, next: complete}
"""


def test_a_missing_input_names_parameter_key_and_provider():
    """The step that should have given it, so that one knows where to look."""
    outcome = run(lambda sku, size: None, claimed(INPUTS, "work", outputs={"load": {"items": []}}))
    assert failure(outcome) == ("missing_input", False)
    assert isinstance(outcome, Failed)
    assert outcome.failure.message == (
        "no value for 'sku': 'order.items.0.sku' is the output of 'load', which has not given it; "
        "'size': nothing before this step gave 'payload.size'"
    )


def test_a_missing_key_leaves_the_default_of_the_parameter():
    """A path that leads nowhere is left out."""
    outcome = run(lambda sku="none", size=7: {"got": [sku, size]}, claimed(INPUTS, "work"))
    assert isinstance(outcome, Succeeded)
    assert json.loads(outcome.output) == {"got": ["none", 7]}


def test_a_step_type_that_is_gone_fails_the_step_for_good():
    """Names what is missing; nothing is called."""
    assert failure(run(lambda: None, claimed("work: {uses: t.gone, next: complete}", "work"))) == (
        "step_type_unavailable",
        False,
    )


def test_conditions_decide_before_anything_is_bound():
    """False skips; neither true nor false fails for good; an unneeded input is not missed."""
    text = "work: {uses: t.work, when: payload.size > 2, next: complete}"
    needy = lambda absent: None  # noqa: E731 - the shortest callable that cannot be bound
    assert isinstance(run(needy, claimed(text, "work", payload={"size": 1})), Skipped)
    assert failure(run(needy, claimed(text, "work", payload={"size": 3}))) == ("missing_input", False)
    assert failure(run(needy, claimed(text, "work"))) == ("expression_failed", False)


def test_a_step_is_skipped_where_all_that_it_waits_for_was():
    """No live dependency: skipped, before its own condition is looked at."""
    text = "a: {uses: t.work}\nwork: {uses: t.work, after: [a], when: payload.absent}"
    assert isinstance(run(lambda: None, claimed(text, "work", live_deps=0)), Skipped)


def test_a_wait_is_over_when_it_is_claimed_and_one_with_a_condition_begins_then():
    """Without a condition the due time was the wait; with one it is put off once, and not looked at again."""
    plain = "rest: {wait: 5m, next: complete}"
    asked = "rest: {wait: 5m, when: payload.slow, next: complete}"
    assert isinstance(run(lambda: None, claimed(plain, "rest")), Succeeded)
    assert isinstance(run(lambda: None, claimed(asked, "rest", payload={"slow": False})), Skipped)
    assert run(lambda: None, claimed(asked, "rest", payload={"slow": True})) == Deferred(delay=timedelta(minutes=5))
    assert isinstance(run(lambda: None, claimed(asked, "rest", payload={"slow": False}, begun=True)), Succeeded)


def test_what_a_step_does_to_its_data_is_its_own_affair():
    """Input, payload, context and failure are copies: the next reader sees what was stored."""
    stored = {"step": "x", "code": "c", "message": "m", "details": {"list": [1]}}
    task = claimed(ONE, "work", payload={"list": [1]}, failure=stored)

    def call(list: Any, ctx: StepContext) -> None:  # noqa: A002 - named like the key
        list.append(2)
        ctx.payload["list"].append(3)
        ctx.context["list"].append(4)
        assert ctx.failure is not None
        ctx.failure["details"]["list"].append(5)

    for _ in range(2):
        assert isinstance(run(call, task), Succeeded)
    assert task.snapshot.payload() == task.snapshot.context() == {"list": [1]}
    assert task.snapshot.failure == stored


def test_a_compensation_is_bound_from_the_step_that_it_undoes():
    """``payload``, ``context``, ``step`` with its name, input and output, and ``failure``; copies too."""
    got: dict[str, Any] = {}

    def undo(payload: Any, context: Any, step: Any, failure: Any) -> None:
        got.update(payload=dict(payload), context=dict(context), step=dict(step), failure=dict(failure))
        failure.clear()

    text = "work: {uses: t.other, input: [size], output: done, compensate: t.work, next: complete}"
    task = claimed(text, "work", payload={"size": 3}, failure={"code": "c"}, undo={"id": 9})
    assert isinstance(run(undo, task), Succeeded)
    assert got == {
        "payload": {"size": 3},
        "context": {"size": 3, "done": {"id": 9}},
        "step": {"name": "work", "input": {"size": 3}, "output": {"id": 9}},
        "failure": {"code": "c"},
    }
    assert task.snapshot.failure == {"code": "c"}
    assert failure(run(lambda absent: None, task)) == ("missing_input", False)


def test_losses_do_not_count_as_attempts_for_the_callable():
    """``ctx.attempt`` counts what ``max_attempts`` counts."""
    seen = []

    def call(ctx: StepContext) -> None:
        seen.append((ctx.attempt, ctx.max_attempts))

    run(call, claimed(ONE, "work", attempt=4, losses=2))
    assert seen == [(2, 3)]


def test_async_steps_share_a_loop_that_none_of_them_can_end(loop: EventLoop):
    """``sys.exit()`` in one is its failure, and the next one runs."""

    async def leave() -> None:
        await asyncio.sleep(0)
        sys.exit(3)

    async def work() -> dict[str, int]:
        await asyncio.sleep(0)
        return {"a": 1}

    assert failure(run(leave, loop=loop)) == ("step_raised", True)
    outcome = run(work, loop=loop)
    assert isinstance(outcome, Succeeded)
    assert json.loads(outcome.output) == {"a": 1}
