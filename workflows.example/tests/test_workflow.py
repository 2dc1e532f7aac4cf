"""The workflow as a whole: driven by the test, posting to a real HTTP server."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Watched

    from squidmesh.model.run import Run
    from squidmesh.testing import DrivenMesh

PROJECT = Path(__file__).parents[1]
FEED = str(PROJECT / "sample" / "releases.xml")


def finish(mesh: DrivenMesh) -> Run:
    """Start the digest, work it until it ends and return it with its history."""
    run = mesh.start_run("content.post_daily_digest", {"feed_url": FEED})
    mesh.drain(through="1h")
    return mesh.inspect_run(run.id, include_history=True)


def test_the_digest_is_posted_every_weekday(mesh: DrivenMesh, server: Watched, configure: Callable[..., Path]) -> None:
    """In a week it is posted five times, at nine."""
    folder = configure(digest_channel=f"{server.url}/webhooks/1")
    shutil.copytree(PROJECT / "sample", folder / "sample")
    mesh.drain(through="7d")
    assert len(server.received) == 5
    days = {run.payload["posted_on"] for run in mesh.list_runs(workflow="content.post_daily_digest")}
    assert {date.fromisoformat(day).isoweekday() for day in days} == {1, 2, 3, 4, 5}


def test_a_busy_channel_is_tried_again(mesh: DrivenMesh, server: Watched, configure: Callable[..., Path]) -> None:
    """An answer of 503 is tried five times, with longer and longer pauses; then the error route is taken."""
    configure(digest_channel=f"{server.url}/webhooks/1")
    server.status = 503
    run = finish(mesh)
    assert (run.status, len(server.received)) == ("completed", 5)


def test_the_digest_arrives(mesh: DrivenMesh, server: Watched, configure: Callable[..., Path]) -> None:
    """The feed's newest entries are posted once, and the delivery is recorded."""
    folder = configure(digest_channel=f"{server.url}/webhooks/1")
    run = finish(mesh)
    assert run.status == "completed"
    ((method, path, headers, message),) = server.received
    assert (method, path.split("?")[0]) == ("POST", "/webhooks/1")
    assert headers["Idempotency-Key"]
    assert run.context["digest"]["title"] in json.dumps(message)
    (line,) = (folder / "log" / "deliveries.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["status"] == "delivered"


def test_a_refusal_takes_the_error_route(mesh: DrivenMesh, server: Watched, configure: Callable[..., Path]) -> None:
    """A webhook that is gone is not tried again; the failure and its reason are recorded, and the run completes."""
    folder = configure(digest_channel=f"{server.url}/webhooks/1")
    server.status = 404
    run = finish(mesh)
    assert run.status == "completed"
    assert len(server.received) == 1
    (line,) = (folder / "log" / "deliveries.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["status"] == "failed"
    assert "404" in line


def test_a_failure_after_the_post_takes_the_message_back(
    mesh: DrivenMesh, server: Watched, configure: Callable[..., Path]
) -> None:
    """When the delivery cannot be recorded the run fails, and its compensation deletes the posted message."""
    folder = configure(digest_channel=f"{server.url}/webhooks/1")
    (folder / "log").write_text("a file where a folder is needed", encoding="utf-8")
    run = finish(mesh)
    assert run.status == "failed"
    assert [(method, path.split("?")[0]) for method, path, _, _ in server.received] == [
        ("POST", "/webhooks/1"),
        ("DELETE", "/webhooks/1/messages/9001"),
    ]
    (posted,) = [step for step in run.steps or () if step.step == "post_to_discord"]
    assert posted.recovery["compensation"]["status"] == "completed"
