"""Settings: where they come from, which source wins, and how problems are reported."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import ConfigurationError
from squidmesh.settings import Settings, find_embedded_folder, load_settings

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, content: str, name: str = "pyproject.toml") -> Path:
    """Write a configuration file into ``folder``, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_nothing_configured_gives_the_defaults(tmp_path: Path):
    """Without any source every setting has its documented default."""
    assert load_settings(folder=tmp_path, environment={}) == Settings()


def test_arguments_win_over_the_environment_over_the_file(tmp_path: Path):
    """The order is arguments, SQUIDMESH_* variables, [tool.squidmesh], defaults."""
    folder = write(tmp_path, '[tool.squidmesh]\nqueue = "file"\nschema = "file"\nlease = "1m"\n')
    environment = {"SQUIDMESH_QUEUE": "environment", "SQUIDMESH_SCHEMA": "environment"}

    settings = load_settings({"queue": "argument", "schema": None}, folder=folder, environment=environment)

    assert (settings.queue, settings.schema, settings.lease) == ("argument", "environment", timedelta(minutes=1))
    assert settings.grace == Settings().grace
    assert settings.source == folder / "pyproject.toml"


def test_an_empty_variable_is_not_set(tmp_path: Path):
    """An empty environment variable does not override anything."""
    folder = write(tmp_path, '[tool.squidmesh]\nqueue = "file"\n')
    assert load_settings(folder=folder, environment={"SQUIDMESH_QUEUE": ""}).queue == "file"


def test_the_nearest_file_with_our_table_is_read(tmp_path: Path):
    """A nearer pyproject.toml without [tool.squidmesh] is passed over; squidmesh.toml wins over it."""
    write(tmp_path, '[tool.squidmesh]\nqueue = "outer"\n')
    inner = write(tmp_path / "inner", "[project]\nname = 'inner'\n")
    assert load_settings(folder=inner, environment={}).queue == "outer"

    write(inner, '[tool.squidmesh]\nqueue = "inner"\n', "squidmesh.toml")
    assert load_settings(folder=inner / ".", environment={}).queue == "inner"


def test_paths_are_relative_to_where_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A path in the file starts at the file's folder, one in the environment at the working directory."""
    write(tmp_path, '[tool.squidmesh]\nworkflows = ["flows", "more"]\ndatabase_url = "embedded:data"\n')
    inner = tmp_path / "inner"
    here = tmp_path / "here"
    inner.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)

    settings = load_settings(folder=inner, environment={})
    assert settings.workflows == (tmp_path / "flows", tmp_path / "more")
    assert settings.database_url == f"embedded:{tmp_path / 'data'}"

    assert load_settings(folder=inner, environment={"SQUIDMESH_WORKFLOWS": "flows"}).workflows == (here / "flows",)


def test_paths_of_arguments_start_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever gives one stands there, whatever folder the settings are read for."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"database_url": "embedded:data", "workflows": "flows"}, folder=tmp_path / "inner")
    assert settings.database_url == f"embedded:{tmp_path / 'data'}"
    assert settings.workflows == (tmp_path / "flows",)


@pytest.mark.parametrize("given", ["1ms", "999ms", timedelta(milliseconds=500)])
def test_a_lease_is_long_enough_to_be_kept(tmp_path: Path, given: str | timedelta):
    """A shorter one passes between two heartbeats, and makes every connection look silent."""
    with pytest.raises(ConfigurationError, match="argument lease: must be at least 1s"):
        load_settings({"lease": given}, folder=tmp_path, environment={})
    assert load_settings({"lease": "1s"}, folder=tmp_path, environment={}).lease == timedelta(seconds=1)


def test_every_problem_is_reported_at_once(tmp_path: Path):
    """Unknown keys, wrong types and wrong values of all sources come in one error, each naming its place."""
    folder = write(tmp_path, '[tool.squidmesh]\nqueeu = "x"\nlease = 30\nmax_losses = 2.5\nworkflows = 3\napp = 1\n')
    environment = {"SQUIDMESH_ON_WORKER_LOST": "panic", "SQUIDMESH_MAX_VALUE_BYTES": "0", "SQUIDMESH_SCHEMA": "a-b"}

    with pytest.raises(ConfigurationError) as caught:
        load_settings({"grace": "0s"}, folder=folder, environment=environment)

    assert [problem.replace(str(folder), "…") for problem in caught.value.problems] == [
        "…/pyproject.toml: [tool.squidmesh] has no setting 'queeu' (did you mean 'queue'?)",
        "pyproject.toml, [tool.squidmesh] app: expected text, found 1",
        "pyproject.toml, [tool.squidmesh] workflows: expected a path or a list of paths, found 3",
        "SQUIDMESH_SCHEMA: 'a-b' is not a plain lower-case schema name",
        (
            "pyproject.toml, [tool.squidmesh] lease: a duration needs a unit: write '30s' for seconds "
            "(units: ms, s, m, h, d)"
        ),
        "argument grace: must be longer than zero",
        "SQUIDMESH_MAX_VALUE_BYTES: must be at least 1",
        "SQUIDMESH_ON_WORKER_LOST: 'panic' is not one of retry, pause, fail",
        "pyproject.toml, [tool.squidmesh] max_losses: expected a whole number, found 2.5",
    ]


