"""What every operator's command may be told: which runs, who acts, whether to ask."""

from __future__ import annotations

import functools
import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.identifying import read_words
from squidmesh.cli.session import database_option, json_option

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an operator's command was asked for; ``actor`` is never empty."""

    words: tuple[str, ...]
    actor: str
    yes: bool
    dry_run: bool
    database: str | None
    as_json: bool


def operator_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``RUN_ID...`` and the options of every operator's command, given as one ``request``."""

    @functools.wraps(function)
    def wrapped(
        *arguments: Any,
        run_ids: tuple[str, ...],
        actor: str | None,
        yes: bool,
        dry_run: bool,
        database: str | None,
        as_json: bool,
        **others: Any,
    ) -> Any:
        request = Request(
            words=tuple(read_words(run_ids)),
            actor=name_actor(actor),
            yes=yes,
            dry_run=dry_run,
            database=database,
            as_json=as_json,
        )
        return function(*arguments, request=request, **others)

    offered: Callable[..., Any] = wrapped
    for decorate in (actor_option, yes_option, dry_run_option, json_option, database_option):
        offered = decorate(offered)
    return click.argument("run_ids", nargs=-1, required=True, metavar="RUN_ID...")(offered)


def actor_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--actor``."""
    text = "Who acts (default: the variable SQUIDMESH_ACTOR, then your login name)."
    return click.option("--actor", envvar="SQUIDMESH_ACTOR", metavar="NAME", help=text)(function)


def yes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask first; needed where nobody can answer.")(function)


def dry_run_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--dry-run``."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(function)


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


def name_actor(actor: str | None) -> str:
    """Return who acts: the one named, else the person at the keyboard."""
    return actor.strip() if actor and actor.strip() else _login_name()
