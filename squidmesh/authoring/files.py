"""Which files hold workflows, and what is in them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import START, Diagnostic, Severity
from squidmesh.authoring.source import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = (".yaml", ".yml")


def find_files(paths: Iterable[Path | str]) -> tuple[Path, ...]:
    """Return the workflow files that ``paths`` name: files as they are, of a directory every YAML file, sorted.

    Hidden files and folders of a directory are left out; a file named twice comes once.
    """
    found: dict[Path, None] = {}
    for entry in paths:
        path = Path(entry)
        found.update(dict.fromkeys(sorted(_below(path)) if path.is_dir() else [path]))
    return tuple(found)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.suffix in SUFFIXES and not any(part.startswith(".") for part in parts) and path.is_file():
            yield path


def without_files(paths: Iterable[Path | str]) -> Iterator[Diagnostic]:
    """Yield a finding for each directory in ``paths`` that holds no workflow file."""
    for entry in paths:
        path = Path(entry)
        if path.is_dir() and not any(_below(path)):
            message = "no workflow here: the directory holds no *.yaml or *.yml file"
            yield Diagnostic(code="SM119", severity=Severity.ERROR, message=message, file=str(entry), span=START)


def read_file(path: Path) -> bytes | Diagnostic:
    """Return the bytes of a file, no more than are needed to see that it is too large, or why it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        return _refused(path, "read", error)


def write_file(path: Path, content: bytes) -> Diagnostic | None:
    """Replace what a file holds all at once, or return why it cannot be written; a link's target is replaced."""
    try:
        _replace(path.resolve(strict=True), content)
    except OSError as error:
        return _refused(path, "written", error)
    return None


def _replace(target: Path, content: bytes) -> None:
    """Write beside ``target`` and put it in its place, with its mode and as far as possible its owner."""
    with target.open("r+b"):
        pass  # a folder that may be written does not make its read-only files writable
    with NamedTemporaryFile(dir=target.parent, prefix=".squidmesh-", delete=False) as beside:
        try:
            beside.write(content)
            beside.close()
            _keep_owner(target, Path(beside.name))
            shutil.copymode(target, beside.name)
            Path(beside.name).replace(target)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise


def _keep_owner(target: Path, beside: Path) -> None:
    before, now = target.stat(), beside.stat()
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        with suppress(PermissionError):  # only root may give a file away
            os.chown(beside, before.st_uid, before.st_gid)


def _refused(path: Path, done: str, error: OSError) -> Diagnostic:
    message = f"the file cannot be {done}: {error.strerror or error}"
    return Diagnostic(code="SM118", severity=Severity.ERROR, message=message, file=str(path), span=START)
