"""Gates: a step that waits for a person holds no worker, and goes on as the person says."""

from __future__ import annotations

from typing import Any

import pytest

ROUTED = """
steps:
  review:
    approval: {title: Ship it?}
    input: {sum: payload.amount, card: payload.card}
    output: review
    next: {ok: ship, error: refund}
  ship: {uses: shop.ship, input: {by: review.actor, note: review.metadata.note}, next: complete}
  refund: {uses: shop.refund, input: {why: failure.message, said: review.comment}, next: complete}
"""
STEPS = {
    "shop.ship": lambda by, note=None: {"shipped": [by, note]},
    "shop.refund": lambda why, said: {"told": [why, said]},
    "shop.pack": lambda: {"packed": True},
}


def test_an_approval_goes_on_along_ok(stage: Any) -> None:
    """Approved, a run takes ``ok``, and what follows reads who decided and what was said."""
    mesh = stage.mesh(ROUTED, STEPS)
    run = stage.paused(mesh)
    decided = mesh.approve_run(run.id, actor=" ada ", comment="fine", metadata={"note": "fast"})
    assert (decided.status, decided.current_step) == ("running", "ship")
    ended = stage.finish(mesh, run)
    review = ended.context["review"]
    assert (ended.status, ended.context["shipped"]) == ("completed", ["ada", "fast"])
    assert {**review, "decided_at": None} == {
        "decision": "approved",
        "actor": "ada",
        "decided_at": None,
        "comment": "fine",
        "metadata": {"note": "fast"},
    }
    assert review["decided_at"].endswith("+00:00")
    assert stage.events(ended) == [("paused", "review", None), ("approved", "review", "ada")]
    assert stage.step(ended, "review").attempts[0].status == "completed"


def test_a_rejection_goes_on_along_error(stage: Any) -> None:
    """Rejected, a run takes ``error``: the step has failed as ``rejected``, and its output and failure are readable."""
    mesh = stage.mesh(ROUTED, STEPS)
    run = stage.paused(mesh)
    mesh.reject_run(run.id, actor="ada", comment="no stock")
    ended = stage.finish(mesh, run)
    review = stage.step(ended, "review")
    assert (ended.status, ended.context["told"]) == ("completed", ["rejected by ada: no stock", "no stock"])
    assert (review.status, review.output["decision"], review.last_error["code"]) == ("failed", "rejected", "rejected")
    assert stage.events(ended)[1] == ("rejected", "review", "ada")


def test_a_pause_goes_on_when_it_is_unblocked(stage: Any) -> None:
    """Unblocked, a run takes ``ok``; nobody needs to be named."""
    mesh = stage.mesh(
        "steps:\n  look: {pause: {title: Look at it}, next: pack}\n  pack: {uses: shop.pack, next: complete}\n", STEPS
    )
    run = stage.paused(mesh)
    mesh.unblock_run(run.id)
    ended = stage.finish(mesh, run)
    assert (ended.status, ended.context["decision"], ended.context["actor"]) == ("completed", "resumed", None)
    assert ended.context["packed"] is True
    assert stage.events(ended) == [("paused", "look", None), ("resumed", "look", None)]


def test_a_gate_holds_no_worker(stage: Any) -> None:
    """While runs wait for people, a worker with one thread executes others."""
    mesh = stage.mesh(ROUTED, STEPS)
    waiting = [mesh.start_run("shop.order") for _ in range(3)]
    with mesh.worker(concurrency=1):
        for run in waiting:
            stage.until(mesh, run, "paused")
        mesh.approve_run(waiting[1].id, actor="ada")
        stage.until(mesh, waiting[1], "completed")
    assert [mesh.inspect_run(run.id).status for run in waiting] == ["paused", "completed", "paused"]
    counters = stage.execute("SELECT active, retrying, paused FROM squidmesh.runs ORDER BY id")
    assert counters == [(0, 0, 1), (0, 0, 0), (0, 0, 1)]


def test_a_reviewer_is_shown_the_input_without_secrets(stage: Any) -> None:
    """What is kept and shown of a gate's ``input`` hides sensitive fields."""
    mesh = stage.mesh(ROUTED, STEPS)
    run = stage.paused(mesh, card="4111")
    shown = {"sum": 5, "card": "***"}
    assert stage.step(mesh.inspect_run(run.id, include_history=True), "review").input == shown
    assert mesh.explain_run(run.id).details["shown"] == shown
    assert "4111" not in str(stage.execute("SELECT resume FROM squidmesh.step_runs"))


def test_without_input_the_whole_context_is_shown(stage: Any) -> None:
    """A gate that declares no ``input`` shows the context; one too large to keep is left out, and the gate stands."""
    mesh = stage.mesh("steps:\n  look: {pause: {}, next: complete}\n", max_value_bytes="60")
    small, large = stage.paused(mesh), stage.paused(mesh, at="x" * 39)
    assert mesh.explain_run(small.id).details["shown"] == {"amount": 5}
    stage.execute(
        "UPDATE squidmesh.runs SET payload = json_build_object('amount', repeat('x', 100)) WHERE id = %s", large.id
    )
    again = mesh.start_run("shop.order")
    stage.execute(
        "UPDATE squidmesh.runs SET payload = json_build_object('amount', repeat('x', 100)) WHERE id = %s", again.id
    )
    with mesh.worker():
        stage.until(mesh, again, "paused")
    assert "shown" not in mesh.explain_run(again.id).details


