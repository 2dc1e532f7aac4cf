"""Replacing step types, and the kinds of steps that a drain executes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from sqlalchemy import text

from squidmesh import StepContext, step
from squidmesh.errors import ConfigurationError, StepTypeNotFound
from squidmesh.testing import step_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh.testing import DrivenMesh

SHOP = """
    workflow: tests.shop
    triggers: {by_hand: {manual: {}, payload: {amount: {type: integer}}}}
    steps:
      charge: {uses: tests.charge, input: [amount], compensate: tests.refund, next: ship}
      ship: {uses: tests.ship, next: complete}
"""


@step(output_schema={"type": "object", "required": ["charge_id"]})
def charge(amount: int) -> dict[str, Any]:
    """Reach for the network."""
    raise ConnectionError


def refund(step: dict[str, Any]) -> None:
    """Reach for the network."""
    raise ConnectionError


def ship() -> None:
    """Do nothing."""


@pytest.fixture(autouse=True)
def _shop(steps: dict[str, Any], write: Callable[..., None]) -> None:
    write(SHOP)
    steps.update({"tests.charge": charge, "tests.refund": refund, "tests.ship": ship})


def test_a_callable_stands_for_a_step(mesh: DrivenMesh, start: Callable[..., str]) -> None:
    """A fake gets its input by name and the context, and what it was called with is kept."""

    def fake(amount: int, ctx: StepContext) -> dict[str, Any]:
        return {"charge_id": f"{ctx.step}-{amount}"}

    run_id = start(amount=5)
    replaced = mesh.replace_step("tests.charge", fake)
    mesh.drain()
    assert mesh.inspect_run(run_id).context["charge_id"] == "charge-5"
    assert replaced.calls == [{"amount": 5}]


def test_a_step_is_replaced_after_the_first_drain_too(mesh: DrivenMesh, start: Callable[..., str]) -> None:
    """The newest replacement counts, whenever it was made."""
    start(amount=1)
    first = mesh.replace_step("tests.charge", {"charge_id": "1"})
    mesh.drain()
    second = mesh.replace_step("tests.charge", {"charge_id": "2"})
    run_id = start(amount=2)
    mesh.drain()
    assert mesh.inspect_run(run_id).context["charge_id"] == "2"
    assert (first.calls, second.calls) == ([{"amount": 1}], [{"amount": 2}])


async def charge_soon(amount: int) -> dict[str, Any]:
    """Answer after a moment."""
    await asyncio.sleep(0)
    return {"charge_id": amount}


@pytest.mark.parametrize(
    "fake",
    [
        {"charge_id": 5},
        charge_soon,
        lambda **inputs: {"charge_id": inputs["amount"]},
        lambda: {"charge_id": 5},
        Mock(return_value={"charge_id": 5}),
    ],
    ids=["mapping", "async", "rest", "nothing", "mock"],
)
def test_many_things_stand_for_a_step(fake: Any, mesh: DrivenMesh, start: Callable[..., str]) -> None:
    """A mapping, a coroutine function, a function that takes all or nothing, and a mock are fakes."""
    run_id = start(amount=5)
    mesh.replace_step("tests.charge", fake)
    mesh.drain()
    run = mesh.inspect_run(run_id)
    assert (run.status, run.context["charge_id"]) == ("completed", 5)


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), ConnectionResetError])
def test_an_exception_is_raised_and_what_was_done_undone(
    error: Any, mesh: DrivenMesh, start: Callable[..., str]
) -> None:
    """A fake that fails the run lets the replaced compensation undo the replaced step."""
    run_id = start(amount=5)
    mesh.replace_step("tests.charge", {"charge_id": 5})
    mesh.replace_step("tests.ship", error)
    undone = mesh.replace_step("tests.refund", {})
    assert mesh.drain() == ["charge", "ship", "charge (compensation)"]
    run = mesh.inspect_run(run_id)
    assert (run.status, run.last_error["type"]) == ("failed", "ConnectionResetError")
    assert undone.calls[0]["step"]["output"] == {"charge_id": 5}


def test_a_fake_obeys_the_contract_of_the_real_step(mesh: DrivenMesh, start: Callable[..., str]) -> None:
    """A fake that returns what the real step never would fails as that would."""
    run_id = start(amount=5)
    mesh.replace_step("tests.charge", {"id": 5})
    mesh.drain()
    assert mesh.inspect_run(run_id).last_error["code"] == "invalid_output"


def test_an_unknown_step_type_is_not_replaced(mesh: DrivenMesh, start: Callable[..., str]) -> None:
    """A misspelt name is told at once, and so is a fake that cannot be called."""
    start(amount=5)
    with pytest.raises(StepTypeNotFound, match=r"tests\.charge"):
        mesh.replace_step("tests.charges", {})
    with pytest.raises(ConfigurationError, match="found a int"):
        mesh.replace_step("tests.charge", 5)  # type: ignore[arg-type]  # that is the point


def test_a_step_that_cannot_be_imported_here_is_replaced(mesh: DrivenMesh, tmp_path: Path) -> None:
    """What a step imports may be missing where the tests run."""
    (tmp_path / "squidmesh.toml").write_text('[tool.squidmesh.steps]\n"tests.heavy" = "not_installed_here:run"\n')
    (tmp_path / "0.yaml").write_text(SHOP.replace("tests.charge", "tests.heavy"))
    replaced = mesh.replace_step("tests.heavy", {"charge_id": 1})
    mesh.start_run("tests.shop", {"amount": 5})
    assert mesh.drain() == ["charge", "ship"]
    assert len(replaced.calls) == 1


def test_a_timeout_is_an_outcome_here_too(
    mesh: DrivenMesh, steps: dict[str, Any], start: Callable[..., str], tmp_path: Path
) -> None:
    """A plain step is told that its time is over, an async one interrupted; both end as timed out."""
    (tmp_path / "0.yaml").write_text("""
