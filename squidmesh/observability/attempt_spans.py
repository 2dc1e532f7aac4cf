"""A span for each attempt, linked to the span that the run was started in and to the attempt before.

Attempts of one run may be days and machines apart: therefore they are linked, and are not children of one another.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from squidmesh.errors import DatabaseUnavailable
from squidmesh.model.state import StepRunKind
from squidmesh.observability.tracer import find_trace, set_error, start_root_span
from squidmesh.runtime import trace_links
from squidmesh.runtime.reporting import facts_of
from squidmesh.runtime.traceparent import format_traceparent

if TYPE_CHECKING:
    from squidmesh.model.outcome import Failure
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared

log = logging.getLogger(__name__)


def begin_attempt(engine: Engine, task: Prepared) -> AttemptSpan | None:
    """Return the span of an attempt that begins in this thread, None if this process does not trace."""
    trace = find_trace()
    return AttemptSpan(trace, engine, task) if trace is not None else None


class AttemptSpan:
    """The current span of its thread until it is ended: what the callable traces is below it."""

    def __init__(self, trace: Any, engine: Engine, task: Prepared) -> None:
        facts = facts_of(task)
        self._trace = trace
        self._engine = engine
        self._claim = task.claim
        self._span = start_root_span(
            trace,
            f"squidmesh.step {facts['workflow']}/{facts['step']}",
            links=[task.claim.run.traceparent, self._attempt_before()],
            attributes={
                "squidmesh.run.id": facts["run_id"],
                "squidmesh.workflow": facts["workflow"],
                "squidmesh.trigger": facts["trigger"],
                "squidmesh.step": facts["step"],
                "squidmesh.attempt": facts["attempt"],
                "squidmesh.queue": task.step.queue,
            }
            | ({} if task.claim.kind is StepRunKind.STEP else {"squidmesh.kind": facts["kind"]}),
        )
        self._scope = trace.use_span(self._span, record_exception=False, set_status_on_exception=False)
        self._scope.__enter__()

    def keep(self) -> None:
        """Let the next attempt find the span of this one, which has failed."""
        traceparent = format_traceparent(self._span.get_span_context())
        if traceparent is None:
            return
        try:
            trace_links.keep_traceparent(self._engine.database, self._claim, traceparent)
        except DatabaseUnavailable as error:
            log.warning("the next attempt will not be linked to this one: %s", error)

    def say(self, ending: str, failure: Failure | None) -> None:
        """Say how the attempt ended."""
        self._span.set_attribute("squidmesh.outcome", ending)
        if failure is not None:
            set_error(self._trace, self._span, failure)

    def end(self) -> None:
        """End the span."""
        self._scope.__exit__(None, None, None)
        self._span.end()

    def _attempt_before(self) -> str | None:
        try:
            return trace_links.traceparent_before(self._engine.database, self._claim)
        except DatabaseUnavailable as error:
            log.warning("this attempt is not linked to the one before: %s", error)
            return None
