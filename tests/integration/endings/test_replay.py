"""Replaying finished runs, from their beginning and from one of their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.errors import InvalidPayload, InvalidTransition, RunNotFound, TriggerNotFound, UnsafeReplay
from squidmesh.model.identity import new_id
from tests.integration.endings.conftest import Steps, assert_at_rest, step_run, wait_for_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh
    from squidmesh.model.run import Run

CHAIN = """
    workflow: t.chain
    triggers: {go: {manual: {}, payload: {order: {type: integer}, at: {type: string, default: {now: iso8601}}}}}
    steps:
      a: {uses: t.ok, next: b}
      b: {uses: t.ok, output: from_b, next: c}
      c: {uses: t.ok, next: d}
      d: {uses: t.ok, next: complete}
"""
ROUTES = """
    workflow: t.routes
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, next: {ok: complete, error: handle}}
      handle: {uses: t.ok, next: {ok: tell, error: last}}
      tell: {uses: t.ok, next: complete}
      last: {uses: t.ok, next: complete}
"""
FORK = """
    workflow: t.fork
    triggers: {go: {manual: {}}}
    steps:
      left: {uses: t.ok}
      later: {wait: 500ms}
      right: {uses: t.ok, after: [later]}
      never: {uses: t.ok, when: "false"}
      after_left: {uses: t.ok, after: [left]}
      join: {uses: t.ok, after: [after_left, right, never]}
      end: {uses: t.ok, after: [join]}
"""
UNDOING = """
    workflow: t.undoing
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, next: b}
      b: {uses: t.ok, compensate: t.undo, next: c}
      c: {uses: t.ok, next: complete}
"""
GATED = """
    workflow: t.gated
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, next: b}
      b: {uses: t.ok, compensate: t.undo, next: gate}
      gate: {pause: {}, next: c}
      c: {uses: t.ok, next: complete}
"""
FINAL = """
    workflow: t.final
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, next: pay}
      pay: {uses: t.ok, compensatable: false, next: c}
      c: {uses: t.ok, next: complete}
