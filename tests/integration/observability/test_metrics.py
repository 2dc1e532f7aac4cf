"""Prometheus metrics, scraped over HTTP from a mesh that works, and read by the client's own parser."""

from __future__ import annotations

import socket
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from squidmesh.errors import ConfigurationError
from squidmesh.observability import gauges
from squidmesh.observability.metrics import MetricsServer
from tests.integration.bench import connect, set_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh import SquidMesh

Scrape = "Callable[[], dict[tuple[str, frozenset[tuple[str, str]]], float]]"


@pytest.fixture
def scrape(mesh: SquidMesh) -> Iterator[Callable[[], dict[Any, float]]]:
    """Scrape the metrics of the mesh: samples by name and labels."""
    server = MetricsServer(mesh, 0, address="127.0.0.1")

    def scrape() -> dict[Any, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}

    yield scrape
    server.close()


def test_what_a_worker_did_is_counted(
    mesh: SquidMesh, scrape: Callable[[], dict[Any, float]], work: Callable[[SquidMesh], None]
):
    """Runs by status, attempts by outcome, durations; compensations apart."""
    mesh.start_run("shop.pay")
    mesh.start_run("shop.fail")
    work(mesh)
    found = scrape()
    assert found["squidmesh_runs_finished_total", "completed", "shop.pay"] == 1
    assert found["squidmesh_runs_finished_total", "failed", "shop.fail"] == 1
    attempts = {key[1:]: value for key, value in found.items() if key[0] == "squidmesh_step_attempts_total"}
    assert attempts == {
        ("charge", "retry_scheduled", "shop.pay"): 1,
        ("charge", "completed", "shop.pay"): 1,
        ("completed", "shop.pay", "tell"): 1,
        ("completed", "reserve", "shop.fail"): 1,
        ("compensation_completed", "reserve", "shop.fail"): 1,
        ("failed", "refuse", "shop.fail"): 1,
    }
    assert found["squidmesh_step_duration_seconds_count", "charge", "shop.pay"] == 2
    assert found["squidmesh_claims_lost_total",] == 0


def test_what_stands_in_the_database_is_shown(
    mesh: SquidMesh,
    database_url: str,
    scrape: Callable[[], dict[Any, float]],
    work: Callable[[SquidMesh], None],
):
    """Due and running steps by queue, paused runs by workflow, and for how long, by the database's clock."""
    mesh.start_runs("shop.ask", [{}, {}])
    mesh.start_run("shop.later")
    work(mesh)
    with connect(database_url) as connection:
        set_clock(connection, 3600)
    found = scrape()
    assert found["squidmesh_due_steps", "nobody"] == 1
    assert found["squidmesh_due_steps", "default"] == 0
    assert found["squidmesh_running_steps", "default"] == 0
    assert 3600 <= found["squidmesh_oldest_due_seconds", "nobody"] < 3700
    assert found["squidmesh_paused_runs", "shop.ask"] == 2
    assert 3600 <= found["squidmesh_oldest_paused_seconds", "shop.ask"] < 3700
    assert found["squidmesh_database_up",] == 1


def test_scrapes_do_not_load_the_database(
    mesh: SquidMesh, scrape: Callable[[], dict[Any, float]], monkeypatch: pytest.MonkeyPatch
):
    """However often it is scraped, the database is asked once while what it said is kept."""
    asked: list[int] = []
    read = mesh.database.snapshot
    monkeypatch.setattr(mesh.database, "snapshot", lambda: asked.append(1) or read())
    for _ in range(5):
        assert scrape()["squidmesh_database_up",] == 1
    assert asked == [1]
    monkeypatch.setattr(gauges, "KEPT_FOR", 0.0)
    scrape()
    assert asked == [1, 1]


def test_a_database_that_is_down_leaves_its_gauges_out(
    make: Callable[..., SquidMesh], scrape: Callable[[], dict[Any, float]], mesh: SquidMesh
):
    """The scrape succeeds, says so, and shows no stale numbers."""
    with connect(str(mesh.database._target)) as connection:
        connection.execute("ALTER SCHEMA squidmesh RENAME TO away")
        found = scrape()
        connection.execute("ALTER SCHEMA away RENAME TO squidmesh")
    assert found["squidmesh_database_up",] == 0
    assert not [key for key in found if key[0] == "squidmesh_due_steps"]


def test_no_run_id_is_a_label(
    mesh: SquidMesh, scrape: Callable[[], dict[Any, float]], work: Callable[[SquidMesh], None]
):
    """The number of time series does not grow with the number of runs."""
    ids = mesh.start_runs("shop.pay", [{}] * 3)
    work(mesh)
    labels = {value for key in scrape() for value in key[1:]}
    assert labels.isdisjoint(str(id_) for id_ in ids)


def test_a_port_that_is_taken_is_said(mesh: SquidMesh):
    """One clear message, naming the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot be served on port {port}: Address already in use"):
            MetricsServer(mesh, port, address="127.0.0.1")
