"""What the operator's commands share: which runs, who acts, being asked first, a report for each run, exit codes.

A command acts on each run by itself: one that refuses is reported and the others go on. It exits 0 if every
run took the action, 1 if one refused, 2 for a wrong call (a value that is no run id, nobody to answer for it).
"""

from __future__ import annotations

import functools
import os
import pwd
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.session import database_option, json_option, open_mesh, print_json
from squidmesh.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    InvalidRunId,
    InvalidWorkflow,
    SchemaOutdated,
    SquidMeshError,
)
from squidmesh.model.identity import parse_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from squidmesh.mesh import SquidMesh

_FROM_STDIN = "-"
_ROOT = 0
# What is wrong for every run alike ends the command; anything else is the answer of one run.
_WRONG_FOR_ALL = (ConfigurationError, DatabaseUnavailable, InvalidWorkflow, SchemaOutdated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an operator's command was asked for; ``actor`` is never empty."""

    run_ids: tuple[UUID, ...]
    actor: str
    yes: bool
    database: str | None
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of one run: a sentence's end for a person (``is cancelled``), and data for ``--json``."""

    text: str
    result: Any = None


def operator_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``RUN_ID...``, ``--actor``, ``--yes``, ``--database`` and ``--json``, given as one ``request``."""

    @functools.wraps(function)
    def wrapped(
        *arguments: Any,
        run_ids: tuple[str, ...],
        actor: str | None,
        yes: bool,
        database: str | None,
        as_json: bool,
        **others: Any,
    ) -> Any:
        request = Request(
            run_ids=tuple(_read_ids(run_ids)),
            actor=actor.strip() if actor and actor.strip() else _login_name(),
            yes=yes,
            database=database,
            as_json=as_json,
        )
        return function(*arguments, request=request, **others)

    text = "Who acts (default: the variable SQUIDMESH_ACTOR, then your login name)."
    wrapped = click.option("--actor", envvar="SQUIDMESH_ACTOR", metavar="NAME", help=text)(wrapped)
    wrapped = click.option("--yes", is_flag=True, help="Do not ask first; needed where nobody can answer.")(wrapped)
    return click.argument("run_ids", nargs=-1, required=True, metavar="RUN_ID...")(
        database_option(json_option(wrapped))
    )


def act_on_each(
    context: click.Context, request: Request, action: Callable[[SquidMesh, UUID], Acted], *, question: str | None = None
) -> int:
    """Act on each run and report it; return the exit code. ``question`` is asked first, unless ``--yes``."""
    if question is not None:
        _confirm(request, question)
    with open_mesh(context, database=request.database) as mesh:
        reports = [_act(mesh, run_id, action, request) for run_id in request.run_ids]
    if request.as_json:
        print_json(reports)
    return 0 if all(report["ok"] for report in reports) else 1


def _act(mesh: SquidMesh, run_id: UUID, action: Callable[[SquidMesh, UUID], Acted], request: Request) -> dict[str, Any]:
    try:
        acted = action(mesh, run_id)
    except _WRONG_FOR_ALL:
        raise
    except SquidMeshError as error:
        if not request.as_json:
            click.echo(f"{run_id}: " + click.style("refused: ", fg="red") + str(error), err=True)
        return {"run_id": str(run_id), "ok": False, "error": {"type": type(error).__name__, "message": str(error)}}
    if not request.as_json:
        click.echo(f"{run_id}: {acted.text}")
    return {"run_id": str(run_id), "ok": True, "result": acted.result}


def _read_ids(given: tuple[str, ...]) -> Iterator[UUID]:
    """Yield the ids of the arguments, each once; ``-`` stands for those on standard input, however separated."""
    words = [word for item in given for word in (sys.stdin.read().split() if item == _FROM_STDIN else [item])]
    if not words:
        raise click.UsageError("standard input holds no run id")
    for word in dict.fromkeys(words):
        try:
            yield parse_run_id(word)
        except InvalidRunId as error:
            raise click.BadParameter(str(error), param_hint="RUN_ID") from None


def _login_name() -> str:
    """Return the name of the person at the keyboard; an account that anybody may be behind names nobody."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = ""
    if user == _ROOT or not name:
        whose = "root is nobody in particular" if user == _ROOT else "your account has no login name"
        raise click.UsageError(f"who acts? {whose}: give --actor NAME or set SQUIDMESH_ACTOR")
    return name


def _confirm(request: Request, question: str) -> None:
    if request.yes:
        return
    if not _is_terminal():
        raise click.UsageError("nobody can be asked whether to go on: give --yes")
    count = len(request.run_ids)
    which = str(request.run_ids[0]) if count == 1 else f"these {count} runs"
    click.confirm(f"{question} {which}?", abort=True, err=True)


def _is_terminal() -> bool:
    return sys.stdin.isatty()
