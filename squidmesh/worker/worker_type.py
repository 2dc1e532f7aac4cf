"""The worker types: what stands for the threads of a worker."""

from __future__ import annotations

from enum import StrEnum

from squidmesh.errors import ConfigurationError


class WorkerType(StrEnum):
    """Who executes the steps of a worker, each one at a time."""

    THREAD = "thread"  # threads of one process
    PROCESS = "process"  # processes, each with a connection of its own
    GREENLET = "greenlet"  # greenlets of one thread (gevent)


def parse_worker_type(name: str) -> WorkerType:
    """Return the worker type of that name; ``ConfigurationError`` if there is none."""
    try:
        return WorkerType(name)
    except ValueError as error:
        known = ", ".join(repr(str(known)) for known in WorkerType)
        raise ConfigurationError([f"worker_type is one of {known}, not {name!r}"]) from error
