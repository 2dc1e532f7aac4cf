"""What is recorded: once, for ever, and within the limits of its policy."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from squidmesh.model.definition import ON_FAILURE_NAME, Uses
from squidmesh.model.state import StepRunKind
from tests.invariants.facts import Facts, Row, Violation, key, named

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPENSATION_ATTEMPTS = 3
# Step types that write one booking in the transaction of their record; what a replay carries over was booked before.
_BOOKING = ("ledger.book", "m.book")
# What the database itself refuses, whatever a statement forgets.
GUARDS = ("once_per_run", "runs_idempotency", "runs_tick", "attempts_pkey")


def terminal_states_never_change(facts: Facts) -> Iterator[Violation]:
    """I2: of a run or a step run that has ended, no later statement changed anything."""
    for move in facts.rows["run_moves"]:
        if not move["kept"]:
            yield Violation("I2", "a run changed after its end", move)
    for move in facts.rows["step_moves"]:
        if not move["kept"]:
            yield Violation("I2", "a step run changed after its end", move)


def one_recorded_completion(facts: Facts) -> Iterator[Violation]:
    """I3: one row, one completed attempt, one move to completed, one effect in its transaction: or none of them."""
    for missing in sorted(set(GUARDS) - {row["name"] for row in facts.rows["guards"]}):
        yield Violation("I3", "nothing stops a second row", {"index": missing})
    rows = Counter(key(row) for row in facts.steps.values())
    booked = Counter((row["run_id"], row["step"]) for row in facts.rows["bookings"])
    for row in facts.steps.values():
        if rows[key(row)] > 1:
            yield Violation("I3", "a step has several rows", named(row) | {"rows": rows[key(row)]})
        good = sum(attempt["status"] == "completed" for attempt in facts.attempts.get(row["id"], ()))
        moved = sum(
            move["now"] == "completed" and move["was"] != "completed" for move in facts.moves.get(row["id"], ())
        )
        if good > 1 or moved > 1:
            yield Violation("I3", "a step was completed twice", named(row) | {"attempts": good, "moves": moved})
        if _is_transactional(facts, row) and booked[row["run_id"], row["step"]] != (
            row["status"] == "completed" and row["origin_id"] is None
        ):
            effects = booked[row["run_id"], row["step"]]
            yield Violation("I3", "an effect is not there once with its record", named(row) | {"n": effects})


def _is_transactional(facts: Facts, row: Row) -> bool:
    run = facts.runs.get(row["run_id"])
    if run is None or row["kind"] != StepRunKind.STEP:
        return False
    action = facts.workflow(run).steps[row["step"]].action
    return isinstance(action, Uses) and action.step_type in _BOOKING


def attempts_stay_within_limits(facts: Facts) -> Iterator[Violation]:
    """I8: attempts, losses apart, stay within the policy (and what people asked for), losses within their limit."""
    # Only a loss made alone is the last, and from the second on (the first, if one is the limit) they are.
    most_losses = max(facts.max_losses, min(facts.max_losses, 2) + 1)
    for row in facts.steps.values():
        attempts = facts.attempts.get(row["id"], [])
        tried = sum(not _is_loss(attempt) for attempt in attempts)
        allowed = _max_attempts(facts, row) + _asked_again(facts, row)
        if tried > allowed:
            yield Violation("I8", "a step was tried too often", named(row) | {"attempts": tried, "allowed": allowed})
        if row["losses"] > most_losses:
            yield Violation("I8", "a step was lost too often", named(row) | {"losses": row["losses"]})


def _is_loss(attempt: Row) -> bool:
    return attempt["error"] is not None and attempt["error"]["code"] == "worker_lost"


def _asked_again(facts: Facts, row: Row) -> int:
    events = facts.events.get((row["run_id"], row["step"]), ())
    return sum(event["type"] == "resumed" and bool((event["metadata"] or {}).get("retry")) for event in events)


def _max_attempts(facts: Facts, row: Row) -> int:
    run = facts.runs.get(row["run_id"])
    if run is None or row["kind"] == StepRunKind.COMPENSATION:
        return _COMPENSATION_ATTEMPTS
    workflow = facts.workflow(run)
    step = workflow.on_failure if row["step"] == ON_FAILURE_NAME and row["kind"] else workflow.steps[row["step"]]
    assert step is not None, "its row came from there"
    return step.retry.max_attempts
