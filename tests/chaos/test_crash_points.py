"""A crash just before or just after any commit: another process takes over, and nothing can be told of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.chaos.commit_proxy import Stop
from tests.chaos.crash_programs import WORKFLOWS, work_carelessly
from tests.chaos.crashing import Life
from tests.conftest import fresh_database
from tests.invariants import ledger
from tests.invariants.checker import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lives(server_url: str, template: str, tmp_path: Path) -> Iterator[list[Life]]:
    """Databases in which lives are lived side by side."""
    for name, text in WORKFLOWS.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with ExitStack() as stack:
        made = []
        for _ in range(2):
            url = stack.enter_context(fresh_database(server_url, template))
            ledger.install(url)
            made.append(Life(url, tmp_path))
            stack.callback(made[-1].close)
        yield made


def test_a_crash_at_any_commit_changes_nothing_that_counts(lives: list[Life]) -> None:
    """A worker or a host dies before or after any commit: all ends as without that, and every invariant holds.

    There is a route, a join, a retry, a wait, an approval, a step in the host's transaction and what is undone.
    """
    first = lives[0]
    points = first.live(None).seen
    assert len(points) > 20, points
    expected = first.statuses()
    assert check(first.url).clean, str(check(first.url))
    with ThreadPoolExecutor(len(lives)) as pool:
        problems = pool.map(lambda life, before: list(crash_everywhere(life, expected, before)), lives, (True, False))
    assert [each for found in problems for each in found] == []


def crash_everywhere(life: Life, expected: dict[tuple[str, str, int], str], before: bool) -> Iterator[str]:
    """Live again and again, with a crash at one commit after the other, until all are behind; yield what went wrong."""
    number = 1
    while number:
        commits = life.live(Stop(number, before))
        where = f"{'before' if before else 'after'} commit {commits.reached} of {commits.seen}"
        report = check(life.url)
        if not report.clean:
            yield f"{where}: {report}"
        if life.statuses() != expected:
            yield f"{where}: {life.statuses()}"
        number = commits.reached and commits.reached + 1


def test_an_effect_that_is_committed_before_its_record_is_found(lives: list[Life]) -> None:
    """The proof can fail: a worker that commits too early leaves an effect twice if it dies just then."""
    life = lives[0]
    assert life.live(Stop(1, before=False, what="bookings"), worker=work_carelessly).reached
    assert check(life.url).broken == {"I3"}, str(check(life.url))
