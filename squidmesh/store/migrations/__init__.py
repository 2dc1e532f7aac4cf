"""Alembic migrations of our tables, run without an ``alembic.ini`` or an ``env.py``.

The version is kept in the table ``alembic_version`` of our own schema, so that a host's own Alembic history is
not touched. The versions follow each other in a straight line. They are run through a context of their own and
never by Alembic's global ``op``: a host's revision may call ``upgrade``, and its ``op`` stays its own.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import op
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from squidmesh.errors import ConfigurationError, SchemaOutdated
from squidmesh.store.schema_version import HEAD, REAL_CLOCK, VERSION_TABLE, current_version, define_clock
from squidmesh.store.tables import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alembic.runtime.migration import RevisionStep
BASE = "base"
_FOLDER = Path(__file__).parent
# Any number nobody else locks: two processes that upgrade at once take turns.
_LOCK = 7_346_218_905
# Whoever waits for a table's lock holds up all who come after: under live workers rather give up.
_PATIENCE = "5s"


def known_versions() -> tuple[str, ...]:
    """Return every version of the tables, the oldest first."""
    return tuple(revision.revision for revision in _revisions())


def take_turn(connection: Connection) -> None:
    """Wait until nobody else migrates; from then on wait no longer than a few seconds for any lock."""
    _set_patience(connection, "0")
    connection.execute(text("SELECT pg_advisory_xact_lock(CAST(:key AS bigint))"), {"key": _LOCK})
    _set_patience(connection, _PATIENCE)


def upgrade(connection: Connection, to: str = "head", *, schema: str = SCHEMA) -> None:
    """Bring the tables to version ``to`` inside the caller's transaction; where they are further, nothing changes.

    Given what a host's Alembic has for a connection when it runs with ``--sql``, the last step to ``to`` is written
    to its output. ``SchemaOutdated`` if a newer package made the tables.
    """
    goal = _place(to)
    if not isinstance(connection, Connection):
        _write_steps(_host_output(), goal, schema)
        return
    with _locked(connection):
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        revisions = _revisions()
        steps = revisions[_stands_at(connection, schema) : goal]
        _run(connection, schema, lambda map_: [MigrationStep.upgrade_from_script(map_, step) for step in steps])
        _restore_clock(connection, schema)


def downgrade(connection: Connection, to: str = BASE, *, schema: str = SCHEMA) -> None:
    """Take the tables back to version ``to`` inside the caller's transaction; data of dropped tables is lost."""
    goal = _place(to)
    if not isinstance(connection, Connection):
        raise ConfigurationError(["taking the tables of Squid Mesh back needs a connection: run it without --sql"])
    with _locked(connection):
        steps = _revisions()[goal : _stands_at(connection, schema)]
        _run(
            connection,
            schema,
            lambda map_: [MigrationStep.downgrade_from_script(map_, step) for step in reversed(steps)],
        )


def upgrade_sql(*, schema: str = SCHEMA) -> str:
    """Return the statements that make the tables in an empty database, for a person to run."""
    output = io.StringIO()
    output.write("BEGIN;\n\n")
    for goal in range(1, len(known_versions()) + 1):
        _write_steps(output, goal, schema)
    output.write("COMMIT;\n")
    return output.getvalue()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER / "versions")])


def _revisions() -> list[Any]:
    return list(reversed(list(_scripts().walk_revisions())))


def _place(version: str) -> int:
    """Return how many steps lead to a version."""
    known = known_versions()
    if version in (BASE, "head"):
        return 0 if version == BASE else len(known)
    if version not in known:
        listed = ", ".join(known)
        raise ConfigurationError(
            [f"the tables of Squid Mesh have no version {version!r} in this package ({listed}): upgrade the package"]
        )
    return known.index(version) + 1


def _stands_at(connection: Connection, schema: str) -> int:
    """Return how many steps the tables have taken."""
    current = current_version(connection, schema=schema)
    if current is not None and current not in known_versions():
        raise SchemaOutdated(current, HEAD)
    return _place(current or BASE)


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    """Let one process at a time change the tables; the patience for locks is not left to the host's statements."""
    patience = connection.execute(text("SELECT current_setting('lock_timeout')")).scalar_one()
    take_turn(connection)
    yield
    _set_patience(connection, patience)


def _set_patience(connection: Connection, patience: str) -> None:
    change = text("SELECT set_config('lock_timeout', CAST(:value AS text), true)")
    connection.execute(change, {"value": patience})


def _context(schema: str, *, connection: Connection | None = None, **options: Any) -> MigrationContext:
    return MigrationContext.configure(
        connection=connection,
        dialect_name="postgresql",
        opts={"version_table": VERSION_TABLE, "version_table_schema": schema, **options},
    )


def _run(
    connection: Connection | None, schema: str, plan: Callable[[Any], Sequence[RevisionStep]], **options: Any
) -> None:
    context = _context(schema, connection=connection, fn=lambda *_: plan(_scripts().revision_map), **options)
    context.run_migrations(execute=partial(_execute, context, schema))


def _restore_clock(connection: Connection, schema: str) -> None:
    """Put back a clock that tests moved in a database which was then taken into use."""
    body = connection.execute(
        text("SELECT prosrc FROM pg_proc WHERE proname = 'now' AND pronamespace = to_regnamespace(:schema)"),
        {"schema": f'"{schema}"'},
    ).scalar_one_or_none()
    if body is not None and body != f"SELECT {REAL_CLOCK}":
        define_clock(connection, REAL_CLOCK, schema=schema)


def _execute(context: MigrationContext, schema: str, statement: str) -> None:
    """Execute a statement written for our default schema in the one being migrated."""
    context.execute(statement.replace(f"{SCHEMA}.", f'"{schema}".'))


def _write_steps(output: Any, goal: int, schema: str) -> None:
    """Write, as SQL, the step that leads to the version with this number of steps before it."""
    revision = _revisions()[goal - 1]
    if goal == 1:
        output.write(f'CREATE SCHEMA IF NOT EXISTS "{schema}";\n\n')
    _run(
        None,
        schema,
        lambda map_: [MigrationStep.upgrade_from_script(map_, revision)],
        as_sql=True,
        output_buffer=output,
        starting_rev=revision.down_revision,
    )


def _host_output() -> Any:
    """Return where the host's Alembic, which runs offline, writes its SQL."""
    try:
        return op.get_context().output_buffer
    except (NameError, AttributeError):  # no migration is running, or none any more
        raise ConfigurationError(["the migrations of Squid Mesh need a SQLAlchemy Connection"]) from None
