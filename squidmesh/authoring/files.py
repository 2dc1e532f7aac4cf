"""Which files hold workflows, and what is in them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import START, Diagnostic, Severity
from squidmesh.authoring.source import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = (".yaml", ".yml")
_OPEN_FILES = Path("/dev/fd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The workflow files that paths name, and a finding for each directory that holds none."""

    files: tuple[Path, ...]
    problems: tuple[Diagnostic, ...]


def find_files(paths: Iterable[Path | str]) -> tuple[Path, ...]:
    """Return the workflow files that ``paths`` name: files as they are, of a directory every YAML file, sorted.

    Hidden files and folders of a directory are left out; a file named twice comes once, as it was named first.
    """
    return search(paths).files


def search(paths: Iterable[Path | str]) -> Found:
    """Return what ``find_files`` returns, and which directories hold no workflow file."""
    files: dict[str, Path] = {}
    problems = []
    for entry in paths:
        path = Path(entry)
        below = sorted(_below(path)) if path.is_dir() else [path]
        if not below:
            problems.append(_without_files(str(entry)))
        for file in below:
            files.setdefault(os.path.realpath(file), file)
    return Found(files=tuple(files.values()), problems=tuple(problems))


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.suffix in SUFFIXES and not any(part.startswith(".") for part in parts) and _is_file(path):
            yield path


def _is_file(path: Path) -> bool:
    """Return whether this is to be read as a file: a link that leads nowhere is, so that reading it says so."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _without_files(folder: str) -> Diagnostic:
    message = "no workflow here: the directory holds no *.yaml or *.yml file"
    return Diagnostic(code="SM119", severity=Severity.ERROR, message=message, file=folder, span=START)


def read_file(path: Path) -> bytes | Diagnostic:
    """Return the bytes of a file, no more than are needed to see that it is too large, or why it cannot be read."""
    if _is_named_pipe(path):
        return _refused(path, "read", "it is a named pipe, and nobody may ever write to it; - reads standard input")
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        return _refused(path, "read", error.strerror or str(error))


def write_file(path: Path, content: bytes) -> Diagnostic | None:
    """Replace what a file holds all at once, or return why it cannot be written; a link's target is replaced."""
    try:
        _replace(path.resolve(strict=True), content)
    except OSError as error:
        return _refused(path, "written", error.strerror or str(error))
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


def _is_named_pipe(path: Path) -> bool:
    """Return whether reading may wait for ever; a pipe that a shell passes, as in ``<(command)``, has its writer."""
    return path.parent != _OPEN_FILES and Path(os.path.realpath(path)).is_fifo()


def _refused(path: Path, done: str, reason: str) -> Diagnostic:
    message = f"the file cannot be {done}: {reason}"
    return Diagnostic(code="SM118", severity=Severity.ERROR, message=message, file=str(path), span=START)
