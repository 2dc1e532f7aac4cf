"""Inspection and explanation: persisted facts, the reason for where a run is, and what may be done."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from squidmesh.errors import InvalidRunId, InvalidTransition, RunNotFound
from squidmesh.runtime.presence import begin_presence, end_presence
from squidmesh.worker.profile import Profile
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.flow
triggers:
  by_hand:
    manual: {}
    payload: {card: {type: string, default: "4111", sensitive: true}, size: {type: integer, default: 3}}
steps:
  first: {uses: t.work, input: {number: card, size: size}, with: {fixed: 1}, retry: {max_attempts: 2}, next: rest}
  rest: {wait: 1h, next: {ok: last}}
  last: {uses: t.work, next: complete}
"""


def flow(bench: Bench, **settings: str) -> SquidMesh:
    """Return a mesh with ``FLOW``."""
    return bench.mesh(FLOW, {"t.work": lambda **_: None}, **settings)


def alive(mesh: SquidMesh, **options: tuple[str, ...]) -> Profile:
    """Let a worker be seen."""
    profile = Profile(
        queues=options.get("queues", ("default",)),
        step_types=options.get("step_types", ("t.work",)),
        concurrency=1,
        poll_interval=1,
        sweep_interval=1,
        grace=1,
    )
    begin_presence(mesh.engine, profile)
    return profile


def reason(mesh: SquidMesh, run: uuid.UUID) -> tuple[str, str | None, tuple[str, ...]]:
    """Return reason, step and next actions."""
    found = mesh.explain_run(run)
    return found.reason, found.step, found.next_actions


def test_the_reasons_on_the_way_to_the_end(bench: Bench):
    """Each state that a routed run passes has its own reason, with the step and what would be accepted."""
    mesh = flow(bench)
    run = mesh.start_run("shop.flow").id
    assert reason(mesh, run) == ("waiting_for_capable_worker", "first", ("wait", "cancel_run"))
    profile = alive(mesh)
    assert reason(mesh, run) == ("pending_dispatch", "first", ("wait", "cancel_run"))
    worker = bench.worker(mesh)
    task = worker.claim_one()
    running = mesh.explain_run(run)
    assert (running.reason, running.details["worker"], running.details["lease_expired"]) == (
        "step_running", worker.name, False,
    )  # fmt: skip
    assert running.since == task.claim.started_at
    worker.end(task, failed(retryable=True, delay=timedelta(minutes=1)))
    assert reason(mesh, run) == ("waiting_for_retry", "first", ("wait", "wake_run", "cancel_run"))
    assert mesh.wake_run(run, actor="ops").keys() == {"first"}
    worker.step(succeeded())
    assert reason(mesh, run) == ("waiting_for_timer", "rest", ("wait", "wake_run", "cancel_run"))
    assert mesh.wake_run(run, step="rest")["rest"] > timedelta(minutes=59)
    assert worker.drain() == ["rest", "last"]
    assert reason(mesh, run) == ("completed", None, ("replay_run",))
    events = mesh.inspect_run(run, include_history=True).audit_events or ()
    assert [(event.type, event.step, event.actor) for event in events] == [
        ("woken", "first", "ops"),
        ("woken", "rest", None),
    ]
    end_presence(mesh.engine, profile)


@pytest.mark.parametrize(("retryable", "tries", "expected"), [(True, 2, "retry_exhausted"), (False, 1, "step_failed")])
def test_the_reasons_of_a_failed_run(bench: Bench, retryable: bool, tries: int, expected: str):
    """Retries used up, or a failure for good, with the failure itself."""
    mesh = flow(bench)
    run = mesh.start_run("shop.flow").id
    worker = bench.worker(mesh)
    for _ in range(tries):
        worker.step(failed(retryable=retryable, delay=timedelta()))
    found = mesh.explain_run(run)
    assert (found.reason, found.step, found.details["failure"]["code"]) == (expected, "first", "broken")
    assert found.evidence["step_runs"] == {"failed": 1}


def test_a_worker_counts_that_beats_serves_the_queue_and_knows_the_type(bench: Bench):
    """Silent for longer than it said, on another queue, or without the step type, it cannot take the step."""
    mesh = flow(bench, lease="20s", sweep_interval="1s")
    run = mesh.start_run("shop.flow").id
    alive(mesh, queues=("other",))
    alive(mesh, step_types=("t.other",))
    assert reason(mesh, run)[0] == "waiting_for_capable_worker"
    alive(mesh)
    assert reason(mesh, run)[0] == "pending_dispatch"
    bench.advance(19)
    assert reason(mesh, run)[0] == "pending_dispatch"
    bench.advance(21)
    assert reason(mesh, run)[0] == "waiting_for_capable_worker"
    alive(flow(bench, lease="10m"))
    bench.advance(400)
    assert reason(mesh, run)[0] == "pending_dispatch"


