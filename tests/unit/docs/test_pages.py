"""The pages that people read say nothing that is not so; what can be done with them is done in tests/acceptance."""

from __future__ import annotations

import ast
import configparser
import importlib
import json
import re
import shlex
import tomllib
from typing import TYPE_CHECKING

import click
import pytest
from ruamel.yaml import YAML

from squidmesh.authoring.lint import lint_text
from squidmesh.cli.main import COMMANDS, cli
from tests.pages import ROOT, Block, every_page, written_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pages import Page

# Every block is of a kind that some test understands.
KINDS = {"console", "ini", "json", "python", "sh", "text", "toml", "yaml"}
PAGES = every_page()
WRITTEN = written_pages()
# Sphinx's own directives; the build checks them.
DIRECTIVE = re.compile(r"\{[a-z-]+\}")


def blocks(page: Page, *languages: str) -> list[Block]:
    """Return the fenced blocks of some languages."""
    return [block for block in page.blocks if block.language in languages]


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_every_block_is_of_a_kind_that_is_tested(page: Page) -> None:
    """No block escapes, and one that is not run says why."""
    for block in page.blocks:
        assert block.language in KINDS or DIRECTIVE.match(block.language), f"{page}:{block.line}"
        assert block.mark != "not run" or block.reason, f"{page}:{block.line}"


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_workflows_on_a_page_are_valid(page: Page) -> None:
    """Whoever copies a workflow from a page gets one without errors."""
    for block in blocks(page, "yaml"):
        if re.search(r"^workflow:", block.text, re.MULTILINE) and block.mark != "not run":
            found = lint_text(block.text, page.path.name).diagnostics
            assert [str(diagnostic) for diagnostic in found if diagnostic.severity == "error"] == []


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_data_on_a_page_can_be_read(page: Page) -> None:
    """YAML, TOML, JSON and INI are what they say."""
    for block in page.blocks:
        match block.language:
            case "yaml":
                list(YAML(typ="safe").load_all(block.text))
            case "toml":
                tomllib.loads(block.text)
            case "json":
                json.loads(block.text)
            case "ini":
                configparser.ConfigParser(strict=False, interpolation=None).read_string(block.text)


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_python_on_a_page_compiles_and_imports_what_there_is(page: Page) -> None:
    """Whoever copies code from a page finds every name that it imports from us."""
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("squidmesh"):
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_pages_lead_somewhere(page: Page) -> None:
    """A relative link names a file that is there."""
    text = page.path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text) + re.findall(r"\} (\.\.?/\S+)$", text, re.MULTILINE)
    assert [target for target in targets if not (page.path.parent / target).exists()] == []


def shown_commands(page: Page) -> Iterator[str]:
    """Yield every command of ours that a page shows, in blocks (as a list of words too) and in prose."""
    text = page.path.read_text(encoding="utf-8")
    for span in re.findall(r"`([^`\n]*squidmesh [^`]*)`", text):
        yield from re.findall(r"(?:^|\| )(squidmesh [a-z][^|\\]*)", span)
    for block in page.blocks:
        words = block.text.replace("\\\n", " ").replace('", "', " ").replace('"', "")
        yield from re.findall(r"(?:^|[/=(\[]|[$|&:] |env )(squidmesh [a-z][^|)#;&\]\n]*)", words, re.MULTILINE)


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_commands_on_a_page_exist(page: Page) -> None:
    """Every ``squidmesh COMMAND --option`` that a page shows is a command, and has these options."""
    for shown in shown_commands(page):
        words = shown.split()[1:]
        assert words[0] in COMMANDS, shown
        assert list(unknown_options(words)) == [], shown


def unknown_options(words: list[str]) -> Iterator[str]:
    """Yield the options that the command, or the command inside it, does not have."""
    context = click.Context(cli)
    command: click.Command | None = cli
    for word in words:
        if isinstance(command, click.Group) and (inner := command.get_command(context, word)):
            command, context = inner, click.Context(inner, context)
        elif word.startswith("--"):
            assert command is not None
            known = {option for item in command.get_params(context) for option in item.opts}
            if word.split("=")[0].rstrip(",.:") not in known:
                yield word


def test_unknown_options_are_found() -> None:
    """An option that is not there is found, of a command and of one inside it."""
    assert list(unknown_options(shlex.split("run --burst --bursts"))) == ["--bursts"]
    assert list(unknown_options(shlex.split("schedules fire a b --for x --from y"))) == ["--from"]


def test_the_root_is_the_project() -> None:
    """The pages are those of this project."""
    assert (ROOT / "pyproject.toml").is_file()
    assert len(PAGES) > len(WRITTEN)


def test_a_page_that_makes_an_environment_says_how_to_enter_it() -> None:
    """What the commands print to go on begins with ``squidmesh``, which the shell has to find."""
    for page in WRITTEN:
        if any("-m venv .venv" in block.text for block in page.blocks):
            assert ". .venv/bin/activate" in page.path.read_text(encoding="utf-8"), page
