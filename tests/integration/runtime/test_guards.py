"""What keeps the invariants, taken away one guard at a time: each time the suite sees it.

A test that cannot fail proves nothing. Here the token, the lease, the unique index and the row lock are patched
away, and the simulation or the checker must say so.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from squidmesh.errors import RunNotPaused, StatementRefused
from squidmesh.model.definition import (
    Backoff,
    BackoffType,
    Field,
    FieldType,
    RetryPolicy,
    Step,
    Trigger,
    Uses,
    Workflow,
)
from squidmesh.model.outcome import Lost
from squidmesh.runtime.losses import record_loss
from squidmesh.runtime.recording import plan_record
from squidmesh.store import claims, records, runs, step_runs
from tests.integration.bench import connect
from tests.integration.hand_worker import nothing, succeeded
from tests.invariants.checker import check
from tests.simulation.lockstep import Lockstep
from tests.simulation.machine import simulated
from tests.simulation.scripted import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.bench import Bench
    from tests.simulation.lockstep import Held
    from tests.simulation.machine import RunMachine
    from tests.simulation.stored import Stored

AGAIN = RetryPolicy(max_attempts=2, backoff=Backoff(type=BackoffType.CONSTANT, min=timedelta(seconds=1), jitter=False))
WORKFLOW = Workflow(
    name="sim.run",
    triggers={"go": Trigger(payload={"flag": Field(type=FieldType.BOOLEAN)})},
    steps={
        "first": Step(action=Uses(step_type="m.work", retry=AGAIN)),
        "other": Step(action=Uses(step_type="m.work", retry=AGAIN)),
        "join": Step(action=Uses(step_type="m.work"), after=("first", "other")),
    },
)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, str], None]:
    """Take a guard out of a statement."""

    def take(module: Any, name: str, guard: str) -> None:
        statement = getattr(module, name)
        assert guard in statement, f"{name} has no {guard!r}"
        monkeypatch.setattr(module, name, statement.replace(guard, ""))

    return take


@pytest.fixture
def frozen(make_twin: Callable[..., Stored]) -> Lockstep:
    """A run whose worker was frozen past its lease: one claim is late, the same step is claimed again."""
    run = Lockstep(WORKFLOW, make_twin=make_twin)
    run.start(flag=True)
    run.claim(1)
    run.advance(timedelta(seconds=31))
    run.sweep()
    run.advance(timedelta(seconds=2))
    run.claim(2)
    return run


def late_and_fresh(run: Lockstep) -> tuple[Held, Held]:
    """Return the claim that was lost, and the one that stands on the same step."""
    late = run.held[0]
    (fresh,) = (held for held in run.held[1:] if held.task.claim.id == late.task.claim.id)
    return late, fresh


def test_with_every_guard_in_place_nothing_is_found(frozen: Lockstep) -> None:
    """The moves of these tests break nothing by themselves: the late ones are refused."""
    late, fresh = late_and_fresh(frozen)
    frozen.beat([late, fresh])
    frozen.execute(late, "ok")
    frozen.finish([late], chain=True)
    frozen.execute(fresh, "retry")
    frozen.finish([fresh], chain=True)
    frozen.settle()


@pytest.mark.parametrize("ending", ["ok", "retry"])
def test_the_record_needs_the_token(ending: str, frozen: Lockstep, without: Callable[[Any, str, str], None]) -> None:
    """Without it a worker that lost its claim ends the step for the one that has it."""
    without(records, "_RECORD", " AND s.claim_token = i.token")
    late, _ = late_and_fresh(frozen)
    frozen.execute(late, ending)
    with pytest.raises(AssertionError):
        frozen.finish([late], chain=False)


def test_the_slow_path_needs_the_token(frozen: Lockstep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the late failure of a worker that lost its claim stops the run."""
    hold = step_runs.hold_claim

    def hold_any(connection: Any, id_: Any, _: Any, **options: Any) -> Any:
        token = connection.execute(step_runs.select(step_runs.step_runs).where(step_runs.step_runs.c.id == id_)).one()
        return hold(connection, id_, token.claim_token, **options)

    monkeypatch.setattr(step_runs, "hold_claim", hold_any)
    late, _ = late_and_fresh(frozen)
    frozen.execute(late, "fail")
    with pytest.raises(AssertionError):
        frozen.finish([late], chain=False)


def test_the_heartbeat_needs_the_token(frozen: Lockstep, without: Callable[[Any, str, str], None]) -> None:
    """Without it a worker that lost its claim prolongs that of the one that has it."""
    without(claims, "_EXTEND", " AND s.claim_token = t.token")
    late, _ = late_and_fresh(frozen)
    with pytest.raises(AssertionError):
        frozen.beat([late])


def test_a_loss_needs_the_lease(frozen: Lockstep, without: Callable[[Any, str, str], None]) -> None:
    """Without it a sweep that saw the lease before a heartbeat did takes the step all the same."""
    assert not give_up(frozen)
    without(records, "_RECORD", "AND (i.lost = 0 OR s.lease_until < squidmesh.now())")
    assert give_up(frozen)
    with pytest.raises(AssertionError):
        frozen.check()


