"""The plugin as a project gets it: another pytest, in a folder of its own, in processes of its own."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from squidmesh.errors import DatabaseUnavailable
from squidmesh.testing.databases import Databases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["pytester"]

WORKFLOW = """
workflow: shop.greet
triggers: {by_hand: {manual: {}}}
steps: {greet: {uses: shop.greet, next: complete}}
"""
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_a_run(mesh, number, squidmesh_database):
    mesh.start_run("shop.greet")
    assert mesh.drain() == ["greet"]
    (run,) = mesh.list_runs()
    assert run.context == {"greeting": "hello"}
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """Make a project that is not installed: its settings, one step, one workflow and its tests."""
    pytester.makepyprojecttoml(
        '[tool.squidmesh]\nworkflows = "flows"\n[tool.squidmesh.steps]\n"shop.greet" = "shop:greet"\n'
    )
    pytester.makepyfile(shop='def greet():\n    return {"greeting": "hello"}\n')
    (pytester.mkdir("flows") / "greet.yaml").write_text(WORKFLOW)
    tests = pytester.mkdir("tests")
    (tests / "test_shop.py").write_text(TESTS)
    return pytester.path


@pytest.fixture
def run(pytester: pytest.Pytester, project: Path) -> Callable[..., pytest.RunResult]:
    """Run pytest on the project as its author would."""

    def run_pytest(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-W", "error", *arguments, timeout=300)

    return run_pytest


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own for what its processes keep for a while, open to the user who runs root's servers."""
    folder = Path(tempfile.mkdtemp(prefix="sm-"))
    folder.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def names(server_url: str) -> set[str]:
    """Return the names of the databases of a server."""
    url = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_processes_share_a_private_server_and_leave_nothing(
    run: Callable[..., pytest.RunResult], temporary: Path
) -> None:
    """Under pytest-xdist each test has a database of its own on one server, which is gone at the end."""
    run("-n", "2").assert_outcomes(passed=4)
    assert [path.name for path in temporary.iterdir() if path.name.startswith("squidmesh")] == []


def test_a_given_server_is_used_and_left_clean(run: Callable[..., pytest.RunResult], server_url: str) -> None:
    """With the option the databases are made on that server, and dropped again."""
    (Path("tests") / "test_where.py").write_text("""
def test_where(mesh, squidmesh_database):
    with open("names", "w") as file:
        file.write(squidmesh_database)
""")
    run("--squidmesh-database", server_url, "tests/test_where.py").assert_outcomes(passed=1)
    used = make_url(Path("names").read_text())
    assert used.query == make_url(server_url).query
    assert used.host == make_url(server_url).host
    assert used.database not in names(server_url)


def test_an_ini_option_names_the_workflows(
    run: Callable[..., pytest.RunResult], project: Path, server_url: str
) -> None:
    """``squidmesh_workflows`` goes before the project's setting."""
    (project / "flows").rename(project / "others")
    (project / "pytest.ini").write_text("[pytest]\nsquidmesh_workflows = others\n")
    run("--squidmesh-database", server_url, "-k", "1").assert_outcomes(passed=1)


def test_a_server_that_does_not_answer_is_one_message(run: Callable[..., pytest.RunResult]) -> None:
    """A wrong URL fails the tests with the database's error, its password left out."""
    result = run("--squidmesh-database", "postgresql://me:sekret@127.0.0.1:1/postgres", "-k", "1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the mesh fixture has no database: the database is not available: *"])
    assert "sekret" not in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_a_user_who_may_not_create_databases_is_told(server_url: str) -> None:
    """A server on which no database can be made is refused by one error that says so."""
    url = make_url(server_url)
    role = f"squidmesh_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as own:
        own.execute(f"CREATE ROLE {role} LOGIN")
        try:
            with pytest.raises(DatabaseUnavailable, match="permission denied to create database"):
                Databases.on(url.set(username=role).render_as_string(hide_password=False)).open()
        finally:
            own.execute(f"DROP ROLE {role}")


def test_nothing_is_imported_until_it_is_used(pytester: pytest.Pytester) -> None:
    """The plugin is in every pytest of the machine: one that does not use it loads pytest alone."""
    pytester.makepyfile("""
        import sys

        def test_modules():
            heavy = {"sqlalchemy", "psycopg", "huey", "alembic", "click", "ruamel", "jsonschema", "cel_expr_python"}
            assert not heavy & {name.split(".")[0] for name in sys.modules}
            loaded = {name for name in sys.modules if name.startswith("squidmesh")}
            assert loaded == {"squidmesh", "squidmesh.testing", "squidmesh.testing.plugin"}

        def test_context():
            import squidmesh.testing

            assert squidmesh.testing.step_context(step="charge").step == "charge"
            assert "sqlalchemy" not in sys.modules
    """)
    pytester.runpytest_subprocess("-W", "error", timeout=300).assert_outcomes(passed=2)
