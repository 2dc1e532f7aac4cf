"""OpenTelemetry spans, as an exporter in memory gets them from a real worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.integration.observability.conftest import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """A tracer provider for this process, whose spans are kept."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


def spans(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    """Return the finished spans of a name, in order of their ends."""
    return [span for span in exporter.get_finished_spans() if span.name == name]


def linked(span: ReadableSpan) -> list[trace.SpanContext]:
    """Return what a span is linked to."""
    return [link.context for link in span.links]


def said(span: ReadableSpan) -> dict[str, Any]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def test_each_attempt_and_each_run_is_a_span(
    exporter: InMemorySpanExporter, mesh: SquidMesh, work: Callable[[SquidMesh], None]
):
    """Linked to the span of the start and to the attempt before, with the attributes of the step and its end."""
    with trace.get_tracer("shop").start_as_current_span("order") as order:
        run = mesh.start_run("shop.pay")
    work(mesh)
    first, second = spans(exporter, "squidmesh.step shop.pay/charge")
    (tell,) = spans(exporter, "squidmesh.step shop.pay/tell")
    (whole,) = spans(exporter, "squidmesh.run shop.pay")
    start = order.get_span_context()
    assert [context.span_id for context in linked(first)] == [start.span_id]
    assert [context.span_id for context in linked(second)] == [start.span_id, first.get_span_context().span_id]
    assert [context.trace_id for context in linked(tell)] == [start.trace_id]
    assert [context.span_id for context in linked(whole)] == [start.span_id]
    assert {first.parent, second.parent, tell.parent, whole.parent} == {None}
    assert said(first) == {
        "squidmesh.run.id": str(run.id),
        "squidmesh.workflow": "shop.pay",
        "squidmesh.trigger": "by_hand",
        "squidmesh.step": "charge",
        "squidmesh.attempt": 1,
        "squidmesh.queue": "default",
        "squidmesh.outcome": "retry_scheduled",
        "error.type": "step_retry",
    }
    assert (said(second)["squidmesh.attempt"], said(second)["squidmesh.outcome"]) == (2, "completed")
    assert "error.type" not in said(second)
    assert said(tell)["squidmesh.queue"] == "mail"
    ended = mesh.inspect_run(run.id)
    assert ended.finished_at is not None
    assert whole.start_time == int(ended.created_at.timestamp() * 1e6) * 1000
    assert whole.end_time == int(ended.finished_at.timestamp() * 1e6) * 1000
    assert said(whole)["squidmesh.outcome"] == "completed"


def test_a_failure_is_marked_on_its_span_and_on_the_runs(
    exporter: InMemorySpanExporter, mesh: SquidMesh, work: Callable[[SquidMesh], None]
):
    """Status, error.type and message; what undoes a step is told from what does it."""
    mesh.start_run("shop.fail")
    work(mesh)
    (refused,) = spans(exporter, "squidmesh.step shop.fail/refuse")
    (whole,) = spans(exporter, "squidmesh.run shop.fail")
    for span in (refused, whole):
        assert said(span)["squidmesh.outcome"] == "failed"
        assert said(span)["error.type"] == "no_stock"
        assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, "no stock")
    done, undone = spans(exporter, "squidmesh.step shop.fail/reserve")
    assert "squidmesh.kind" not in said(done)
    assert said(undone)["squidmesh.kind"] == "compensation"


def test_what_a_step_traces_is_below_its_attempt(
    exporter: InMemorySpanExporter,
    mesh: SquidMesh,
    work: Callable[[SquidMesh], None],
    monkeypatch: pytest.MonkeyPatch,
):
    """A span that a callable opens, in a coroutine too, is a child of the span of the attempt."""

    def trace_it(message: str) -> None:
        with trace.get_tracer("shop").start_as_current_span(message):
            pass

    monkeypatch.setattr(OTHER, "warning", trace_it)
    mesh.start_run("shop.pay")
    work(mesh)
    (tell,) = spans(exporter, "squidmesh.step shop.pay/tell")
    (inner,) = spans(exporter, "telling")
    assert inner.parent is not None
    assert inner.parent.span_id == tell.get_span_context().span_id


def test_a_run_that_somebody_cancels_has_its_span(exporter: InMemorySpanExporter, mesh: SquidMesh):
    """It is made in the process that cancelled, once."""
    run = mesh.start_run("shop.ask")
    mesh.cancel_run(run.id)
    (whole,) = spans(exporter, "squidmesh.run shop.ask")
    assert said(whole)["squidmesh.outcome"] == "cancelled"


def test_a_replay_is_linked_to_whoever_asked_for_it(exporter: InMemorySpanExporter, mesh: SquidMesh):
    """The new run keeps the span of the replay, not that of the first start."""
    run = mesh.start_run("shop.ask")
    mesh.cancel_run(run.id)
    with trace.get_tracer("shop").start_as_current_span("replay") as span:
        again = mesh.replay_run(run.id)
    mesh.cancel_run(again.id)
    _, whole = spans(exporter, "squidmesh.run shop.ask")
    assert [context.span_id for context in linked(whole)] == [span.get_span_context().span_id]


def test_without_a_provider_nothing_is_traced(mesh: SquidMesh, work: Callable[[SquidMesh], None]):
    """The package being there is not enough: no span, no traceparent, no statement for it."""
    run = mesh.start_run("shop.pay")
    work(mesh)
    with mesh.database.transaction() as connection:
        query = "SELECT traceparent FROM squidmesh.runs UNION SELECT traceparent FROM squidmesh.attempt_spans"
        assert connection.exec_driver_sql(query).scalars().all() == [None]
    assert mesh.inspect_run(run.id).status == "completed"
