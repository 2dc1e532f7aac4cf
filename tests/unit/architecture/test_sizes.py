"""A file holds one thing, a function does one: how long they may be."""

from __future__ import annotations

import ast
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.architecture.conftest import Source

FILE_LINES = 300
FILE_LINES_MEDIAN = 120
BODY_LINES = 60
BODY_LINES_MOSTLY = 35
MOSTLY = 0.95


def file_lines(source: Source) -> int:
    """Count the lines of a file."""
    return len(source.text.splitlines())


def bodies(source: Source) -> Iterator[tuple[str, int]]:
    """Yield each function and the lines of its body, its docstring excepted."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0
            yield f"{source.name}.{node.name}", length


def test_files_are_short(sources: list[Source]) -> None:
    """No file passes 300 lines."""
    assert {source.name: file_lines(source) for source in sources if file_lines(source) > FILE_LINES} == {}


def test_half_of_the_files_are_very_short(sources: list[Source]) -> None:
    """The median file has at most 120 lines."""
    assert statistics.median(file_lines(source) for source in sources) <= FILE_LINES_MEDIAN


def test_functions_are_short(sources: list[Source]) -> None:
    """No function's body passes 60 lines."""
    assert {name: lines for source in sources for name, lines in bodies(source) if lines > BODY_LINES} == {}


def test_almost_all_functions_are_very_short(sources: list[Source]) -> None:
    """At least 95 of 100 function bodies have at most 35 lines."""
    lengths = [lines for source in sources for _, lines in bodies(source)]
    assert sum(length <= BODY_LINES_MOSTLY for length in lengths) >= MOSTLY * len(lengths)


def test_the_measure_of_a_body(module: Callable[[str, str], Source]) -> None:
    """A body is measured without signature and docstring, methods and inner functions included."""
    lines = [
        "class A:",
        "    def a(",
        "        self,",
        "    ):",
        "        'Doc.'",
        "        def b():",
        "            pass",
        "",
        "        return b",
    ]
    assert dict(bodies(module("m", "\n".join(lines)))) == {"m.a": 4, "m.b": 1}