def test_a_sensitive_field_is_masked_wherever_a_run_is_shown(bench: Bench):
    """The step gets the value; payload, context and the inputs in history show stars."""
    got: list[str] = []
    mesh = bench.mesh(FLOW, {"t.work": lambda number="", **_: got.append(number)})
    run = mesh.start_run("shop.flow", {"card": "4242"})
    bench.worker(mesh).drain()
    assert got == ["4242"]
    shown = mesh.inspect_run(run.id, include_history=True)
    assert (shown.payload["card"], shown.context["card"]) == ("***", "***")
    assert shown.steps is not None
    assert shown.steps[0].input == {"fixed": 1, "number": "***", "size": 3}
    assert "4242" not in str(shown.to_dict())
    assert "4242" not in str([run.to_dict() for run in mesh.list_runs()])


def test_history_shows_every_declared_step_in_the_order_of_the_file(bench: Bench):
    """Steps that the run has not come to have no status; their dependencies and kinds are shown all the same."""
    mesh = flow(bench)
    run = mesh.start_run("shop.flow")
    bench.worker(mesh).step(succeeded(a=1))
    shown = mesh.inspect_run(run.id, include_history=True)
    assert [(s.step, s.kind, s.status, s.depends_on) for s in shown.steps or ()] == [
        ("first", "t.work", "completed", ()),
        ("rest", "wait", "pending", ("first",)),
        ("last", "t.work", None, ("rest",)),
    ]
    assert [s.step for s in shown.step_runs or ()] == ["first", "rest"]
    assert (shown.steps or ())[0].output == {"a": 1}
    assert mesh.inspect_run(run.id).steps is None


def test_keys_that_no_path_can_name_are_passed_on_and_shown(bench: Bench):
    """An output may have any text as key; a step that takes the rest gets it, and history can show it."""
    got: list[dict] = []
    odd = {"two words": 1, "a.b": 2, "": 3, "ünï": 4, "payload": 5}
    mesh = bench.mesh(FLOW, {"t.work": lambda **rest: got.append(rest) or odd})
    run = mesh.start_run("shop.flow")
    worker = bench.worker(mesh)
    worker.drain()
    mesh.wake_run(run.id)
    worker.drain()
    assert got[1] == {"card": "4111", "size": 3, **odd}
    shown = mesh.inspect_run(run.id, include_history=True)
    assert (shown.steps or ())[2].input == {"card": "***", "size": 3, **odd}


def test_what_is_shown_is_one_moment(bench: Bench):
    """A run read while it moves is never shown half moved: every look sees one snapshot, and writes nothing."""
    mesh = flow(bench)
    with mesh.database.snapshot() as connection:
        levels = connection.execute(text("SHOW transaction_isolation")).scalar_one()
        assert levels == "repeatable read"
        assert connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"


def test_no_run_no_answer(bench: Bench):
    """An unknown id, and what is no id."""
    mesh = flow(bench)
    for call in (mesh.inspect_run, mesh.explain_run, mesh.wake_run):
        with pytest.raises(RunNotFound):
            call(uuid.uuid4())
        with pytest.raises(InvalidRunId):
            call("17")


def test_only_what_waits_for_a_time_is_woken(bench: Bench):
    """Due, running, of another name or finished: nothing to wake, and the status says why."""
    mesh = flow(bench)
    run = mesh.start_run("shop.flow")
    with pytest.raises(InvalidTransition):
        mesh.wake_run(run.id)
    worker = bench.worker(mesh)
    worker.drain()
    with pytest.raises(InvalidTransition):
        mesh.wake_run(run.id, step="last")
    mesh.wake_run(run.id)
    worker.drain()
    with pytest.raises(InvalidTransition, match="completed"):
        mesh.wake_run(run.id)


def test_waiting_for_dependencies_is_never_the_whole_reason(bench: Bench):
    """With a branch at work, the explanation names the branch that holds up the join."""
    mesh = bench.mesh(
        """
        workflow: shop.join
        triggers: {by_hand: {manual: {}}}
        steps: {a: {uses: t.work}, b: {wait: 1h}, c: {uses: t.work, after: [a, b]}}
        """,
        {"t.work": nothing},
    )
    run = mesh.start_run("shop.join").id
    worker = bench.worker(mesh)
    task = worker.claim_one()
    assert reason(mesh, run)[:2] == ("step_running", "a")
    worker.end(task, succeeded())
    assert reason(mesh, run)[:2] == ("waiting_for_timer", "b")
