"""What a mesh is made of: what it is told, where it looks, and that each part is made once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import SquidMesh
from squidmesh.errors import ConfigurationError
from squidmesh.store.engine import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

URL = "postgresql://nobody@203.0.113.1/nowhere"
THREADS = 8


@contextmanager
def switching() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def told_at_once(ask: Callable[[], Any]) -> set[int]:
    """Return which objects several threads get that ask at the same moment; they are kept, so that ids differ."""
    start = threading.Barrier(THREADS)
    got: list[Any] = []

    def one() -> None:
        start.wait()
        got.append(ask())

    with switching():
        threads = [threading.Thread(target=one) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == THREADS
    return {id(each) for each in got}


@pytest.mark.parametrize("part", ["registry", "database", "engine", "huey"])
def test_threads_share_each_part(tmp_path: Path, part: str):
    """Whichever of them asks first: two databases would be two pools, two engines two sets of events."""
    for _ in range(10):
        mesh = SquidMesh(URL, [], folder=tmp_path)
        assert len(told_at_once(lambda mesh=mesh: getattr(mesh, part))) == 1  # type: ignore[misc]
        mesh.close()


def test_threads_share_the_engine_of_a_database():
    """Its pool bounds how many connections a process has."""
    for _ in range(20):
        database = Database(URL)
        assert len(told_at_once(lambda database=database: database.engine)) == 1  # type: ignore[misc]
        database.close()


def test_a_forked_process_waits_for_no_thread_of_its_parent(tmp_path: Path):
    """One may be making a part while the process is forked, and there is nobody in the child to end that."""
    mesh = SquidMesh(URL, [], folder=tmp_path)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with mesh.making:
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    child = os.fork()
    if not child:  # nothing of pytest may go on here
        signal.alarm(10)
        os._exit(0 if mesh.database is not None else 1)
    release.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_the_folder_may_be_a_text(tmp_path: Path, kind: Callable[[Path], Any]):
    """Like every other path."""
    (tmp_path / "squidmesh.toml").write_text('[tool.squidmesh]\nqueue = "mail"\n')
    assert SquidMesh(URL, folder=kind(tmp_path)).settings.queue == "mail"


def test_the_private_database_is_that_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Settings and database are looked for in the same place, wherever the process happens to be."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        (folder / ".squidmesh").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.delenv("SQUIDMESH_DATABASE_URL", raising=False)
    assert SquidMesh(folder=there).database.shown_url == f"embedded:{there / '.squidmesh'}"
    assert SquidMesh().database.shown_url == f"embedded:{here / '.squidmesh'}"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"workflow": "typo/"}, "argument workflow: there is no such argument (did you mean 'workflows'?)"),
        ({"lese": "10s"}, "argument lese: there is no such argument (did you mean 'lease'?)"),
        ({"databse": "x"}, "argument databse: there is no such argument (did you mean 'database'?)"),
        ({"source": "x"}, "argument source: there is no such argument"),
        ({"lease": "1 minute"}, "argument lease: '1 minute' is not a duration"),
    ],
)
def test_an_argument_that_there_is_not_is_told(given: dict[str, Any], problem: str):
    """It would otherwise be dropped, and a default hold that nobody chose."""
    with pytest.raises(ConfigurationError) as caught:
        SquidMesh(URL, **given)
    (told,) = caught.value.problems
    assert told.startswith(problem)
