"""Names say what a file holds; docstrings say what it is for; an exception to a rule says why."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.architecture.conftest import Source

EMPTY_WORDS = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
# The codes are named, and after a dash or a second comment sign comes a reason.
REASONED = (
    re.compile(r"#\s*noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s+(-|#)\s*\S+"),
    re.compile(r"#\s*type:\s*ignore\[[\w-]+(,\s*[\w-]+)*\]\s+#\s*\S+"),
)
MARKER = re.compile(r"#\s*(noqa|type:\s*ignore)")


def empty_words(source: Source) -> list[str]:
    """List the words of a module's own name that say nothing."""
    return sorted(EMPTY_WORDS & set(source.name.split(".")[-1].split("_")))


def undocumented(source: Source) -> Iterator[str]:
    """Yield the module, and its public functions and methods, that have no docstring."""
    if not ast.get_docstring(source.tree):
        yield source.name
    for owner in (source.tree, *public_classes(source.tree)):
        for node in owner.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not is_told_elsewhere(node):
                yield f"{source.name}:{node.lineno} {node.name}"


def public_classes(owner: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef]:
    """Yield the classes that others see, inner ones too."""
    for node in owner.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node
            yield from public_classes(node)


def is_told_elsewhere(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function has its words elsewhere: an overload, a setter, a line of a protocol."""
    return ast.unparse(node.body[0]) == "..." or any(
        re.search(r"\boverload$|\.(setter|deleter)$", ast.unparse(each)) for each in node.decorator_list
    )


def unexplained(source: Source) -> Iterator[str]:
    """Yield the places where a check is switched off without a code or a reason."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        markers = len(MARKER.findall(token.string))
        if markers > sum(len(pattern.findall(token.string)) for pattern in REASONED):
            yield f"{source.name}:{token.start[0]}"


def test_names_say_something(sources: list[Source]) -> None:
    """No module is named utils, common, helpers, manager or base."""
    assert {source.name: words for source in sources if (words := empty_words(source))} == {}


def test_everything_public_has_a_docstring(sources: list[Source]) -> None:
    """Every module and every public function says what it is for."""
    assert [place for source in sources for place in undocumented(source)] == []


def test_exceptions_are_explained(sources: list[Source]) -> None:
    """Every noqa and every type: ignore names its code and its reason."""
    assert [place for source in sources for place in unexplained(source)] == []


@pytest.mark.parametrize("name", ["squidmesh.utils", "squidmesh.store.sql_helpers", "squidmesh.base"])
def test_empty_names_are_found(name: str, module: Callable[[str, str], Source]) -> None:
    """A word that says nothing is found alone and in company."""
    assert empty_words(module(name, ""))


def test_missing_docstrings_are_found(module: Callable[[str, str], Source]) -> None:
    """Functions, methods and the module itself are looked at; private and overloaded ones are not."""
    text = "\n".join(
        [
            "def seen(): pass",
            "def _private(): pass",
            "class A:",
            "    def seen_too(self): pass",
            "    @overload",
            "    def many(self): pass",
            "    def declared(self): ...",
            "class _B:",
            "    def hidden(self): pass",
        ]
    )
    assert list(undocumented(module("m", text))) == ["m", "m:1 seen", "m:4 seen_too"]


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("# noqa", True),
        ("# noqa: S603", True),
        ("# noqa: S603 - the programs are ours", False),
        ("# noqa: S603, S607 - the programs are ours", False),
        ("# type: ignore", True),
        ("# type: ignore[arg-type]", True),
        ("# type: ignore[arg-type]  # the stubs are behind", False),
        ("# type: ignore[arg-type]  # noqa: S603 - the programs are ours", False),
        ("# type: ignore[arg-type]  # noqa: S603", True),
        ("# nothing to see", False),
    ],
)
def test_unexplained_exceptions_are_found(comment: str, found: bool, module: Callable[[str, str], Source]) -> None:
    """Neither a bare marker nor a code alone is enough."""
    assert bool(list(unexplained(module("m", f"a = 1  {comment}\n")))) is found
