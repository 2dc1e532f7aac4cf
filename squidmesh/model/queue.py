"""What callers see of a queue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.errors import InvalidValue
from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# As the schema of workflow files has it.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


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


def check_queue_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of queues; ``InvalidValue`` for one that no workflow could name."""
    if isinstance(names, str):
        raise InvalidValue("queues", f"must be a list of names, found the text {names!r}")
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            rule = "up to 100 letters, digits, dots, hyphens and underscores, beginning with a letter or digit"
            raise InvalidValue("queues", f"{name!r} cannot be the name of a queue: write {rule}")
    return tuple(names)
