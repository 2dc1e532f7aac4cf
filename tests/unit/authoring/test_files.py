"""Finding and reading workflow files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from squidmesh.authoring.diagnostics import Diagnostic
from squidmesh.authoring.files import find_files, read_file, search
from squidmesh.authoring.source import MAX_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with YAML files in it, some of them hidden."""
    for name in ("b.yaml", "a.yml", "deep/er/c.yaml", ".hidden/d.yaml", "deep/.e.yaml", "notes.txt", "x.yaml/f.yml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def test_finds_yaml_files_below_a_directory(folder: Path) -> None:
    """Both suffixes count at any depth; hidden files and folders, others and directories do not."""
    found = [path.relative_to(folder).as_posix() for path in find_files([folder])]
    assert found == ["a.yml", "b.yaml", "deep/er/c.yaml", "x.yaml/f.yml"]


def test_a_hidden_parent_does_not_hide_a_directory(folder: Path) -> None:
    """A directory that is named itself is read, wherever it lies."""
    assert find_files([folder / ".hidden"]) == (folder / ".hidden" / "d.yaml",)


def test_takes_named_files_as_they_are_and_each_once(folder: Path) -> None:
    """A file that is named needs no suffix, and naming it again changes nothing."""
    named = folder / "notes.txt"
    assert find_files([named, folder / "b.yaml", folder, named])[:2] == (named, folder / "b.yaml")
    assert len(find_files([folder, folder / "b.yaml", folder])) == 4


def test_a_file_of_several_spellings_comes_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, absolute, around a corner and by a link it is one file, shown as it was named first."""
    monkeypatch.chdir(folder)
    (folder / "link").symlink_to(folder)
    named = [Path("b.yaml"), folder / "b.yaml", "deep/../b.yaml", "link/b.yaml"]
    assert find_files(named) == (Path("b.yaml"),)
    assert search(["deep", folder / "deep", "deep/../deep"]) == search(["deep"])


def test_a_link_that_leads_nowhere_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """What a directory should hold is not left out silently; a directory named like a file is none."""
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (tmp_path / "round.yaml").symlink_to(tmp_path / "round.yaml")
    found = find_files([tmp_path])
    assert [path.name for path in found] == ["gone.yaml", "round.yaml"]
    assert all(isinstance(read_file(path), Diagnostic) for path in found)


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A finding says what it is, also behind a link; what a shell pipes in is read."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        found = read_file(tmp_path / name)
        assert isinstance(found, Diagnostic)
        assert (found.code, "named pipe" in found.message) == ("SM118", True)
    reader, writer = os.pipe()
    os.write(writer, b"text")
    os.close(writer)
    assert read_file(Path(f"/dev/fd/{reader}")) == b"text"
    os.close(reader)


def test_reports_a_directory_without_workflows(tmp_path: Path) -> None:
    """A wrong path does not pass as nothing to complain about."""
    (found,) = search([tmp_path]).problems
    assert (found.code, found.file) == ("SM119", str(tmp_path))


def test_reports_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """What vanished between listing and reading is a finding."""
    found = read_file(tmp_path / "gone.yaml")
    assert isinstance(found, Diagnostic)
    assert found.code == "SM118"
    assert "No such file" in found.message


def test_reads_no_more_than_it_takes_to_see_the_size(tmp_path: Path) -> None:
    """A file of a gigabyte costs a megabyte."""
    path = tmp_path / "big.yaml"
    with path.open("wb") as stream:
        stream.truncate(50 * MAX_BYTES)
    content = read_file(path)
    assert isinstance(content, bytes)
    assert len(content) == MAX_BYTES + 1
