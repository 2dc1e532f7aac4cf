"""What callers see of all open runs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetGroup(Shown):
    """Open runs that stand at the same place for the same reason.

    ``reason`` is what ``explain_run`` says of each of them; ``code`` the error code of their last failed
    attempt, if they have not got past it; ``oldest_since`` and ``newest_since`` are the range of its ``since``;
    ``example`` is the run that has stood there longest.
    """

    reason: str
    workflow: str
    step: str | None
    code: str | None
    runs: int
    oldest_since: datetime
    newest_since: datetime
    example: UUID
