"""``transaction: true``: the host's rows, the step's completion and what follows stand or fall together."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from squidmesh import RetryStep, SquidMesh, StepContext, StepFailed
from tests.integration.clock import libpq

WORKER = Path(__file__).with_name("host_worker.py")
FILE = """\
workflow: billing.collect
triggers:
  by_hand: {{manual: {{}}, payload: {{amount: {{type: integer, default: 7}}}}}}
steps:
  book:
    uses: test.book
    transaction: true
    timeout: {timeout}
    retry: {{max_attempts: {attempts}, backoff: {{type: constant, min: 10ms}}}}
    next: {after}
  done:
    log: {{message: booked}}
    next: complete
"""
LEDGER = (
    "CREATE TABLE ledger (run text, amount integer, CONSTRAINT once UNIQUE (run, amount) DEFERRABLE INITIALLY DEFERRED)"
)


@pytest.fixture
def ledger(database_url):
    """A table of the host, in the same database; returns how to read its amounts."""
    with psycopg.connect(libpq(database_url), autocommit=True) as connection:
        connection.execute(LEDGER)
        yield lambda: [row[0] for row in connection.execute("SELECT amount FROM ledger ORDER BY amount")]


@pytest.fixture
def make_mesh(database_url, tmp_path, ledger):
    """Make a mesh whose step ``test.book`` is the given callable."""
    opened = []

    def make(book, *, attempts=1, timeout="10s", after="done", **settings):
        path = tmp_path / "collect.yaml"
        path.write_text(FILE.format(attempts=attempts, timeout=timeout, after=after))
        mesh = SquidMesh(database_url, workflows=path, steps={"test.book": book}, **settings)
        opened.append(mesh)
        return mesh

    yield make
    for mesh in opened:
        mesh.close()


def insert(ctx, amount):
    """Write one row by the step's connection."""
    ctx.connection.execute(text("INSERT INTO ledger VALUES (:run, :amount)"), {"run": ctx.run_id, "amount": amount})


def finished(mesh, run_id, seconds=30.0):
    """Wait until a run has ended and return it with its history."""
    deadline = time.monotonic() + seconds
    while not (run := mesh.inspect_run(run_id, include_history=True)).status.terminal:
        assert time.monotonic() < deadline, mesh.explain_run(run_id)
        time.sleep(0.02)
    return run


def work(mesh):
    """Start a run and work it to its end."""
    run = mesh.start_run("billing.collect")
    with mesh.worker(concurrency=2):
        return finished(mesh, run.id)


def test_rows_and_completion_commit_together(make_mesh, ledger):
    """Another session sees neither while the callable runs, and both once it is recorded; what follows has run."""
    during = []

    def book(amount: int, ctx: StepContext) -> dict:
        insert(ctx, amount)
        during.append(ledger())
        return {"booked": amount}

    run = work(make_mesh(book))
    assert run.status == "completed"
    assert run.context["booked"] == 7
    assert during == [[]]
    assert ledger() == [7]
    assert [step.status for step in run.steps] == ["completed", "completed"]


def test_the_connection_has_ordinary_planner_settings_and_limits(make_mesh):
    """The host's queries are planned as anywhere; the transaction is bounded by lease and timeout."""
    seen = {}

    def book(amount: int, ctx: StepContext) -> None:
        names = ("enable_seqscan", "plan_cache_mode", "statement_timeout", "idle_in_transaction_session_timeout")
        for name in names:
            seen[name] = ctx.connection.execute(text(f"SHOW {name}")).scalar_one()

    assert work(make_mesh(book, timeout="7s", lease="20s")).status == "completed"
    assert seen == {
        "enable_seqscan": "on",
        "plan_cache_mode": "auto",
        "statement_timeout": "7s",
        "idle_in_transaction_session_timeout": "20s",
    }


@pytest.mark.parametrize("error", [StepFailed("no"), RetryStep("later"), RuntimeError("oops")])
def test_a_failing_step_leaves_none_of_its_rows(make_mesh, ledger, error):
    """What it wrote is rolled back; the failure is recorded, and retried, like any other."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        if ctx.attempt == 1:
            raise error

    run = work(make_mesh(book, attempts=2))
    assert run.steps[0].attempts[0].error["message"] == str(error)
    gone = isinstance(error, StepFailed)
    assert run.status == ("failed" if gone else "completed")
    assert ledger() == ([] if gone else [7])


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_the_step_may_not_end_its_transaction(make_mesh, ledger, end):
    """``commit()``, ``rollback()`` and ``close()`` are refused: the step fails for good and leaves nothing."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        getattr(ctx.connection, end)()

    run = work(make_mesh(book, attempts=3))
    assert run.status == "failed"
    assert run.last_error["code"] == "transaction_broken"
    assert len(run.steps[0].attempts) == 1
    assert ledger() == []


def test_a_refusal_that_the_step_swallows_changes_nothing(make_mesh, ledger):
    """A host's helper that commits and ignores errors has committed nothing: the rows come with the completion."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        with contextlib.suppress(StepFailed):
            ctx.connection.commit()
        assert ledger() == []

    assert work(make_mesh(book)).status == "completed"
    assert ledger() == [7]


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK"])
def test_a_transaction_ended_by_sql_is_found_out(make_mesh, ledger, statement):
    """The setting catches what the events cannot see: the step fails for good as ``transaction_broken``."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        ctx.connection.exec_driver_sql(statement)

    run = work(make_mesh(book, attempts=3))
    assert run.last_error["code"] == "transaction_broken"
    assert len(run.steps[0].attempts) == 1
    assert ledger() == ([7] if statement == "COMMIT" else [])


