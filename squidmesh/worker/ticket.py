"""A step run whose end was handed in, and what became of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidmesh.runtime.recording import Ended
    from squidmesh.runtime.settlement import Settled
    from squidmesh.store.records import Recorded
    from squidmesh.worker.inflight import Held


@dataclass(slots=True, eq=False)
class Ticket:
    """Answered once ``done`` is set: by ``recorded`` or ``settled``, or by neither where the claim was lost.

    ``successor`` is the step that was handed over to the thread that waits.
    """

    held: Held
    ended: Ended
    done: threading.Event = field(default_factory=threading.Event)
    recorded: Recorded | None = None
    settled: Settled | None = None
    successor: Held | None = None
