"""What one worker process is: its name, what it serves, how much it does at once."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from squidmesh.worker.worker_type import WorkerType

if TYPE_CHECKING:
    from datetime import timedelta


def new_worker_id() -> str:
    """Return a name that tells a person where the process runs and that no other process ever had."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One worker process; ``step_types`` includes the built-ins, times are in seconds.

    ``type`` says what executes its ``concurrency`` steps at once: threads or greenlets of this process. One that is
    ``expendable`` executes one, and ends when that passes its timeout. ``burst`` ends the worker once nothing is due;
    ``grace`` is how long running steps may go on after a request to stop; finished runs older than ``retention`` are
    deleted (None: they stay).
    """

    queues: tuple[str, ...]
    step_types: tuple[str, ...]
    concurrency: int
    poll_interval: float
    sweep_interval: float
    grace: float
    type: WorkerType = WorkerType.THREAD
    burst: bool = False
    expendable: bool = False
    retention: timedelta | None = None
    id: str = field(default_factory=new_worker_id)
