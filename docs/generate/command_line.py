"""The page of the command line: what each command's ``--help`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from squidmesh.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "reference/command-line.md"
_WIDTH = 100
_TEXT = """\
# Command line

`squidmesh` tells everything that is here: `squidmesh --help`, `squidmesh COMMAND --help`.

| exit code | means |
|---|---|
| 0 | fine |
| 1 | findings, or a run that failed |
| 2 | wrong usage or configuration |
| 3 | an error of Squid Mesh itself; `--debug` shows the traceback |

Output is coloured on terminals only, and `NO_COLOR` is respected. `SQUIDMESH_APP` stands for `--app`, and
`SQUIDMESH_ACTOR` for `--actor`. A run id may be shortened to any prefix that only one run has.

{commands}
"""


def render() -> str:
    """Return the page."""
    width = {"max_content_width": _WIDTH, "terminal_width": _WIDTH}
    top = click.Context(cli, info_name="squidmesh", **cli.context_settings, **width)
    sections = [_section("squidmesh", top)]
    sections += [section for name in COMMANDS for section in _sections(name, top)]
    return _TEXT.format(commands="\n\n".join(sections))


def _sections(name: str, parent: click.Context) -> Iterator[str]:
    assert isinstance(parent.command, click.Group)
    command = parent.command.get_command(parent, name)
    assert command is not None
    context = click.Context(command, parent, info_name=name, max_content_width=_WIDTH, terminal_width=_WIDTH)
    yield _section(context.command_path, context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _sections(inner, context)


def _section(title: str, context: click.Context) -> str:
    vars(context.command)["_help_option"] = None  # click keeps that of whoever asked first, under other names
    level = "#" * (2 + max(title.count(" ") - 1, 0))
    return f"{level} {title}\n\n```text\n{context.get_help()}\n```"
