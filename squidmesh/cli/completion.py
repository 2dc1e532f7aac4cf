"""``squidmesh completion``, and what the shell is told when it asks: workflows, and ids of runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh.settings import Settings

_PROGRAM, _VARIABLE = "squidmesh", "_SQUIDMESH_COMPLETE"
_WORKFLOW = re.compile(rb"^workflow:[ \t]*[\"']?([A-Za-z0-9_.-]+)", re.MULTILINE)
# What a command can do something with; any other command takes every run.
_STATUSES = {
    "approve": "PAUSED",
    "reject": "PAUSED",
    "unblock": "PAUSED",
    "cancel": "OPEN",
    "wake": "OPEN",
    "watch": "OPEN",
    "replay": "FINISHED",
}


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell: commands, workflows and ids of runs complete.

    For bash and zsh, have your start-up file evaluate it: eval "$(squidmesh completion bash)"

    Example: squidmesh completion fish > ~/.config/fish/completions/squidmesh.fish
    """
    found = get_completion_class(shell)
    assert found is not None, "the choice names shells that click knows"
    click.echo(found(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())


class Completed(click.types.StringParamType):
    """A text of which the shell may ask for the rest; whatever goes wrong, it is told nothing."""

    def __init__(self, find: Callable[[click.Context, str], Iterator[CompletionItem]]) -> None:
        self._find = find

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        """Return what the text may become."""
        try:
            return list(self._find(ctx, incomplete))
        except Exception:  # noqa: BLE001 - a message would land in the line that is being typed
            return []


def add_completion(command: click.Command) -> None:
    """Let the workflows and run ids that a command (or a command of a group) takes be completed."""
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        add_completion(each)
    for parameter in command.params:
        find = _FINDERS.get(parameter.name or "")
        if find is not None:
            parameter.type = Completed(find)


def _find_workflows(context: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    from squidmesh.authoring.files import find_files, read_file  # noqa: PLC0415 - only where they are completed

    for path in find_files(context.params.get("workflows") or _settings(context).workflows):
        content = read_file(path)
        match = _WORKFLOW.search(content) if isinstance(content, bytes) else None
        if match and (name := match[1].decode()).startswith(incomplete):
            yield CompletionItem(name, help=path.name)


def _find_runs(context: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    from squidmesh.runtime import recent  # noqa: PLC0415 - loads psycopg
    from squidmesh.settings import find_embedded_url  # noqa: PLC0415 - only where they are completed

    settings = _settings(context)
    url = context.params.get("database") or settings.database_url or find_embedded_url()
    if url is None:
        return
    statuses = getattr(recent, _STATUSES.get(context.info_name or "", ""), None)
    for id_, workflow, status in recent.complete_run_id(url, settings.schema, incomplete, statuses):
        yield CompletionItem(id_, help=f"{workflow} {status}")


_FINDERS: dict[str, Callable[[click.Context, str], Iterator[CompletionItem]]] = {
    "workflow": _find_workflows,
    "run_id": _find_runs,
    "run_ids": _find_runs,
}


def _settings(context: click.Context) -> Settings:
    """Return the settings of the host's mesh, if one is named, else those in force here."""
    from squidmesh.cli.session import settings_in_force  # noqa: PLC0415 - only where something is completed

    return settings_in_force(context)
