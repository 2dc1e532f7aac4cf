"""What the page of guarantees promises is tested, and by the test that it names."""

from __future__ import annotations

import ast
import re

import pytest

from tests.pages import DOCS

PAGE = DOCS / "explanation" / "guarantees.md"
LINK = re.compile(r"\]\((?P<path>\.\./\.\./tests/[^)#]+)#(?P<name>\w+)\)")
TEXT = PAGE.read_text(encoding="utf-8")


def promises() -> list[str]:
    """Return the items under the first heading of the page."""
    section = TEXT.split("\n## ")[1]
    return [f"- {item}" for item in section.split("\n- ")[1:]]


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise[2:50])
def test_each_promise_names_its_test(promise: str) -> None:
    """No sentence of the promise stands without a test."""
    assert LINK.search(promise)


@pytest.mark.parametrize("link", sorted({match.group("path", "name") for match in LINK.finditer(TEXT)}), ids="#".join)
def test_each_test_that_is_named_is_there(link: tuple[str, str]) -> None:
    """A test that is renamed or removed takes the page with it."""
    path, name = link
    tree = ast.parse((PAGE.parent / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
