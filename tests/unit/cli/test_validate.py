"""The ``validate`` command."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from squidmesh.cli.main import main
from squidmesh.cli.validate import command

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {log: {message: reminded}, next: complete}
"""
BAD = GOOD.replace("next", "nxt")
WARNING = GOOD.replace(
    "remind: {log: {message: reminded}, next: complete}",
    "pay: {uses: a.pay, irreversible: true, retry: {max_attempts: 2}, next: complete}",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with workflows and settings that say where they are."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "good.yaml").write_text(GOOD)
    settings(tmp_path, 'workflows = "flows"')
    return tmp_path


def settings(folder: Path, text: str) -> None:
    """Write the project's settings."""
    (folder / "pyproject.toml").write_text(f"[tool.squidmesh]\n{text}\n")


def validate(*arguments: str, given: str | bytes | None = None) -> Result:
    """Run the command; the registry is left out unless it is the point."""
    return CliRunner().invoke(command, ["--no-registry", *arguments], input=given, catch_exceptions=False)


@pytest.mark.usefixtures("project")
def test_a_good_file_is_fine() -> None:
    """Exit 0, nothing on standard output, the counts on standard error."""
    result = validate("flows/good.yaml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 file checked, nothing found\n"


def test_findings_exit_1(project: Path) -> None:
    """Errors are shown in full, and the summary does not mix with them."""
    (project / "flows" / "bad.yaml").write_text(BAD.replace("reminder", "other"))
    result = validate("flows")
    assert result.exit_code == 1
    assert result.stdout.startswith("flows/bad.yaml:5:38: unknown key 'nxt' (did you mean 'next'?) [SM201]\n  |\n5 |")
    assert result.stderr == "2 files checked, 1 error in 1 file\n"


@pytest.mark.usefixtures("project")
def test_without_a_path_the_setting_is_read() -> None:
    """The project's own directory of workflows."""
    assert validate().stderr == "1 file checked, nothing found\n"


@pytest.mark.parametrize(
    ("toml", "words"),
    [("", "no PATH given"), ('workflows = "elsewhere"', "does not exist"), ("queue = 5", "expected text")],
)
def test_settings_that_cannot_be_used_exit_2(project: Path, toml: str, words: str) -> None:
    """A wrong configuration is not a finding, and says what to set."""
    settings(project, toml)
    result = validate()
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.yaml"], "does not exist"),
        (["--format", "html"], "is not one of"),
        (["--select", "SM9"], "no rule has the code 'SM9'"),
        (["--ignore", "SM201,SM21x"], "did you mean 'SM21"),
        (["--fail-on", "never"], "is not one of"),
    ],
)
def test_arguments_that_cannot_be_used_exit_2(arguments: list[str], words: str) -> None:
    """A usage error names what was wrong with the call."""
    result = validate(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.usefixtures("project")
def test_standard_input() -> None:
    """A dash reads one file from there, beside others."""
    result = validate("-", "flows", "--format", "concise", given=BAD)
    assert result.exit_code == 1
    assert result.stdout == "<stdin>:5:38: unknown key 'nxt' (did you mean 'next'?) [SM201]\n"
    assert result.stderr.startswith("2 files checked")
    assert validate("-", given=b"\xff").exit_code == 1


def test_a_file_named_twice_is_no_second_workflow(project: Path) -> None:
    """Whatever its spelling, it is checked once and its name is taken once."""
    result = validate("flows/good.yaml", str(project / "flows/good.yaml"), "flows", "../" + project.name + "/flows")
    assert (result.exit_code, result.stderr) == (0, "1 file checked, nothing found\n")


def test_every_file_is_counted(project: Path) -> None:
    """A file that cannot be read was looked at, too."""
    (project / "flows" / "gone.yaml").symlink_to("nowhere.yaml")
    result = validate("flows")
    assert result.exit_code == 1
    assert "flows/gone.yaml:1:1: the file cannot be read: No such file or directory [SM118]" in result.stdout
    assert result.stderr == "2 files checked, 1 error in 1 file\n"


@pytest.mark.parametrize("arguments", [["validate", "-", "--no-registry"], ["format", "-"], ["graph", "-"]])
def test_a_closed_standard_input_is_a_wrong_call(arguments: list[str]) -> None:
    """A message says so, not an internal error."""
    line = 'exec "$@" <&-'
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", sys.executable, "-m", "squidmesh", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is closed" in done.stderr


@pytest.mark.usefixtures("project")
def test_reports_only_what_is_selected() -> None:
    """By code or the beginning of one; ignore takes out of what is selected."""
    text = BAD.replace("triggers:", "timeout: 5\ntriggers:")
    codes = [
        (["--select", "SM208"], ["SM208"]),
        (["--select", "SM3,SM201"], ["SM201"]),
        (["--select", "sm3,unknown-key"], ["SM201"]),
        (["--select", "SM2", "--ignore", "SM201"], ["SM208"]),
        (["--ignore", "SM2"], []),
    ]
    for arguments, expected in codes:
        result = validate("-", "--format", "json", *arguments, given=text)
        assert [finding["code"] for finding in json.loads(result.stdout)["diagnostics"]] == expected
        assert result.exit_code == bool(expected)


@pytest.mark.usefixtures("project")
def test_what_cannot_be_read_is_always_reported() -> None:
    """A file that is no YAML never passes because of a filter."""
    assert validate("-", "--select", "SM7", "--ignore", "SM101", given="a: [").exit_code == 1


@pytest.mark.usefixtures("project")
def test_warnings_fail_when_they_are_to() -> None:
    """By default only errors do."""
    result = validate("-", given=WARNING)
    assert "1 warning" in result.stderr
    assert result.exit_code == 0
    assert validate("-", "--fail-on", "warning", given=WARNING).exit_code == 1


def test_settings_of_the_project_apply(project: Path) -> None:
    """select, ignore, fail_on, format and registry; an option wins."""
    settings(project, '[tool.squidmesh.validate]\nignore = ["SM208"]\nformat = "concise"\nfail_on = "warning"')
    text = BAD.replace("triggers:", "timeout: 5\ntriggers:")
    result = validate("-", given=text)
    assert result.stdout == "<stdin>:6:38: unknown key 'nxt' (did you mean 'next'?) [SM201]\n"
    assert validate("-", given=WARNING).exit_code == 1
    assert validate("-", "--fail-on", "error", given=WARNING).exit_code == 0
    assert json.loads(validate("-", "--format", "json", given=GOOD).stdout)["files"] == 1


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("ignored = []", "no such setting (did you mean 'ignore'?)"),
        ('ignore = "SM1"', "expected a list of codes"),
        ('fail_on = "never"', "not one of error, warning"),
        ("registry = 1", "expected true or false"),
        ('select = ["SM9"]', "no rule has the code"),
    ],
)
def test_settings_of_the_linter_are_checked(project: Path, toml: str, words: str) -> None:
    """A misspelt setting would otherwise switch off a check for ever."""
    settings(project, f"[tool.squidmesh.validate]\n{toml}")
    result = validate("-", given=GOOD)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("content", ["tool = 1", "[tool]\nsquidmesh = 3", "[tool.squidmesh]\nvalidate = 3"])
