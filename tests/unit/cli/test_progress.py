"""Progress for whatever lasts: every item once, a bar only for somebody who looks and only after a while."""

from __future__ import annotations

import io

import pytest

from squidmesh.cli import progress


class Screen(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """Say that somebody looks."""
        return True


@pytest.mark.parametrize("patience", [0.0, 60.0])
@pytest.mark.parametrize("screen", [Screen, io.StringIO])
def test_a_bar_is_shown_where_it_lasts_and_somebody_looks(
    patience: float, screen: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each item comes once and in order, with a bar or without."""
    shown = screen()
    monkeypatch.setattr(progress, "PATIENCE", patience)
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert list(progress.tracked(["a", "b", "c"], "checking")) == ["a", "b", "c"]
    assert ("checking" in shown.getvalue()) is (patience == 0.0 and screen is Screen)


def test_nothing_to_do_shows_nothing() -> None:
    """No item, no bar."""
    assert list(progress.tracked([], "checking")) == []
