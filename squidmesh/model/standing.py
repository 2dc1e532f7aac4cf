"""Where a run stands, in a line: what a list shows beside its status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Shown):
    """The ``reason``, ``step`` and ``since`` that ``explain_run`` gives for a run.

    ``code`` is the error code of its failure or, while it is open, of its last failed attempt that it has not
    got past.
    """

    run_id: UUID
    reason: str
    step: str | None
    code: str | None
    since: datetime | None
