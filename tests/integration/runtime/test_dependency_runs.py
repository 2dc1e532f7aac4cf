"""Dependency-based runs: roots in parallel, joins as counters, skips, allowed failures, what each step sees."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from squidmesh.model.outcome import Skipped, Succeeded
from squidmesh.runtime.reporting import report_started
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from tests.integration.bench import Bench

DIAMOND = """
workflow: shop.diamond
triggers:
  by_hand: {manual: {}, payload: {left: {type: boolean, default: true}, right: {type: boolean, default: true}}}
steps:
  top: {uses: t.work, output: top}
  left: {uses: t.work, output: left, after: [top], when: payload.left}
  right: {uses: t.work, output: right, after: [top], when: payload.right}
  bottom: {uses: t.work, output: bottom, after: [left, right]}
"""


def test_every_row_is_there_from_the_start(bench: Bench):
    """Roots are pending, the others wait with the number of what they wait for; only roots count as active."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    run = mesh.start_run("shop.diamond")
    rows = bench.step_rows(run)
    assert {name: (row["status"], row["open_deps"]) for name, row in rows.items()} == {
        "top": ("pending", 0),
        "left": ("waiting", 1),
        "right": ("waiting", 1),
        "bottom": ("waiting", 2),
    }
    assert (bench.counters(run), run.current_step) == (("pending", 1, 0, 0), None)


@pytest.mark.parametrize("chain", [False, True])
def test_a_join_runs_once_after_all_it_waits_for(bench: Bench, chain: bool):
    """Chained or not, the diamond runs each step once and the join last."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    run = mesh.start_run("shop.diamond")
    order = bench.worker(mesh).drain(chain=chain)
    assert sorted(order) == ["bottom", "left", "right", "top"]
    assert (order[0], order[-1]) == ("top", "bottom")
    assert bench.counters(run) == ("completed", 0, 0, 0)


def test_one_dependent_is_handed_over_and_the_others_become_due(bench: Bench):
    """Of several dependents that waited for this step alone one is chained; a join never is."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    run = mesh.start_run("shop.diamond")
    worker = bench.worker(mesh)
    answer = worker.end(worker.claim_one(), succeeded(), chain=True)
    assert answer.successor is not None
    assert answer.successor.claim.step == "left"
    assert answer.successor.claim.live_deps == 1
    assert answer.recorded is not None
    assert answer.recorded.made_due == 1
    assert bench.statuses(run) == {"top": "completed", "left": "running", "right": "pending", "bottom": "waiting"}
    assert bench.counters(run) == ("running", 2, 0, 0)
    right = worker.claim_one()
    assert worker.end(answer.successor, succeeded(), chain=True).successor is None
    assert worker.end(right, succeeded(), chain=True).successor is None
    assert bench.statuses(run)["bottom"] == "pending"


