"""What the ledger says was executed: how often, in what order, and whose result was taken."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import Shape, Uses
from squidmesh.model.state import StepRunKind
from tests.invariants.facts import Facts, Row, Violation, key, named

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS_A_CLAIM = ("step_timed_out", "run_cancelled")


def executions_are_accounted_for(facts: Facts) -> Iterator[Violation]:
    """I4: a step was executed at most once for each attempt that is recorded, and for each claim that was given back.

    Attempts are the first, the retries and the losses; a claim that stands may have been executed too.
    """
    known = {key(row): row for row in facts.steps.values()}
    for name, executions in facts.executions.items():
        row = known.get(name)
        if row is None:
            yield Violation("I4", "a step that has no row was executed", named(executions[0]))
            continue
        moves = facts.moves.get(row["id"], ())
        released = sum(move["was"] == "running" and move["attempt"] < (move["was_attempt"] or 0) for move in moves)
        allowed = len(facts.attempts.get(row["id"], ())) + released + (row["status"] == "running")
        if len(executions) > allowed:
            yield Violation("I4", "a step was executed too often", named(row) | {"n": len(executions), "max": allowed})


def nothing_starts_too_early(facts: Facts) -> Iterator[Violation]:
    """I5: when a step began, all that it waits for had ended, and that was committed."""
    for executions in facts.executions.values():
        for execution in executions:
            run = facts.runs.get(execution["run_id"])
            if run is None:
                continue
            missing = _awaited(facts, run, execution)
            if missing:
                yield Violation("I5", "a step began too early", named(execution) | {"before": sorted(missing)})


def _awaited(facts: Facts, run: Row, execution: Row) -> set[str]:
    """Return what had not ended, of all that the step waits for, when an execution of it began."""
    seen, step, kind = set(execution["seen"]), execution["step"], execution["kind"]
    if kind != StepRunKind.STEP:
        rows = [row for row in facts.steps_of_run[run["id"]] if row["kind"] != StepRunKind.ON_FAILURE]
        own = next((row["scheduled_seq"] or 0 for row in rows if row["kind"] == kind and row["step"] == step), -1)
        earlier = [
            row for row in rows if row["kind"] == StepRunKind.STEP or (row["scheduled_seq"] or 0) > own or kind > 1
        ]
        return {f"{row['kind']} {row['step']}" for row in earlier} - seen
    graph = facts.graphs[run["definition_hash"]]
    if graph.shape is Shape.DEPENDENCY:
        return {f"0 {name}" for name in graph.workflow.steps[step].after} - seen
    before = {f"0 {name}" for name in graph.predecessors[step]}
    return set() if not before or before & seen else before


def stale_claims_are_refused(facts: Facts) -> Iterator[Violation]:
    """I6: what is recorded of an attempt was signed by an execution under that claim, and only its owner prolongs it.

    An irreversible step is called only under a claim that stands.
    """
    for row in facts.steps.values():
        for move in facts.moves.get(row["id"], ()):
            if move["now"] == "completed" and move["was"] == "running":
                yield from _other_token(facts, row, signature(row["output"]), move["was_token"])
        for attempt in facts.attempts.get(row["id"], ()):
            signed = facts.execution.get(signature((attempt["error"] or {}).get("details")) or "")
            token = _token_of_attempt(facts, row, attempt["number"])
            if signed is not None and token is not None:
                yield from _other_token(facts, row, str(signed["id"]), token)
        yield from _foreign_beats(facts, row)
    for execution in facts.rows["executions"]:
        if execution["token"] is None and execution["kind"] == StepRunKind.STEP and _irreversible(facts, execution):
            yield Violation("I6", "an irreversible step was called without a claim", named(execution))


def signature(value: Any) -> str | None:
    """Return the execution that signed an output or the details of an error."""
    return value.get("execution") if isinstance(value, dict) else None


def _other_token(facts: Facts, row: Row, signed: str | None, token: Any) -> Iterator[Violation]:
    execution = facts.execution.get(signed or "")
    if execution is not None and (execution["token"] != token or key(execution) != key(row)):
        yield Violation("I6", "the result of another claim was recorded", named(row) | {"execution": signed})


def _token_of_attempt(facts: Facts, row: Row, number: int) -> Any:
    claims = [
        move["token"]
        for move in facts.moves.get(row["id"], ())
        if move["token"] and move["token"] != move["was_token"] and move["attempt"] == number
    ]
    return claims[-1] if claims else None


def _foreign_beats(facts: Facts, row: Row) -> Iterator[Violation]:
    """Yield the beats that came from a session of another application name than the claim's (where they differ)."""
    owner: dict[Any, str] = {}
    for move in facts.moves.get(row["id"], ()):
        token = move["token"]
        if token is None:
            continue
        if token != move["was_token"]:
            owner[token] = move["session"]
        elif move["lease"] != move["was_lease"] and owner.get(token, move["session"]) != move["session"]:
            yield Violation("I6", "a claim was prolonged by another worker", named(row) | {"by": move["session"]})


def _irreversible(facts: Facts, execution: Row) -> bool:
    run = facts.runs.get(execution["run_id"])
    if run is None:
        return False
    action = facts.workflow(run).steps[execution["step"]].action
    return isinstance(action, Uses) and action.irreversible


def executions_overlap_only_after_a_loss(facts: Facts) -> Iterator[Violation]:
    """I7: a step is executed twice at once only if the first one's lease had passed, or it had outlived its time.

    One that never ended (its process died) may have ended at once.
    """
    known = {key(row): row for row in facts.steps.values()}
    for name, executions in facts.executions.items():
        row = known.get(name)
        for first, second in pairwise(executions):
            if row is None or first["ended_at"] is None or first["ended_at"] <= second["began_at"]:
                continue
            if not _was_taken(facts, row, first["token"]):
                yield Violation("I7", "a step was executed twice at once", named(row) | {"second": second["id"]})


def _was_taken(facts: Facts, row: Row, token: Any) -> bool:
    """Return whether a claim ended because its lease had passed, its attempt timed out or the run was cancelled.

    A claim that never stood while the execution ran (None) had been taken before.
    """
    if token is None:
        return True
    for move in facts.moves.get(row["id"], ()):
        if move["was_token"] == token and move["token"] != token:
            codes = [
                (attempt["error"] or {}).get("code")
                for attempt in facts.attempts.get(row["id"], ())
                if attempt["number"] == move["was_attempt"]
            ]
            return bool(move["was_lease"] < move["at"]) or any(code in _ENDS_A_CLAIM for code in codes)
    return False
