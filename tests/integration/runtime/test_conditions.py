"""Conditions: how each decided is kept in history, with the ``now`` that it read, in the order of the decisions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squidmesh import RetryStep, StepContext
from tests.integration.hand_worker import nothing

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

BRANCHES = """
workflow: shop.branches
triggers: {by_hand: {manual: {}, payload: {amount: {type: integer}}}}
steps:
  size:
    uses: t.work
    next: {ok: [{when: payload.amount > 100, to: ask}, {when: payload.amount > 10, to: note}, {to: complete}]}
  ask: {approval: {}, next: {ok: [{when: "context.decision == 'approved'", to: note}, {to: fail}], error: fail}}
  note: {uses: t.work, when: now > timestamp('2020-01-01T00:00:00Z') && payload.amount < 1000, next: complete}
"""


def decisions(mesh: SquidMesh, run: UUID) -> list[tuple[Any, ...]]:
    """Return what history says of a run's conditions."""
    events = mesh.inspect_run(run, include_history=True).audit_events or ()
    return [
        (event.type, event.step, event.metadata["when"], event.metadata.get("to"))
        for event in events
        if event.type in {"routed", "skipped"} and event.metadata
    ]


def test_history_says_which_way_was_taken_and_why(bench: Bench):
    """A branch keeps its target and the condition that held, a skip the condition that did not."""
    mesh = bench.mesh(BRANCHES, {"t.work": nothing})
    small, middle, large = (mesh.start_run("shop.branches", {"amount": n}).id for n in (1, 50, 5000))
    worker = bench.worker(mesh)
    worker.drain(chain=True)
    mesh.approve_run(large, actor="ann")
    worker.drain()
    assert decisions(mesh, small) == [("routed", "size", None, "complete")]
    assert decisions(mesh, middle) == [("routed", "size", "payload.amount > 10", "note")]
    skipped = "now > timestamp('2020-01-01T00:00:00Z') && payload.amount < 1000"
    assert decisions(mesh, large) == [
        ("routed", "size", "payload.amount > 100", "ask"),
        ("routed", "ask", "context.decision == 'approved'", "note"),
        ("skipped", "note", skipped, None),
    ]


def test_now_is_the_time_of_the_claim_by_the_databases_clock(bench: Bench):
    """A condition reads the moment at which its step was claimed, and history keeps it."""
    mesh = bench.mesh(
        """
        workflow: shop.late
        triggers: {by_hand: {manual: {}}}
        steps:
          early: {uses: t.work, when: "now > timestamp('2100-01-01T00:00:00Z')"}
          late: {uses: t.work, after: [early]}
        """,
        {"t.work": nothing},
    )
    run = mesh.start_run("shop.late").id
    worker = bench.worker(mesh)
    worker.drain()
    (event,) = mesh.inspect_run(run, include_history=True).audit_events or ()
    assert event.metadata is not None
    assert datetime.fromisoformat(event.metadata["now"]) == bench.step_rows(run)["early"]["started_at"]
    bench.advance(100 * 366 * 86400)
    again = mesh.start_run("shop.late").id
    worker.drain()
    assert bench.statuses(again) == {"early": "completed", "late": "completed"}
    assert bench.step_rows(again)["early"]["started_at"] > datetime(2100, 1, 1, tzinfo=UTC)


def test_a_step_that_is_tried_again_is_not_asked_again(bench: Bench):
    """Its condition was decided before the first attempt; the clock does not turn a retry into a skip."""

    def once(ctx: StepContext) -> None:
        if ctx.attempt == 1:
            raise RetryStep("later", delay="2h")

    mesh = bench.mesh(
        """
        workflow: shop.again
        triggers: {by_hand: {manual: {}}}
        steps: {only: {uses: t.once, when: now < timestamp(run.started_at) + duration('1h'), retry: {max_attempts: 2}}}
        """,
        {"t.once": once},
    )
    run = mesh.start_run("shop.again")
    worker = bench.worker(mesh)
    worker.drain()
    bench.advance(7201)
    worker.drain()
    assert (bench.statuses(run), bench.counters(run)[0]) == ({"only": "completed"}, "completed")


def test_a_lost_step_is_asked_again(bench: Bench):
    """A worker may have vanished before it looked at the condition."""
    mesh = bench.mesh(BRANCHES, {"t.work": nothing})
    run = mesh.start_run("shop.branches", {"amount": 5000}).id
    worker = bench.worker(mesh)
    worker.drain()
    mesh.approve_run(run, actor="ann")
    worker.lose(worker.claim_one())
    bench.advance(2)
    worker.drain()
    assert bench.statuses(run)["note"] == "skipped"


def test_events_of_one_statement_stand_in_their_order(bench: Bench):
    """A loss, the recovery route that it leads to, and the choice of that route, written together."""
    mesh = bench.mesh(
        """
        workflow: shop.lost
        triggers: {by_hand: {manual: {}}}
        steps:
          call:
            uses: t.work
            on_worker_lost: fail
            next: {ok: complete, error: [{when: failure.attempts > 0, to: mend, recovery: compensation}, {to: fail}]}
          mend: {uses: t.work, next: complete}
        """,
        {"t.work": nothing},
    )
    worker = bench.worker(mesh)
    for _ in range(8):
        run = mesh.start_run("shop.lost").id
        task = worker.claim_one()
        worker.begin(task)
        worker.lose(task)
        events = mesh.inspect_run(run, include_history=True).audit_events or ()
        assert [event.type for event in events] == ["worker_lost", "compensation_routed", "routed"]
        worker.drain()