@pytest.mark.parametrize("value", ["true", "[1]", '"three"'])
def test_a_count_is_a_whole_number(tmp_path: Path, value: str):
    """Nothing is rounded or read as a number that is none."""
    folder = write(tmp_path, f"[tool.squidmesh]\nmax_losses = {value}\n")
    with pytest.raises(ConfigurationError, match="expected a whole number"):
        load_settings(folder=folder, environment={})


def test_tables_of_other_readers_are_no_unknown_settings(tmp_path: Path):
    """[tool.squidmesh.steps] belongs to the registry."""
    folder = write(tmp_path, '[tool.squidmesh.steps]\n"a.b" = "a:b"\n')
    assert load_settings(folder=folder, environment={}).source == folder / "pyproject.toml"


def test_a_file_that_is_no_toml_is_named(tmp_path: Path):
    """A syntax error in the file is a configuration problem with the file's path."""
    folder = write(tmp_path, "[tool.squidmesh\n")
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml: cannot be read as TOML"):
        load_settings(folder=folder, environment={})


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("pyproject.toml", "tool = 1", "tool must be a table, written [tool]; found 1"),
        (
            "pyproject.toml",
            "[tool]\nsquidmesh = 3",
            "tool.squidmesh must be a table, written [tool.squidmesh]; found 3",
        ),
        (
            "pyproject.toml",
            '[squidmesh]\nqueue = "x"',
            "squidmesh stands outside [tool.squidmesh], where our settings belong",
        ),
        ("squidmesh.toml", 'queue = "x"', "queue stands outside [tool.squidmesh], where our settings belong"),
        (
            "squidmesh.toml",
            '[tool.squidmsh]\nqueue = "x"',
            "tool.squidmsh stands outside [tool.squidmesh], where our settings belong",
        ),
    ],
)
def test_settings_that_stand_elsewhere_are_told(tmp_path: Path, name: str, content: str, problem: str):
    """What is no table, or stands where nobody would read it, is a problem with the file's path and the key."""
    write(tmp_path, content, name)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(folder=tmp_path, environment={})
    assert str(caught.value) == f"{tmp_path / name}: {problem}"


def test_tables_of_other_tools_are_theirs(tmp_path: Path):
    """In ``pyproject.toml`` others have tables, and keys at the top."""
    write(tmp_path, 'anything = 1\n[tool.other]\nqueue = 3\n[tool.squidmesh]\nqueue = "ours"\n')
    assert load_settings(folder=tmp_path, environment={}).queue == "ours"


def test_an_empty_file_of_our_own_ends_the_search(tmp_path: Path):
    """A folder without settings inside a project that has some says so by an empty ``squidmesh.toml``."""
    write(tmp_path, '[tool.squidmesh]\nqueue = "outer"\n')
    inner = write(tmp_path / "inner", "", "squidmesh.toml")
    assert load_settings(folder=inner, environment={}).queue == "default"


def test_durations_may_be_given_as_such():
    """A host passes a timedelta as well as its text."""
    assert load_settings({"lease": timedelta(seconds=5)}, environment={}).lease == timedelta(seconds=5)


@pytest.mark.parametrize("lease", [timedelta(seconds=-5), timedelta(), timedelta(days=4000), "0s"])
def test_a_duration_is_some_time(lease: object):
    """However it is given: more than nothing, and less than ten years."""
    with pytest.raises(ConfigurationError, match=r"argument lease: .*(longer than zero|between zero and ten years)"):
        load_settings({"lease": lease}, environment={})


def test_the_queue_is_one_that_a_workflow_could_name(tmp_path: Path):
    """As everywhere else, and before a worker starts."""
    write(tmp_path, '[tool.squidmesh]\nqueue = "bad name!"\n')
    with pytest.raises(ConfigurationError, match=r"^pyproject\.toml, \[tool.squidmesh\] queue: 'bad name!' cannot be"):
        load_settings(folder=tmp_path, environment={})


def test_the_embedded_folder_is_found_upwards(tmp_path: Path):
    """The nearest .squidmesh folder at or above the working directory counts."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_embedded_folder(inner) is None
    (tmp_path / ".squidmesh").mkdir()
    assert find_embedded_folder(inner) == tmp_path / ".squidmesh"


@pytest.mark.parametrize("url", ["embedded:", "embedded: "])
def test_an_embedded_database_needs_a_folder(tmp_path: Path, url: str) -> None:
    """Without one it would be made wherever somebody happens to be."""
    with pytest.raises(ConfigurationError, match=r"names no folder: write embedded:PATH, such as embedded:\.squidmesh"):
        load_settings({"database_url": url}, folder=tmp_path, environment={})
