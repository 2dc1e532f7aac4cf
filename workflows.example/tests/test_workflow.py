"""The workflow as a whole: run by a worker on a database of the test's own, posting to a real HTTP server."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from squidmesh import SquidMesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Watched

    from squidmesh.model.run import Run

PROJECT = Path(__file__).parents[1]
FEED = str(PROJECT / "sample" / "releases.xml")


@pytest.fixture(scope="module")
def mesh() -> Iterator[SquidMesh]:
    """Return a host of the example's workflows on a private PostgreSQL."""
    with (
        tempfile.TemporaryDirectory(prefix="squidmesh-example-", ignore_cleanup_errors=True) as folder,
        SquidMesh(f"embedded:{folder}/database", workflows=PROJECT / "workflows", folder=PROJECT) as mesh,
    ):
        mesh.migrate()
        yield mesh


def finish(mesh: SquidMesh) -> Run:
    """Start the digest, work it until it ends and return it with its history."""
    run = mesh.start_run("content.post_daily_digest", {"feed_url": FEED})
    with mesh.worker(concurrency=2):
        until = time.monotonic() + 30
        while not run.status.terminal and time.monotonic() < until:
            time.sleep(0.05)
            run = mesh.inspect_run(run.id)
    return mesh.inspect_run(run.id, include_history=True)


def test_the_digest_arrives(mesh: SquidMesh, server: Watched, configure: Callable[..., Path]) -> None:
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


def test_a_refusal_takes_the_error_route(mesh: SquidMesh, server: Watched, configure: Callable[..., Path]) -> None:
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
    mesh: SquidMesh, server: Watched, configure: Callable[..., Path]
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
