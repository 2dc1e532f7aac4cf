"""``squidmesh format``."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from squidmesh.cli.format import command

if TYPE_CHECKING:
    from pathlib import Path

UGLY = "steps: {a: {next: complete, uses: b}}\nworkflow: x\n"
PRETTY = "workflow: x\nsteps: {a: {uses: b, next: complete}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one file that would change and one that would not."""
    (tmp_path / "ugly.yaml").write_text(UGLY)
    (tmp_path / "pretty.yml").write_text(PRETTY)
    return tmp_path


def test_rewrites_files(folder: Path) -> None:
    """Files that differ from their canonical form are written, and named."""
    result = CliRunner().invoke(command, [str(folder)])
    assert result.exit_code == 0
    assert (folder / "ugly.yaml").read_text() == PRETTY
    assert "formatted" in result.stderr
    assert "2 files, 1 changed" in result.stderr


def test_check_writes_nothing(folder: Path) -> None:
    """--check exits with 1 when a file would change, and with 0 once none would."""
    result = CliRunner().invoke(command, ["--check", str(folder)])
    assert result.exit_code == 1
    assert (folder / "ugly.yaml").read_text() == UGLY
    assert CliRunner().invoke(command, ["--check", str(folder / "pretty.yml")]).exit_code == 0


def test_diff_shows_what_would_change(folder: Path) -> None:
    """--diff prints a unified diff, writes nothing, and is no failure by itself."""
    result = CliRunner().invoke(command, ["--diff", str(folder)])
    assert result.exit_code == 0
    assert "+steps: {a: {uses: b, next: complete}}" in result.stdout
    assert (folder / "ugly.yaml").read_text() == UGLY


def test_standard_input_goes_to_standard_output() -> None:
    """An editor can pipe a buffer through."""
    result = CliRunner().invoke(command, ["-"], input=UGLY)
    assert (result.exit_code, result.stdout) == (0, PRETTY)
    assert CliRunner().invoke(command, ["--check", "-"], input=UGLY).exit_code == 1


def test_a_file_that_is_no_yaml_is_reported_and_left(folder: Path) -> None:
    """What cannot be read stays, the others are still formatted."""
    (folder / "broken.yaml").write_text("a: [\n")
    result = CliRunner().invoke(command, [str(folder)])
    assert result.exit_code == 2
    assert "broken.yaml:" in result.stderr
    assert "SM101" in result.stderr
    assert (folder / "broken.yaml").read_text() == "a: [\n"
    assert (folder / "ugly.yaml").read_text() == PRETTY


def test_a_file_that_cannot_be_written_is_reported_and_left_whole(folder: Path) -> None:
    """A full disk, say: the file is as it was, nothing lies beside it, and the others are still formatted."""
    long = f"# {'x' * 3000}\n{UGLY}"
    (folder / "long.yaml").write_text(long)
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "from squidmesh.cli.main import main; sys.exit(main(['format', sys.argv[1]]))"
    )
    call = [sys.executable, "-B", "-c", program, str(folder)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "long.yaml:1:1: the file cannot be written: File too large [SM118]" in done.stderr
    assert (folder / "long.yaml").read_text() == long
    assert (folder / "ugly.yaml").read_text() == PRETTY
    assert sorted(path.name for path in folder.iterdir()) == ["long.yaml", "pretty.yml", "ugly.yaml"]


def test_a_link_stays_one_and_a_mode_too(folder: Path) -> None:
    """What a link points at is rewritten, and whoever could read it still can."""
    (folder / "ugly.yaml").chmod(0o640)
    link = folder / "folder" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to("../ugly.yaml")
    assert CliRunner().invoke(command, [str(link)]).exit_code == 0
    assert link.is_symlink()
    assert (folder / "ugly.yaml").read_text() == PRETTY
    assert (folder / "ugly.yaml").stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_formatted_is_named_and_left(folder: Path) -> None:
    """Nobody takes it for canonical; for --check it is no change, since there is none to make."""
    text = "--- |\n  text\n"
    (folder / "ugly.yaml").write_text(text)
    for arguments in ([], ["--check"], ["--diff"]):
        result = CliRunner().invoke(command, [*arguments, str(folder)])
        assert (result.exit_code, result.stdout) == (0, "")
        assert "ugly.yaml: left as it is, because its canonical form would mean something else" in result.stderr
        assert result.stderr.endswith(", 1 left as it is\n")
        assert (folder / "ugly.yaml").read_text() == text
    assert CliRunner().invoke(command, ["-"], input=text).stdout == text


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (PRETTY.replace("\n", "\r\n"), "{path}: CRLF line breaks become LF\n"),
        (
            UGLY.replace("\n", "\r\n", 1).rstrip("\n"),
            (
                "{path}: CRLF line breaks become LF\n--- {path}\n+++ {path}\n@@ -1,2 +1,2 @@\n"
                "-steps: {{a: {{next: complete, uses: b}}}}\n-workflow: x\n\\ No newline at end of file\n"
                "+workflow: x\n+steps: {{a: {{uses: b, next: complete}}}}\n"
            ),
        ),
        (
            "workflow: x",
            "--- {path}\n+++ {path}\n@@ -1 +1 @@\n-workflow: x\n\\ No newline at end of file\n+workflow: x\n",
        ),
    ],
)
def test_diff_shows_line_breaks(before: str, expected: str, tmp_path: Path) -> None:
    """What would be written is never shown as nothing."""
    path = tmp_path / "x.yaml"
    path.write_bytes(before.encode())
    assert CliRunner().invoke(command, ["--diff", str(path)]).stdout == expected.format(path=path)
