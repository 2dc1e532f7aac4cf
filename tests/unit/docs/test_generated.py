"""The pages and pictures that are made from code are what the code makes."""

from __future__ import annotations

import ast
import itertools
import re
import runpy
import sys
import tomllib
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from squidmesh import RetryStep, SquidMesh, StepFailed, errors
from squidmesh.errors import SquidMeshError
from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS, RunStatus
from tests.pages import DOCS, GENERATED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPTS = DOCS / "generate"
HELPING = {"__main__.py", "drawing.py", "markdown.py", "state_comments.py", "state_pictures.py"}
TABLES = {"run-states.svg": RUN_TRANSITIONS, "step-states.svg": STEP_TRANSITIONS}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    """What ``python docs/generate`` does it with."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield SimpleNamespace(**runpy.run_path(str(SCRIPTS / "__main__.py")))
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def generated(scripts: Any) -> dict[Path, str]:
    """Every page with its text, as ``python docs/generate`` would write it."""
    pages: dict[Path, str] = scripts.pages()
    return pages


def test_the_files_are_up_to_date(scripts: Any) -> None:
    """Whoever changes what a page or a picture is made from runs ``python docs/generate``."""
    files: dict[Path, str] = scripts.pages() | scripts.pictures()
    stale = [str(file) for file, text in files.items() if file.read_text(encoding="utf-8") != text]
    assert stale == [], "run: python docs/generate"


def test_every_script_makes_a_page(generated: dict[Path, str]) -> None:
    """A script that is forgotten in the list would leave its page behind."""
    names = {path.name for path in SCRIPTS.glob("*.py")}
    assert names > HELPING
    assert len(names - HELPING) == len(generated)
    assert GENERATED - {"rules.md"} <= {page.name for page in generated}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_and_every_move_is_drawn(name: str) -> None:
    """Each state is a box that says what moves a row out of it, each move an arrow, and there are no others."""
    drawn = ET.parse(DOCS / "pictures" / name).getroot()
    names = [element.text for element in drawn.iter(f"{SVG}text") if element.get("class") == "name"]
    assert sorted(map(str, names)) == sorted(TABLES[name])
    moves = [move for element in drawn.iter(f"{SVG}path") for move in moves_of(element)]
    expected = [(str(state), str(target)) for state, targets in TABLES[name].items() for target in targets]
    assert sorted(moves) == sorted(expected)
    said = " ".join(str(element.text) for element in drawn.iter(f"{SVG}text"))
    assert "a person's decision, or a deadline" in said


def moves_of(arrow: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield the moves that an arrow stands for: its tips are where it leads to."""
    target = arrow.get("data-to")
    if target is None:
        return
    assert arrow.get("marker-end") == "url(#tip)"
    for source in str(arrow.get("data-from")).split():
        yield source, target
        if arrow.get("marker-start") == "url(#tip)":
            yield target, source


@pytest.mark.parametrize("name", TABLES)
def test_nothing_lies_on_anything_else(name: str) -> None:
    """Boxes overlap neither each other nor the edge of the picture, and arrows pass through none of them."""
    drawn = ET.parse(DOCS / "pictures" / name).getroot()
    width, height = map(float, str(drawn.get("viewBox")).split()[2:])
    boxes = [corners(box) for box in drawn.iter(f"{SVG}rect") if box.get("class") in {"state", "end"}]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert min(left, top) > 0
        assert (right, bottom) < (width, height)
        for other in boxes[:number]:
            assert right < other[0] or other[2] < left or bottom < other[1] or other[3] < top
    for path in drawn.iter(f"{SVG}path"):
        for x, y in points_along(path):
            assert not any(left < x < right and top < y < bottom for left, top, right, bottom in boxes)


def corners(box: ET.Element) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom, drawn in by the width of a line."""
    x, y, width, height = (float(str(box.get(key))) for key in ("x", "y", "width", "height"))
    return x + 2, y + 2, x + width - 2, y + height - 2


def points_along(path: ET.Element) -> Iterator[tuple[float, float]]:
    """Yield points along an arrow, close to each other."""
    if path.get("data-to") is None:
        return
    corner = [tuple(map(float, pair.split())) for pair in str(path.get("d"))[1:].split(" L")]
    for (x, y), (to_x, to_y) in itertools.pairwise(corner):
        yield from ((x + (to_x - x) * share / 200, y + (to_y - y) * share / 200) for share in range(201))


def test_a_layout_of_another_table_is_refused(scripts: Any) -> None:
    """A state that nobody gave a place, and a way for a move that is not there, do not go unnoticed."""
    from state_pictures import RUN, draw  # noqa: PLC0415 - found where the fixture says

    for wrong in (
        replace(RUN, places={name: place for name, place in RUN.places.items() if name != "paused"}),
        replace(RUN, places={**RUN.places, "resting": (0, 0)}),
        replace(RUN, ways={("failed", "running"): ()}),
    ):
        with pytest.raises(ValueError, match="not those of the table"):
            draw(wrong, RunStatus, RUN_TRANSITIONS)


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
    """A code that the engine gives to a failure is explained, and no other is taken for one of its own."""
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8").partition("## Error codes")[2]
    given = {code for path in (DOCS.parent / "squidmesh/runtime").rglob("*.py") for code in codes_in(path)}
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == given | {StepFailed.code, RetryStep.code}


def codes_in(path: Path) -> Iterator[str]:
    """Yield the codes that a module gives to failures as they stand."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "id", "")
            places = {"failed": call.args[:1], "_failure": call.args[1:2], "_unroutable": call.args[1:2]}
            named = [keyword.value for keyword in call.keywords if keyword.arg == "code" and name == "Failure"]
            for value in (*places.get(name, ()), *named):
                if isinstance(value, ast.Constant):
                    yield str(value.value)


def test_the_layers_are_those_that_the_build_checks() -> None:
    """The page of the architecture draws the layers of pyproject.toml, in their order."""
    settings = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    checked = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    drawn = page.partition("## Layers")[2].split("```")[1].removeprefix("text").split("▸")
    assert [layer.split() for layer in drawn] == [
        re.sub(r" *\([a-z]+\) \|", "", layer).split() for layer in checked if layer != "__main__"
    ]
