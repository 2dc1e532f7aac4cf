"""The history replays to the stored state: moves to statuses, attempts to steps, steps to runs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS, Phase, RunStatus, StepStatus
from tests.invariants import shape, undoing
from tests.invariants.facts import Facts, Row, Violation, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A decision takes a paused step up and ends it, in one transaction.
_WITHIN_A_DECISION = (StepStatus.PAUSED, StepStatus.RUNNING)


def history_replays_to_the_stored_state(facts: Facts) -> Iterator[Violation]:
    """I9: moves, attempts and the definition, replayed, give the rows that are stored."""
    for run in facts.runs.values():
        steps = facts.steps_of_run[run["id"]]
        problems = chain(
            _run_moves(facts, run),
            _counters(run, steps),
            _sequence(run, steps),
            shape.follows_the_definition(facts, run, steps),
            undoing.undone_in_order(facts, run, steps),
        )
        yield from (Violation("I9", problem, {"run": run["id"], "status": run["status"]}) for problem in problems)
    for row in facts.steps.values():
        for problem in chain(_step_moves(facts, row), _attempts(facts, row)):
            yield Violation("I9", problem, named(row) | {"status": row["status"]})


def _run_moves(facts: Facts, run: Row) -> Iterator[str]:
    was = None
    for move in facts.run_moves.get(run["id"], ()):
        if move["was"] != was:
            yield f"the run was {was} and moved from {move['was']}"
        before, now = RunStatus(move["was"] or move["now"]), RunStatus(move["now"])
        if now != before and now not in RUN_TRANSITIONS[before]:
            yield f"the run moved from {before} to {now}"
        was = move["now"]
    if was is not None and was != run["status"]:
        yield f"the run's last move led to {was}"


def _step_moves(facts: Facts, row: Row) -> Iterator[str]:
    was = None
    for move in facts.moves.get(row["id"], ()):
        if move["was"] != was:
            yield f"the step was {was} and moved from {move['was']}"
        before, now = StepStatus(move["was"] or move["now"]), StepStatus(move["now"])
        if now != before and now not in STEP_TRANSITIONS[before] and (before, now) != _WITHIN_A_DECISION:
            yield f"the step moved from {before} to {now}"
        was = move["now"]
    if was is not None and was != row["status"]:
        yield f"the step's last move led to {was}"


def _counters(run: Row, steps: Sequence[Row]) -> Iterator[str]:
    """Yield where the run's counters and what it shows are not those of its rows."""
    shown = (run["active"], run["retrying"], run["paused"])
    if shown != counted(run, steps):
        yield f"its counters are {shown} and its rows {counted(run, steps)}"
    if run["finished_at"] is not None or run["phase"] != Phase.FORWARD:
        return
    busy = {"pending", "running", "retrying"}
    expected = busy if run["active"] or run["retrying"] else {"paused"}
    if run["status"] not in expected:
        yield f"it shows {run['status']} with counters {shown}"


def counted(run: Row, steps: Sequence[Row]) -> tuple[int, int, int]:
    """Return what a run's counters (active, retrying, paused) should be, from its rows."""
    unfinished = [step for step in steps if step["finished_at"] is None]
    if run["phase"] != Phase.FORWARD:
        return len(unfinished), 0, 0
    busy = [step for step in unfinished if step["status"] in {"pending", "running"}]
    again = sum(step["attempt"] > (step["status"] == "running") for step in busy)
    return len(busy) - again, again, sum(step["status"] == "paused" for step in unfinished)


def _sequence(run: Row, steps: Sequence[Row]) -> Iterator[str]:
    numbers = [step["completed_seq"] for step in steps if step["completed_seq"] is not None]
    if len(set(numbers)) != len(numbers) or max(numbers, default=0) > run["seq"]:
        yield f"its completion numbers are {sorted(numbers)}, up to {run['seq']}"
    missing = [
        step["step"]
        for step in steps
        if step["completed_seq"] is None and step["status"] in {"completed", "failed", "skipped"}
    ]
    if missing:
        yield f"{missing} ended without a completion number"


def _attempts(facts: Facts, row: Row) -> Iterator[str]:
    """Yield where the attempts are not those of the step; carried-over steps of a replay have none."""
    attempts = facts.attempts.get(row["id"], [])
    moves = facts.moves.get(row["id"], ())
    if moves and moves[0]["was"] is None and moves[0]["now"] == row["status"] and row["finished_at"] is not None:
        return
    numbers = [attempt["number"] for attempt in attempts]
    # An attempt under way, a skip, a gate that nobody decided and what a stopping run got back are not written.
    unwritten = row["status"] in {"running", "skipped", "cancelled"} or row["resume"] is not None
    if numbers != list(range(1, len(numbers) + 1)) or not 0 <= row["attempt"] - len(numbers) <= unwritten:
        yield f"attempts {numbers} are written of {row['attempt']}"
    lost = sum((attempt["error"] or {}).get("code") == "worker_lost" for attempt in attempts)
    if lost != row["losses"]:
        yield f"{lost} attempts were lost, and {row['losses']} are counted"
    good = [attempt["number"] for attempt in attempts if attempt["status"] == "completed"]
    if good and (row["status"] != "completed" or good != [numbers[-1]]):
        yield f"attempt {good[0]} completed it"
    if row["status"] == "completed" and not good and not facts.has_event(row, "resumed"):
        yield "no attempt completed it"
