"""The pages that people read first say nothing that is not so."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from squidmesh.authoring.lint import lint_text
from squidmesh.cli.main import COMMANDS

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "workflows.example" / "README.md"]
# The reference of the rules shows bad files on purpose; its own test runs each of its examples.
WRITTEN = [page for page in PAGES if page.name != "rules.md"]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """Return the page's path as the test's name."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_workflows_on_a_page_are_valid(page: Path) -> None:
    """Whoever copies a workflow from a page gets one without errors."""
    for block in blocks(page, "yaml"):
        if block.startswith("workflow:"):
            found = lint_text(block, page.name).diagnostics
            assert [str(diagnostic) for diagnostic in found if diagnostic.severity == "error"] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_python_on_a_page_compiles_and_imports_what_there_is(page: Path) -> None:
    """Whoever copies code from a page finds every name that it imports from us."""
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("squidmesh"):
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_on_a_page_exist(page: Path) -> None:
    """Every ``squidmesh COMMAND`` that a page shows is a command."""
    shown = set(re.findall(r"(?:^|[`/]|&& |\\$ )squidmesh ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert shown <= set(COMMANDS)
