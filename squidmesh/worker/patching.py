"""Letting gevent patch a process, before anything is imported that would not wait as greenlets do."""

from __future__ import annotations

import importlib.util

from squidmesh.errors import ConfigurationError


def patch_process() -> None:
    """Patch the standard library for greenlets; ``ConfigurationError`` where gevent is not installed."""
    if importlib.util.find_spec("gevent") is None:
        raise ConfigurationError(["worker type 'greenlet' needs gevent: pip install 'squidmesh[gevent]'"])
    from gevent import monkey  # noqa: PLC0415 - an extra, and to be imported by those who want it alone

    monkey.patch_all()
