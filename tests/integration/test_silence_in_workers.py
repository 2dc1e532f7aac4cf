"""Workers whose connections carry nothing any more, though nobody has closed them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import SquidMesh
from squidmesh.errors import DatabaseUnavailable
from squidmesh.worker import worker as worker_module
from tests.chaos.proxy import Proxy
from tests.integration.test_bounded import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 60.0


def until(holds: Callable[[], Any], what: str) -> None:
    """Wait for something to become true."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A proxy before the database."""
    with Proxy(database_url) as proxy:
        yield proxy


def test_a_silent_listen_connection_is_found_out(
    proxy: Proxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The listener asks once a lease whether anybody is there, and opens another connection when nobody answers."""
    (tmp_path / "straight.yaml").write_text(WORKFLOW)
    settings: dict[str, Any] = {"lease": "1s", "poll_interval": "10m", "sweep_interval": "10m"}
    with (
        caplog.at_level(logging.INFO, "squidmesh"),
        SquidMesh(proxy.url, workflows=tmp_path, steps={"test.pass": lambda: None}, **settings) as mesh,
        mesh.worker(scheduler=False),
    ):
        until(lambda: "listening for wake-ups" in caplog.text, "it listens")
        with proxy.black_hole():
            until(lambda: "not listening" in caplog.text, "it notices")


def test_what_cannot_be_given_back_is_tried_once(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that ends while the database is away does not wait for it step by step."""
    (tmp_path / "straight.yaml").write_text(WORKFLOW)
    tries, entered, leave = [], [], []

    def refuse(*_: object) -> None:
        tries.append(1)
        raise DatabaseUnavailable("away")

    def work() -> None:
        entered.append(1)
        until(lambda: leave, "it may leave")

    with SquidMesh(database_url, workflows=tmp_path, steps={"test.pass": work}) as mesh:
        mesh.start_runs("test.straight", [{}] * 4)
        worker = mesh.worker(concurrency=4)
        worker.start()
        until(lambda: len(entered) == 4, "all threads are at work")
        monkeypatch.setattr(worker_module, "release_claims", refuse)
        worker.stop(grace=0.1)
        leave.append(1)
    assert len(tries) == 1
