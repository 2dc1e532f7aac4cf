"""Nothing fires before its time, by the database's clock."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from squidmesh.model.definition import BackoffType, Uses, Wait
from squidmesh.model.state import StepRunKind
from tests.invariants.facts import Facts, Row, Violation, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Backoff

_MOST_JITTER = 0.2
_LOSS_DELAYS = (timedelta(seconds=1), timedelta(seconds=4))


def nothing_fires_before_its_time(facts: Facts) -> Iterator[Violation]:
    """I10: no claim before the row is due; waits, backoffs, deadlines, timeouts and ticks take their time.

    What somebody woke is due when he says so.
    """
    for row in facts.steps.values():
        yield from _claims(facts, row)
        if row["kind"] == StepRunKind.STEP and row["run_id"] in facts.runs and not facts.has_event(row, "woken"):
            yield from _waits(facts, row)
            yield from _retries(facts, row)
        yield from _deadlines(facts, row)
    yield from _runs(facts)


def _claims(facts: Facts, row: Row) -> Iterator[Violation]:
    for move in facts.moves.get(row["id"], ()):
        if move["was"] == "pending" and move["now"] == "running" and move["at"] < move["was_due"]:
            yield Violation("I10", "a step was claimed before it was due", named(row) | {"due": move["was_due"]})


def _waits(facts: Facts, row: Row) -> Iterator[Violation]:
    run = facts.runs[row["run_id"]]
    if run["replayed_from"] is not None or row["status"] != "completed":
        return
    step = facts.workflow(run).steps[row["step"]]
    if isinstance(step.action, Wait) and step.action.duration is not None:
        rows = {other["step"]: other for other in facts.steps_of_run[run["id"]] if other["kind"] == StepRunKind.STEP}
        since = max([row["created_at"], *(rows[name]["finished_at"] for name in step.after)])
        if row["finished_at"] < since + step.action.duration:
            yield Violation("I10", "a wait was too short", named(row) | {"since": since, "until": row["finished_at"]})


def _retries(facts: Facts, row: Row) -> Iterator[Violation]:
    """A retry whose step asked for a delay of its own is not looked at; nor is one that a person asked for."""
    action = facts.workflow(facts.runs[row["run_id"]]).steps[row["step"]].action
    if not isinstance(action, Uses) or facts.has_event(row, "resumed"):
        return
    losses = 0
    for failed, following in pairwise(facts.attempts.get(row["id"], ())):
        error = failed["error"] or {}
        if error.get("code") == "worker_lost":
            losses += 1
            least = _LOSS_DELAYS[min(losses, len(_LOSS_DELAYS)) - 1]
        elif "delay" in (error.get("details") or {}):
            continue
        else:
            least = least_delay(action.retry.backoff, failed["number"] - losses)
        if following["started_at"] < failed["finished_at"] + least:
            yield Violation("I10", "a retry came too early", named(row) | {"attempt": following["number"]})


def least_delay(backoff: Backoff, tries: int) -> timedelta:
    """Return the shortest delay that a policy allows after so many tries."""
    factor = {BackoffType.EXPONENTIAL: 2 ** (tries - 1), BackoffType.LINEAR: tries, BackoffType.CONSTANT: 1}
    delay = min(backoff.max, backoff.min * factor[backoff.type]) if backoff.max > backoff.min else backoff.min
    return delay * (1 - _MOST_JITTER) if backoff.jitter else delay


def _deadlines(facts: Facts, row: Row) -> Iterator[Violation]:
    if not facts.has_event(row, "deadline_passed"):
        return
    for move in facts.moves.get(row["id"], ()):
        early = move["was_deadline"] is None or move["at"] < move["was_deadline"]
        if move["was"] == "paused" and move["now"] == "running" and early:
            yield Violation("I10", "a deadline passed too early", named(row) | {"deadline": move["was_deadline"]})


def _runs(facts: Facts) -> Iterator[Violation]:
    for run in facts.runs.values():
        if run["scheduled_for"] is not None and run["created_at"] < run["scheduled_for"]:
            yield Violation("I10", "a tick fired too early", {"run": run["id"], "tick": run["scheduled_for"]})
        timed_out = (run["failure"] or {}).get("code") == "run_timed_out" and run["finished_at"] is not None
        if timed_out and (run["deadline_at"] is None or run["finished_at"] < run["deadline_at"]):
            yield Violation("I10", "a run timed out too early", {"run": run["id"], "deadline": run["deadline_at"]})
