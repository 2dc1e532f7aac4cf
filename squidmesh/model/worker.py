"""What callers see of a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProcess(Shown):
    """A process that executes steps; one that has not beaten for a while is not ``alive``, and then forgotten.

    ``running`` counts the step runs that it holds under a claim.
    """

    id: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    step_types: tuple[str, ...]
    running: int
    started_at: datetime
    beat_at: datetime
    alive: bool
