"""The nightly report: fired by its schedule, for the right day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh.testing import DrivenMesh


def test_each_night_has_a_report(mesh: DrivenMesh, shop: Callable[..., list[Any]], tmp_path: Path) -> None:
    """In three days it is written three times, for the local day of its tick."""
    mesh.pause_schedule("content.post_daily_digest", "daily_digest")
    mesh.start_run("shop.checkout")
    mesh.drain(through="3d")
    reports = [json.loads(path.read_text()) for path in sorted((tmp_path / "reports").iterdir())]
    assert len({report["day"] for report in reports}) == 3
    assert {report["payments"]["by_status"]["captured"]["count"] for report in reports} == {1}
    assert all(report["scheduled_for"] for report in reports)


def test_a_night_that_was_missed_is_caught_up_once(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """After an outage of a week the newest report is written, not seven."""
    mesh.pause_schedule("content.post_daily_digest", "daily_digest")
    mesh.drain()
    mesh.advance("7d")
    assert mesh.drain() == ["count_payments", "write_report"]
