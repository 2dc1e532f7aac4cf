"""The ledger: an entry in the application's own tables, exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shop.ledger import TABLE
from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh.testing import DrivenMesh


@pytest.fixture
def ledger(squidmesh_database: str) -> Iterator[Callable[[], list[tuple[str, int]]]]:
    """Return a function that reads the ledger in the test's database."""
    engine = create_engine(squidmesh_database)
    with engine.begin() as connection:
        connection.execute(text(TABLE))

    def read() -> list[tuple[str, int]]:
        with engine.begin() as connection:
            rows = connection.execute(text("SELECT account, cents FROM shop_ledger ORDER BY id"))
            return [(row.account, row.cents) for row in rows]

    yield read
    engine.dispose()


def test_both_halves_are_booked(mesh: DrivenMesh, ledger: Callable[[], list[tuple[str, int]]]) -> None:
    """A booking and the step's completion are there together."""
    run = mesh.start_run("shop.book_entry")
    mesh.drain()
    assert mesh.inspect_run(run.id).context["entry"] == {"booked": 2}
    assert ledger() == [("cash", 1990), ("sales", -1990)]


def test_a_failed_booking_leaves_nothing(mesh: DrivenMesh, ledger: Callable[[], list[tuple[str, int]]]) -> None:
    """What the step wrote before it failed is rolled back with it."""
    run = mesh.start_run("shop.book_entry", {"credit": "bank", "cents": 2**63 - 1})
    mesh.replace_step("shop.check_accounts", {})
    mesh.drain()
    assert mesh.inspect_run(run.id).status == "completed"
    failed = mesh.start_run("shop.book_entry", {"cents": 2**70})
    mesh.drain()
    assert mesh.inspect_run(failed.id).status == "failed"
    assert len(ledger()) == 2
