"""Events for the host: what happened, told after the commit in the process that made it happen."""

from __future__ import annotations

import fnmatch
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

EVENTS = (
    "run.created",
    "run.status_changed",
    "step.started",
    "step.completed",
    "step.failed",
    "step.retry_scheduled",
    "step.paused",
    "step.skipped",
    "step.claim_lost",
    "schedule.fired",
)
_RUN_ALIASES = ("completed", "failed", "cancelled", "paused")
KEYS = (
    "event",
    "run_id",
    "workflow",
    "trigger",
    "step",
    "kind",
    "attempt",
    "from_status",
    "to_status",
    "duration",
    "delay",
    "error",
)


class Events:
    """Callbacks by pattern: a name (``step.failed``), a family (``step.*``), or a run's new status (``run.failed``)."""

    def __init__(self) -> None:
        self._callbacks: list[tuple[str, Callable[[dict[str, Any]], None]]] = []
        self._lock = threading.Lock()

    def subscribe(self, pattern: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call ``callback`` for every event that matches; ``ValueError`` if none ever could."""
        names = (*EVENTS, *(f"run.{status}" for status in _RUN_ALIASES))
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"no event matches {pattern!r}; events: {', '.join(names)}")
        with self._lock:
            self._callbacks = [*self._callbacks, (pattern, callback)]

    def emit(self, event: str, **facts: Any) -> None:
        """Tell the callbacks; what one of them raises is logged and changes nothing."""
        for pattern, callback in self._callbacks:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in _names(event, facts)):
                continue
            try:
                callback({"event": event, **{key: value for key, value in facts.items() if value is not None}})
            except Exception:
                log.exception("a callback for %s raised", event)


def _names(event: str, facts: dict[str, Any]) -> tuple[str, ...]:
    if event == "run.status_changed":
        return event, f"run.{facts['to_status']}"
    return (event,)