"""


def _run(mesh: SquidMesh, workflow: str, payload: dict[str, Any] | None = None) -> Run:
    return _finish(mesh, mesh.start_run(workflow, payload).id)


def _cancelled_at_the_gate(mesh: SquidMesh) -> Run:
    """Start a run of ``GATED`` and cancel it at its gate, with nothing undone."""
    run = mesh.start_run("t.gated")
    with mesh.worker():
        wait_for_status(mesh, run.id, "paused")
    return mesh.cancel_run(run.id)


def _decided(mesh: SquidMesh, run_id: Any) -> Run:
    """Let a run of ``GATED`` go through its gate, and to its end."""
    with mesh.worker():
        wait_for_status(mesh, run_id, "paused")
        mesh.unblock_run(run_id)
        return wait_for_status(mesh, run_id, "completed", "failed", "cancelled")


def _finish(mesh: SquidMesh, run_id: Any) -> Run:
    with mesh.worker():
        return wait_for_status(mesh, run_id, "completed", "failed", "cancelled")


def test_a_replay_is_a_new_run_of_the_same_payload(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """The new run takes the stored payload, moments included, is linked, and both histories say so."""
    mesh = make_mesh(CHAIN)
    told: list[str] = []
    mesh.on("run.created", lambda event: told.append(event["run_id"]))
    old = _run(mesh, "t.chain", {"order": 7})
    new = mesh.replay_run(old.id, actor="ada")
    assert new.id != old.id
    assert (new.replayed_from, new.payload, new.status) == (old.id, old.payload, "pending")
    assert told == [str(old.id), str(new.id)]
    (event,) = mesh.inspect_run(old.id, include_history=True).audit_events or ()
    assert (event.type, event.actor) == ("replayed", "ada")
    assert event.metadata is not None
    assert event.metadata["run_id"] == str(new.id)
    done = _finish(mesh, new.id)
    assert done.status == "completed"
    assert steps.calls == ["a", "b", "c", "d"] * 2
    assert_at_rest(done)


def test_a_replay_has_no_key_of_its_own(make_mesh: Callable[..., SquidMesh]) -> None:
    """The idempotency key stays with the first run: a start with it still gives that one."""
    mesh = make_mesh(CHAIN)
    old = _finish(mesh, mesh.start_run("t.chain", {"order": 1}, idempotency_key="k").id)
    assert mesh.replay_run(old.id).idempotency_key is None
    assert mesh.start_run("t.chain", {"order": 1}, idempotency_key="k").id == old.id


def test_a_replay_from_the_failed_step_carries_what_completed(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """Completed steps keep their outputs and do not run; the failed one runs, sees them, and the run goes on."""
    mesh = make_mesh(CHAIN)
    steps.failing = {"c"}
    old = _run(mesh, "t.chain", {"order": 7})
    assert old.status == "failed"
    steps.failing, steps.calls = set(), []
    new = mesh.replay_run(old.id, from_step="failed")
    assert (new.current_step, new.status) == ("c", "pending")
    done = _finish(mesh, new.id)
    assert done.status == "completed"
    assert steps.calls == ["c", "d"]
    expected = {"a_ran": str(old.id), "from_b": {"b_ran": str(old.id)}}
    assert steps.contexts["c"].context == dict(old.payload) | expected
    assert steps.contexts["d"].context == dict(old.payload) | expected | {"c_ran": str(new.id)}
    assert {name: step_run(done, name).attempt for name in "abcd"} == {"a": 0, "b": 0, "c": 1, "d": 1}
    assert [item.step for item in done.step_runs or ()] == ["a", "b", "c", "d"]
    assert step_run(done, "b").input == step_run(old, "b").input
    assert done.last_error is None
    assert_at_rest(done)


def test_a_replay_of_a_replay_carries_on(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """What was carried over once may be carried over again."""
    mesh = make_mesh(CHAIN)
    steps.failing = {"c"}
    first = _run(mesh, "t.chain", {"order": 7})
    second = _finish(mesh, mesh.replay_run(first.id, from_step="c").id)
    assert second.status == "failed"
    steps.failing, steps.calls = set(), []
    third = _finish(mesh, mesh.replay_run(second.id, from_step="failed").id)
    assert (third.status, steps.calls) == ("completed", ["c", "d"])
    assert third.context["a_ran"] == str(first.id)


def test_a_handler_sees_the_failure_that_led_to_it(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Begun at an ``error`` route's step, the run knows the failure of before, not the one that came later."""
    mesh = make_mesh(ROUTES)
    steps.failing = {"a", "handle"}
    old = _run(mesh, "t.routes")
    steps.failing = set()
    assert old.status == "completed"
    new = _finish(mesh, mesh.replay_run(old.id, from_step="handle").id)
    assert [item.step for item in new.step_runs or ()] == ["a", "handle", "tell"]
    assert step_run(new, "a").status == "failed"
    failure = steps.contexts["handle"].failure
    assert failure is not None
    assert (failure["step"], failure["code"], failure["attempts"]) == ("a", "told_to", 1)