def test_two_dependencies_recorded_together_release_their_join_once(bench: Bench):
    """In one group the join is decremented by their number, and the sequence numbers differ."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    run = mesh.start_run("shop.diamond")
    worker = bench.worker(mesh)
    worker.step()
    left, right = worker.claim(2)
    first, second = worker.finish((left, succeeded()), (right, succeeded()), chain=True)
    assert first.recorded is not None
    assert second.recorded is not None
    assert first.recorded.seq < second.recorded.seq
    row = bench.step_rows(run)["bottom"]
    assert (row["status"], row["open_deps"], row["live_deps"]) == ("pending", 0, 2)
    assert row["scheduled_seq"] == second.recorded.seq
    assert bench.counters(run) == ("running", 1, 0, 0)


def test_groups_mix_runs_and_outcomes(bench: Bench):
    """Completions of several runs, a retry and a lost claim among them, are recorded by one statement."""
    text = DIAMOND.replace("{uses: t.work, output: right,", "{uses: t.work, output: right, retry: {max_attempts: 2},")
    mesh = bench.mesh(text, {"t.work": nothing})
    ids = mesh.start_runs("shop.diamond", [{}, {}, {}])
    worker = bench.worker(mesh)
    tops = worker.claim(9)
    bench.connection.execute(
        "UPDATE squidmesh.step_runs SET claim_token = gen_random_uuid() WHERE id = %s", [tops[0].claim.id]
    )
    answers = worker.finish(*[(top, succeeded()) for top in tops])
    assert [answer.refused for answer in answers] == [True, False, False]
    tasks = worker.claim(9)
    assert [task.claim.step for task in tasks] == ["left", "left", "right", "right"]
    outcomes = [succeeded(), succeeded(), failed(retryable=True), succeeded()]
    assert not any(answer.refused for answer in worker.finish(*zip(tasks, outcomes, strict=True)))
    lost, retried, whole = tops[0].claim.run.id, tasks[2].claim.run.id, tasks[3].claim.run.id
    assert {lost, retried, whole} == set(ids)
    assert bench.counters(lost) == ("running", 1, 0, 0)
    assert bench.counters(retried) == ("retrying", 0, 1, 0)
    assert bench.counters(whole) == ("running", 1, 0, 0)
    assert bench.statuses(whole)["bottom"] == "pending"


def test_siblings_in_retry_show_what_the_counters_say(bench: Bench):
    """With an active step the run shows running, with only retries left retrying."""
    text = DIAMOND.replace("{uses: t.work, output: right,", "{uses: t.work, output: right, retry: {max_attempts: 3},")
    mesh = bench.mesh(text, {"t.work": nothing})
    run = mesh.start_run("shop.diamond")
    worker = bench.worker(mesh)
    worker.step()
    left, right = worker.claim(2)
    worker.end(right, failed(retryable=True, delay=timedelta()))
    assert bench.counters(run) == ("running", 1, 1, 0)
    worker.end(left, succeeded())
    assert bench.counters(run) == ("retrying", 0, 1, 0)
    again = worker.claim_one()
    assert bench.counters(run) == ("running", 0, 1, 0)
    worker.end(again, failed(retryable=True, delay=timedelta()))
    assert bench.counters(run) == ("retrying", 0, 1, 0)
    worker.end(worker.claim_one(), succeeded())
    assert bench.counters(run) == ("running", 1, 0, 0)


@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"left": False}, ["completed", "skipped", "completed", "completed"]),
        ({"left": False, "right": False}, ["completed", "skipped", "skipped", "skipped"]),
    ],
)
def test_a_join_runs_if_anything_it_waits_for_ran(
    bench: Bench, payload: dict[str, bool], expected: list[str], chain: bool
):
    """Skips count as settled; a step whose dependencies were all skipped is skipped too, and the run completes."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    run = mesh.start_run("shop.diamond", payload)
    bench.worker(mesh).drain(chain=chain)
    assert list(bench.statuses(run).values()) == expected
    assert mesh.inspect_run(run.id).status == "completed"


def test_skips_pass_through_steps_that_wait_for_skipped_ones(bench: Bench):
    """The skip travels down a line of steps, handed over or not."""
    text = DIAMOND + "  last: {uses: t.work, after: [bottom]}\n  end: {log: {message: end}, after: [last]}\n"
    mesh = bench.mesh(text, {"t.work": nothing})
    run = mesh.start_run("shop.diamond", {"left": False, "right": False})
    bench.worker(mesh).drain(chain=True)
    assert list(bench.statuses(run).values()) == ["completed", *["skipped"] * 5]


def test_an_allowed_failure_lets_the_run_go_on(bench: Bench):
    """The step is failed, its join runs (it counts as alive), and the run completes."""
    text = DIAMOND.replace("right: {uses: t.work,", "right: {uses: t.work, allow_failure: true,")
    mesh = bench.mesh(text, {"t.work": nothing})
    run = mesh.start_run("shop.diamond", {"left": False})
    worker = bench.worker(mesh)
    worker.step()
    left, right = worker.claim(2)
    worker.end(left, Skipped(reason="false"))
    worker.end(right, failed())
    assert worker.drain() == ["bottom"]
    assert bench.statuses(run) == {"top": "completed", "left": "skipped", "right": "failed", "bottom": "completed"}
    assert mesh.inspect_run(run.id).status == "completed"


