"""Each library has one home, the environment has one reader, and imports stand at the top."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.architecture.conftest import Source

HOMES = {
    "alembic": ("squidmesh.store",),
    "cel_expr_python": ("squidmesh.expressions",),
    "click": ("squidmesh.cli",),
    "huey": ("squidmesh.worker",),
    "jsonschema": ("squidmesh.authoring", "squidmesh.steps"),
    "psycopg": ("squidmesh.store",),
    "ruamel": ("squidmesh.authoring",),
    "sqlalchemy": ("squidmesh.store",),
}
# Where a library's types are named, and nothing of it is loaded.
ANNOTATIONS = {
    "psycopg": ("squidmesh.runtime",),  # hands a worker's connection from one store function to the next
    "sqlalchemy": (
        "squidmesh.runtime",  # likewise, the façade's connection
        "squidmesh.mesh",  # takes a host's Engine and Connection
        "squidmesh.testing",  # likewise, a Connection for a context
        "squidmesh.steps.context",  # gives a transactional step its Connection
    ),
}
# A command loads what it needs when it runs, the façade and the store what a call needs that most do without; a pytest
# plugin is loaded by every pytest on the machine.
LAZY = ("squidmesh.cli", "squidmesh.mesh", "squidmesh.store.engine", "squidmesh.testing")


def imports(tree: ast.AST, *, typing: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Yield every imported module with its line, and whether only a type checker sees it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno, typing
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from imports(ast.Module(body=node.body, type_ignores=[]), typing=True)
            yield from imports(ast.Module(body=node.orelse, type_ignores=[]), typing=typing)
        else:
            yield from imports(node, typing=typing)


def strays(source: Source) -> Iterator[str]:
    """Yield the imports of a library outside its home."""
    for name, line, typing in imports(source.tree):
        library = name.split(".")[0]
        allowed = HOMES.get(library)
        if allowed is None or source.within(*allowed):
            continue
        if not (typing and source.within(*ANNOTATIONS.get(library, ()))):
            yield f"{source.name}:{line} {library}"


def late(source: Source) -> Iterator[str]:
    """Yield the imports of the project inside a function."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for name, line, _ in imports(node):
                if name.split(".")[0] in {"squidmesh", ""}:
                    yield f"{source.name}:{line} {name}"


def environment(source: Source) -> Iterator[str]:
    """Yield the places that read the process's environment."""
    readers = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in readers and ast.unparse(node.value) == "os":
            yield f"{source.name}:{node.lineno}"
        if isinstance(node, ast.ImportFrom) and node.module == "os" and readers & {a.name for a in node.names}:
            yield f"{source.name}:{node.lineno}"


def test_libraries_stay_at_home(sources: list[Source]) -> None:
    """Only the package that adapts a library imports it, type checkers' eyes included."""
    assert [place for source in sources for place in strays(source)] == []


def test_imports_stand_at_the_top(sources: list[Source]) -> None:
    """No function imports the project, lazily loaded commands excepted."""
    assert [place for source in sources if not source.within(*LAZY) for place in late(source)] == []


def test_one_module_reads_the_environment(sources: list[Source]) -> None:
    """Settings come from one place."""
    assert [place for source in sources if source.name != "squidmesh.settings" for place in environment(source)] == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("squidmesh.cli.run", "import huey.api", ["squidmesh.cli.run:1 huey"]),
        ("squidmesh.model.run", "def a():\n    from click import echo", ["squidmesh.model.run:2 click"]),
        ("squidmesh.worker.tasks", "import huey.api", []),
        ("squidmesh.runtime.start", "if TYPE_CHECKING:\n    import psycopg", []),
        ("squidmesh.runtime.start", "import psycopg", ["squidmesh.runtime.start:1 psycopg"]),
        ("squidmesh.worker.turn", "if t.TYPE_CHECKING:\n    import psycopg", ["squidmesh.worker.turn:2 psycopg"]),
    ],
)
def test_strays_are_found(name: str, text: str, found: list[str], module: Callable[[str, str], Source]) -> None:
    """A library outside its home is found wherever the import hides."""
    assert list(strays(module(name, text))) == found


def test_late_imports_are_found(module: Callable[[str, str], Source]) -> None:
    """Imports of the project inside functions are found, absolute or relative; other libraries' are not meant."""
    text = "def a():\n    import json\n    import squidmesh.mesh\n    if a:\n        from . import b\n"
    assert list(late(module("m", text))) == ["m:3 squidmesh.mesh", "m:5 ."]


@pytest.mark.parametrize("text", ["os.environ['A']", "x = os.getenv('A')", "from os import environ"])
def test_readers_of_the_environment_are_found(text: str, module: Callable[[str, str], Source]) -> None:
    """Every way to the environment is found."""
    assert list(environment(module("m", text))) == ["m:1"]
