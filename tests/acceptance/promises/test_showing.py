"""What a run shows while a worker moves it: its counters, its phases, and no move that its tables do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import StepContext, StepFailed
from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.promises.conftest import Doors, House

WORKFLOWS = """
workflow: p.branches
triggers: {go: {manual: {}}}
steps:
  held: {uses: p.hold}
  shaky: {uses: p.shaky, retry: {max_attempts: 2, backoff: {type: constant, min: 1h, max: 1h, jitter: false}}}
  ask: {pause: {}}
---
workflow: p.stopping
triggers: {go: {manual: {}}}
steps:
  done: {uses: p.note, compensate: p.undo}
  held: {uses: p.hold, after: [done], compensate: p.undo}
  flaky: {uses: p.hold_and_raise, after: [done], retry: {max_attempts: 9}}
  shaky: {uses: p.shaky, after: [done], retry: {max_attempts: 2, backoff: {type: constant, min: 1h, max: 1h}}}
  rest: {wait: 1h, after: [done]}
  ask: {pause: {}, after: [done]}
  join: {uses: p.note, after: [held, rest]}
  bad: {uses: p.hold_and_fail, after: [done]}
on_failure: {uses: p.hold}
---
workflow: p.straight
triggers: {go: {manual: {}}}
steps:
  one: {uses: p.note, next: two}
  two: {uses: p.note, when: "run.trigger == 'nobody'", next: three}
  three: {uses: p.again, retry: {max_attempts: 2, backoff: {type: constant, min: 50ms, max: 50ms}}, next: ask}
  ask: {approval: {}, next: {ok: complete, error: fail}}
"""
RECORD_MOVES = """
CREATE TABLE moves (n bigserial, of text, id uuid, transaction xid8 DEFAULT pg_current_xact_id(), old text, new text);
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO moves (of, id, old, new) VALUES (TG_TABLE_NAME, NEW.id, OLD.status, NEW.status); RETURN NEW; END $$;
CREATE TRIGGER moves AFTER UPDATE OF status ON squidmesh.runs FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION note_move();
CREATE TRIGGER moves AFTER UPDATE OF status ON squidmesh.step_runs FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION note_move();
"""
# What others could see: from where a transaction found a row to where it left it.
MADE = """
SELECT DISTINCT old, new FROM (
    SELECT (array_agg(old ORDER BY n))[1] AS old, (array_agg(new ORDER BY n DESC))[1] AS new FROM moves
    WHERE of = %s GROUP BY id, transaction) made