def test_a_gate_whose_condition_is_false_is_skipped(stage: Any) -> None:
    """``when`` decides before anybody is asked."""
    mesh = stage.mesh("steps:\n  look: {pause: {}, when: payload.amount > 100, next: complete}\n")
    ended = stage.finish(mesh, mesh.start_run("shop.order"))
    assert (ended.status, stage.step(ended, "look").status) == ("completed", "skipped")


def test_routes_of_a_gate_read_its_decision(stage: Any) -> None:
    """A conditional route after a gate sees what was decided, as ``validate`` says it may."""
    mesh = stage.mesh(
        """
steps:
  review:
    approval: {}
    output: review
    next: {ok: [{when: context.review.actor == 'ada', to: pack}, {to: complete}], error: fail}
  pack: {uses: shop.pack, next: complete}
""",
        STEPS,
    )
    by_ada, by_bob = stage.paused(mesh), stage.paused(mesh)
    mesh.approve_run(by_ada.id, actor="ada")
    assert mesh.approve_run(by_bob.id, actor="bob").status == "completed"
    assert stage.finish(mesh, by_ada).context["packed"] is True


def test_a_rejection_may_fail_the_run(stage: Any) -> None:
    """``error: fail`` ends the run as failed by the rejection, and undoes what had completed."""
    undone: list[Any] = []
    steps = {**STEPS, "shop.unpack": lambda step: undone.append(step["output"])}
    mesh = stage.mesh(
        """
steps:
  pack: {uses: shop.pack, compensate: shop.unpack, next: review}
  review: {approval: {}, next: {ok: complete, error: fail}}
""",
        steps,
    )
    run = stage.paused(mesh)
    assert mesh.reject_run(run.id, actor="ada").status == "running"
    ended = stage.finish(mesh, run)
    assert (ended.status, ended.last_error["code"], undone) == ("failed", "rejected", [{"packed": True}])


BRANCHES = """
steps:
  left: {approval: {title: Left?}, output: left}
  right: {uses: shop.pack}
  after_right: {log: {message: right}, after: [right]}
  join: {uses: shop.ship, after: [left, after_right], input: {by: left.decision}}
"""


def test_a_gate_holds_up_its_own_branch_alone(stage: Any) -> None:
    """In a dependency-based run the other branches go on, and a join waits for the decision."""
    mesh = stage.mesh(BRANCHES, STEPS)
    run = stage.paused(mesh)
    found = mesh.inspect_run(run.id, include_history=True)
    assert {item.step: item.status for item in found.step_runs} == {
        "left": "paused",
        "right": "completed",
        "after_right": "completed",
        "join": "waiting",
    }
    mesh.approve_run(run.id, actor="ada")
    assert stage.finish(mesh, run).context["shipped"] == ["approved", None]


def test_a_rejected_approval_fails_a_dependency_based_run(stage: Any) -> None:
    """Without routes a rejection fails its step for good, and the run with it."""
    mesh = stage.mesh(BRANCHES, STEPS)
    run = stage.paused(mesh)
    assert mesh.reject_run(run.id, actor="ada").status == "failed"
    found = mesh.inspect_run(run.id, include_history=True)
    assert (found.last_error["code"], stage.step(found, "join").status) == ("rejected", "cancelled")


def test_allow_failure_settles_a_rejected_approval(stage: Any) -> None:
    """With ``allow_failure`` the step has failed and the run goes on; what follows reads the decision."""
    text = BRANCHES.replace("output: left}", "output: left, allow_failure: true}")
    mesh = stage.mesh(text, STEPS)
    run = stage.paused(mesh)
    mesh.reject_run(run.id, actor="ada")
    ended = stage.finish(mesh, run)
    assert (ended.status, ended.context["shipped"]) == ("completed", ["rejected", None])
    assert stage.step(ended, "left").status == "failed"


def test_a_failing_branch_cancels_what_waits_for_a_person(stage: Any) -> None:
    """When another branch fails the run, a paused step is cancelled, and a decision comes too late."""

    def fail(ctx: Any = None) -> None:
        raise RuntimeError("broken")

    mesh = stage.mesh(
        "steps:\n  left: {pause: {}}\n  right: {uses: shop.fail, after: [timer]}\n  timer: {wait: 1h}\n",
        {"shop.fail": fail},
    )
    run = mesh.start_run("shop.order")
    with mesh.worker(concurrency=2):
        stage.wait(mesh, run, lambda found: stage.step(found, "left").status == "paused")
        mesh.wake_run(run.id)
        ended = stage.until(mesh, run, "failed")
    assert stage.step(ended, "left").status == "cancelled"
    with pytest.raises(Exception, match="a run that is failed cannot become running"):
        mesh.unblock_run(run.id)


def test_hosts_are_told_of_pauses_and_decisions(stage: Any) -> None:
    """``mesh.on`` tells that a step paused, that the run did, and what a decision made of them, after the commit."""
    mesh = stage.mesh(ROUTED, STEPS)
    told: list[Any] = []
    mesh.on("*", lambda event: told.append((event["event"], event.get("step") or event.get("to_status"))))
    run = stage.paused(mesh)
    mesh.reject_run(run.id, actor="ada")
    stage.finish(mesh, run)
    assert told == [
        ("run.created", "pending"),
        ("run.status_changed", "running"),
        ("step.started", "review"),
        ("step.paused", "review"),
        ("run.status_changed", "paused"),
        ("step.failed", "review"),
        ("run.status_changed", "running"),
        ("step.started", "refund"),
        ("step.completed", "refund"),
        ("run.status_changed", "completed"),
    ]
