"""What the documentation shows can be done, and gives what it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from tests.acceptance.page_session import Session, pattern
from tests.pages import DOCS, ROOT, Page, read_page, written_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNNABLE = {"console", "sh", "python"}
PAGES = [page for page in written_pages() if any(block.language in RUNNABLE for block in page.blocks)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user can enter (root's servers run as another)."""
    base = Path(tempfile.mkdtemp(prefix="squidmesh-docs-"))
    base.chmod(0o755)
    yield base
    shutil.rmtree(base)


@pytest.fixture
def begin(folder: Path, empty_database_url: str) -> Iterator[Callable[[str | None], Session]]:
    """Begin a session beside a copy of a folder, with the programs of this environment at hand."""
    url = make_url(empty_database_url)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SQUIDMESH_", "PG"))}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PGHOST": str(url.query.get("host") or url.host),
        "PGPORT": str(url.query.get("port") or url.port or 5432),
        "PGUSER": url.username or "postgres",
        "SQUIDMESH_ACTOR": "ada",
        "CONTENT_SETTINGS": str(folder / "project" / "content.toml"),
        "SHOP_FOLDER": str(folder / "project"),
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    begun: list[Session] = []

    def begin_beside(project: str | None) -> Session:
        place = folder
        if project:
            ignored = shutil.ignore_patterns(".squidmesh", "__pycache__", ".pytest_cache", "outbox", "*.egg-info")
            place = Path(shutil.copytree(ROOT / project, folder / "project", ignore=ignored))
        begun.append(Session(place, environment, str(url.database)))
        return begun[0]

    yield begin_beside
    for each in begun:
        each.close()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_a_page_says_can_be_done(page: Page, begin: Callable[[str | None], Session]) -> None:
    """Whoever follows a page from top to bottom gets what it shows."""
    session = begin(page.project)
    for block in page.blocks:
        if block.mark not in {"not run", "gate"} and (block.file or block.language in RUNNABLE):
            problem = session.perform(block)
            if problem:
                pytest.fail(f"{page}:{block.line}: {problem}", pytrace=False)


UNTRUE = """
```console
$ echo yes
no
```

```console
$ false
```

```python
assert False
```
"""


def test_what_is_not_so_is_found(tmp_path: Path, begin: Callable[[str | None], Session]) -> None:
    """A page that shows another output, a command that fails or code that raises does not pass."""
    (tmp_path / "page.md").write_text(UNTRUE)
    session = begin(None)
    problems = [session.perform(block) for block in read_page(tmp_path / "page.md").blocks]
    assert [str(problem).split("\n")[0] for problem in problems] == ["$ echo yes", "$ false", "the code"]


def test_what_differs_from_run_to_run_is_left_open() -> None:
    """An ellipsis stands for anything within a line and, alone on one, for any lines; the rest is taken literally."""
    printed = "run 1 (a)\nx\ny\ndone in 3 ms"
    for shown in (["run … (a)", "…", "done in … ms"], ["run 1 (a)", "x", "…"], ["…"], printed.split("\n")):
        assert re.fullmatch(pattern(shown), printed), shown
    for shown in (["run … (a)", "done in … ms"], ["…", "run 1 (b)", "…"], ["run 1 .a."], []):
        assert not re.fullmatch(pattern([*shown, "done in 3 ms"]), printed), shown


def test_the_picture_of_a_run_is_of_a_real_one() -> None:
    """What the README's picture shows is what the command prints today, but for times and ids."""
    drawn = subprocess.run(
        [sys.executable, str(DOCS / "pictures" / "draw_try.py"), "--check"],
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert drawn.returncode == 0, drawn.stdout + drawn.stderr
