"""What everything that moves runs in one process shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from squidmesh.runtime.unreadable import Unreadable
from squidmesh.store.dedicated import Dedicated

if TYPE_CHECKING:
    from datetime import timedelta

    from squidmesh.runtime.definitions import DefinitionCache
    from squidmesh.runtime.events import Events
    from squidmesh.runtime.execution import Executor
    from squidmesh.runtime.recording import Rules
    from squidmesh.runtime.wakeups import Notifier
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The store, the definitions, the way to execute, and the settings that all of them obey."""

    database: Database
    definitions: DefinitionCache
    executor: Executor
    rules: Rules
    events: Events
    notifier: Notifier
    lease: timedelta
    poll_interval: timedelta
    sweep_interval: timedelta
    unreadable: Unreadable = field(default_factory=Unreadable)

    def dedicated(self) -> Dedicated:
        """Return a connection for one loop of a worker to own."""
        return Dedicated(self.database)
