"""Decisions: what is asked of them, what they refuse, and that one of several stands."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from squidmesh.errors import (
    ActorRequired,
    InvalidRunId,
    InvalidTransition,
    InvalidValue,
    RunNotFound,
    RunNotPaused,
    SquidMeshError,
    WrongManualAction,
)

APPROVAL = """
steps:
  review: {approval: {}, output: review, next: {ok: pack, error: complete}}
  pack: {log: {message: packed}, next: complete}
"""
TWO_GATES = """
steps:
  look: {pause: {}, output: look}
  left: {approval: {}, output: left}
  right: {approval: {}, output: right}
"""
LOG = "steps:\n  pack: {log: {message: packed}, next: complete}\n"


@pytest.mark.parametrize("actor", [None, "", "  "])
def test_approving_and_rejecting_need_an_actor(stage: Any, actor: Any) -> None:
    """An approval or a rejection that nobody answers for is refused before anything is looked at."""
    mesh = stage.mesh(LOG)
    for decide in (mesh.approve_run, mesh.reject_run):
        with pytest.raises(ActorRequired):
            decide(uuid4(), **({} if actor is None else {"actor": actor}))


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"metadata": {"a": {"b": float("nan")}}}, "metadata.a.b"),
        ({"metadata": ["a"]}, "metadata"),
        ({"comment": "a\x00b"}, "comment"),
        ({"comment": 5}, "comment"),
        ({"metadata": {"a": "x" * 300}}, ""),
    ],
    ids=["not-json", "no-mapping", "nul", "no-text", "too-large"],
)
def test_what_cannot_be_kept_is_refused(stage: Any, said: dict[str, Any], place: str) -> None:
    """Comment and metadata pass the gate that every stored value passes; the refusal names the place."""
    mesh = stage.mesh(LOG, max_value_bytes="200")
    with pytest.raises(InvalidValue) as refused:
        mesh.approve_run(uuid4(), actor="ada", **said)
    assert refused.value.path == place


def test_runs_that_cannot_be_decided_are_refused(stage: Any) -> None:
    """A value that is no id, an unknown run, one that waits for nobody and one that has ended each have their error."""
    mesh = stage.mesh(LOG)
    with pytest.raises(InvalidRunId):
        mesh.approve_run("run-7", actor="ada")
    with pytest.raises(RunNotFound):
        mesh.approve_run(uuid4(), actor="ada")
    run = mesh.start_run("shop.order")
    with pytest.raises(RunNotPaused, match="it is pending"):
        mesh.approve_run(str(run.id), actor="ada")
    stage.finish(mesh, run)
    with pytest.raises(InvalidTransition, match="a run that is completed cannot become running"):
        mesh.unblock_run(run.id)


def test_the_wrong_action_is_refused_with_the_right_one(stage: Any) -> None:
    """A pause is not approved and an approval not unblocked; neither takes ``retry``. Nothing changes."""
    mesh = stage.mesh("steps:\n  look: {pause: {}, next: complete}\n")
    approval = stage.mesh(APPROVAL)
    pause_run, approval_run = stage.paused(mesh), stage.paused(approval)
    with pytest.raises(WrongManualAction) as wrong:
        mesh.approve_run(pause_run.id, actor="ada")
    assert (wrong.value.action, list(wrong.value.expected)) == ("approve_run", ["unblock_run"])
    with pytest.raises(WrongManualAction) as wrong:
        mesh.unblock_run(approval_run.id)
    assert list(wrong.value.expected) == ["approve_run", "reject_run"]
    with pytest.raises(WrongManualAction):
        mesh.unblock_run(pause_run.id, retry=True)
    assert {mesh.inspect_run(run.id).status for run in (pause_run, approval_run)} == {"paused"}
    assert len(mesh.inspect_run(pause_run.id, include_history=True).audit_events) == 1


def test_the_step_is_named_where_several_wait(stage: Any) -> None:
    """One step that takes the action is meant without a name; of two, the name decides, and is asked for."""
    mesh = stage.mesh(TWO_GATES)
    run = stage.paused(mesh)
    mesh.unblock_run(run.id)
    with pytest.raises(WrongManualAction, match="approve_run\\(step='left'\\)"):
        mesh.approve_run(run.id, actor="ada")
    with pytest.raises(RunNotPaused, match="step 'centre' is not among what waits: 'left', 'right'"):
        mesh.approve_run(run.id, actor="ada", step="centre")
    assert mesh.approve_run(run.id, actor="ada", step="right").status == "paused"
    with pytest.raises(RunNotPaused, match="step 'right' was approved by ada at"):
        mesh.reject_run(run.id, actor="bob", step="right")
    ended = mesh.approve_run(run.id, actor="bob")
    assert (ended.status, ended.context["left"]["actor"]) == ("completed", "bob")


def decide_at_once(*decisions: Any) -> list[str | SquidMeshError]:
    """Make calls from threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(len(decisions))
    answers: list[Any] = [None] * len(decisions)

    def decide(place: int) -> None:
        barrier.wait()
        try:
            answers[place] = decisions[place]().status
        except SquidMeshError as error:
            answers[place] = error

    threads = [threading.Thread(target=decide, args=(place,)) for place in range(len(decisions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_two_people_one_has_decided(stage: Any) -> None:
    """Of decisions made at once one stands; the others are told which, even if it ended the run."""
    mesh = stage.mesh(APPROVAL)
    for _ in range(5):
        run = stage.paused(mesh)
        answers = decide_at_once(
            lambda run=run: mesh.approve_run(run.id, actor="ada"),
            lambda run=run: mesh.reject_run(run.id, actor="bob"),
            lambda run=run: mesh.approve_run(run.id, actor="cid"),
        )
        stands = [event for event in stage.events(mesh.inspect_run(run.id, include_history=True)) if event[2]]
        assert len(stands) == 1
        refused = [answer for answer in answers if isinstance(answer, RunNotPaused)]
        assert len(refused) == 2, answers
        assert all(f"step 'review' was {stands[0][0]} by {stands[0][2]} at" in str(error) for error in refused)


def test_a_decision_and_a_failing_branch_at_once(stage: Any) -> None:
    """When a branch fails the run while another is decided, either comes first; nothing is left unfinished."""
    ready, go = threading.Barrier(2), threading.Event()

    def fail() -> None:
        ready.wait(10)
        go.wait(10)
        raise RuntimeError("broken")

    text = "steps:\n  review: {approval: {}, output: review}\n  right: {uses: shop.fail}\n"
    mesh = stage.mesh(text, {"shop.fail": fail})
    with mesh.worker(concurrency=2):
        for _ in range(4):
            go.clear()
            run = mesh.start_run("shop.order")
            stage.wait(mesh, run, lambda found: stage.step(found, "review").status == "paused")
            ready.wait(10)
            go.set()
            (answer,) = decide_at_once(lambda run=run: mesh.approve_run(run.id, actor="ada"))
            ended = stage.until(mesh, run, "failed")
            review = stage.step(ended, "review")
            if isinstance(answer, SquidMeshError):
                assert isinstance(answer, RunNotPaused | InvalidTransition)
                assert (review.status, review.output) == ("cancelled", None)
            else:
                assert (review.status, review.output["actor"]) == ("completed", "ada")
    assert stage.execute("SELECT sum(active + retrying + paused)::int FROM squidmesh.runs") == [(0,)]


def test_the_lock_makes_one_decision_stand(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the run's lock two people would both choose the paused step: the guard of taking it up holds as well."""
    from squidmesh.runtime import manual  # noqa: PLC0415 - the place that is patched

    mesh = stage.mesh(APPROVAL)
    run = stage.paused(mesh)
    both_chose = threading.Barrier(2)
    chosen = manual.choose_paused

    def choose(*arguments: Any) -> Any:
        found = chosen(*arguments)
        both_chose.wait()
        return found

    monkeypatch.setattr(manual, "choose_paused", choose)
    monkeypatch.setattr(manual.runs, "lock_run", manual.runs.find_run)
    answers: list[Any] = []

    def approve(actor: str) -> None:
        try:
            answers.append(mesh.approve_run(run.id, actor=actor).status)
        except (AssertionError, SquidMeshError) as error:
            answers.append(error)

    threads = [threading.Thread(target=approve, args=(actor,)) for actor in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count("running") == 1


def test_a_decision_holds_after_its_file_has_gone(stage: Any) -> None:
    """A process without the workflow's file decides, and another works on, by what the run started with."""
    mesh = stage.mesh(APPROVAL)
    first, second = stage.paused(mesh), stage.paused(mesh)
    without = stage.mesh(None)
    assert without.approve_run(first.id, actor="ada").current_step == "pack"
    changed = stage.mesh(APPROVAL.replace("ok: pack, error: complete", "ok: complete, error: pack"))
    assert changed.approve_run(second.id, actor="ada").current_step == "pack"
    for run in (first, second):
        assert stage.finish(without, run).status == "completed"


def test_a_decision_means_what_was_kept_when_the_step_paused(stage: Any) -> None:
    """The targets and the output's name stand with the paused step; they decide, whatever the definition says now."""
    mesh = stage.mesh(APPROVAL)
    run = stage.paused(mesh)
    ((kept,),) = stage.execute("SELECT resume FROM squidmesh.step_runs WHERE status = 'paused'")
    assert kept["next"] == {"ok": [{"to": "pack"}], "error": [{"to": "complete"}]}
    assert kept["output"] == "review"
    stage.execute(
        "UPDATE squidmesh.definitions SET document = replace(document::text, '\"pack\"}]', '\"complete\"}]')::json"
    )
    fresh = stage.mesh(None)
    assert fresh.approve_run(run.id, actor="ada").current_step == "pack"


def test_explaining_names_what_may_be_decided(stage: Any) -> None:
    """A pause and an approval have a reason each, and the calls named as next are accepted."""
    mesh = stage.mesh(TWO_GATES)
    run = stage.paused(mesh)
    explained = mesh.explain_run(run.id)
    assert explained.reason in {"paused_for_approval", "paused_for_manual_action"}
    assert set(explained.details["paused"]) == {"look", "left", "right"}
    for step in ("left", "right"):
        mesh.approve_run(run.id, actor="ada", step=step)
    explained = mesh.explain_run(run.id)
    assert (explained.reason, explained.step) == ("paused_for_manual_action", "look")
    assert "unblock_run" in explained.next_actions
    assert explained.since is not None
    approval = stage.mesh(APPROVAL)
    waiting = approval.explain_run(stage.paused(approval).id)
    assert (waiting.reason, waiting.details["actor"]) == ("paused_for_approval", "required")
    assert waiting.details["choices"] == {"approve_run": "leads to pack", "reject_run": "leads to complete"}
    assert waiting.next_actions[:2] == ("approve_run", "reject_run")


def test_a_paused_run_can_be_cancelled(stage: Any) -> None:
    """Cancelling is offered beside the decision; it ends the paused step, and a decision comes too late."""
    mesh = stage.mesh(APPROVAL)
    run = stage.paused(mesh)
    assert mesh.explain_run(run.id).next_actions == ("approve_run", "reject_run", "cancel_run")
    assert mesh.cancel_run(run.id, actor="ada").status == "cancelled"
    assert stage.step(mesh.inspect_run(run.id, include_history=True), "review").status == "cancelled"
    with pytest.raises(InvalidTransition, match="a run that is cancelled cannot become running"):
        mesh.approve_run(run.id, actor="ada")


def test_the_fleet_is_explained_as_its_runs_are(stage: Any) -> None:
    """Runs that wait for people are grouped under the reason that each of them gives."""
    mesh, both = stage.mesh(APPROVAL), stage.mesh(TWO_GATES)
    runs = [stage.paused(mesh), stage.paused(mesh), stage.paused(both)]
    found = {(group.reason, group.step): group.runs for group in mesh.explain_fleet()}
    assert found == {("paused_for_approval", "review"): 2, ("paused_for_manual_action", "look"): 1}
    assert {(mesh.explain_run(run.id).reason, mesh.explain_run(run.id).step) for run in runs} == set(found)


def test_a_running_branch_does_not_hide_what_may_be_decided(stage: Any) -> None:
    """While another branch waits for its timer, the explanation still offers the decision."""
    mesh = stage.mesh("steps:\n  look: {pause: {}}\n  timer: {wait: 1h}\n")
    run = mesh.start_run("shop.order")
    with mesh.worker():
        stage.wait(mesh, run, lambda found: stage.step(found, "look").status == "paused")
    explained = mesh.explain_run(run.id)
    assert (explained.status, explained.reason, explained.details["paused"]) == (
        "running",
        "waiting_for_timer",
        {"look": "paused_for_manual_action"},
    )
    assert "unblock_run" in explained.next_actions
    assert mesh.unblock_run(run.id).status == "running"
