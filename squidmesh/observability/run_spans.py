"""A span for each run, made when it has ended, in the process that ended it: from its creation to its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from squidmesh.errors import DatabaseUnavailable
from squidmesh.model.outcome import Failure
from squidmesh.model.state import RunStatus
from squidmesh.observability.tracer import find_trace, set_error, start_root_span

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from squidmesh.runtime.trace_links import EndedRun

log = logging.getLogger(__name__)


def trace_ended_runs(look_up: Callable[[str], EndedRun | None]) -> Callable[[dict[str, Any]], None]:
    """Return a callback for ``run.status_changed``; it looks runs up only where this process traces."""

    def trace_run(event: dict[str, Any]) -> None:
        trace = find_trace()
        if trace is None or not RunStatus(event["to_status"]).terminal:
            return
        try:
            run = look_up(event["run_id"])
        except DatabaseUnavailable as error:
            log.warning("run %s gets no span: %s", event["run_id"], error)
            return
        if run is not None:
            _write_span(trace, event, run)

    return trace_run


def _write_span(trace: Any, event: dict[str, Any], run: EndedRun) -> None:
    span = start_root_span(
        trace,
        f"squidmesh.run {event['workflow']}",
        links=[run.traceparent],
        attributes={
            "squidmesh.run.id": event["run_id"],
            "squidmesh.workflow": event["workflow"],
            "squidmesh.trigger": event["trigger"],
            "squidmesh.outcome": event["to_status"],
        },
        start_time=_nanoseconds(run.created_at),
    )
    if event["to_status"] == RunStatus.FAILED and run.last_error:
        set_error(trace, span, Failure.from_dict(run.last_error))
    span.end(_nanoseconds(run.finished_at))


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6) * 1000
