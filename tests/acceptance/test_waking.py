"""Waking up: LISTEN makes a start known at once, and everything works without it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh
from squidmesh.worker import listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.acceptance.conftest import Desk, Process


def test_a_start_elsewhere_is_seen_at_once(
    desk: Desk, mesh: SquidMesh, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """With LISTEN a worker takes a run that another process started long before its next poll."""
    process = worker(SQUIDMESH_POLL_INTERVAL="10m", SQUIDMESH_SWEEP_INTERVAL="10m")
    until(lambda: "listening for wake-ups" in process.wrote())
    mesh.start_run("acc.straight")
    until(lambda: desk.open_runs() == 0)


def test_rows_due_later_are_announced_with_their_delay(
    desk: Desk, mesh: SquidMesh, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """A retry and a wait come due without a poll, the second after the first, on a worker that is otherwise idle."""
    process = worker(SQUIDMESH_POLL_INTERVAL="10m", SQUIDMESH_SWEEP_INTERVAL="10m")
    until(lambda: "listening for wake-ups" in process.wrote())
    mesh.start_runs("acc.bumpy", [{}] * 5)
    until(lambda: desk.open_runs() == 0)


def test_without_listen_polling_finds_everything(
    mesh: SquidMesh,
    until: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Behind a pooler that accepts LISTEN and passes nothing on, runs are found by polling, and the log says so."""
    monkeypatch.setattr(listener, "listen", lambda database, connection: None)
    monkeypatch.setattr(listener, "_PROBE", 0.2)
    with caplog.at_level(logging.INFO, "squidmesh"), mesh.worker():
        until(lambda: "no wake-up arrives by LISTEN" in caplog.text)
        run = mesh.start_run("acc.bumpy")
        until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert "polling every 200ms" in caplog.text


def test_a_hint_that_arrives_during_a_turn_is_not_lost(
    database_url: str, desk: Desk, project: Path, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is announced while the database loop is busy leads to another look, without a poll."""
    with SquidMesh(database_url, folder=project, poll_interval="10m", sweep_interval="10m") as mesh:
        worker = mesh.worker(concurrency=2)
        turn = worker._recorder._turn
        exchange, paused, go_on = turn._exchange, threading.Event(), threading.Event()

        def slow_exchange(*arguments: Any) -> Any:
            answer = exchange(*arguments)
            if not paused.is_set():
                paused.set()
                go_on.wait(20)
            return answer

        monkeypatch.setattr(turn, "_exchange", slow_exchange)
        with worker:
            assert paused.wait(20)  # the first look has found nothing, and is not over
            run = mesh.start_run("acc.straight")
            until(lambda: worker._recorder._looks._hints)
            go_on.set()
            until(lambda: mesh.inspect_run(run.id).status == "completed")
