"""The host's own huey tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.mesh.made_once import made_once
from squidmesh.mesh.wiring import Wiring

if TYPE_CHECKING:
    from datetime import timedelta

    from squidmesh.worker.host_huey import HostHuey


class Tasking(Wiring):
    """The façade's ``Huey``."""

    @made_once
    def huey(self) -> HostHuey:
        """A ``Huey`` for tasks of the host's own: every worker of this mesh executes them beside the steps.

        Its signals and hooks are told of the steps too. Arguments are JSON; results are off until ``huey.results`` is
        True. It connects when a task is enqueued first, so it is safe at import and before a fork.
        """
        from squidmesh.worker.host_huey import HostHuey  # noqa: PLC0415 - huey loads only for those who have work for it

        return HostHuey(
            schema=self.settings.schema,
            database=lambda: self.database,
            announce=self._announce_task,
            max_bytes=self.settings.max_value_bytes,
        )

    def _announce_task(self, delay: timedelta) -> None:
        self.engine.notifier.announce_task(delay)
