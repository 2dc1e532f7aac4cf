"""Routed runs: one step at a time, by routes, with retries, recovery routes and hand-over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import Success
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from tests.integration.bench import Bench

CHAIN = """
workflow: shop.order
triggers:
  by_hand: {manual: {}, payload: {item: {type: string, default: book}}}
steps:
  one: {uses: t.one, next: two}
  two: {uses: t.two, output: second, next: three}
  three: {uses: t.three, next: complete}
"""


def chain_steps(seen: list[Any] | None = None) -> dict[str, Any]:
    """Return step types for ``CHAIN`` that note what they saw."""
    notes = seen if seen is not None else []

    def one(item: str) -> dict[str, Any]:
        return {"first": {"of": [item]}}

    def two(first: dict[str, Any], ctx: Any = None) -> dict[str, Any]:
        first["of"].append("changed by two")
        return {"size": 1e16}

    def three(**everything: Any) -> None:
        notes.append(everything)

    return {"t.one": one, "t.two": two, "t.three": three}


def test_a_chain_runs_from_entry_to_complete(bench: Bench):
    """Each step runs once, in order; the counters end at zero and the run completes."""
    mesh = bench.mesh(CHAIN, chain_steps())
    run = mesh.start_run("shop.order")
    assert (run.status, run.current_step) == ("pending", "one")
    assert bench.counters(run) == ("pending", 1, 0, 0)
    worker = bench.worker(mesh)
    task = worker.claim_one()
    assert bench.counters(run) == ("running", 1, 0, 0)
    worker.end(task, worker.execute(task))
    assert mesh.inspect_run(run.id).current_step == "two"
    assert worker.drain() == ["two", "three"]
    ended = mesh.inspect_run(run.id)
    assert (ended.status, ended.current_step, ended.last_error) == ("completed", None, None)
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert bench.counters(run) == ("completed", 0, 0, 0)
    assert ended.context == {"item": "book", "first": {"of": ["book"]}, "second": {"size": 1e16}}


@pytest.mark.parametrize("chain", [False, True])
def test_what_a_step_sees_does_not_depend_on_being_chained(bench: Bench, chain: bool):
    """A handed-over step sees what a claimed one would: parsed from the stored text, a fresh copy each."""
    seen: list[Any] = []
    mesh = bench.mesh(CHAIN, chain_steps(seen))
    mesh.start_run("shop.order")
    assert bench.worker(mesh).drain(chain=chain) == ["one", "two", "three"]
    assert seen == [{"item": "book", "first": {"of": ["book"]}, "second": {"size": 1e16}}]
    assert isinstance(seen[0]["second"]["size"], float)


def test_a_hand_over_is_a_claim_made_by_the_record(bench: Bench):
    """The successor is running under a token of the same worker before anybody could claim it."""
    mesh = bench.mesh(CHAIN, chain_steps())
    run = mesh.start_run("shop.order")
    worker = bench.worker(mesh)
    answer = worker.end(worker.claim_one(), succeeded(first={"of": []}), chain=True)
    assert answer.successor is not None
    row = bench.step_rows(run)["two"]
    assert (row["status"], row["attempt"], row["worker"]) == ("running", 1, worker.name)
    assert (row["id"], row["claim_token"]) == (answer.successor.claim.id, answer.successor.claim.token)
    assert answer.successor.claim.started_at == row["started_at"]
    assert bench.worker(mesh).claim() == []
    assert bench.counters(run) == ("running", 1, 0, 0)
    assert not worker.end(answer.successor, succeeded()).refused


def test_nothing_is_handed_over_that_this_worker_does_not_serve(bench: Bench):
    """A successor on a lane of others is left pending."""
    text = CHAIN.replace("{uses: t.two,", "{uses: t.two, queue: elsewhere,")
    mesh = bench.mesh(text, chain_steps())
    run = mesh.start_run("shop.order")
    worker = bench.worker(mesh)
    answer = worker.end(worker.claim_one(), succeeded(first={}), chain=True)
    assert answer.successor is None
    assert bench.statuses(run)["two"] == "pending"
    assert worker.claim() == []
    assert bench.worker(mesh, queues=("elsewhere",)).claim_one().claim.step == "two"


def test_routes_read_the_output_of_their_own_step(bench: Bench):
    """A condition on an ``ok`` route sees what the step has just returned."""
    mesh = bench.mesh(
        """
        workflow: shop.score
        triggers: {by_hand: {manual: {}}}
        steps:
          rate:
            uses: t.rate
            output: rating
            next: {ok: [{when: context.rating.score > 5, to: high}, {to: low}]}
          high: {log: {message: high}, next: complete}
          low: {log: {message: low}, next: complete}
        """,
        {"t.rate": lambda: {"score": 7}},
    )
    mesh.start_run("shop.score")
    assert bench.worker(mesh).drain() == ["rate", "high"]


BROKEN_ROUTE = """
workflow: shop.lost
triggers: {by_hand: {manual: {}}}
steps:
  pay:
    uses: t.pay
    output: paid
    compensate: t.refund
    next: {ok: [{when: CONDITION, to: complete}]}
