"""What a callable does, and what a worker makes of it: outputs, retries, failures, routes, and what is kept of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import RetryStep, StepContext, StepFailed, Success, step
from tests.acceptance.conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.promises.conftest import Doors, House

RETRY = "retry: {max_attempts: 3, backoff: {type: exponential, min: 1h, max: 90m, jitter: false}}"
WORKFLOWS = f"""
workflow: p.once
triggers: {{go: {{manual: {{}}, payload: {{how: {{type: string}}}}}}}}
steps:
  does: {{uses: p.does, next: {{ok: after, error: mend}}}}
  after: {{uses: p.note, next: complete}}
  mend: {{uses: p.failure, next: complete}}
---
workflow: p.tried
triggers: {{go: {{manual: {{}}, payload: {{how: {{type: string}}}}}}}}
steps:
  does: {{uses: p.does, {RETRY}, next: {{ok: complete, error: mend}}}}
  mend: {{uses: p.failure, next: complete}}
---
workflow: p.routed
triggers: {{go: {{manual: {{}}, payload: {{recovery: {{type: string}}}}}}}}
steps:
  book: {{uses: p.note, compensate: p.undo, next: pay}}
  pay:
    uses: p.refuse
    retry: {{max_attempts: 2, backoff: {{type: constant, min: 10ms, max: 10ms}}}}
    next:
      ok: complete
      error:
        - {{to: credit, when: payload.recovery == 'compensation', recovery: compensation}}
        - {{to: credit, when: payload.recovery == 'undo', recovery: undo}}
        - {{to: fail}}
  credit: {{uses: p.hold, next: complete}}
on_failure: {{uses: p.undo}}
---
workflow: p.chain
triggers: {{go: {{manual: {{}}}}}}
steps:
  first: {{uses: p.facts, output: facts, next: second}}
  second: {{uses: p.spoil, next: third}}
  third: {{uses: p.tell, next: complete}}
"""
SAYING = """
---
workflow: p.beside
triggers: {go: {manual: {}}}
steps:
  top: {uses: p.say, with: {word: top}, output: top}
  left: {uses: p.say, after: [top], with: {word: left}, output: left}
  right: {uses: p.see, after: [top, slow], output: right}
  slow: {uses: p.say, with: {word: slow}, output: slow}
  bottom: {uses: p.see, after: [left, right], output: bottom}
