"""Once the faults have stopped: every run that was promised has ended, and nothing is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.model.state import RunStatus
from tests.invariants.facts import Facts, Violation, named

if TYPE_CHECKING:
    from collections.abc import Iterator


def acknowledged_runs_have_ended(facts: Facts) -> Iterator[Violation]:
    """I1: a run whose start call returned is there, and has ended."""
    for row in facts.rows["acknowledged"]:
        run = facts.runs.get(row["run_id"])
        if run is None:
            yield Violation("I1", "an acknowledged run is lost", {"run": row["run_id"], "since": row["at"]})
        elif not RunStatus(run["status"]).terminal:
            steps = {step["step"]: step["status"] for step in facts.steps_of_run[run["id"]]}
            yield Violation("I1", "a run has not ended", {"run": run["id"], "status": run["status"], "steps": steps})


def nothing_is_held_at_rest(facts: Facts) -> Iterator[Violation]:
    """I12: no lease is held, no session is idle in a transaction, no row of a finished run is unfinished."""
    for row in facts.steps.values():
        run = facts.runs.get(row["run_id"])
        if row["claim_token"] is not None or row["lease_until"] is not None:
            yield Violation("I12", "a claim is held", named(row) | {"worker": row["worker"]})
        if row["finished_at"] is None and (run is None or run["finished_at"] is not None):
            yield Violation("I12", "a step of a run that has ended is open", named(row) | {"status": row["status"]})
    for session in facts.rows["sessions"]:
        yield Violation("I12", "a session is idle in a transaction", session)