def test_joins_count_what_is_carried(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A parallel branch that completed is not repeated, a skipped one stays skipped, and the join runs once."""
    mesh = make_mesh(FORK)
    steps.failing = {"right"}
    old = _run(mesh, "t.fork")
    assert old.status == "failed"
    steps.failing, steps.calls = set(), []
    done = _finish(mesh, mesh.replay_run(old.id, from_step="failed").id)
    assert done.status == "completed"
    assert steps.calls == ["right", "join", "end"]
    assert step_run(done, "never").status == "skipped"
    context = steps.contexts["join"].context
    assert (context["left_ran"], context["after_left_ran"]) == (str(old.id), str(old.id))
    assert context["right_ran"] == str(done.id)
    assert_at_rest(done)


def test_a_join_itself_may_be_begun_at(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """All that the join waits for is carried over; it and what follows run."""
    mesh = make_mesh(FORK)
    steps.failing = {"join"}
    old = _run(mesh, "t.fork")
    steps.failing, steps.calls = set(), []
    done = _finish(mesh, mesh.replay_run(old.id, from_step="join").id)
    assert (done.status, steps.calls) == ("completed", ["join", "end"])
    steps.calls = []
    done = _finish(mesh, mesh.replay_run(old.id, from_step="left").id)
    assert (done.status, sorted(steps.calls)) == ("completed", ["after_left", "end", "join", "left"])


def test_a_join_of_skipped_steps_stays_skipped(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A step whose dependencies were all skipped and carried over is skipped in the replay too."""
    mesh = make_mesh(
        """
        workflow: t.skips
        triggers: {go: {manual: {}}}
        steps:
          never: {uses: t.ok, when: "false"}
          fails: {uses: t.ok}
          idle: {uses: t.ok, after: [never]}
        """
    )
    steps.failing = {"fails"}
    old = _run(mesh, "t.skips")
    steps.failing, steps.calls = set(), []
    done = _finish(mesh, mesh.replay_run(old.id, from_step="failed").id)
    assert (done.status, steps.calls) == ("completed", ["fails"])
    assert step_run(done, "idle").status == "skipped"


def test_what_was_carried_is_undone_when_the_replay_fails(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A step that completed in a run that did not is compensated by the second, with its first input and output."""
    mesh = make_mesh(GATED)
    old = _cancelled_at_the_gate(mesh)
    steps.failing = {"c"}
    done = _decided(mesh, mesh.replay_run(old.id, from_step="gate").id)
    assert done.status == "failed"
    (undone,) = steps.undone
    assert (undone["name"], undone["input"], undone["output"]) == (
        "b",
        {"a_ran": str(old.id)},
        {"b_ran": str(old.id)},
    )
    with pytest.raises(InvalidTransition, match="was undone"):
        mesh.replay_run(old.id, from_step="gate")


def test_a_step_that_was_undone_is_not_carried(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """After a failure that undid a step, beginning behind it is refused, and beginning at it works."""
    mesh = make_mesh(UNDOING)
    steps.failing = {"c"}
    old = _run(mesh, "t.undoing")
    with pytest.raises(InvalidTransition, match="'b' before it was undone; begin there"):
        mesh.replay_run(old.id, from_step="failed")
    steps.failing, steps.calls = set(), []
    assert _finish(mesh, mesh.replay_run(old.id, from_step="b").id).status == "completed"
    assert steps.calls == ["b", "c"]


def test_what_cannot_be_undone_is_not_repeated(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A completed step that is not compensatable stops the replay, which offers the step to begin at."""
    mesh = make_mesh(FINAL)
    steps.failing = {"c"}
    old = _run(mesh, "t.final")
    with pytest.raises(UnsafeReplay) as caught:
        mesh.replay_run(old.id)
    assert (list(caught.value.steps), caught.value.from_step) == (["pay"], "c")
    explained = mesh.explain_run(old.id)
    assert "replay_run" not in explained.next_actions
    assert (explained.details["replay_would_repeat"], explained.details["replay_from"]) == (["pay"], "c")
    assert mesh.inspect_run(old.id, include_history=True).audit_events == ()
    with pytest.raises(UnsafeReplay):
        mesh.replay_run(old.id, from_step="pay", definition="original")
    steps.failing, steps.calls = set(), []
    assert _finish(mesh, mesh.replay_run(old.id, from_step="c").id).status == "completed"
    assert _finish(mesh, mesh.replay_run(old.id, allow_irreversible=True).id).status == "completed"
    assert steps.calls == ["c", "a", "pay", "c"]


@pytest.mark.parametrize("value", [1, "yes", "false", None])
def test_only_true_allows_what_cannot_be_undone(make_mesh: Callable[..., SquidMesh], value: Any) -> None:
    """A value that is merely truthy may be a mistake: it is refused as a wrong value, whatever the run."""
    mesh = make_mesh(FINAL)
    with pytest.raises(ValueError, match="must be True or False"):
        mesh.replay_run(new_id(), allow_irreversible=value)


def test_the_newest_definition_is_taken_unless_the_original_is_wanted(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """An edited file changes a replay, ``definition="original"`` does not, nor does it ``from_step``."""
    old = _run(make_mesh(CHAIN), "t.chain", {"order": 1})
    mesh = make_mesh(
        CHAIN.replace("c: {uses: t.ok, next: d}", "c: {uses: t.ok, next: e}\n      e: {uses: t.ok, next: d}")
    )
    steps.calls = []
    latest = _finish(mesh, mesh.replay_run(old.id).id)
    assert steps.calls == ["a", "b", "c", "e", "d"]
    assert latest.definition != old.definition
    steps.calls = []
    assert _finish(mesh, mesh.replay_run(old.id, definition="original").id).definition == old.definition
    assert _finish(mesh, mesh.replay_run(old.id, from_step="d").id).definition == old.definition
    assert steps.calls == ["a", "b", "c", "d", "d"]
    with pytest.raises(ValueError, match="must be 'latest' or 'original'"):
        mesh.replay_run(old.id, definition="newest")


def test_without_the_file_the_newest_known_definition_is_taken(make_mesh: Callable[..., SquidMesh]) -> None:
    """A process that has not loaded the workflow replays on the one that the database saw last."""
    mesh = make_mesh(CHAIN)
    old = _run(mesh, "t.chain", {"order": 1})
    newer = make_mesh(CHAIN.replace("steps:", "version: '2'\n    steps:"))
    newer.start_run("t.chain", {"order": 2})
    assert make_mesh(FORK).replay_run(old.id).version == "2"


def test_a_newer_definition_must_take_the_payload(make_mesh: Callable[..., SquidMesh]) -> None:
    """A contract that the stored payload breaks, or a trigger that is gone, is an error and starts nothing."""
    old = _run(make_mesh(CHAIN), "t.chain", {"order": 1})
    with pytest.raises(InvalidPayload):
        make_mesh(CHAIN.replace("order: {type: integer}", "order: {type: string}")).replay_run(old.id)
    with pytest.raises(TriggerNotFound):
        make_mesh(CHAIN.replace("{go: {manual", "{went: {manual")).replay_run(old.id)
    assert len(make_mesh(CHAIN).list_runs()) == 1


def test_what_cannot_be_replayed_says_why(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A run under way, an unknown step, one never reached, and no failed step each have their message."""
    mesh = make_mesh(CHAIN)
    run = mesh.start_run("t.chain", {"order": 1})
    with pytest.raises(InvalidTransition, match="pending cannot become replayed: it has not ended"):
        mesh.replay_run(run.id)
    with pytest.raises(RunNotFound):
        mesh.replay_run(new_id())
    steps.failing = {"b"}
    _finish(mesh, run.id)
    for name, said in (("bee", "no such step"), ("d", "never came to it")):
        with pytest.raises(InvalidTransition, match=said):
            mesh.replay_run(run.id, from_step=name)
    other = mesh.start_run("t.chain", {"order": 1})
    mesh.cancel_run(other.id)
    with pytest.raises(InvalidTransition, match="no step of it failed"):
        mesh.replay_run(other.id, from_step="failed")
    assert len(mesh.list_runs()) == 2


def test_a_replay_has_a_deadline_of_its_own(
    make_mesh: Callable[..., SquidMesh], sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """The workflow's timeout counts from the start of the replay."""
    mesh = make_mesh(CHAIN.replace("    steps:", "    timeout: 1h\n    steps:"))
    old = _run(mesh, "t.chain", {"order": 1})
    new = mesh.replay_run(old.id, from_step="d")
    assert sql("SELECT deadline_at - created_at = interval '1h' FROM squidmesh.runs WHERE id = %s", new.id) == [(True,)]


def test_a_replayed_tick_is_for_the_same_moment(
    make_mesh: Callable[..., SquidMesh], sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """A scheduled run's replay knows its schedule, and is not taken for a second run of that tick."""
    mesh = make_mesh(CHAIN)
    old = _run(mesh, "t.chain", {"order": 1})
    tick = '{"signal_id": "s", "scheduled_for": "2026-01-01T00:00:00+00:00"}'
    sql("UPDATE squidmesh.runs SET schedule = %s, scheduled_for = now() WHERE id = %s", tick, old.id)
    new = mesh.replay_run(old.id)
    assert new.schedule is not None
    assert new.schedule["signal_id"] == "s"
    newer = make_mesh(CHAIN.replace("payload: {", "payload: {day: {type: string, default: {today: iso8601}}, "))
    assert newer.replay_run(old.id).payload["day"] == "2026-01-01"
