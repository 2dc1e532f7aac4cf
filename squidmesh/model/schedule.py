"""What callers see of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from datetime import datetime

    from squidmesh.model.definition import CatchUp, Overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Shown):
    """A cron trigger and where it stands.

    ``definition`` is the hash of the definition that fires (None: no worker has seen the schedule yet),
    ``loaded`` says whether it is the one loaded here: a process that has loaded another does not fire it.
    ``next_at`` is None while the schedule is paused or where no time matches any more; ``last_at`` is the
    newest time that a run was started for. ``actor`` and ``comment`` are those of the last pause or resumption.
    """

    workflow: str
    trigger: str
    cron: str
    timezone: str
    catch_up: CatchUp
    overlap: Overlap
    definition: str | None
    loaded: bool
    paused_at: datetime | None
    actor: str | None
    comment: str | None
    next_at: datetime | None
    last_at: datetime | None

    @property
    def paused(self) -> bool:
        """Whether somebody has paused the schedule."""
        return self.paused_at is not None