workflow: tests.slow
triggers: {by_hand: {manual: {}}}
steps:
  plain: {uses: tests.plain, timeout: 50ms, next: {ok: complete, error: coroutine}}
  coroutine: {uses: tests.coroutine, timeout: 50ms, next: complete}
""")

    told: list[bool] = []

    def plain(ctx: StepContext) -> None:
        until = time.monotonic() + 20
        while not ctx.cancelled and time.monotonic() < until:
            time.sleep(0.01)
        told.append(ctx.cancelled)

    async def coroutine() -> None:
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            told.append(True)
            raise

    steps.update({"tests.plain": plain, "tests.coroutine": coroutine})
    run_id = start()
    mesh.drain()
    run = mesh.inspect_run(run_id, include_history=True)
    assert [state.last_error["code"] for state in run.steps or () if state.last_error] == ["step_timed_out"] * 2
    assert told == [True, True]


def test_a_transactional_step_writes_with_its_completion(
    mesh: DrivenMesh, steps: dict[str, Any], start: Callable[..., str], tmp_path: Path
) -> None:
    """What such a step writes is committed with it, or not at all."""
    (tmp_path / "0.yaml").write_text("""
workflow: tests.ledger
triggers: {by_hand: {manual: {}, payload: {fail: {type: boolean}}}}
steps:
  book: {uses: tests.book, transaction: true, timeout: 30s, next: complete}
""")
    with mesh.database.transaction() as connection:
        connection.execute(text("CREATE TABLE ledger (run_id uuid)"))

    def book(fail: bool, ctx: StepContext) -> None:
        assert ctx.connection is not None
        ctx.connection.execute(text("INSERT INTO ledger VALUES (:run)"), {"run": ctx.run_id})
        if fail:
            raise OSError

    steps["tests.book"] = book
    start(fail=True)
    good = start(fail=False)
    assert mesh.drain() == ["book", "book"]
    with mesh.database.transaction() as connection:
        assert [str(row[0]) for row in connection.execute(text("SELECT run_id FROM ledger"))] == [good]


def test_a_context_is_made_by_hand() -> None:
    """A step is called as the plain function that it is, with a context that says what the test says."""
    ctx = step_context(payload={"a": 1}, context={"b": 2}, attempt=3, cancelled=True)
    assert (ctx.payload, ctx.context, ctx.attempt, ctx.max_attempts) == ({"a": 1}, {"a": 1, "b": 2}, 3, 3)
    assert (ctx.cancelled, ctx.claim_lost) == (True, False)
    assert ctx.idempotency_key == step_context(attempt=1).idempotency_key != step_context(step="b").idempotency_key
    with pytest.raises(TypeError, match="paylod"):
        step_context(paylod={})  # type: ignore[call-arg]  # that is the point