def test_savepoints_are_the_step_s_own(make_mesh, ledger):
    """``begin_nested()`` works: a step may try, fail and go on."""

    def book(amount: int, ctx: StepContext) -> None:
        nested = ctx.connection.begin_nested()
        insert(ctx, 1)
        nested.rollback()
        with ctx.connection.begin_nested():
            insert(ctx, amount)

    assert work(make_mesh(book)).status == "completed"
    assert ledger() == [7]


def test_a_deferred_constraint_fails_the_attempt(make_mesh, ledger):
    """What the host's constraints find at the end is an error of the step, and the retry may mend it."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        if ctx.attempt == 1:
            insert(ctx, amount)

    run = work(make_mesh(book, attempts=2))
    assert run.status == "completed"
    assert [attempt.status for attempt in run.steps[0].attempts] == ["failed", "completed"]
    assert "once" in run.steps[0].attempts[0].error["message"]
    assert ledger() == [7]


def test_a_transaction_that_has_failed_is_a_failed_attempt(make_mesh, ledger):
    """A step that ignores an error of the database cannot complete on a transaction that has none of its rows."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        if ctx.attempt == 1:
            with contextlib.suppress(DBAPIError):
                ctx.connection.exec_driver_sql("SELECT 1 / 0")

    run = work(make_mesh(book, attempts=2))
    assert [attempt.status for attempt in run.steps[0].attempts] == ["failed", "completed"]
    assert run.steps[0].attempts[0].error["code"] == "transaction_failed"
    assert ledger() == [7]


def test_an_async_callable_is_refused(make_mesh):
    """The connection would block the process's event loop, so the step fails for good before it is called."""
    called = []

    async def book(amount: int, ctx: StepContext) -> None:
        called.append(1)

    mesh = make_mesh(lambda amount: None, attempts=3)
    assert mesh.workflows
    mesh.registry = type(mesh.registry).discover(extra={"test.book": book})
    mesh.__dict__.pop("engine", None)
    run = work(mesh)
    assert (run.status, run.last_error["code"], called) == ("failed", "transaction_async", [])


def test_a_route_to_fail_commits_the_rows_with_it(make_mesh, ledger):
    """A completed step whose run then stops takes the slow path, in the same transaction."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)

    run = work(make_mesh(book, after="{ok: [{when: 'payload.amount > 100', to: done}]}"))
    assert (run.status, run.last_error["code"]) == ("failed", "no_route")
    assert ledger() == [7]


def test_a_claim_that_was_lost_rolls_back(make_mesh, ledger, database_url):
    """A step that another worker has taken meanwhile commits nothing; the other's execution counts."""

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount + len(calls))
        calls.append(1)
        if len(calls) == 1:
            with psycopg.connect(libpq(database_url), autocommit=True) as connection:
                connection.execute(
                    "UPDATE squidmesh.step_runs SET status = 'pending', claim_token = NULL, lease_until = NULL, "
                    "attempt = 0, run_at = squidmesh.now() WHERE step = 'book'"
                )

    calls = []
    mesh = make_mesh(book, poll_interval="100ms")
    lost = []
    mesh.on("step.claim_lost", lost.append)
    assert work(mesh).status == "completed"
    assert len(lost) == 1
    assert ledger() == [8]


def test_a_late_step_leaves_nothing(make_mesh, ledger):
    """Past its timeout the attempt is over: what the thread does afterwards is rolled back."""
    go_on = threading.Event()

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        go_on.wait(10)

    mesh = make_mesh(book, timeout="200ms")
    run = mesh.start_run("billing.collect")
    with mesh.worker(concurrency=1):
        assert finished(mesh, run.id).last_error["code"] == "step_timed_out"
        go_on.set()
    assert ledger() == []


def test_a_lost_connection_is_a_lost_claim(make_mesh, ledger, database_url):
    """The backend is terminated under the step: nothing stands, and the step runs again once its lease has passed."""
    calls = []

    def book(amount: int, ctx: StepContext) -> None:
        insert(ctx, amount)
        calls.append(1)
        if len(calls) == 1:
            pid = ctx.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with psycopg.connect(libpq(database_url), autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            ctx.connection.execute(text("SELECT 1"))

    mesh = make_mesh(book, lease="1s", sweep_interval="200ms", poll_interval="100ms")
    run = work(mesh)
    assert run.status == "completed"
    assert [attempt.status for attempt in run.steps[0].attempts] == ["failed", "completed"]
    assert run.steps[0].attempts[0].error["code"] == "worker_lost"
    assert ledger() == [7]


@pytest.mark.parametrize(
    ("death", "rows_at_death", "attempts"),
    [
        ("in_callable", [], ["failed", "completed"]),
        ("after_return", [], ["failed", "completed"]),
        ("before_commit", [], ["failed", "completed"]),
        ("after_commit", [7], ["completed"]),
    ],
)
def test_a_process_killed_around_its_commit(make_mesh, ledger, database_url, tmp_path, death, rows_at_death, attempts):
    """Wherever it dies, the host's rows and the step's completion are both there or both not; in the end once."""
    mesh = make_mesh(lambda amount: None, lease="1s")
    run = mesh.start_run("billing.collect")
    command = [sys.executable, str(WORKER), database_url, str(tmp_path / "collect.yaml"), str(tmp_path / "died"), death]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    assert ledger() == rows_at_death
    book = mesh.inspect_run(run.id, include_history=True).steps[0]
    assert (book.status == "completed") == bool(rows_at_death)
    survivor = subprocess.Popen(command)
    try:
        ended = finished(mesh, run.id)
    finally:
        survivor.terminate()
        survivor.wait(20)
    assert ended.status == "completed"
    assert ledger() == [7]
    assert [attempt.status for attempt in ended.steps[0].attempts] == attempts
