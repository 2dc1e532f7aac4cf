"""Reading what is stored about runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.mesh.wiring import Wiring
from squidmesh.model.identity import parse_run_id
from squidmesh.model.state import RunStatus
from squidmesh.runtime import explanation, fleet, inspection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from squidmesh.model.fleet import FleetGroup
    from squidmesh.model.run import Explanation, Run

    Paths = str | Path | Sequence[str | Path]


class Reading(Wiring):
    """The façade's calls that read and change nothing."""

    def inspect_run(self, run_id: UUID | str, *, include_history: bool = False) -> Run:
        """Return the persisted facts of a run; ``InvalidRunId`` or ``RunNotFound`` otherwise."""
        return inspection.inspect_run(self.database, parse_run_id(run_id), include_history=include_history)

    def explain_run(self, run_id: UUID | str) -> Explanation:
        """Return why a run is where it is; ``InvalidRunId`` or ``RunNotFound`` otherwise."""
        return explanation.explain_run(self.database, parse_run_id(run_id))

    def explain_fleet(self, workflow: str | None = None) -> list[FleetGroup]:
        """Return all open runs (of one workflow, if named) grouped by reason, step and error code, most first.

        It takes two statements, however many runs there are.
        """
        return fleet.explain_fleet(self.database, workflow)

    def list_runs(
        self,
        *,
        workflow: str | None = None,
        trigger: str | None = None,
        status: str | Sequence[str] | None = None,
        idempotency_key: str | None = None,
        since: datetime | None = None,
        limit: int = 50,
        cursor: UUID | str | None = None,
    ) -> list[Run]:
        """Return runs without history, the newest first; ``cursor`` is the id of the last run of the page before."""
        wanted = [status] if isinstance(status, str) else list(status or ())
        return inspection.list_runs(
            self.database,
            workflow=workflow,
            trigger=trigger,
            status=[RunStatus(item) for item in wanted],
            idempotency_key=idempotency_key,
            since=since,
            before=parse_run_id(cursor) if cursor is not None else None,
            limit=limit,
        )