def test_a_step_sees_what_it_waits_for_and_never_a_sibling(bench: Bench):
    """The context holds the payload and the ancestors' outputs, though a sibling has completed before."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    mesh.start_run("shop.diamond")
    worker = bench.worker(mesh)
    worker.step(succeeded(n=1))
    left, right = worker.claim(2)
    worker.end(left, succeeded(n=2))
    assert set(right.snapshot.context()) == {"left", "right", "top"}
    assert right.snapshot.context()["left"] is True  # the payload's, not the sibling's output
    (again,) = (worker.lose(right), bench.advance(2), worker.claim_one())[2:]
    assert again.snapshot.context() == right.snapshot.context()
    worker.end(again, succeeded(n=3))
    bottom = worker.claim_one()
    assert bottom.snapshot.context() == {"left": {"n": 2}, "right": {"n": 3}, "top": {"n": 1}}


def test_a_join_waits_for_the_delays_of_all_it_waits_for(bench: Bench):
    """A delay asked for by a dependency holds the join back, though another one ends last without any."""
    mesh = bench.mesh(DIAMOND, {"t.work": nothing})
    mesh.start_run("shop.diamond")
    worker = bench.worker(mesh)
    worker.step()
    left, right = worker.claim(2)
    worker.end(left, Succeeded(output="{}", delay=timedelta(minutes=10)))
    worker.end(right, succeeded())
    assert worker.drain() == []
    bench.advance(590)
    assert worker.drain() == []
    bench.advance(601)
    assert worker.drain() == ["bottom"]


def test_a_timer_behind_a_join_begins_when_the_join_is_free(bench: Bench):
    """A wait with dependencies lasts its time from the last of them on."""
    text = DIAMOND.replace("bottom: {uses: t.work, output: bottom,", "bottom: {wait: 1h,")
    mesh = bench.mesh(text, {"t.work": nothing})
    run = mesh.start_run("shop.diamond")
    worker = bench.worker(mesh)
    worker.step()
    left, right = worker.claim(2)
    worker.end(left, succeeded())
    bench.advance(1800)
    worker.end(right, succeeded())
    assert mesh.explain_run(run.id).reason == "waiting_for_timer"
    bench.advance(3700)
    assert worker.drain() == []
    bench.advance(5401)
    assert worker.drain() == ["bottom"]
    assert mesh.inspect_run(run.id).status == "completed"


def test_a_run_that_ends_in_a_group_is_told_once(bench: Bench):
    """Two last steps recorded together end their run; the host hears run.completed once."""
    mesh = bench.mesh(
        """
        workflow: shop.pair
        triggers: {by_hand: {manual: {}}}
        steps: {a: {log: {message: a}}, b: {log: {message: b}}}
        """
    )
    heard: list[str] = []
    mesh.on("run.completed", lambda event: heard.append(event["from_status"]))
    mesh.start_run("shop.pair")
    worker = bench.worker(mesh)
    worker.finish(*[(task, succeeded()) for task in worker.claim(2)])
    assert heard == ["running"]


def test_a_run_that_begins_by_several_steps_is_told_once(bench: Bench):
    """Two first steps claimed together make the run running; the host hears so once."""
    mesh = bench.mesh(
        """
        workflow: shop.pair
        triggers: {by_hand: {manual: {}}}
        steps: {a: {log: {message: a}}, b: {log: {message: b}}}
        """
    )
    run = mesh.start_run("shop.pair")
    worker = bench.worker(mesh)
    tasks = worker.claim(2)
    assert [task.claim.run_left for task in tasks] == ["pending", None]

    told: list[str] = []
    mesh.on("run.status_changed", lambda event: told.append(event["to_status"]))
    for task in tasks:
        report_started(mesh.engine.events, task)
    assert told == ["running"]
    assert mesh.inspect_run(run.id).status == "running"
