"""When the database loop looks for due steps."""

from __future__ import annotations

import time

from squidmesh.worker.looks import Looks


def test_an_early_hint_does_not_hide_a_later_one() -> None:
    """Hints for two moments are both kept: the second still stands when the first has come true."""
    looks = Looks()
    looks.hint(0.0)
    looks.hint(30.0)
    looks.hint(60.0)
    now = time.monotonic()
    assert [round(moment - now) for moment in looks._hints] == [0, 30, 60]
    looks.hint(-1.0)
    assert len(looks._hints) == 3  # of those that are due, one is enough
    looks.begin()
    looks.ended(100.0, looked=True)
    assert round(looks.next - now) == 30


def test_only_a_look_puts_off_the_next() -> None:
    """What a record leads to may bring the next look forward, and never puts it off."""
    looks = Looks()
    looks.ended(10.0, looked=True)
    looks.ended(20.0, looked=False)
    assert round(looks.next - time.monotonic()) == 10
    looks.ended(5.0, looked=False)
    assert round(looks.next - time.monotonic()) == 5
