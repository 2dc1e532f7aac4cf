"""The page of the states is the tables of the states."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS

SCRIPT = Path(__file__).parents[3] / "docs" / "states.py"


@pytest.fixture(scope="module")
def script():
    """What the script defines."""
    return runpy.run_path(str(SCRIPT))


def test_the_page_is_up_to_date(script):
    """Whoever changes a table runs ``python docs/states.py``."""
    assert script["PAGE"].read_text(encoding="utf-8") == script["render"]()


@pytest.mark.parametrize("transitions", [RUN_TRANSITIONS, STEP_TRANSITIONS])
def test_every_move_is_drawn(script, transitions):
    """Each arrow of the table is one of the page."""
    page = script["render"]()
    for status, reached in transitions.items():
        assert f"| `{status}` |" in page
        for to in reached:
            assert f"    {status} --> {to}\n" in page
