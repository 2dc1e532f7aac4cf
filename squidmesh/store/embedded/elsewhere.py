"""A folder of root's for what a server's user could not reach where it belongs: data, and copied programs."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh.store.embedded.lock import exclusive, is_held

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = Path("/var/lib/squidmesh")
_ORIGIN = "origin"
_PATIENCE_SECONDS = 30


@contextmanager
def elsewhere() -> Iterator[Path]:
    """Give the folder, made if it is not there, to one process at a time."""
    ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
    with exclusive(ELSEWHERE / "elsewhere.lock", patience=_PATIENCE_SECONDS):
        yield ELSEWHERE


def link_elsewhere(link: Path) -> None:
    """Make ``link`` lead to a new folder elsewhere, and remove those whose temporary links are gone."""
    with elsewhere() as base:
        for orphan in _orphans(base):
            shutil.rmtree(orphan)
        if not link.is_symlink():
            target = Path(tempfile.mkdtemp(prefix="home-", dir=base))
            try:
                (target / _ORIGIN).write_text(str(link), encoding="utf-8")
                link.symlink_to(target)
            except OSError:  # nobody would find the folder again
                shutil.rmtree(target)
                raise


def _orphans(base: Path) -> Iterator[Path]:
    """Yield the unused folders of temporary links; of other links one never knows: a disk may be away."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for origin in base.glob(f"*/{_ORIGIN}"):
        link = Path(origin.read_text(encoding="utf-8"))
        gone = link.is_relative_to(temporary) and not os.path.lexists(link)
        if gone and not any(is_held(lock) for lock in origin.parent.glob("*.lock")):
            yield origin.parent
