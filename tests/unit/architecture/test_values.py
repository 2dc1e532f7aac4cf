"""Values are frozen, small and named at every call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.architecture.conftest import Source

REQUIRED = {"frozen": True, "slots": True, "kw_only": True}


def loose(source: Source) -> Iterator[str]:
    """Yield the dataclasses that are not frozen, with slots and keyword-only."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                if is_dataclass(decorator) and not REQUIRED.items() <= options(decorator).items():
                    yield f"{source.name}.{node.name}"


def is_dataclass(decorator: ast.expr) -> bool:
    """Tell whether a decorator is ``dataclass``, called or not."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).split(".")[-1] == "dataclass"


def options(decorator: ast.expr) -> dict[str | None, object]:
    """Return the constant options of a decorator."""
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return {each.arg: each.value.value for each in keywords if isinstance(each.value, ast.Constant)}


def test_values_of_the_model_are_frozen(sources: list[Source]) -> None:
    """Every dataclass of the model is frozen, has slots and takes keywords only."""
    assert [name for source in sources if source.within("squidmesh.model") for name in loose(source)] == []


@pytest.mark.parametrize(
    ("decorator", "found"),
    [
        ("dataclass", True),
        ("dataclass(frozen=True, slots=True)", True),
        ("dataclasses.dataclass(frozen=True, slots=True, kw_only=False)", True),
        ("dataclass(frozen=True, slots=True, kw_only=True)", False),
        ("dataclass(frozen=True, slots=True, kw_only=True, eq=False)", False),
        ("enum.unique", False),
    ],
)
def test_loose_values_are_found(decorator: str, found: bool, module: Callable[[str, str], Source]) -> None:
    """All three options are needed, whatever else is given."""
    assert bool(list(loose(module("m", f"@{decorator}\nclass A: pass\n")))) is found
