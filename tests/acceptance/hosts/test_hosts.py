"""The host applications of the documentation: served, worked for and stopped as they would be in earnest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from tests.acceptance.hosts.launch import HOSTS, Launched, Shop, eventually, shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def database(empty_database_url: str) -> str:
    """An empty database: the hosts make its tables."""
    return make_url(empty_database_url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def opened(database: str, tmp_path: Path) -> Iterator[Callable[[str], Shop]]:
    """Open a shop by name; it is closed after the test."""
    shops = []

    def open_shop(name: str) -> Shop:
        manager = shop(name, database, tmp_path)
        shops.append(manager)
        return manager.__enter__()

    yield open_shop
    for manager in shops:
        manager.__exit__(None, None, None)


@pytest.mark.parametrize("name", HOSTS)
def test_an_order_is_placed_approved_and_shipped(name: str, opened: Callable[[str], Shop]) -> None:
    """The order and its run commit together or not at all; HTTP approves; a second process does the work."""
    host = opened(name)
    server = host.serve()
    order = host.place(quantity=2)
    assert host.client.post("/orders", json={"quantity": 13}).status_code == 409
    assert host.ask("SELECT id FROM orders") == [(order,)]
    assert host.ask("SELECT payload ->> 'order_id' FROM squidmesh.runs") == [(str(order),)]
    assert host.show(order)["run"] == "pending"

    worker = host.work()
    host.wait_for(order, reason="paused_for_approval")
    assert host.client.post(f"/orders/{order}/approve", json={"actor": "grace"}).status_code == 200
    assert host.wait_for(order, run="completed", status="shipped") == {
        "status": "shipped",
        "changes": 1,
        "run": "completed",
        "reason": "completed",
    }
    again = host.client.post(f"/orders/{order}/approve", json={"actor": "ada"})
    assert again.status_code == 409
    assert host.client.post("/orders/999/approve", json={"actor": "ada"}).status_code == 404

    slow = host.place(needs_approval=False, seconds=1.5)
    eventually(lambda: host.ask("SELECT 1 FROM squidmesh.step_runs WHERE step = 'pack_order' AND status = 'running'"))
    assert worker.stop() == 0, worker.log.read_text()
    assert host.ask("SELECT status FROM squidmesh.attempts ORDER BY finished_at DESC LIMIT 1") == [("completed",)]
    host.work()
    host.wait_for(slow, run="completed", status="shipped")
    assert host.ask("SELECT max(attempt) FROM squidmesh.step_runs") == [(1,)]
    assert server.stop() in (0, -15), server.log.read_text()
    assert "Traceback" not in server.log.read_text() + worker.log.read_text()


def test_a_worker_inside_the_application_ends_with_it(opened: Callable[[str], Shop]) -> None:
    """In the lifespan of the application a worker works beside the requests, and a stop lets its step end."""
    host = opened("fastapi")
    server = host.serve(SHOP_WORKER="inside")
    order = host.place(needs_approval=False)
    host.wait_for(order, run="completed", status="shipped")
    host.place(needs_approval=False, seconds=1.5)
    eventually(lambda: host.ask("SELECT 1 FROM squidmesh.step_runs WHERE step = 'pack_order' AND status = 'running'"))
    assert server.stop() in (0, -15), server.log.read_text()
    assert host.workers() == 0
    assert host.ask("SELECT count(*) FROM squidmesh.step_runs WHERE status = 'running'") == [(0,)]
    assert host.ask("SELECT status, attempt FROM squidmesh.step_runs WHERE step = 'pack_order'") == [
        ("completed", 1),
        ("completed", 1),
    ]


def test_a_script_works_off_what_it_started(database: str, tmp_path: Path) -> None:
    """A plain script starts a run with its own row and works until nothing is due."""
    script = Launched(["script"], database, tmp_path / "log")
    assert script.ended() == 0, script.log.read_text()
    assert script.log.read_text() == "order 1: completed\n"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT status, changes FROM orders").fetchall() == [("shipped", 1)]


def test_a_scheduler_of_the_hosts_own_fires_each_minute_once(database: str, tmp_path: Path) -> None:
    """A job that runs every second fires the trigger once a minute, whoever else fires it, and the run is worked."""
    assert Launched(["script"], database, tmp_path / "script.log").ended() == 0
    hosts = [Launched(["scheduled"], database, tmp_path / f"{number}.log", SHOP_SECONDS="*") for number in range(2)]
    query = "SELECT status, schedule ->> 'scheduled_for' FROM squidmesh.runs WHERE workflow = 'shop.count_orders'"
    with psycopg.connect(database, autocommit=True) as connection:
        eventually(lambda: ("completed",) in [row[:1] for row in connection.execute(query).fetchall()])
        minutes = [minute for _, minute in connection.execute(query).fetchall()]
    assert len(minutes) == len(set(minutes))
    assert [host.stop() for host in hosts] == [0, 0], [host.log.read_text() for host in hosts]
