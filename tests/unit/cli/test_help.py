"""Each command's help reads well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest

from squidmesh.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator


def helps(command: click.Command, path: str, width: int = 80) -> Iterator[tuple[str, str]]:
    """Yield the help of a command and of those inside it, on a terminal so wide."""
    context = click.Context(command, info_name=path, terminal_width=width)
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from helps(inner, f"{path} {name}", width)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example_on_a_line_of_its_own(name: str) -> None:
    """Examples are not folded into prose, and no mark for click is left in the text."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for path, text in helps(command, f"squidmesh {name}"):
        assert "\\b" not in text, path
        described = text.partition("\n")[2].partition("\nOptions:")[0]
        assert any("squidmesh " in line for line in described.splitlines()), f"{path} has no example"


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_can_be_copied_whole(name: str) -> None:
    """However narrow the terminal: a line that was folded would be two commands."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    wide = [text for _, text in helps(command, f"squidmesh {name}", 200)]
    for (path, narrow), whole in zip(helps(command, f"squidmesh {name}", 60), wide, strict=True):
        examples = [line for line in whole.splitlines() if re.match(r" +(Example: )?squidmesh ", line)]
        assert examples, path
        assert all(line in narrow.splitlines() for line in examples), path
