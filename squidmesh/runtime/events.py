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
        self._heard: dict[tuple[str, ...], list[Callable[[dict[str, Any]], None]]] = {}
        self._lock = threading.Lock()

    def subscribe(self, pattern: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call ``callback`` for every event that matches; ``ValueError`` if none ever could."""
        names = (*EVENTS, *(f"run.{status}" for status in _RUN_ALIASES))
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"no event matches {pattern!r}; events: {', '.join(names)}")
        with self._lock:
            self._callbacks = [*self._callbacks, (pattern, callback)]
            self._heard = {}

    def hears(self, event: str) -> bool:
        """Say whether anybody wants to know of an event, so that its facts need not be gathered for nobody."""
        return bool(self._callbacks_for((event,)))

    def emit(self, event: str, **facts: Any) -> None:
        """Tell the callbacks; what one of them raises is logged and changes nothing."""
        for callback in self._callbacks_for(_names(event, facts)):
            try:
                callback({"event": event, **{key: value for key, value in facts.items() if value is not None}})
            except (Exception, SystemExit):  # it may be what executes steps that it would end
                log.exception("a callback for %s raised", event)

    def _callbacks_for(self, names: tuple[str, ...]) -> list[Callable[[dict[str, Any]], None]]:
        """Return those whose pattern matches one of the names; each is matched once."""
        heard = self._heard  # read first: one that was replaced meanwhile is kept by nobody
        if names not in heard:
            heard[names] = [
                callback
                for pattern, callback in self._callbacks
                if any(fnmatch.fnmatchcase(name, pattern) for name in names)
            ]
        return heard[names]


def _names(event: str, facts: dict[str, Any]) -> tuple[str, ...]:
    if event == "run.status_changed":
        return event, f"run.{facts['to_status']}"
    return (event,)
