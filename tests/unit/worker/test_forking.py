"""Forked processes: their channel, their end, and that nothing of one keeps another alive."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from squidmesh.model import identity
from squidmesh.worker.forking import Word, fork, say
from squidmesh.worker.orders import Orders
from squidmesh.worker.vitals import Vitals

if TYPE_CHECKING:
    from squidmesh.worker.forking import Channel

_PATIENCE = 20.0


def obey(channel: Channel) -> int:
    """Say every order back until told to leave, or the parent is gone."""
    orders = Orders(channel)
    say(channel, Word.READY, os.getpid())
    while True:
        order = orders.next()
        assert order is not None
        if order[0] is Word.LEAVE or order == (Word.DRAIN, None):
            return 7
        say(channel, *order)


def test_words_go_both_ways_and_the_exit_code_is_kept() -> None:
    """What main returns is how the process ends; its parent's code goes on in the parent alone."""
    process = fork(obey)
    assert process.wait_for_word() == (Word.READY, process.pid)
    process.tell(Word.DRAIN, 1.5)
    assert process.wait_for_word() == (Word.DRAIN, 1.5)
    assert not process.ended()
    process.tell(Word.LEAVE)
    assert process.join(_PATIENCE)
    assert process.exit_code == 7
    process.tell(Word.DRAIN)  # to one that has ended: nothing
    assert process.wait_for_word() is None
    process.close()


def test_an_error_ends_a_forked_process_and_nothing_else() -> None:
    """It never returns into its parent's code, whatever is raised."""

    def fail(_: Channel) -> int:
        raise SystemExit(0)

    process = fork(fail)
    assert process.join(_PATIENCE)
    assert process.exit_code == 1
    process.close()


def test_ids_are_made_whatever_the_parents_threads_were_at() -> None:
    """A lock that another thread of the parent holds at the fork stops nothing in the forked process."""
    with identity._lock:
        process = fork(lambda _: len(str(identity.new_id())))
    assert process.join(_PATIENCE)
    assert process.exit_code == 36
    process.close()


def test_a_killed_process_shows_its_signal() -> None:
    """The exit code is the negative number of the signal."""
    process = fork(obey)
    process.wait_for_word()
    process.kill()
    assert process.join(_PATIENCE)
    assert process.exit_code == -signal.SIGKILL
    process.close()


def test_a_forked_process_keeps_no_channel_of_another() -> None:
    """When the parent lets go of one it is told so at once, though others were forked meanwhile."""
    ends: list[Channel] = []

    def until_alone(channel: Channel) -> int:
        orders = Orders(channel)
        say(channel, Word.READY)
        order = orders.next()
        return 3 if order == (Word.DRAIN, None) else 4

    first = fork(until_alone)
    first.wait_for_word()
    second = fork(obey)
    second.wait_for_word()
    ends.append(first.channel)
    first.close()
    assert first.join(_PATIENCE)
    assert first.exit_code == 3
    second.kill()
    second.join(_PATIENCE)
    second.close()


def test_a_sign_of_life_is_seen_from_the_parent() -> None:
    """Vitals are shared with what is forked, and quiet once that is gone."""
    vitals = Vitals()

    def live(channel: Channel) -> int:
        vitals.keep_beating(0.01)
        return obey(channel)

    process = fork(live)
    process.wait_for_word()
    seen = time.monotonic()
    until = seen + _PATIENCE
    while vitals.seen_at <= seen:
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.join(_PATIENCE)
    process.close()
    last = vitals.seen_at
    assert vitals.seen_at == last


def test_signals_drain_and_the_second_leaves() -> None:
    """Handlers are given back at the end; ignored signals say nothing."""
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    orders = Orders()
    orders.take_signals(draining=[signal.SIGUSR1], ignored=[signal.SIGUSR2], hard=True)
    os.kill(os.getpid(), signal.SIGUSR2)
    assert orders.next(0.0) is None
    os.kill(os.getpid(), signal.SIGUSR1)
    assert orders.next(_PATIENCE) == (Word.DRAIN, None)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert orders.next(_PATIENCE) == (Word.LEAVE, None)
    orders.close()
    assert before == [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