"""
WORKFLOWS += SAYING
FACTS = {"z": 1, "big": 1e16, "a": [1, 2], "text": "…", "none": None, "nested": {"y": 1, "b": 2}}


def make_steps(doors: Doors) -> dict[str, Callable[..., Any]]:
    """Return the step types."""

    @step(
        input_schema={"properties": {"how": {"not": {"const": "forbidden"}}}},
        output_schema={"properties": {"count": {"type": "integer"}}},
    )
    def does(how: str) -> Any:
        return DOES[how]()

    def hold(ctx: StepContext) -> dict[str, Any]:
        doors.wait(ctx)
        return {"credited": dict(ctx.failure or {})}

    def failure(ctx: StepContext) -> dict[str, Any]:
        return {"met": dict(ctx.failure or {})}

    def see(ctx: StepContext) -> dict[str, Any]:
        return {"saw": sorted(ctx.context)}

    def spoil(ctx: StepContext, facts: dict[str, Any]) -> dict[str, Any]:
        facts["a"].append("spoilt")
        ctx.context["facts"]["nested"].clear()
        return {"keys": list(facts), "type": type(facts["big"]).__name__}

    return {
        "p.does": does,
        "p.note": lambda: None,
        "p.undo": lambda: None,
        "p.failure": failure,
        "p.refuse": lambda: raise_(ValueError("the bank said no")),
        "p.hold": hold,
        "p.facts": lambda: FACTS,
        "p.spoil": spoil,
        "p.say": lambda word: {"said": word},
        "p.see": see,
        "p.tell": lambda facts: {"told": facts},
    }


def raise_(error: Exception) -> None:
    """Raise an error."""
    raise error


DOES: dict[str, Callable[[], Any]] = {
    "a mapping": lambda: {"count": 1},
    "nothing": lambda: None,
    "a delay": lambda: Success({"count": 2}, delay="1h"),
    "for good": lambda: raise_(StepFailed("no such account", code="unknown_account", details={"id": 7})),
    "again later": lambda: raise_(RetryStep("the bank is closed", delay="5h")),
    "anything else": lambda: raise_(KeyError("x" * 200_000)),
    "a wrong output": lambda: {"count": "many"},
    "no JSON": lambda: {"deep": [1, {"set": {1}}]},
    "NaN": lambda: {"ratio": float("nan")},
    "a NUL": lambda: {"text": "a\x00b"},
    "half a character": lambda: {"text": "\ud800"},
    "too much": lambda: {"text": "x" * (1 << 20)},
}


@pytest.mark.parametrize(("how", "output"), [("a mapping", {"count": 1}), ("nothing", {}), ("a delay", {"count": 2})])
def test_what_counts_as_success(house: House, how: str, output: dict[str, Any]) -> None:
    """A mapping, nothing, and ``Success``, whose delay holds back what follows."""
    run = house.start("p.once", how=how)
    if how == "a delay":
        later = house.until_step(run, "after", "pending")
        assert (later["run_at"] - later["created_at"]).total_seconds() >= 3590
        assert house.mesh.explain_run(run.id).reason == "step_scheduled"
        house.mesh.wake_run(run.id)
    ended = house.until(run, "completed")
    assert house.step_row(run, "does")["output"] == output
    assert [attempt.status for attempt in (ended.steps or ())[0].attempts] == ["completed"]


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("for good", "unknown_account", "no such account"),
        ("a wrong output", "invalid_output", "count"),
        ("no JSON", "invalid_output", "deep.1.set"),
        ("NaN", "invalid_output", "ratio"),
        ("a NUL", "invalid_output", "text"),
        ("half a character", "invalid_output", "text"),
        ("too much", "invalid_output", "1048576"),
        ("forbidden", "invalid_input", "how"),
    ],
)
def test_a_failure_for_good_goes_straight_to_the_error_route(house: House, how: str, code: str, said: str) -> None:
    """One attempt, though two more were allowed; the error names what is wrong, and the route's step reads it."""
    run = house.start("p.tried", how=how)
    ended = house.until(run, "completed")
    (attempt,) = (ended.steps or ())[0].attempts
    error = attempt.error or {}
    assert set(error) == {"message", "code", "type", "retryable", "details"}
    assert (error["code"], error["retryable"]) == (code, False)
    assert said in f"{error['message']} {error['details']}"
    assert ended.context["met"] == {"step": "does", **error, "attempts": 1}
    assert ended.last_error is None, "the failure was dealt with"


def test_anything_else_is_tried_again_with_growing_delays(house: House) -> None:
    """After 1 h, then after no more than the maximum, then no more; the trace is logged, the error kept and capped."""
    run = house.start("p.tried", how="anything else")
    for attempt, seconds in ((1, 3600), (2, 5400)):
        found = house.until(run, "retrying")
        row = house.step_row(run, "does")
        assert (row["status"], row["attempt"]) == ("pending", attempt)
        (finished,) = (item.finished_at for item in (found.steps or ())[0].attempts if item.number == attempt)
        assert abs((row["run_at"] - finished).total_seconds() - seconds) < 1  # both by one statement's clock
        assert (found.last_error or {})["type"] == "KeyError"
        house.mesh.wake_run(run.id)
        if attempt == 1:
            house.until(run, "running", "retrying")
            wait_for_attempt(house, run, 2)
    ended = house.until(run, "completed")
    errors = [attempt.error or {} for attempt in (ended.steps or ())[0].attempts]
    assert [(error["code"], error["retryable"]) for error in errors] == [("step_raised", True)] * 3
    assert max(len(error["message"]) for error in errors) < 20_000


def wait_for_attempt(house: House, run: Any, number: int) -> None:
    """Wait until an attempt has ended."""
    query = (
        "SELECT 1 FROM squidmesh.attempts a JOIN squidmesh.step_runs s ON s.id = a.step_run_id "
        "WHERE s.run_id = %s AND a.number = %s"
    )
    eventually(lambda: house.rows(query, run.id, number))


