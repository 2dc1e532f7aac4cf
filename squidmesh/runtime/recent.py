"""Run ids for a shell to complete."""

from __future__ import annotations

import re
from uuid import UUID

from squidmesh.model.state import RunStatus
from squidmesh.store.recent_runs import newest_runs

_HEX = re.compile(r"[0-9a-f]{0,32}")
_DIGITS = 32
MOST = 30
OPEN = [status.value for status in RunStatus if not status.terminal]
FINISHED = [status.value for status in RunStatus if status.terminal]
PAUSED = [RunStatus.PAUSED.value]


def complete_run_id(
    url: str, schema: str, beginning: str, statuses: list[str] | None = None
) -> list[tuple[str, str, str]]:
    """Return (id, workflow, status) of the newest runs whose id begins so, and whose status is one of these."""
    digits = beginning.lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        return []
    low, high = (UUID(digits.ljust(_DIGITS, fill)) for fill in "0f")
    return newest_runs(url, schema, low, high, statuses, MOST)
