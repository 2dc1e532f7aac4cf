"""The page of the metrics, from what a worker would serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markdown import table

from squidmesh.observability.metrics import Metrics
from squidmesh.runtime.gauges import Gauges, PausedGauge, QueueGauge

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = "reference/metrics.md"
_RUN = {"workflow": "w", "trigger": "t", "step": "s", "to_status": "completed", "duration": 1.0, "delay": 1.0}
_TEXT = """\
# Metrics

`squidmesh run --metrics-port PORT` serves these at `/metrics`, with the extra `squidmesh[metrics]`. Counters and
histograms are of this worker and are summed over workers; gauges are read from the database, so that every worker
serves the same, at most once in ten seconds however many scrape. No run id is ever a label.

{metrics}

`outcome` is how an attempt ended: `completed`, `failed`, `retry_scheduled`, `paused`, `skipped` or `claim_lost`, with
`compensation_` before it where the attempt was at undoing a step.
"""


class _Told:
    """A mesh in which one of everything has happened."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[dict[str, Any]], None]] = []

    def on(self, event: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Keep a callback under the event that it is for."""
        name = {"step.*": "step.completed"}.get(event, event)
        self._callbacks.append(lambda facts: callback({**facts, "event": name}))

    def read_gauges(self) -> Gauges:
        """Return one queue and one workflow."""
        return Gauges(
            queues=(QueueGauge(queue="q", due=1, running=1, oldest_due=1.0),),
            paused=(PausedGauge(workflow="w", runs=1, oldest=1.0),),
        )

    def tell(self) -> None:
        """Let one of everything happen."""
        for callback in self._callbacks:
            callback(dict(_RUN))


def render() -> str:
    """Return the page."""
    told = _Told()
    registry = Metrics(told).registry
    told.tell()
    rows = []
    for metric in registry.collect():
        labels = {label: None for sample in metric.samples for label in sample.labels if label != "le"}
        name = metric.name + ("_total" if metric.type == "counter" else "")
        rows.append((f"`{name}`", metric.type, ", ".join(f"`{label}`" for label in labels), metric.documentation))
    return _TEXT.format(metrics=table(("metric", "kind", "labels", "is"), rows))
