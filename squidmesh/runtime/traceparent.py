"""The trace that a run is started in, in the form of W3C Trace Context.

Nothing of OpenTelemetry is imported: where there is a span, the host has imported it.
"""

from __future__ import annotations

import sys


def current_traceparent() -> str | None:
    """Return the span that this code runs in, as ``00-trace-span-flags``; None where nothing is traced."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    return format_traceparent(trace.get_current_span().get_span_context())


def format_traceparent(context: object) -> str | None:
    """Return a span context of OpenTelemetry as text, None if it is that of no span."""
    if not getattr(context, "is_valid", False):
        return None
    trace_id, span_id, flags = (getattr(context, name) for name in ("trace_id", "span_id", "trace_flags"))
    return f"00-{trace_id:032x}-{span_id:016x}-{int(flags):02x}"
