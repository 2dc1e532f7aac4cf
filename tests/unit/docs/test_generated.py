"""The pages that are made from code are what the code makes."""

from __future__ import annotations

import re
import runpy
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from squidmesh import SquidMesh, errors
from squidmesh.errors import SquidMeshError
from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS
from tests.pages import DOCS, GENERATED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPTS = DOCS / "generate"


@pytest.fixture(scope="module")
def generated() -> Iterator[dict[Path, str]]:
    """Every page with its text, as ``python docs/generate`` would write it."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield SimpleNamespace(**runpy.run_path(str(SCRIPTS / "__main__.py"))).pages()
    finally:
        sys.path.remove(str(SCRIPTS))


def test_the_pages_are_up_to_date(generated: dict[Path, str]) -> None:
    """Whoever changes what a page is made from runs ``python docs/generate``."""
    stale = [str(page) for page, text in generated.items() if page.read_text(encoding="utf-8") != text]
    assert stale == [], "run: python docs/generate"


def test_every_script_makes_a_page(generated: dict[Path, str]) -> None:
    """A script that is forgotten in the list would leave its page behind."""
    scripts = {path.name for path in SCRIPTS.glob("*.py")} - {"__main__.py", "markdown.py"}
    assert len(scripts) == len(generated)
    assert GENERATED - {"rules.md"} <= {page.name for page in generated}


@pytest.mark.parametrize("transitions", [RUN_TRANSITIONS, STEP_TRANSITIONS])
def test_every_move_is_shown(transitions: dict[str, set[str]]) -> None:
    """Each move of the tables of states is a dot on the page, and there are no others."""
    page = (DOCS / "reference" / "states.md").read_text(encoding="utf-8")
    tables = [table.splitlines() for table in re.findall(r"^\| from .*?(?=\n\n)", page, re.MULTILINE | re.DOTALL)]
    table = tables[0 if transitions is RUN_TRANSITIONS else 1]
    columns = [cell.strip(" `") for cell in table[0].split("|")[2:-1]]
    shown = {}
    for line in table[2:]:
        name, *cells = [cell.strip(" `") for cell in line.split("|")[1:-1]]
        shown[name] = {column for column, cell in zip(columns, cells, strict=True) if cell}
    assert shown == {str(status): set(map(str, reached)) for status, reached in transitions.items() if reached}


def test_every_error_is_on_the_page() -> None:
    """An error that the tree in the docstring forgets would be missed by readers too."""
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, SquidMeshError)
    ]
    assert [error.__name__ for error in classes if f"`{error.__name__}`" not in page] == []


def test_every_call_is_on_the_page() -> None:
    """Every public call of the façade has its section."""
    page = (DOCS / "reference" / "python-api.md").read_text(encoding="utf-8")
    public = [name for name in dir(SquidMesh) if not name.startswith("_") and callable(getattr(SquidMesh, name))]
    assert [name for name in public if not re.search(rf"^### {name}$", page, re.MULTILINE)] == []


def test_every_code_of_the_engine_is_on_the_page() -> None:
    """A code that the engine gives to a failure is explained."""
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in (DOCS.parent / "squidmesh" / "runtime").rglob("*.py")
    )
    codes = set(re.findall(r'code="([a-z_]+)"', source))
    assert codes
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
