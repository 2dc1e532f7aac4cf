"""What stands in the database, as gauges: looked at when they are scraped, and not more often than is sensible."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from squidmesh.errors import SquidMeshError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh.runtime.gauges import Gauges

log = logging.getLogger(__name__)
# However many scrape, and however often: the database is asked once in this many seconds.
KEPT_FOR = 10.0


class GaugeCollector:
    """Gauges of the whole database, the same from every process; none while it cannot be reached."""

    def __init__(self, read: Callable[[], Gauges]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._gauges: Gauges | None = None

    def describe(self) -> list[GaugeMetricFamily]:
        """Return no metric: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        gauges = self._look()
        reached = GaugeMetricFamily("squidmesh_database_up", "Whether the database answered.")
        reached.add_metric([], float(gauges is not None))
        yield reached
        if gauges is None:
            return
        queues, paused = gauges.queues, gauges.paused
        yield _gauge("due_steps", "Step runs that are due.", "queue", {q.queue: q.due for q in queues})
        yield _gauge("running_steps", "Step runs under a claim.", "queue", {q.queue: q.running for q in queues})
        text = "For how long the oldest due step run has been due."
        yield _gauge("oldest_due_seconds", text, "queue", {q.queue: q.oldest_due for q in queues})
        yield _gauge("paused_runs", "Runs that wait for a person.", "workflow", {p.workflow: p.runs for p in paused})
        text = "For how long the oldest paused run has waited."
        yield _gauge("oldest_paused_seconds", text, "workflow", {p.workflow: p.oldest for p in paused})

    def _look(self) -> Gauges | None:
        with self._lock:
            if time.monotonic() - self._read_at > KEPT_FOR:
                try:
                    self._gauges = self._read()
                except SquidMeshError as error:
                    self._gauges = None
                    log.warning("the gauges of the database are left out: %s", error)
                self._read_at = time.monotonic()
            return self._gauges


def _gauge(name: str, text: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"squidmesh_{name}", text, labels=[label])
    for value_of, value in values.items():
        family.add_metric([value_of], value)
    return family
