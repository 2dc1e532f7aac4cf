"""What several processes did, brought together in one of them: each event is a datagram on a socket that they share."""

from __future__ import annotations

import json
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from squidmesh.observability.metrics import COUNTED, FACTS
from squidmesh.runtime.events import Events

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.runtime.gauges import Gauges

log = logging.getLogger(__name__)
_LONGEST = 65536


class Relay:
    """What metrics watch in place of a ``SquidMesh``, made before the processes are forked.

    ``tell`` is called in any of them, ``gather`` in the one that counts. Nobody waits: an event for which there is no
    room is not counted, and one that is half told, since its process is killed, does not exist.
    """

    def __init__(self, read_gauges: Callable[[], Gauges]) -> None:
        self.read_gauges = read_gauges
        self._events = Events()
        self._inlet, self._outlet = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._outlet.setblocking(False)
        self._complained = False

    def on(self, event: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call ``callback`` for an event that ``gather`` receives."""
        self._events.subscribe(event, callback)

    def watch(self, subscribe: Callable[[str, Callable[[dict[str, Any]], None]], None]) -> None:
        """Subscribe to what is counted."""
        for pattern in COUNTED:
            subscribe(pattern, self.tell)

    def tell(self, event: dict[str, Any]) -> None:
        """Send what is counted of an event."""
        counted = {fact: event[fact] for fact in FACTS if fact in event}
        try:
            self._outlet.send(json.dumps(counted).encode())
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("an event is missing in the metrics: %s", error)

    def gather(self) -> None:
        """Tell the callbacks of every event, until the relay is closed."""
        with suppress(OSError):
            while True:
                facts = json.loads(self._inlet.recv(_LONGEST))
                self._events.emit(facts.pop("event"), **facts)

    def close(self) -> None:
        """Let go of this process's ends."""
        self._inlet.close()
        self._outlet.close()
