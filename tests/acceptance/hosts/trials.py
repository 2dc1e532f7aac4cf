"""Longer trials of the example host, each of which ends in an account of what the database says."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from squidmesh import SquidMesh
from squidmesh.errors import InvalidTransition, RunNotPaused
from tests.acceptance.hosts.fulfilment.steps import STEPS, WORKFLOWS
from tests.acceptance.hosts.launch import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.hosts.launch import Launched, Shop

_UNFINISHED = "SELECT count(*) FROM squidmesh.runs WHERE finished_at IS NULL"
_OPEN_STEPS = "SELECT count(*) FROM squidmesh.step_runs WHERE finished_at IS NULL"
# An order is changed by the step that completes with it, so each completed one must be there once, and no other.
_UNEVEN = """
SELECT o.id, o.changes, count(s.id) FROM orders o
LEFT JOIN squidmesh.runs r ON (r.payload ->> 'order_id')::int = o.id
LEFT JOIN squidmesh.step_runs s ON s.run_id = r.id AND s.step IN ('ship_order', 'call_off_order')
    AND s.status = 'completed'
GROUP BY o.id, o.changes HAVING o.changes <> count(s.id)
"""
_FAILED = """
SELECT 1 FROM squidmesh.attempts a JOIN squidmesh.step_runs s ON s.id = a.step_run_id
WHERE a.status = 'failed' AND s.run_id = %s
"""
_RUNNING = "SELECT 1 FROM squidmesh.step_runs WHERE step = 'pack_order' AND status = 'running' AND run_id = %s"


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def check_the_books(shop: Shop) -> None:
    """Wait until every run has ended, and see that nothing is left over and that each effect happened once."""
    eventually(lambda: shop.ask(_UNFINISHED) == [(0,)], lambda: f"{shop.ask(_UNFINISHED)} unfinished runs: an end")
    assert shop.ask(_OPEN_STEPS) == [(0,)], "a finished run has an unfinished step"
    assert shop.ask(_UNEVEN) == [], f"orders and completed steps differ: {shop.ask(_UNEVEN)}"


def smoke(shop: Shop) -> None:
    """Place an order over HTTP, approve it over HTTP, see it shipped by a second process."""
    shop.serve()
    shop.work()
    order = shop.place(quantity=2)
    shop.wait_for(order, reason="paused_for_approval")
    answer = shop.client.post(f"/orders/{order}/approve", json={"actor": "grace"})
    assert answer.status_code == 200, answer.text
    shop.wait_for(order, run="completed", status="shipped")
    check_the_books(shop)
    say("an order was placed, approved and shipped")


def resilience(shop: Shop) -> None:
    """Kill the worker, then ask the next to stop, while runs are queued, delayed, retrying, paused and running."""
    shop.serve()
    with _operator(shop) as mesh:
        worker = shop.work()
        for number in (signal.SIGKILL, signal.SIGTERM):
            worker = _restart_in_the_middle(shop, mesh, worker, number)
    lost = shop.ask("SELECT count(*) FROM squidmesh.attempts WHERE error ->> 'code' = 'worker_lost'")[0][0]
    assert lost >= 1, "the kill interrupted nothing"
    assert shop.ask("SELECT count(*) FROM squidmesh.runs WHERE status <> 'completed'") == [(0,)]
    check_the_books(shop)
    say(f"every run completed; {lost} attempts were lost with the killed worker and made again")


def _restart_in_the_middle(shop: Shop, mesh: SquidMesh, worker: Launched, number: int) -> Launched:
    paused = shop.place()
    delayed = mesh.start_run("shop.remind_customer", {"order_id": paused})
    retrying = shop.place(needs_approval=False, failures=2)
    running = shop.place(needs_approval=False, seconds=3.0)
    shop.wait_for(paused, reason="paused_for_approval")
    eventually(lambda: shop.ask(_RUNNING, _run_of(shop, running)))
    eventually(lambda: shop.ask(_FAILED, _run_of(shop, retrying)))
    states = [shop.show(order)["run"] for order in (paused, retrying, running)]
    worker.stop(number)
    say(f"signal {number} has ended the worker, with runs {', '.join(states)}, one delayed and one to come")
    queued = shop.place(needs_approval=False)
    assert shop.show(queued)["run"] == "pending"
    next_one = shop.work()
    answer = shop.client.post(f"/orders/{paused}/approve", json={"actor": "grace"})
    assert answer.status_code == 200, answer.text
    for order in (queued, retrying, running, paused):
        shop.wait_for(order, run="completed", status="shipped")
    eventually(lambda: mesh.inspect_run(delayed.id).status.terminal)
    return next_one


def _run_of(shop: Shop, order: int) -> UUID:
    return UUID(str(shop.ask("SELECT run_id FROM orders WHERE id = %s", order)[0][0]))


def soak(shop: Shop, seconds: float, seed: int = 1) -> None:
    """Place, approve, reject, cancel and replay orders for some time, restarting a worker now and then."""
    shop.serve()
    workers = [shop.work(), shop.work()]
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    until = time.monotonic() + seconds
    restart_at = time.monotonic() + seconds / 4
    with _operator(shop) as mesh:
        while time.monotonic() < until:
            done[_act(shop, mesh, chance)] += 1
            if time.monotonic() > restart_at:
                assert workers[0].stop() == 0, workers[0].log.read_text()
                workers = [workers[1], shop.work()]
                restart_at += seconds / 4
                done["restart"] += 1
        for run in _all(mesh, status=("paused",)):
            mesh.reject_run(run, actor="closing time")
        check_the_books(shop)
    statuses = dict(shop.ask("SELECT status, count(*) FROM squidmesh.runs GROUP BY status"))
    assert set(statuses) <= {"completed", "cancelled"}, statuses
    say(f"did {dict(done)}; runs ended {statuses}")


def _act(shop: Shop, mesh: SquidMesh, chance: random.Random) -> str:
    what = chance.choice(["success", "retry", "refused", "gate", "decide", "cancel", "replay"])
    match what:
        case "success":
            shop.place(needs_approval=False)
        case "retry":
            shop.place(needs_approval=False, failures=chance.randint(1, 3))
        case "refused":
            shop.place(quantity=2000)
        case "gate":
            shop.place(quantity=chance.randint(1, 12))
        case "decide":
            _decide(mesh, chance)
        case "cancel":
            _cancel(mesh, chance)
        case "replay":
            _replay(mesh, chance)
    return what


def _decide(mesh: SquidMesh, chance: random.Random) -> None:
    for run in _some(mesh, chance, status=("paused",)):
        decide = chance.choice([mesh.approve_run, mesh.reject_run])
        try:
            decide(run, actor="grace")
        except (RunNotPaused, InvalidTransition):
            say("somebody else has decided")


def _cancel(mesh: SquidMesh, chance: random.Random) -> None:
    for run in _some(mesh, chance, status=("pending", "running", "retrying", "paused")):
        with suppress(InvalidTransition):  # it has ended in between
            mesh.cancel_run(run, actor="grace", reason="the customer has called")


def _replay(mesh: SquidMesh, chance: random.Random) -> None:
    for run in _some(mesh, chance, status=("completed", "cancelled")):
        mesh.replay_run(run, actor="grace")


def _some(mesh: SquidMesh, chance: random.Random, *, status: tuple[str, ...]) -> list[Any]:
    found = _all(mesh, status=status)
    return [chance.choice(found)] if found else []


def _all(mesh: SquidMesh, *, status: tuple[str, ...]) -> list[Any]:
    return [run.id for run in mesh.list_runs(status=status, limit=500)]


@contextmanager
def _operator(shop: Shop) -> Iterator[SquidMesh]:
    with SquidMesh(shop.database, workflows=WORKFLOWS, steps=STEPS) as mesh:
        yield mesh