def test_a_table_that_is_none_is_named(project: Path, content: str) -> None:
    """Whichever of ours it is: the file and the key, not an internal error."""
    (project / "pyproject.toml").write_text(f"{content}\n")
    result = validate("-", given=GOOD)
    assert result.exit_code == 2
    assert f"{project / 'pyproject.toml'}: tool" in result.stderr
    assert "must be a table" in result.stderr


@pytest.mark.parametrize(("command", "code"), [("steps", 2), ("doctor", 1)])
def test_other_commands_name_it_too(project: Path, capsys: pytest.CaptureFixture[str], command: str, code: int) -> None:
    """Those that read it for the database and the step types; to the doctor it is a finding."""
    (project / "pyproject.toml").write_text("tool = 1\n")
    with pytest.raises(SystemExit) as end:
        main([command])
    said = capsys.readouterr()
    assert end.value.code == code
    assert "tool must be a table" in " ".join((said.out + said.err).split())


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "gitlab", "sarif", "junit"])
def test_every_format_prints_findings_and_none(form: str) -> None:
    """Each form is there, also when there is nothing to say."""
    assert "SM201" in validate("-", "--format", form, given=BAD).stdout
    assert validate("-", "--format", form, given=GOOD).exit_code == 0


def test_a_directory_without_workflows_fails(tmp_path: Path) -> None:
    """A wrong path in CI does not look like success."""
    result = validate(str(tmp_path))
    assert result.exit_code == 1
    assert "[SM119]" in result.stdout


def test_help_shows_an_example() -> None:
    """Every command has one."""
    result = validate("--help")
    assert "squidmesh validate workflows/" in result.stdout


def test_loads_neither_database_nor_worker(project: Path) -> None:
    """A linter in an editor or a hook starts fast and needs no driver."""
    code = (
        "import sys\nfrom squidmesh.cli.validate import command\n"
        "try:\n    command(['flows'])\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert "ruamel" in loaded
    assert not {"sqlalchemy", "psycopg", "huey", "alembic", "httpx", "rich"} & loaded