"""


def make_steps(doors: Doors) -> dict[str, Callable[..., Any]]:
    """Return the step types."""

    def hold(ctx: StepContext) -> None:
        doors.wait(ctx)

    def hold_and_raise(ctx: StepContext) -> None:
        doors.wait(ctx)
        raise RuntimeError("it would be tried again")

    def hold_and_fail(ctx: StepContext) -> None:
        doors.wait(ctx)
        raise StepFailed("never", code="never")

    def shaky(ctx: StepContext) -> None:
        if ctx.attempt == 1:
            raise RuntimeError("not yet")
        doors.wait(ctx)

    def again(ctx: StepContext) -> None:
        if ctx.attempt == 1:
            raise RuntimeError("not yet")

    def undo(ctx: StepContext) -> None:
        doors.wait(ctx, "undo ")

    return {
        "p.note": lambda: None,
        "p.hold": hold,
        "p.hold_and_raise": hold_and_raise,
        "p.hold_and_fail": hold_and_fail,
        "p.shaky": shaky,
        "p.again": again,
        "p.undo": undo,
    }


@pytest.fixture(scope="module", autouse=True)
def moves(site: House) -> Iterator[Callable[[str], set[tuple[str, str]]]]:
    """Note every move of a run or a step run, whoever makes it; they are compared with the tables in the end."""
    site.connection.execute(RECORD_MOVES)

    def seen(of: str) -> set[tuple[str, str]]:
        return {(row["old"], row["new"]) for row in site.rows(MADE, of)}

    yield seen
    for of, table in (("runs", RUN_TRANSITIONS), ("step_runs", STEP_TRANSITIONS)):
        allowed = {(str(old), str(new)) for old, targets in table.items() for new in targets}
        assert seen(of) <= allowed


def counters(house: House, run: Any) -> tuple[str, int, int, int]:
    """Return what a run shows and its three counters."""
    row = house.run_row(run)
    return row["status"], row["active"], row["retrying"], row["paused"]


def test_a_run_shows_what_its_counters_say(house: House) -> None:
    """Running while a branch is active, retrying while one waits for another attempt, else paused; the last ends it."""
    run = house.start("p.branches")
    house.doors.until_reached(run, "held")
    house.until_step(run, "ask", "paused")
    retried = house.until_step(run, "shaky", "pending")
    assert (retried["attempt"], retried["claim_token"]) == (1, None)
    assert (retried["run_at"] - retried["started_at"]).total_seconds() >= 3600
    assert counters(house, run) == ("running", 1, 1, 1)
    house.doors.open(run, "held")
    house.until_step(run, "held", "completed")
    assert counters(house, run) == ("retrying", 0, 1, 1)
    house.mesh.wake_run(run.id)
    house.doors.until_reached(run, "shaky", 2)
    assert counters(house, run) == ("running", 0, 1, 1)  # claimed: shown as running
    house.doors.open(run, "shaky", 2)
    house.until_step(run, "shaky", "completed")
    assert counters(house, run) == ("paused", 0, 0, 1)
    house.mesh.unblock_run(run.id)
    assert counters(house, run) == ("completed", 0, 0, 0)


def stopping(house: House) -> Any:
    """Bring a run to where one branch runs, one is about to be tried again, and others wait, and let one fail it."""
    run = house.start("p.stopping")
    for step in ("held", "flaky", "bad"):
        house.doors.until_reached(run, step)
    house.until_step(run, "ask", "paused")
    house.until_step(run, "shaky", "pending")
    house.doors.open(run, "bad")
    house.until_step(run, "bad", "failed")
    return run


def test_a_run_that_stops_lets_what_runs_end_and_begins_nothing(house: House) -> None:
    """Timers, gates, joins and retries are cancelled at once; attempts that run end; then the last is undone first."""
    run = stopping(house)
    assert {step: status for step, status in house.statuses(run).items() if status != "completed"} == {
        **dict.fromkeys(("shaky", "rest", "ask", "join"), "cancelled"),
        "held": "running",
        "flaky": "running",
        "bad": "failed",
    }
    row = house.run_row(run)
    assert (row["status"], row["phase"], row["goal"]) == ("running", "stopping", "failed")
    assert house.mesh.explain_run(run.id).reason == "stopping"
    house.doors.open(run, "flaky")
    assert house.until_step(run, "flaky", "failed", "pending")["status"] == "failed"  # eight attempts were left
    assert house.run_row(run)["phase"] == "stopping"
    house.doors.open(run, "held")

    house.doors.until_reached(run, "undo held")
    row = house.run_row(run)
    assert (row["status"], row["phase"]) == ("running", "compensating")
    assert house.mesh.explain_run(run.id).reason == "compensating"
    assert house.statuses(run, 1) == {"held": "running", "done": "waiting"}
    house.doors.open(run, "undo held")
    house.doors.open(run, "undo done")
    house.doors.until_reached(run, "on_failure")
    assert house.statuses(run, 1) == {"held": "completed", "done": "completed"}
    house.doors.open(run, "on_failure")
    ended = house.until(run, "failed")
    assert (ended.last_error or {})["code"] == "never"
    assert all(item.status.terminal for item in ended.step_runs or ())


def test_a_run_that_is_cancelled_shows_so_until_the_last_has_ended(house: House) -> None:
    """While attempts run, and while what completed is undone: cancelling; then cancelled, by the last row to end."""
    run = house.start("p.stopping")
    for step in ("held", "flaky", "bad"):
        house.doors.until_reached(run, step)
    assert house.mesh.cancel_run(run.id, compensate=True).status == "cancelling"
    house.doors.open(run, "bad")
    house.doors.open(run, "flaky")
    assert house.until_step(run, "flaky", "failed", "pending")["status"] == "failed"
    assert (house.run_row(run)["status"], house.run_row(run)["phase"]) == ("cancelling", "stopping")
    assert house.mesh.explain_run(run.id).reason == "cancelling"
    house.doors.open(run, "held")
    house.doors.until_reached(run, "undo held")
    assert (house.run_row(run)["status"], house.run_row(run)["phase"]) == ("cancelling", "compensating")
    house.doors.open(run, "undo held")
    house.doors.open(run, "undo done")
    ended = house.until(run, "cancelled")
    assert house.statuses(run, 2) == {}, "a cancelled run has no on_failure"
    assert all(item.status.terminal for item in ended.step_runs or ())


def test_rows_move_as_the_tables_say(house: House, moves: Callable[[str], set[tuple[str, str]]]) -> None:
    """On the way of a run with a skip, a retry and a gate each move of its rows is one of the tables, and is made."""
    run = house.start("p.straight")
    house.until(run, "paused")
    house.mesh.approve_run(run.id, actor="ada")
    house.until(run, "completed")
    assert moves("runs") >= {
        ("pending", "running"),
        ("running", "retrying"),
        ("retrying", "running"),
        ("running", "paused"),
        ("paused", "completed"),
    }
    assert moves("step_runs") >= {
        ("pending", "running"),
        ("running", "pending"),
        ("running", "skipped"),
        ("running", "completed"),
        ("running", "paused"),
        ("paused", "completed"),
    }
