"""The pytest plugin: a ``mesh`` fixture on a database that each test has to itself.

The databases are made on a private PostgreSQL, started when the first test asks and shared by the processes
of pytest-xdist, or on the server that ``--squidmesh-database`` names. Until then nothing is imported but
pytest: this module is loaded by every pytest that runs where the package is installed.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.testing.databases import Databases
    from squidmesh.testing.driven import DrivenMesh

_WORKFLOWS = "squidmesh_workflows"
_FOLDER = "squidmesh_folder"
_folder = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting."""
    parser.getgroup("squidmesh").addoption(
        "--squidmesh-database",
        metavar="URL",
        help="PostgreSQL on which the mesh fixture makes its databases (default: a private one)",
    )
    parser.addini(
        _WORKFLOWS, "workflow files or folders of the mesh fixture (default: those of squidmesh's settings)", "paths"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist where the server is that all of them share."""
    node.workerinput[_FOLDER] = str(_shared_folder(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the private server's folder, after the last process has stopped it."""
    folder = config.stash.get(_folder, None)
    if folder is not None and not hasattr(config, "workerinput"):
        shutil.rmtree(folder, ignore_errors=True)


def _shared_folder(config: pytest.Config) -> Path:
    """Return the folder of the session's private server, not made yet; nobody else can guess its name."""
    if _folder not in config.stash:
        given = getattr(config, "workerinput", {}).get(_FOLDER)
        config.stash[_folder] = Path(given or Path(tempfile.gettempdir()) / f"squidmesh-tests-{uuid.uuid4().hex}")
    return config.stash[_folder]


@pytest.fixture(scope="session")
def squidmesh_databases(pytestconfig: pytest.Config) -> Iterator[Databases]:
    """The server on which databases for tests are made."""
    from squidmesh.errors import SquidMeshError  # noqa: PLC0415 - see above
    from squidmesh.testing.databases import Databases  # noqa: PLC0415 - see above

    given = pytestconfig.getoption("--squidmesh-database")
    databases = Databases.on(given) if given else Databases.private(_shared_folder(pytestconfig))
    try:
        databases.open()
    except SquidMeshError as error:
        pytest.fail(f"the mesh fixture has no database: {error}", pytrace=False)
    yield databases
    databases.close()


@pytest.fixture
def squidmesh_database(squidmesh_databases: Databases) -> Iterator[str]:
    """The URL of a database with the tables in it, made for this test and dropped after it.

    An application's own tables belong here too: let a fixture that takes this one make them.
    """
    with squidmesh_databases.fresh() as url:
        yield url


@pytest.fixture
def mesh_options() -> dict[str, Any]:
    """What the mesh is made with beside its database: arguments of ``SquidMesh``. Override it to give some."""
    return {}


@pytest.fixture
def mesh(request: pytest.FixtureRequest, squidmesh_database: str, mesh_options: dict[str, Any]) -> Iterator[DrivenMesh]:
    """A ``SquidMesh`` that the test drives: ``drain``, ``advance``, ``replace_step`` (see ``DrivenMesh``).

    Its settings are those of the project that the test's file is in, its workflows those of the ini option
    ``squidmesh_workflows``, if it is set.
    """
    from squidmesh.testing.driven import DrivenMesh  # noqa: PLC0415 - see above

    given: dict[str, Any] = {"folder": request.path.parent}
    if workflows := request.config.getini(_WORKFLOWS):
        given["workflows"] = workflows
    with DrivenMesh(squidmesh_database, **(given | mesh_options)) as driven:
        driven.ensure_tables()
        yield driven
