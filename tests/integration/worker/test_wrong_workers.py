"""A worker that cannot be meant is refused where it is asked for, whatever its type."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import SquidMesh
from squidmesh.errors import InvalidValue, SchemaOutdated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from squidmesh.worker.processes import ProcessWorker
    from squidmesh.worker.worker import Worker

TYPES = ("thread", "process")


@pytest.fixture
def mesh(database_url: str, tmp_path: Path) -> Iterator[SquidMesh]:
    """A mesh without workflows."""
    with SquidMesh(database_url, [], folder=tmp_path) as mesh:
        yield mesh


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"queues": ["bad name!"]}, "queues: 'bad name!' cannot be the name of a queue"),
        ({"queues": "mail"}, "queues: must be a list of names, found the text 'mail'"),
        ({"concurrency": -1}, "concurrency: must be a whole number from 1 on, found -1"),
        ({"concurrency": 0}, "concurrency: must be a whole number from 1 on, found 0"),
        ({"concurrency": 1.5}, "concurrency: must be a whole number from 1 on, found 1.5"),
        ({"grace": "ten"}, "grace: 'ten' is not a duration"),
        ({"grace": -1}, "grace: -1 is not between zero and ten years"),
        ({"grace": [1]}, "grace: "),
    ],
)
def test_it_is_refused_at_once(mesh: SquidMesh, type_: str, wrong: dict[str, Any], words: str) -> None:
    """And not when it starts, or stops."""
    with pytest.raises(InvalidValue) as caught:
        mesh.worker(worker_type=type_, **wrong)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("type_", TYPES)
def test_tables_that_are_missing_are_told_at_once(empty_database_url: str, tmp_path: Path, type_: str) -> None:
    """Processes look themselves, so that what forks them opens no connection, and are not replaced for that."""
    with SquidMesh(empty_database_url, [], folder=tmp_path) as mesh, pytest.raises(SchemaOutdated):
        mesh.worker(worker_type=type_).start()


@pytest.mark.parametrize("grace", ["1500ms", 1.5, timedelta(seconds=1.5)])
def test_a_grace_is_any_length_of_time(mesh: SquidMesh, grace: Any) -> None:
    """As everywhere in the Python API."""
    threads: Worker = mesh.worker(grace=grace)  # type: ignore[assignment]
    assert threads.profile.grace == 1.5
    processes: ProcessWorker = mesh.worker(grace=grace, worker_type="process")  # type: ignore[assignment]
    assert processes._plan.grace == 1.5


def test_processes_are_waited_for_as_long_as_it_takes(mesh: SquidMesh) -> None:
    """``None`` is no limit, as it is for threads."""
    assert mesh.worker(worker_type="process").wait_until_nothing_due(None)
