"""The names of the worker types."""

from __future__ import annotations

import pytest

from squidmesh.errors import ConfigurationError
from squidmesh.worker.worker_type import WorkerType, parse_worker_type


def test_each_type_has_its_name() -> None:
    """What the command line and the host write is what huey calls its environments."""
    assert [parse_worker_type(name) for name in ("thread", "process", "greenlet")] == list(WorkerType)


def test_another_name_is_refused() -> None:
    """The message says which there are."""
    with pytest.raises(ConfigurationError, match="worker_type is one of 'thread', 'process', 'greenlet', not 'fibre'"):
        parse_worker_type("fibre")
