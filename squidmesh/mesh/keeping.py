"""The care of the database: its tables, and the runs that may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.errors import ConfigurationError
from squidmesh.mesh.wiring import Wiring
from squidmesh.model.duration import to_duration
from squidmesh.runtime import gauges, pruning

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from squidmesh.model.upkeep import Pruned, Tables
    from squidmesh.runtime.gauges import Gauges


class Keeping(Wiring):
    """The façade's calls about the database as a whole."""

    def migrate(self) -> tuple[str | None, str]:
        """Create or upgrade the tables; return the versions before (None: there were none) and after."""
        return self.database.migrate()

    def describe_tables(self) -> Tables:
        """Return how the tables stand to this package; ``DatabaseUnavailable`` if nobody answers."""
        return self.database.describe_tables()

    def read_gauges(self) -> Gauges:
        """Return what stands in the queues and waits for people, as the metrics show it."""
        return gauges.read_gauges(self.database)

    def prune(
        self,
        older_than: str | float | timedelta | None = None,
        *,
        dry_run: bool = False,
        on_batch: Callable[[Pruned], None] | None = None,
    ) -> Pruned:
        """Delete runs that finished longer ago than this, with all their rows, and return how many of each.

        ``older_than`` is a duration such as ``"30d"``, seconds or a ``timedelta`` (default: the setting
        ``retention``). Runs that have not finished stay, whatever their age, and so do those of which an open replay
        carried a step over. It deletes in short transactions,
        ``on_batch`` is told after each what has gone so far, and several processes may prune at once. With
        ``dry_run`` it counts and deletes nothing.
        """
        age = self.settings.retention if older_than is None else to_duration(older_than)
        if age is None:
            raise ConfigurationError(
                ["how old may finished runs be? give older_than (--older-than 30d), or set 'retention'"]
            )
        return pruning.prune(self.engine, age, dry_run=dry_run, on_batch=on_batch)
