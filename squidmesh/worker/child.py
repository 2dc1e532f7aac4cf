"""One of the processes of a process worker: a worker of one thread that its supervisor tells what to do."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from squidmesh.errors import SquidMeshError
from squidmesh.worker.forking import Word, say
from squidmesh.worker.orders import Orders

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.worker.forking import Channel
    from squidmesh.worker.vitals import Vitals
    from squidmesh.worker.worker import Worker

_UNUSABLE = 2
_BEATS_A_LEASE = 10
_LONGEST_INTERVAL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What a process does for its living: ``make`` returns its worker, ``close`` frees what that stood on."""

    make: Callable[[], Worker]
    close: Callable[[], None]


def work(trade: Trade, vitals: Vitals, lease: float, channel: Channel) -> int:
    """Work until told to stop, until the parent is gone or, with ``burst``, until nothing is due; return 0.

    ``vitals`` show meanwhile that the threads of this process run, several times a lease.
    """
    orders = Orders(channel)
    # What a terminal sends to all of its processes is for the parent to pass on.
    orders.take_signals(draining=[signal.SIGTERM], ignored=[signal.SIGINT, signal.SIGHUP])
    vitals.keep_beating(min(lease / _BEATS_A_LEASE, _LONGEST_INTERVAL))
    try:
        worker = trade.make()
        worker.start()
    except SquidMeshError as error:
        say(channel, Word.FAILED, error)
        return _UNUSABLE
    say(channel, Word.READY)
    if worker.profile.burst:
        orders.give_after(partial(worker.wait_until_nothing_due, None), Word.DRAIN)
    _serve(orders, worker)
    trade.close()
    return 0


def _serve(orders: Orders, worker: Worker) -> None:
    """Let the worker work until it has stopped."""
    stopping = False
    while True:
        match orders.next():
            case (Word.DRAIN, grace) if not stopping:
                stopping = True
                orders.give_after(partial(worker.stop, grace), Word.ENDED)
            case (Word.LEAVE, _):
                worker.stop(0.0)
                return
            case (Word.ENDED, _):
                return