def give_up(run: Lockstep) -> bool:
    """Record the loss of a claim that stands; return whether it was taken."""
    task = late_and_fresh(run)[1].twin
    assert task is not None
    assert run.twin is not None
    engine, connection = run.twin.mesh.engine, run.twin.worker.connection
    completion = plan_record(task, Lost(), engine.rules).completion
    assert completion is not None
    return record_loss(engine, connection, task, completion) is not None


def test_random_runs_find_a_record_without_the_token(
    machine: type[RunMachine], without: Callable[[Any, str, str], None]
) -> None:
    """Nobody has to know what to look for: the simulation comes upon it."""
    without(records, "_RECORD", " AND s.claim_token = i.token")
    with pytest.raises((AssertionError, psycopg.Error, StatementRefused)):
        run_state_machine_as_test(machine, settings=settings(simulated(60), phases=[Phase.generate]))


ROUTED = """
workflow: test.routed
triggers: {go: {manual: {}}}
steps:
  first: {uses: t.work, when: "run.trigger == 'nobody'", next: second}
  second: {uses: t.work, next: complete}
"""


@pytest.mark.parametrize("index", ["there", "gone"])
def test_the_unique_index_is_the_second_guard(
    index: str, make_twin: Callable[..., Stored], without: Callable[[Any, str, str], None]
) -> None:
    """A record that forgot the token is stopped by it; with both gone a step has two rows, and the checker says so."""
    bench = make_twin(WORKFLOW, Script(), 3).bench
    if index == "gone":
        bench.connection.execute("ALTER TABLE squidmesh.step_runs DROP CONSTRAINT once_per_run")
    without(records, "_RECORD", " AND s.claim_token = i.token")
    mesh = bench.mesh(ROUTED, {"t.work": nothing})
    worker = bench.worker(mesh)
    mesh.start_run("test.routed")
    task = worker.claim_one()
    skipped = worker.execute(task)
    worker.end(task, skipped)
    if index == "there":
        with pytest.raises(psycopg.errors.UniqueViolation, match="once_per_run"):
            worker.end(task, skipped)
        assert check(bench.url, settled=False).broken == set()
    else:
        worker.end(task, skipped)
        messages = [violation.message for violation in check(bench.url, settled=False).violations]
        assert "a step has several rows" in messages
        assert "nothing stops a second row" in messages


@pytest.mark.parametrize("lock", ["FOR NO KEY UPDATE", ""])
def test_the_record_needs_the_row_lock(lock: str, make_twin: Callable[..., Stored], monkeypatch: Any) -> None:
    """Without it two siblings that end at the same moment read the same sequence, and the checker says so."""
    monkeypatch.setattr(
        records, "_RECORD", records._RECORD.replace("ORDER BY id FOR NO KEY UPDATE", f"ORDER BY id {lock}")
    )
    twin = make_twin(WORKFLOW, Script(), 3)
    twin.start(flag=True)
    first, other = twin.claim(2)
    second_worker = twin.bench.worker(twin.mesh)
    with ThreadPoolExecutor(1) as pool:
        with twin.worker.connection.transaction():
            twin.worker.end(first, succeeded())
            waiting = pool.submit(second_worker.end, other, succeeded())
            wait_for_locks(twin.bench, 1)
        waiting.result(timeout=20)
    report = check(twin.bench.url, settled=False)
    assert report.broken == (set() if lock else {"I9"}), str(report)


GATE = """
workflow: test.gate
triggers: {go: {manual: {}}}
steps:
  ask: {pause: {}}
"""


@pytest.mark.parametrize(("locked", "expected"), [(True, RunNotPaused), (False, AssertionError)])
def test_a_decision_needs_the_row_lock(
    locked: bool, expected: type[Exception], make_twin: Callable[..., Stored], monkeypatch: Any
) -> None:
    """Two people decide at once: with the lock the second one is told so, without it he runs into the first."""
    if not locked:
        monkeypatch.setattr(runs, "lock_run", runs.find_run)
    bench = make_twin(WORKFLOW, Script(), 3).bench
    mesh = bench.mesh(GATE, {})
    run = mesh.start_run("test.gate")
    bench.worker(mesh).step()
    with ThreadPoolExecutor(2) as pool:
        with bench.connection.transaction():
            bench.rows("SELECT 1 FROM squidmesh.step_runs FOR UPDATE")
            deciding = [pool.submit(mesh.unblock_run, run.id) for _ in range(2)]
            wait_for_locks(bench, 2)
        failures = [future.exception(timeout=20) for future in deciding]
    assert sorted(type(failure) for failure in failures if failure) == [expected]


def wait_for_locks(bench: Bench, count: int) -> None:
    """Wait until so many sessions of this database wait for a lock."""
    until = time.monotonic() + 20
    with connect(bench.url) as connection:
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
            "AND state <> 'idle'"
        )
        while len(connection.execute(query).fetchall()) < count:
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.01)
