"""Definitions that a worker cannot read: of a later release, or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Desk

DAMAGE = "UPDATE squidmesh.definitions SET document = '{}' WHERE workflow = 'acc.straight'"
REPAIR = "UPDATE squidmesh.definitions SET document = %s::json WHERE workflow = 'acc.straight'"


def test_only_the_run_that_cannot_be_read_waits(
    mesh: SquidMesh, database_url: str, desk: Desk, project: Path, until: Callable[..., Any]
) -> None:
    """What was claimed beside it is executed at once; it is given back, no attempt burnt, for whoever can read it."""
    strange = mesh.start_run("acc.straight")
    others = mesh.start_runs("acc.mail", [{}] * 3)
    document = desk.one("SELECT document::text FROM squidmesh.definitions WHERE workflow = 'acc.straight'")
    desk.ask(DAMAGE + " RETURNING 1")
    options: dict[str, Any] = {"folder": project, "poll_interval": "100ms"}
    step = "SELECT status, attempt, losses, claim_token FROM squidmesh.step_runs WHERE run_id = %s"
    with (
        SquidMesh(database_url, workflows=[], lease="10m", sweep_interval="10m", **options) as old,
        old.worker(queues=["default", "mail"], concurrency=4),
    ):
        until(lambda: {mesh.inspect_run(id_).status for id_ in others} == {"completed"})
        until(lambda: desk.ask(step, strange.id) == [("pending", 0, 0, None)])
    assert desk.one("SELECT count(*) FROM squidmesh.step_runs WHERE attempt > 1") == 0
    desk.ask(REPAIR + " RETURNING 1", document)
    mesh.wake_run(strange.id)
    with mesh.worker():
        until(lambda: mesh.inspect_run(strange.id).status == "completed")


def test_a_run_that_cannot_be_read_is_watched_to_its_end(
    mesh: SquidMesh, desk: Desk, squidmesh: Callable[..., Any]
) -> None:
    """``watch`` shows what it can of it: the run, without its steps."""
    run = mesh.start_run("acc.straight")
    mesh.cancel_run(run.id)
    desk.ask(DAMAGE + " RETURNING 1")
    watched = squidmesh("watch", str(run.id))
    assert (watched.returncode, watched.stderr) == (1, "")
    assert "cancelled" in watched.stdout
