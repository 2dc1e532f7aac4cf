"""The hand-out of claimed steps: how many threads wait, and what becomes of what nobody took."""

from __future__ import annotations

import threading
from uuid import uuid4

from squidmesh.worker.handout import Handout


def waiting(handout: Handout, count: int) -> list[threading.Thread]:
    """Return threads that wait for a step each."""
    idle = threading.Semaphore(0)
    handout._on_idle = idle.release
    threads = [threading.Thread(target=handout.take, args=(20,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert idle.acquire(timeout=20)
    return threads


def test_free_counts_waiting_threads_without_a_step() -> None:
    """A step offered takes one of the waiting threads; more steps than threads leave none free."""
    handout = Handout(on_idle=lambda: None)
    assert handout.free == 0
    threads = waiting(handout, 2)
    assert handout.free == 2
    handout.offer([uuid4(), uuid4()])
    assert handout.free == 0
    for thread in threads:
        thread.join(20)


def test_closing_returns_what_nobody_took_and_frees_the_waiting() -> None:
    """After close() nobody waits, nothing is taken, and an offer is refused."""
    handout = Handout(on_idle=lambda: None)
    (thread,) = waiting(handout, 1)
    assert handout.close() == []
    thread.join(20)
    assert not thread.is_alive()

    handout = Handout(on_idle=lambda: None)
    id_ = uuid4()
    assert handout.offer([id_])
    assert handout.close() == [id_]
    assert not handout.offer([id_])
    assert handout.take(0) is None
