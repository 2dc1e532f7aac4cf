"""The hand-out of claimed steps: how many threads wait, and what becomes of what nobody took."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import pytest

from squidmesh.worker.handout import Handout

if TYPE_CHECKING:
    from squidmesh.worker.ticket import Ticket


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


def some_ticket() -> Ticket:
    """Return a ticket that nobody looks into."""
    return cast("Ticket", object())


def test_a_thread_that_handed_an_end_in_is_kept_for_what_follows_it() -> None:
    """While an end is recorded a thread is not free for more, whichever thread that is."""
    handout = Handout(on_idle=lambda: None)
    threads = waiting(handout, 2)
    handout.reserve()
    assert handout.free == 1
    assert handout.give_back(some_ticket())
    assert handout.free == 1
    handout.close()
    for thread in threads:
        thread.join(20)
    handout.reserve()
    assert not handout.give_back(some_ticket())
    assert handout.free == 0


def test_threads_call_one_another_while_there_is_more() -> None:
    """One thread is called for many items; whoever comes calls the next, so that all are taken side by side."""
    handout = Handout(on_idle=lambda: None)
    everyone = threading.Barrier(4, timeout=20)
    taken = []

    def work() -> None:
        taken.append(handout.take(20))
        everyone.wait()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while handout.free < 3:
        time.sleep(0.001)
    ids = [uuid4() for _ in threads]
    handout.offer(ids)
    everyone.wait()  # nobody of them comes back for a second one
    assert sorted(taken, key=str) == sorted(ids, key=str)


def test_one_thread_alone_takes_what_the_others_are_not_called_for() -> None:
    """A thread that is at it takes one item after the other, and leaves the others asleep."""
    handout = Handout(on_idle=lambda: None)
    ids = [uuid4() for _ in range(3)]
    handout.offer(ids)
    assert [handout.take(0) for _ in range(4)] == [*ids, None]
    assert handout.free == 0


def test_nothing_is_lost_between_giving_up_and_being_called() -> None:
    """Threads that wait for a moment only, again and again, take all that is offered, and each item once."""
    handout = Handout(on_idle=lambda: None)
    ids = [uuid4() for _ in range(500)]
    taken: list[object] = []
    offered = threading.Event()

    def work() -> None:
        while not offered.is_set() or len(taken) < len(ids):
            if (item := handout.take(0.0001)) is not None:
                taken.append(item)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for id_ in ids:
        handout.offer([id_])
        time.sleep(0.0001)
    offered.set()
    for thread in threads:
        thread.join(20)
    assert sorted(map(str, taken)) == sorted(map(str, ids))
    assert handout.free == 0


def test_a_thread_that_is_torn_away_leaves_nobody_asleep() -> None:
    """What breaks into a waiting thread (a time-out of gevent, say) takes it out of the count; others are called."""

    class TornAwayError(BaseException):
        pass

    def tear() -> None:
        handout._on_idle = lambda: None
        handout.offer([given])  # it is the one that is called
        raise TornAwayError

    given = uuid4()
    handout = Handout(on_idle=tear)
    with pytest.raises(TornAwayError):
        handout.take(20)
    assert (handout.free, handout._called, handout.ready) == (0, 0, 1)
    assert handout.take(0) == given
    (thread,) = waiting(handout, 1)
    handout.offer([given])
    thread.join(20)
    assert not thread.is_alive()
