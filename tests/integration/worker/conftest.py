"""A host with huey tasks and a workflow, and workers in the process of the test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import make_url

from squidmesh import SquidMesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FLOW = """
workflow: a.b
triggers: {t: {manual: {}}}
steps:
  one: {uses: t.one, next: two}
  two: {uses: t.two, next: complete}
"""


def eventually(holds: Callable[[], Any], within: float = 30.0) -> Any:
    """Return what ``holds`` returns once that is true; fail if it does not become so."""
    until = time.monotonic() + within
    while not (answer := holds()):
        if time.monotonic() > until:
            pytest.fail(f"it did not happen within {within} s")
        time.sleep(0.01)
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a workflow."""
    (tmp_path / "w.yaml").write_text(FLOW)
    return tmp_path


@pytest.fixture
def mesh(database_url: str, folder: Path) -> Iterator[SquidMesh]:
    """A host whose steps do nothing."""
    steps = {"t.one": lambda: None, "t.two": lambda: None}
    with SquidMesh(database_url, folder / "w.yaml", steps, folder=folder, poll_interval="100ms") as mesh:
        yield mesh


@pytest.fixture
def tables(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """The tests' own view of the tables."""
    libpq = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq, autocommit=True) as connection:
        yield connection


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait for something to become true."""
    return eventually
