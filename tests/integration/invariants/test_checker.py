"""The invariant checker finds nothing in an honest database, and each kind of lie that is planted in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.invariants import ledger
from tests.invariants.checker import check, check_facts
from tests.invariants.facts import facts_in

if TYPE_CHECKING:
    from tests.invariants.checker import Report

# What no trigger is to see: the row is simply wrong, whoever wrote it.
UNSEEN = "SET LOCAL session_replication_role = replica; "
OF = "run_id = (SELECT id FROM squidmesh.runs WHERE workflow = '{}' AND trigger = 'go')"
JOINED, ROUTED, SAGA, LATE = (OF.format(f"inv.{name}") for name in ("joined", "routed", "saga", "late"))
COPIED = "ALTER TABLE squidmesh.step_runs DROP CONSTRAINT once_per_run; CREATE TEMP TABLE copied ON COMMIT DROP AS "
PLANTS = {
    "a lost run": ("I1", "DELETE FROM squidmesh.runs WHERE workflow = 'inv.joined' AND trigger = 'go'"),
    "a run that never was": ("I1", "INSERT INTO ledger.acknowledged VALUES (gen_random_uuid(), now())"),
    "a run that does not end": (
        "I1",
        UNSEEN + "UPDATE squidmesh.runs SET status = 'paused', paused = 1, finished_at = NULL "
        "WHERE workflow = 'inv.routed'",
    ),
    "a run that changed its mind": ("I2", "UPDATE squidmesh.runs SET seq = seq + 1 WHERE workflow = 'inv.routed'"),
    "a step that changed its output": (
        "I2",
        f"UPDATE squidmesh.step_runs SET output = '{{}}' WHERE step = 'top' AND {JOINED}",
    ),
    "an index that is missing": ("I3", "DROP INDEX squidmesh.runs_idempotency"),
    "a second row": (
        "I3",
        COPIED + f"SELECT * FROM squidmesh.step_runs WHERE step = 'top' AND {JOINED}; "
        "UPDATE copied SET id = gen_random_uuid(), completed_seq = 99; "
        "INSERT INTO squidmesh.step_runs SELECT * FROM copied",
    ),
    "a second completed attempt": (
        "I3",
        (
            "INSERT INTO squidmesh.attempts SELECT id, 2, 'completed', NULL, worker, started_at, finished_at "
            f"FROM squidmesh.step_runs WHERE step = 'top' AND {JOINED}"
        ),
    ),
    "an effect without its record": ("I3", f"INSERT INTO ledger.bookings SELECT * FROM ledger.bookings WHERE {JOINED}"),
    "a record without its effect": ("I3", f"DELETE FROM ledger.bookings WHERE {JOINED}"),
    "an execution too many": (
        "I4",
        (
            "INSERT INTO ledger.executions SELECT gen_random_uuid(), run_id, step, kind, attempt, pid, token, seen, "
            f"ended_at, ended_at FROM ledger.executions WHERE step = 'left' AND {JOINED}"
        ),
    ),
    "an execution of nothing": (
        "I4",
        (
            "INSERT INTO ledger.executions SELECT gen_random_uuid(), run_id, step, 1, attempt, pid, token, seen, "
            f"began_at, ended_at FROM ledger.executions WHERE step = 'left' AND {JOINED}"
        ),
    ),
    "a join that did not wait": (
        "I5",
        f"UPDATE ledger.executions SET seen = array_remove(seen, '0 right') WHERE step = 'bottom' AND {JOINED}",
    ),
    "a routed step before its turn": ("I5", "UPDATE ledger.executions SET seen = '{}' WHERE step = 'mended'"),
    "a compensation before its turn": (
        "I5",
        "UPDATE ledger.executions SET seen = array_remove(seen, '1 two') WHERE step = 'one' AND kind = 1",
    ),
    "a handler before its turn": (
        "I5",
        "UPDATE ledger.executions SET seen = array_remove(seen, '1 one') WHERE kind = 2",
    ),
    "a stale completion": (
        "I6",
        f"UPDATE ledger.executions SET token = gen_random_uuid() WHERE step = 'top' AND {JOINED}",
    ),
    "a stale failure": (
        "I6",
        "UPDATE ledger.executions SET token = gen_random_uuid() WHERE step = 'shaky' AND attempt = 1",
    ),
    "somebody else's heartbeat": (
        "I6",
        (
            "INSERT INTO ledger.step_moves (step_run_id, was, now, was_token, token, was_lease, lease, was_attempt, "
            "attempt, kept, at, session) SELECT step_run_id, now, now, token, token, lease, lease + interval '1 s', "
            "attempt, attempt, true, at, 'another' FROM ledger.step_moves WHERE token IS NOT NULL AND was = 'pending'"
        ),
    ),
    "an irreversible call without a claim": ("I6", "UPDATE ledger.executions SET token = NULL WHERE step = 'mended'"),
    "two executions at once": (
        "I7",
        "UPDATE ledger.executions SET ended_at = ended_at + interval '1 h' WHERE step = 'shaky' AND attempt = 1",
    ),
    "an attempt too many": (
        "I8",
        (
            "INSERT INTO squidmesh.attempts SELECT id, 2, 'failed', '{\"code\": \"no\"}', worker, started_at, "
            f"finished_at FROM squidmesh.step_runs WHERE step = 'broken' AND {ROUTED}"
        ),
    ),
    "a loss too many": ("I8", UNSEEN + f"UPDATE squidmesh.step_runs SET losses = 4 WHERE step = 'top' AND {JOINED}"),
    "a step without a history": (
        "I9",
        UNSEEN + f"UPDATE squidmesh.step_runs SET status = 'failed' WHERE step = 'top' AND {JOINED}",
    ),
    "a wrong counter": (
        "I9",
        UNSEEN + "UPDATE squidmesh.runs SET status = 'running', phase = 'stopping', goal = 'failed', active = 2, "
        "finished_at = NULL WHERE workflow = 'inv.saga'",
    ),
    "a number used twice": (
        "I9",
        UNSEEN + f"UPDATE squidmesh.step_runs SET completed_seq = 1 WHERE step = 'left' AND {JOINED}",
    ),
    "a forgotten attempt": (
        "I9",
        f"DELETE FROM squidmesh.attempts WHERE step_run_id IN (SELECT id FROM squidmesh.step_runs WHERE {ROUTED})",
    ),
    "a step that nothing led to": (
        "I9",
        UNSEEN + f"DELETE FROM squidmesh.step_runs WHERE step = 'rest' AND {ROUTED}",
    ),
    "a join that counted wrong": (
        "I9",
        UNSEEN + f"UPDATE squidmesh.step_runs SET live_deps = 3 WHERE step = 'bottom' AND {JOINED}",
    ),
    "a compensation that is missing": (
        "I9",
        UNSEEN + f"DELETE FROM squidmesh.step_runs WHERE step = 'one' AND kind = 1 AND {SAGA}",
    ),
    "compensations in the wrong order": (
        "I9",
        UNSEEN + "UPDATE squidmesh.step_runs SET completed_seq = 50 - completed_seq WHERE kind = 1",
    ),
    "a handler that is missing": ("I9", UNSEEN + "DELETE FROM squidmesh.step_runs WHERE kind = 2"),
    "a claim before its time": (
        "I10",
        "UPDATE ledger.step_moves SET was_due = at + interval '1 ms' WHERE was = 'pending' AND now = 'running'",
    ),
    "a short wait": (
        "I10",
        UNSEEN + "UPDATE squidmesh.step_runs SET finished_at = created_at WHERE step = 'rest'",
    ),
    "an early retry": (
        "I10",
        (
            "UPDATE squidmesh.attempts a SET started_at = (SELECT finished_at FROM squidmesh.attempts f "
            "WHERE f.step_run_id = a.step_run_id AND f.number = 1) WHERE a.number = 2"
        ),
    ),
    "an early deadline": (
        "I10",
        "UPDATE ledger.step_moves SET was_deadline = at + interval '1 s' WHERE was = 'paused'",
    ),
    "an early timeout": (
        "I10",
        UNSEEN + "UPDATE squidmesh.runs SET deadline_at = finished_at + interval '1 s' WHERE workflow = 'inv.late'",
    ),
    "an early tick": (
        "I10",
        UNSEEN + "UPDATE squidmesh.runs SET created_at = scheduled_for - interval '1 s' WHERE trigger = 'tick'",
    ),
    "a tick that is missing": (
        "I11",
        UNSEEN + "DELETE FROM squidmesh.runs WHERE id = (SELECT id FROM squidmesh.runs WHERE trigger = 'tick' LIMIT 1)",
    ),
    "a tick that fired twice": (
        "I11",
        "DROP INDEX squidmesh.runs_tick; " + UNSEEN + "UPDATE squidmesh.runs SET scheduled_for = (SELECT "
        "min(scheduled_for) FROM squidmesh.runs) WHERE trigger = 'tick'",
    ),
    "a tick of a paused schedule": ("I11", "UPDATE ledger.schedule_moves SET paused = true"),
    "a lease that is held": (
        "I12",
        UNSEEN + "UPDATE squidmesh.step_runs SET status = 'running', claim_token = id, lease_until = now(), "
        f"finished_at = NULL, output = NULL WHERE step = 'top' AND {JOINED}",
    ),
    "an open step of a run that ended": (
        "I12",
        UNSEEN + "UPDATE squidmesh.step_runs SET status = 'paused', finished_at = NULL, output = NULL "
        f"WHERE step = 'left' AND {JOINED}",
    ),
}


def look(world: psycopg.Connection[Any]) -> Report:
    """Check what this transaction sees."""
    return check_facts(facts_in(world))


def test_an_honest_database_is_clean(world_url: str) -> None:
    """Runs of every kind, with ticks, retries, waits, gates, compensation and a transaction, break no invariant."""
    report = check(world_url)
    assert report.clean, str(report)
    assert len([run for run in report.facts.runs.values() if run["trigger"] == "tick"]) > 10
    assert {run["status"] for run in report.facts.runs.values()} == {"completed", "failed"}


@pytest.mark.parametrize("lie", PLANTS)
def test_every_lie_is_found(lie: str, world: psycopg.Connection[Any]) -> None:
    """A checker that cannot fail is worth nothing: each planted violation is reported, with the row that shows it."""
    invariant, statements = PLANTS[lie]
    for statement in statements.split("; "):
        world.execute(statement)
    report = look(world)
    assert invariant in report.broken, str(report)
    assert all(violation.evidence for violation in report.violations)


def test_a_session_left_in_a_transaction_is_found(world_url: str) -> None:
    """At rest no worker's session is idle inside a transaction."""
    with psycopg.connect(ledger.libpq(world_url), application_name="squidmesh") as forgotten:
        forgotten.execute("SELECT 1")
        assert check(world_url).broken == {"I12"}
        assert check(world_url, settled=False).clean


def test_every_invariant_has_a_lie() -> None:
    """No invariant is checked that has not been seen to fail."""
    assert {invariant for invariant, _ in PLANTS.values()} == {f"I{number}" for number in range(1, 13)}
