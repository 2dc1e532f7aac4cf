"""The checkout: a saga that undoes what it did, the last thing first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shop.stock import reserve_stock

from squidmesh import StepFailed
from squidmesh.testing import step_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.testing import DrivenMesh


def test_an_order_is_paid_and_confirmed(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """Goods are reserved, money is taken, and the customer is told."""
    run = mesh.start_run("shop.checkout", {"order_id": "order_7"})
    assert mesh.drain() == ["reserve_stock", "authorize_payment", "capture_payment", "confirm_order"]
    assert mesh.inspect_run(run.id).status == "completed"
    assert shop("SELECT status FROM payments") == ["captured"]
    assert shop("SELECT subject FROM letters") == ["Your order order_7 is on its way"]


def test_a_refused_capture_is_undone_in_reverse(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """The money that was set aside is given back, then the goods; then the customer is told."""
    run = mesh.start_run("shop.checkout", {"card": "expired"})
    executed = mesh.drain()
    assert executed[3:] == [
        "authorize_payment (compensation)",
        "reserve_stock (compensation)",
        "on_failure (on failure)",
    ]
    ended = mesh.inspect_run(run.id)
    assert (ended.status, ended.last_error["code"]) == ("failed", "capture_refused")
    assert shop("SELECT status FROM payments") == ["voided"]
    assert shop("SELECT sku FROM reservations") == []
    (subject,) = shop("SELECT subject FROM letters")
    assert subject == "Your order order_1 failed: the card has expired since the money was set aside"


def test_a_confirmation_that_never_arrives_pays_back(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """A failure after the capture pays the money back; the authorization that it was taken from is void by then."""
    letters = mesh.replace_step("shop.confirm_order", ConnectionError("the mail server does not answer"))
    run = mesh.start_run("shop.checkout")
    mesh.drain(through="1h")
    assert mesh.inspect_run(run.id).status == "failed"
    assert len(letters.calls) == 5
    assert shop("SELECT sku FROM reservations") == []


def test_the_last_piece_is_sold_once(shop: Callable[..., list[Any]]) -> None:
    """A reservation counts what others have reserved, and itself only once."""
    first = step_context(run_id="1")
    assert reserve_stock("ink-pot", 3, first) == reserve_stock("ink-pot", 3, first)
    with pytest.raises(StepFailed, match="1 of ink-pot are wanted and 0 are left"):
        reserve_stock("ink-pot", 1, step_context(run_id="2"))
