"""A worker whose start is interrupted, by Ctrl-C in a host say, is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squidmesh import SquidMesh
from squidmesh.worker.consumer import DrainingConsumer

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_of_it_goes_on(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody holds it, so that nobody could stop it; a step that ran would run for ever."""

    def interrupted(consumer: DrainingConsumer) -> None:
        consumer._has_started.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(DrainingConsumer, "wait_until_started", interrupted)
    with SquidMesh(database_url, [], folder=tmp_path) as mesh:
        worker = mesh.worker()
        with pytest.raises(KeyboardInterrupt):
            worker.start()
        assert mesh.list_workers() == []
