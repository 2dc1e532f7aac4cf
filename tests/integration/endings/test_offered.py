"""What is offered about a run that has ended: only replays that are accepted, by whoever takes them at their word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squidmesh.cli.next_commands import next_commands
from squidmesh.cli.session import Place
from squidmesh.errors import InvalidPayload, InvalidTransition, TriggerNotFound, UnsafeReplay
from tests.integration.endings.conftest import Steps, wait_for_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from squidmesh import SquidMesh

# It cannot be repeated from before the payment, and what a replay carries over it may have to undo.
PAID = """
    workflow: t.paid
    triggers: {go: {manual: {}, payload: {order: {type: integer}}}}
    steps:
      book: {uses: t.ok, compensate: t.undo, next: pay}
      pay: {uses: t.ok, compensatable: false, next: gate}
      gate: {pause: {}, next: complete}
"""
OTHER = "workflow: t.other\ntriggers: {go: {manual: {}}}\nsteps: {only: {uses: t.ok, next: complete}}\n"
BOOKED = PAID.replace(", compensatable: false", "")


def cancelled_at_the_gate(mesh: SquidMesh, run_id: UUID) -> UUID:
    """Work a run to its gate, and cancel it with nothing undone."""
    with mesh.worker():
        wait_for_status(mesh, run_id, "paused")
    return mesh.cancel_run(run_id).id


def offered(mesh: SquidMesh, run_id: UUID) -> list[str]:
    """Return the commands that are offered for a run, without its id."""
    commands = next_commands(run_id, mesh.explain_run(run_id), Place())
    return [item.command.replace(f" {run_id}", "") for item in commands]


def test_no_replay_is_offered_that_an_open_one_keeps_from_beginning(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """Its explanation names the open replay instead, and so does the refusal; once that has ended, it is offered."""
    mesh = make_mesh(PAID)
    old = cancelled_at_the_gate(mesh, mesh.start_run("t.paid", {"order": 1}).id)
    assert mesh.explain_run(old).details["replay_from"] == "gate"
    assert offered(mesh, old) == ["squidmesh replay --from gate"]
    open_one = mesh.replay_run(old, from_step="gate").id

    explained = mesh.explain_run(old)
    assert (explained.next_actions, explained.details["replay_waits_for"]) == ((), [str(open_one)])
    assert "replay_from" not in explained.details
    assert offered(mesh, old) == []
    with pytest.raises(UnsafeReplay) as refused:
        mesh.replay_run(old)
    assert refused.value.from_step is None
    with pytest.raises(InvalidTransition, match=f"run {open_one} has carried over step 'book'"):
        mesh.replay_run(old, from_step="gate")

    mesh.cancel_run(open_one)
    step = mesh.explain_run(old).details["replay_from"]
    assert mesh.replay_run(old, from_step=step).status == "pending"


@pytest.mark.parametrize(
    ("newer", "error", "said"),
    [
        (PAID, UnsafeReplay, "only the newest definition says that steps cannot be undone"),
        (BOOKED.replace("{type: integer}", "{type: string}"), InvalidPayload, "order: expected string, found integer"),
        (BOOKED.replace("{go:", "{went:"), TriggerNotFound, "has no trigger 'go'"),
    ],
    ids=["unsafe", "payload", "trigger"],
)
@pytest.mark.parametrize("loaded", [True, False])
def test_a_newest_definition_that_refuses_is_not_offered(
    make_mesh: Callable[..., SquidMesh], steps: Steps, newer: str, error: type[Exception], said: str, loaded: bool
) -> None:
    """A replay on the original is, with the reason; whether the newest one is loaded here or known to the database."""
    first = make_mesh(BOOKED)
    old = cancelled_at_the_gate(first, first.start_run("t.paid", {"order": 1}).id)
    assert first.explain_run(old).next_actions == ("replay_run",)
    newest = make_mesh(newer)
    if not loaded:
        name = next(iter(newest.workflows["t.paid"].triggers))
        newest.start_run("t.paid", {"order": "1" if error is InvalidPayload else 1}, trigger=name)
        newest = make_mesh(OTHER)
    assert ("t.paid" in newest.workflows) == loaded

    explained = newest.explain_run(old)
    assert explained.next_actions == ()
    assert said in explained.details["replay_original"]
    assert offered(newest, old) == ["squidmesh replay --original"]
    with pytest.raises(error):
        newest.replay_run(old)
    assert newest.replay_run(old, definition="original").status == "pending"
