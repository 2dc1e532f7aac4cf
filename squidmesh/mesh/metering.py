"""Metrics: what this process does, or the processes of a worker, for a Prometheus to scrape."""

from __future__ import annotations

import importlib.util
import signal
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from squidmesh.errors import ConfigurationError
from squidmesh.mesh.keeping import Keeping
from squidmesh.mesh.working import Working

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.observability.relay import Relay
    from squidmesh.worker.forking import Channel, Forked

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_UNUSABLE = 2
_PATIENCE = 5.0


class Metering(Working, Keeping):
    """The façade's call that serves metrics."""

    @contextmanager
    def serve_metrics(self, port: int, *, processes: bool = False) -> Iterator[int]:
        """Serve Prometheus metrics inside a ``with``, at ``/metrics`` of a port (0: any that is free); yield the port.

        They count what this process does. With ``processes`` they count what every process does that it forks inside
        the ``with``, as a worker of type ``process`` does, and are served by one more.
        ``ConfigurationError`` without the extra ``metrics``, and for a port that cannot be had.
        """
        if importlib.util.find_spec("prometheus_client") is None:
            raise ConfigurationError(["metrics need prometheus-client: pip install 'squidmesh[metrics]'"])
        with self._serve_together(port) if processes else self._serve_alone(port) as served:
            yield served

    @contextmanager
    def _serve_alone(self, port: int) -> Iterator[int]:
        from squidmesh.observability.metrics import MetricsServer  # noqa: PLC0415 - needs an extra

        server = MetricsServer(self, port)
        try:
            yield server.port
        finally:
            server.close()

    @contextmanager
    def _serve_together(self, port: int) -> Iterator[int]:
        from squidmesh.observability.relay import Relay  # noqa: PLC0415 - needs an extra
        from squidmesh.worker.forking import Word, fork  # noqa: PLC0415 - as a worker is

        _ = self.database  # what is wrong with it is said here, and a private server is this process's to start
        relay = Relay(self.read_gauges)
        serving = fork(partial(self._gather, relay, port))
        try:
            served = _served(serving)
            relay.watch(self.on)
            yield served
        finally:
            serving.tell(Word.DRAIN)
            if not serving.join(_PATIENCE):
                serving.kill()
            serving.close()
            relay.close()

    def _gather(self, relay: Relay, port: int, channel: Channel) -> int:
        """Serve what the other processes tell, until the parent says so or is gone: it passes no signal on."""
        from squidmesh.observability.metrics import MetricsServer  # noqa: PLC0415 - needs an extra
        from squidmesh.worker.forking import Word, say  # noqa: PLC0415 - as a worker is
        from squidmesh.worker.orders import Orders  # noqa: PLC0415 - likewise

        orders = Orders(channel)
        orders.take_signals(draining=(), ignored=_SIGNALS)
        self._begin_anew()
        try:
            server = MetricsServer(relay, port)
        except ConfigurationError as error:
            say(channel, Word.FAILED, error)
            return _UNUSABLE
        threading.Thread(target=relay.gather, name="squidmesh-metrics", daemon=True).start()
        say(channel, Word.READY, server.port)
        orders.next()
        server.close()
        self.close()
        return 0


def _served(serving: Forked) -> int:
    """Return the port that the forked process serves, or raise what kept it from doing so."""
    from squidmesh.worker.forking import Word  # noqa: PLC0415 - as a worker is

    match serving.wait_for_word():
        case (Word.READY, int() as port):
            return port
        case (Word.FAILED, ConfigurationError() as error):
            raise error
    raise RuntimeError("the process that serves the metrics ended before it did; the log says why")