def test_a_stack_trace_goes_to_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks into a failure finds where it was raised; the database keeps what happened."""
    with caplog.at_level(logging.INFO, "squidmesh"):
        run = house.start("p.once", how="anything else")
        house.until(run, "completed")
    traced = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [type(error).__name__ for error in traced] == ["KeyError"]
    assert "Traceback" not in str(house.step_row(run, "does"))


def test_without_a_policy_there_is_one_attempt(house: House) -> None:
    """A step that says nothing about retries is tried once; so is one that asks for another attempt."""
    for how in ("anything else", "again later"):
        ended = house.until(house.start("p.once", how=how), "completed")
        assert len((ended.steps or ())[0].attempts) == 1
        assert ended.context["met"]["attempts"] == 1


def test_a_step_may_say_when_it_is_tried_again(house: House) -> None:
    """``RetryStep(delay=…)`` counts as an attempt, and its delay replaces the policy's."""
    run = house.start("p.tried", how="again later")
    found = house.until(run, "retrying")
    row = house.step_row(run, "does")
    (attempt,) = (found.steps or ())[0].attempts
    assert abs((row["run_at"] - attempt.finished_at).total_seconds() - 5 * 3600) < 1
    assert (house.mesh.explain_run(run.id).reason, row["attempt"]) == ("waiting_for_retry", 1)


@pytest.mark.parametrize("recovery", ["compensation", "undo"])
def test_a_run_that_recovers_by_a_route_undoes_nothing(house: House, recovery: str) -> None:
    """The route is taken once retries are exhausted, and noted; the error is cleared, and what completed stays."""
    run = house.start("p.routed", recovery=recovery)
    house.doors.until_reached(run, "credit")
    row = house.run_row(run)
    assert (row["status"], row["last_error"], row["failure"]["attempts"]) == ("running", None, 2)
    house.doors.open(run, "credit")
    ended = house.until(run, "completed")
    assert f"{recovery}_routed" in [event.type for event in ended.audit_events or () if event.step == "pay"]
    assert (house.statuses(run, 1), house.statuses(run, 2)) == ({}, {})
    assert ended.context["credited"]["code"] == "step_raised"


def test_without_a_route_the_run_fails_and_undoes(house: House) -> None:
    """What completed is undone, ``on_failure`` runs, and the failure says how often it was tried."""
    ended = house.until(house.start("p.routed", recovery="none"), "failed")
    assert (house.statuses(ended, 1), house.statuses(ended, 2)) == ({"book": "completed"}, {"on_failure": "completed"})
    explained = house.mesh.explain_run(ended.id)
    assert (explained.reason, explained.step) == ("retry_exhausted", "pay")
    assert explained.details["failure"]["attempts"] == 2


def test_each_step_sees_what_was_written_as_it_was_written(house: House) -> None:
    """Numbers, order of keys and everything below survive; what one step does to its copy, the next does not see."""
    ended = house.until(house.start("p.chain"), "completed")
    assert ended.context["facts"] == FACTS
    assert ended.context["told"] == FACTS
    assert (ended.context["keys"], ended.context["type"]) == (list(FACTS), "float")
    (stored,) = house.rows(
        "SELECT output::text FROM squidmesh.step_runs WHERE run_id = %s AND step = 'first'", ended.id
    )
    assert '"big":1e+16,' in stored["output"]
    assert [list(step.input or {}) for step in ended.steps or ()] == [[], ["facts"], ["facts", "keys", "type"]]


def test_a_step_sees_those_that_it_waits_for_and_nobody_beside_it(house: House) -> None:
    """In a dependency graph the context is the payload and the outputs of what came before, whatever else has ended."""
    ended = house.until(house.start("p.beside"), "completed")
    assert ended.context["right"] == {"saw": ["slow", "top"]}
    assert ended.context["bottom"] == {"saw": ["left", "right", "slow", "top"]}


def test_history_tells_what_was_declared_and_what_happened(house: House) -> None:
    """Declared steps in the order of the file, those that were not come to as well; step runs and events by time."""
    ended = house.until(house.start("p.routed", recovery="none"), "failed")
    steps = {state.step: state for state in ended.steps or ()}
    assert [(name, state.status) for name, state in steps.items()][:3] == [
        ("book", "completed"),
        ("pay", "failed"),
        ("credit", None),
    ]
    assert [attempt.number for attempt in steps["pay"].attempts] == [1, 2]
    assert steps["book"].recovery["compensation"]["status"] == "completed"
    assert [(item.step, int(item.kind)) for item in ended.step_runs or ()] == [
        ("book", 0),
        ("pay", 0),
        ("book", 1),
        ("on_failure", 2),
    ]
    times = [event.at for event in ended.audit_events or ()]
    assert times == sorted(times)
    assert house.mesh.inspect_run(ended.id).steps is None
