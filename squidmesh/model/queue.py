"""What callers see of a queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Shown):
    """A queue: how many of its step runs are ``due``, ``running``, and to come ``later``, and who serves it.

    ``workers`` counts the live processes that serve it. ``paused_at`` is None while it is served; ``actor`` and
    ``comment`` are of its last pause or resumption, at ``changed_at`` (None: there was none).
    """

    name: str
    due: int
    running: int
    later: int
    oldest_due_at: datetime | None
    workers: int
    paused_at: datetime | None
    actor: str | None
    comment: str | None
    changed_at: datetime | None

    @property
    def paused(self) -> bool:
        """Whether nothing is claimed from it."""
        return self.paused_at is not None
