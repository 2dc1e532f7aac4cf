"""What the command line loads before it does anything: a module list, since a time would depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from squidmesh.cli.main import COMMANDS

HEAVY = {
    "alembic",
    "asyncio",
    "cel_expr_python",
    "croniter",
    "httpx",
    "huey",
    "jsonschema",
    "psycopg",
    "rich",
    "ruamel",
    "sqlalchemy",
}
SHOW = """
import json, sys
from squidmesh.cli.main import main
sys.argv = ["squidmesh", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def loaded(*arguments: str) -> set[str]:
    """Return the top-level modules that a command has loaded when it is done."""
    code = SHOW.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_no_library_but_click() -> None:
    """Whoever asks what there is waits for nothing that a command would need."""
    modules = loaded("--help")
    assert "click" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_a_command_loads_neither_database_nor_worker(command: str) -> None:
    """A command loads what it does when it does it."""
    assert loaded(command, "--help") & {"alembic", "huey", "psycopg", "sqlalchemy"} == set()


def test_a_command_that_only_asks_loads_nothing_to_work_or_to_migrate_with(database_url: str) -> None:
    """Who lists runs waits neither for huey (and gevent with it), nor for Alembic, nor for what reads files."""
    modules = loaded("runs", "--database", database_url)
    assert "sqlalchemy" in modules
    assert modules & {"alembic", "gevent", "huey", "jsonschema", "ruamel"} == set()
