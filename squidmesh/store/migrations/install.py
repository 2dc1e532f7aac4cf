"""Writing revisions into a host's own Alembic folder, which make and upgrade our tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError, rev_id

from squidmesh.errors import ConfigurationError
from squidmesh.store.migrations import BASE, known_versions
from squidmesh.store.tables import SCHEMA

if TYPE_CHECKING:
    from alembic.script import Script

_REVISION = '''"""Bring the tables of Squid Mesh to version {version}.

Written by "squidmesh db install"; run it again after an upgrade of the package, for the next step.
"""

from alembic import op

from squidmesh import migrations

revision = "{revision}"
down_revision = {down_revision}
branch_labels = None
depends_on = None
squidmesh_version = "{version}"
squidmesh_schema = "{schema}"


def upgrade():
    migrations.upgrade(op.get_bind(), to=squidmesh_version, schema=squidmesh_schema)


def downgrade():
    migrations.downgrade(op.get_bind(), to="{before}", schema=squidmesh_schema)
'''


def install(folder: Path, *, schema: str = SCHEMA) -> list[Path]:
    """Write one revision for each version that a host's Alembic folder lacks, after its head; return the files.

    ``folder`` holds the host's ``env.py``, or an ``alembic.ini`` or ``pyproject.toml`` that names its place. A
    second call writes nothing. ``ConfigurationError`` if there is no such folder, or it has several heads.
    """
    try:
        script = _find(folder)
        heads = script.get_heads()
        installed = {version for revision in script.walk_revisions() if (version := _installed(revision, schema))}
        if len(heads) > 1:
            raise ConfigurationError(
                [f"{folder} has {len(heads)} heads ({', '.join(sorted(heads))}): merge them with 'alembic merge heads'"]
            )
        place = _place(script, heads)
    except (CommandError, OSError, ImportError, SyntaxError) as error:
        raise ConfigurationError([f"{folder}: the revisions cannot be read: {error}"]) from error
    head = heads[0] if heads else None
    written = []
    for before, version in zip((BASE, *known_versions()), known_versions(), strict=False):
        if version not in installed:
            head, path = _write(place, head, version, before, schema)
            written.append(path)
    return written


def _find(folder: Path) -> ScriptDirectory:
    if (folder / "env.py").is_file():
        return ScriptDirectory(str(folder))
    ini, toml = folder / "alembic.ini", folder / "pyproject.toml"
    config = Config(str(ini) if ini.is_file() else None, toml_file=str(toml))
    if config.get_alembic_option("script_location"):
        return ScriptDirectory.from_config(config)
    raise ConfigurationError(
        [f"{folder} is no Alembic folder: it has no env.py, and no alembic.ini or pyproject.toml that names one"]
    )


def _installed(revision: Script, schema: str) -> str | None:
    """Return the version of our tables to which a revision of the host leads, None if it is not one of ours."""
    if getattr(revision.module, "squidmesh_schema", None) != schema:
        return None
    version: str = revision.module.squidmesh_version
    return version


def _place(script: ScriptDirectory, heads: list[str]) -> Path:
    """Return where new revisions go: beside the head, which may be in one of several folders."""
    head = script.get_revision(heads[0]) if heads else None
    if head is not None:
        return Path(head.path).parent
    place = Path(script.versions)
    place.mkdir(exist_ok=True)
    return place


def _write(place: Path, head: str | None, version: str, before: str, schema: str) -> tuple[str, Path]:
    revision = rev_id()
    path = place / f"{revision}_squidmesh_{version}.py"
    text = _REVISION.format(
        version=version,
        revision=revision,
        down_revision=f'"{head}"' if head else None,
        schema=schema,
        before=before,
    )
    path.write_text(text, encoding="utf-8")
    return revision, path
