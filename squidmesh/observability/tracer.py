"""The way to OpenTelemetry: its module, if this process traces, and the values that spans are made from.

Nothing is imported for it: a process that traces has imported OpenTelemetry and set a tracer provider, by its own
code or by ``opentelemetry-instrument``. Where none has, a look into ``sys.modules`` is all that an attempt pays.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from squidmesh import __version__
from squidmesh.errors import RetryStep, StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from squidmesh.model.outcome import Failure

_ON_PURPOSE = (StepFailed.__name__, RetryStep.__name__)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def find_trace() -> Any | None:
    """Return the module ``opentelemetry.trace`` if this process has a tracer provider, else None."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)) else trace


def start_root_span(
    trace: Any,
    name: str,
    *,
    links: Iterable[str | None],
    attributes: Mapping[str, Any],
    start_time: int | None = None,
) -> Any:
    """Start a span that is nobody's child, linked to other spans (``traceparent`` texts; None is left out)."""
    return trace.get_tracer("squidmesh", __version__).start_span(
        name,
        context=trace.set_span_in_context(trace.INVALID_SPAN),
        kind=trace.SpanKind.CONSUMER,
        links=[trace.Link(context) for text in links if (context := _read(trace, text)) is not None],
        attributes=attributes,
        start_time=start_time,
    )


def set_error(trace: Any, span: Any, failure: Failure) -> None:
    """Mark a span as failed: by the code of what a step raised on purpose, by the type of any other exception."""
    kind = failure.code if failure.type in (None, *_ON_PURPOSE) else failure.type
    span.set_attribute("error.type", kind)
    span.set_status(trace.Status(trace.StatusCode.ERROR, failure.message))


def _read(trace: Any, traceparent: str | None) -> Any | None:
    """Return the span context that a text of W3C Trace Context names, None if it is none."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
