"""Prometheus: what this process did, counted by its events, and what stands in the database.

Needs the extra ``squidmesh[metrics]``. No id of a run is ever a label: their number would be that of the runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from squidmesh.errors import ConfigurationError
from squidmesh.model.state import RunStatus
from squidmesh.observability.gauges import GaugeCollector

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

    from squidmesh.runtime.gauges import Gauges

# The events that are counted, and the facts of them that are.
COUNTED = ("run.status_changed", "step.*", "schedule.fired")
FACTS = ("event", "workflow", "trigger", "step", "kind", "to_status", "duration", "delay")
_STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_LAG_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)


class Watched(Protocol):
    """What is needed of a ``SquidMesh`` or a ``Relay``: its events, and a look at what stands in its database."""

    def on(self, event: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call ``callback`` for an event."""

    def read_gauges(self) -> Gauges:
        """Return the gauges of queues and of paused runs."""


class Metrics:
    """The metrics of what is watched, in a registry of their own."""

    def __init__(self, mesh: Watched) -> None:
        self.registry = CollectorRegistry()
        self._finished = Counter(
            "squidmesh_runs_finished", "Runs that this process ended.", ["workflow", "status"], registry=self.registry
        )
        self._attempts = Counter(
            "squidmesh_step_attempts",
            "Step runs that this process executed, by how each ended.",
            ["workflow", "step", "outcome"],
            registry=self.registry,
        )
        self._durations = Histogram(
            "squidmesh_step_duration_seconds",
            "How long attempts took to execute.",
            ["workflow", "step"],
            buckets=_STEP_BUCKETS,
            registry=self.registry,
        )
        self._lost = Counter(
            "squidmesh_claims_lost", "Results refused since the claim had passed to another.", registry=self.registry
        )
        self._lag = Histogram(
            "squidmesh_schedule_lag_seconds",
            "How long after its time a schedule fired.",
            ["workflow", "trigger"],
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(GaugeCollector(mesh.read_gauges))
        for pattern in COUNTED:
            mesh.on(pattern, self._count)

    def _count(self, event: dict[str, Any]) -> None:
        match event["event"].split("."):
            case ["run", _]:
                self._count_run(event)
            case ["step", outcome]:
                self._count_attempt(event, outcome)
            case ["schedule", _]:
                self._observe_lag(event)

    def _count_run(self, event: dict[str, Any]) -> None:
        if RunStatus(event["to_status"]).terminal:
            self._finished.labels(event["workflow"], event["to_status"]).inc()

    def _count_attempt(self, event: dict[str, Any], outcome: str) -> None:
        if outcome == "started":
            return
        if event.get("kind") == "compensation":
            outcome = f"compensation_{outcome}"
        self._attempts.labels(event["workflow"], event["step"], outcome).inc()
        if "duration" in event:
            self._durations.labels(event["workflow"], event["step"]).observe(event["duration"])
        if outcome.endswith("claim_lost"):
            self._lost.inc()

    def _observe_lag(self, event: dict[str, Any]) -> None:
        self._lag.labels(event["workflow"], event["trigger"]).observe(event["delay"])


class MetricsServer:
    """Serves the metrics of one mesh over HTTP, at ``/metrics`` of a port (0: any that is free)."""

    def __init__(self, mesh: Watched, port: int, *, address: str = "0.0.0.0") -> None:  # noqa: S104 - for scrapes from elsewhere
        server: WSGIServer
        thread: Thread
        try:
            server, thread = start_http_server(port, addr=address, registry=Metrics(mesh).registry)
        except OSError as error:
            raise ConfigurationError([f"metrics cannot be served on port {port}: {error.strerror or error}"]) from error
        self._server = server
        self._thread = thread
        self.port: int = server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