"""


@pytest.mark.parametrize(
    ("condition", "code"), [("context.paid.sum > 5", "no_route"), ("context.paid.absent > 5", "expression_failed")]
)
def test_a_step_that_no_route_leads_on_from_stays_completed_and_is_undone(bench: Bench, condition: str, code: str):
    """The run fails, not the step: what it did is done, so it keeps its output and is compensated."""
    undone = []
    mesh = bench.mesh(
        BROKEN_ROUTE.replace("CONDITION", condition),
        {"t.pay": lambda: {"sum": 3}, "t.refund": lambda step: undone.append(step["output"])},
    )
    run = mesh.start_run("shop.lost")
    assert bench.worker(mesh).drain() == ["pay", "pay"]
    ended = mesh.inspect_run(run.id)
    assert (ended.status, ended.current_step) == ("failed", "pay")
    assert ended.last_error is not None
    assert ended.last_error["code"] == code
    assert bench.statuses(run) == {"pay": "completed"}
    assert undone == [{"sum": 3}]


def test_a_run_that_a_handler_lets_fail_keeps_the_failure_that_led_there(bench: Bench):
    """``fail`` after a handler ends with the first failure: its step, its attempts, not the handler's."""
    mesh = bench.mesh(
        """
        workflow: shop.told
        triggers: {by_hand: {manual: {}}}
        steps:
          charge: {uses: t.charge, next: {ok: complete, error: tell}}
          tell: {log: {message: it failed}, next: fail}
        """,
        {"t.charge": nothing},
    )
    run = mesh.start_run("shop.told")
    worker = bench.worker(mesh)
    worker.step(failed("declined"))
    worker.drain()
    ended = mesh.inspect_run(run.id)
    assert (ended.status, ended.current_step) == ("failed", "charge")
    assert ended.last_error is not None
    assert (ended.last_error["step"], ended.last_error["code"]) == ("charge", "declined")
    assert bench.statuses(run) == {"charge": "failed", "tell": "completed"}


def test_a_route_to_fail_without_a_failure_says_so(bench: Bench):
    """``fail`` on an ``ok`` route fails the run as failed_by_route, the step itself completed."""
    mesh = bench.mesh(
        """
        workflow: shop.no
        triggers: {by_hand: {manual: {}}}
        steps: {only: {log: {message: no}, next: fail}}
        """
    )
    run = mesh.start_run("shop.no")
    bench.worker(mesh).drain()
    ended = mesh.inspect_run(run.id)
    assert ended.status == "failed"
    assert ended.last_error is not None
    assert ended.last_error["code"] == "failed_by_route"
    assert bench.statuses(run) == {"only": "completed"}


def test_a_skipped_step_goes_on_along_ok(bench: Bench):
    """A step whose own condition is false is skipped, without an attempt, and the run goes on."""
    mesh = bench.mesh(
        """
        workflow: shop.skip
        triggers: {by_hand: {manual: {}, payload: {big: {type: boolean, default: false}}}}
        steps:
          gift: {uses: t.gift, when: payload.big, next: send}
          send: {log: {message: sent}, next: complete}
        """,
        {"t.gift": nothing},
    )
    run = mesh.start_run("shop.skip")
    bench.worker(mesh).drain(chain=True)
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.status == "completed"
    assert [(s.step, s.status, len(s.attempts)) for s in ended.steps or ()] == [
        ("gift", "skipped", 0),
        ("send", "completed", 1),
    ]


def test_a_condition_without_a_truth_value_fails_its_step_for_good(bench: Bench):
    """``expression_failed`` is not tried again, however many attempts the step has."""
    mesh = bench.mesh(
        """
        workflow: shop.vague
        triggers: {by_hand: {manual: {}, payload: {size: {type: integer, required: false}}}}
        steps:
          look: {uses: t.look, when: payload.size > 3, retry: {max_attempts: 5}, next: complete}
        """,
        {"t.look": nothing},
    )
    run = mesh.start_run("shop.vague")
    bench.worker(mesh).drain()
    ended = mesh.inspect_run(run.id)
    assert ended.status == "failed"
    assert ended.last_error is not None
    assert (ended.last_error["code"], ended.last_error["retryable"]) == ("expression_failed", False)


def test_a_delay_of_success_holds_back_what_follows(bench: Bench):
    """``Success(delay=…)`` completes the step now; its successor is due later and is not handed over."""
    mesh = bench.mesh(CHAIN, {**chain_steps(), "t.one": lambda item: Success({"first": {"of": []}}, delay="20s")})
    run = mesh.start_run("shop.order")
    worker = bench.worker(mesh)
    assert worker.drain(chain=True) == ["one"]
    assert mesh.explain_run(run.id).reason == "step_scheduled"
    bench.advance(21)
    assert worker.drain(chain=True) == ["two", "three"]
