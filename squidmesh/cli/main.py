"""The command ``squidmesh``: a group whose commands are imported when they are asked for.

Exit codes: 0 fine, 1 findings or a failed run, 2 usage or configuration, 3 internal error.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from typing import NoReturn, cast

import click
from click.shell_completion import CompletionItem

from squidmesh import __version__
from squidmesh.errors import SquidMeshError, suggestion

# Command -> (module or module:attribute, one line of help): listing the commands imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("validate", "Check workflow files and say what is wrong with them."),
    "init": ("init", "Make a new project that works as it is."),
    "try": ("trial", "Run one workflow here and now, and show each step."),
    "start": ("start", "Start a run."),
    "run": ("run", "Run a worker."),
    "runs": ("runs", "List runs, and why each is where it is."),
    "inspect": ("inspect", "Show what is stored about a run."),
    "explain": ("explain", "Say why a run is where it is."),
    "watch": ("watch", "Follow a run until it ends or waits for a person."),
    "approve": ("decide:approve", "Approve what a run waits for."),
    "reject": ("decide:reject", "Reject what a run waits for."),
    "unblock": ("decide:unblock", "Let a paused run go on."),
    "cancel": ("cancel", "Stop runs, whatever they are at."),
    "replay": ("replay", "Start finished runs again, as new runs with the same payload."),
    "wake": ("wake", "Make a waiting retry or timer due now."),
    "schedules": ("schedules", "Show, pause, resume and fire cron triggers."),
    "queues": ("queues", "Show, pause and resume queues."),
    "workers": ("workers", "Show the worker processes."),
    "steps": ("steps", "List the registered step types."),
    "schema": ("schema", "Print the JSON Schema of workflow files."),
    "format": ("format", "Rewrite workflow files in the canonical form."),
    "graph": ("graph", "Draw a workflow as text, Mermaid or DOT."),
    "rule": ("rule", "Explain a diagnostic's code."),
    "doctor": ("doctor", "Look for what is wrong, and say what to do about it."),
    "completion": ("completion", "Print the completion script of a shell."),
    "db": ("db", "Make and upgrade the tables."),
}
_OF_ALL = ("--app", "--debug")
INTERNAL_ERROR = 3
USAGE_ERROR = 2
INTERRUPTED = 130


class LazyGroup(click.Group):
    """Lists commands from ``COMMANDS`` and imports only the one that is invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in COMMANDS:
            return None
        module_name, _, attribute = COMMANDS[name][0].partition(":")
        module = importlib.import_module(f"squidmesh.cli.{module_name}")
        command = _with_paragraphs(cast("click.Command", getattr(module, attribute or "command")))
        if ctx.resilient_parsing:  # a shell asks what the line may become
            importlib.import_module("squidmesh.cli.completion").add_completion(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, importing none, or the options."""
        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with, or say which one may be meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(f"no such command {name!r}{suggestion(name, list(COMMANDS))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _with_paragraphs(command: click.Command) -> click.Command:
    """Return a command with click's mark of a paragraph to leave as it is; a raw docstring spells it out.

    An example is such a paragraph, so that it can be copied whole.
    """
    text = inspect.cleandoc(command.help or "").replace("\\b\n", "\b\n")
    command.help = text.replace("\n\nExample:", "\n\n\b\nExample:")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _with_paragraphs(inner)
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="squidmesh")
@click.option(
    "--app",
    metavar="MODULE:NAME",
    envvar="SQUIDMESH_APP",
    help="The host's SquidMesh, or a function returning it (default: SQUIDMESH_APP, then the setting app).",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, app: str | None, debug: bool) -> None:
    """Durable workflows as YAML inside your own Python application and its Postgres.

    Example: squidmesh try workflows/daily_digest.yaml
    """
    context.obj = {"app": app, "debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; errors become one message, never a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        sys.exit(cli.main(arguments, prog_name="squidmesh", standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        _explained(error).show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has gone; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except SquidMeshError as error:
        _fail(error, str(error), USAGE_ERROR, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last resort before a traceback
        text = f"internal error: {type(error).__name__}: {error} (--debug shows where)"
        _fail(error, text, INTERNAL_ERROR, debug=debug)


def _explained(error: click.ClickException) -> click.ClickException:
    """Return a wrong call with where the option belongs, if it is one of all commands."""
    if isinstance(error, click.NoSuchOption) and error.option_name in _OF_ALL:
        text = f"{error.message} It stands before the command: squidmesh {error.option_name} ... COMMAND"
        return click.NoSuchOption(error.option_name, message=text, ctx=error.ctx)
    return error


def _fail(error: BaseException, text: str, code: int, *, debug: bool) -> NoReturn:
    from rich.text import Text  # noqa: PLC0415 - only where something failed

    from squidmesh.cli.console import make_console  # noqa: PLC0415 - likewise

    if debug:
        traceback.print_exception(error)
    make_console(stderr=True).print(Text.assemble(("error: ", "bold red"), text))
    sys.exit(code)
