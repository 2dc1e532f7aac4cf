"""The payment provider: money is set aside, then taken; either can be undone."""

from __future__ import annotations

from typing import Any

from shop.books import books
from squidmesh import StepContext, StepFailed, step


@step(description="Sets the money of an order aside", output_schema={"type": "object", "required": ["id"]})
def authorize_payment(order_id: str, cents: int, card: str, ctx: StepContext) -> dict[str, Any]:
    """Set money aside, once however often it is tried; ``card_declined`` for good if the bank says no."""
    if card == "declined":
        raise StepFailed("the bank has declined the card", "card_declined")
    payment = {"id": f"pay_{ctx.idempotency_key[:8]}", "order_id": order_id, "cents": cents}
    with books() as connection:
        connection.execute("INSERT OR IGNORE INTO payments VALUES (:id, :order_id, :cents, 'authorized')", payment)
    return payment


@step(description="Gives back what authorize_payment set aside")
def void_payment(step: dict[str, Any]) -> dict[str, Any]:
    """Undo ``authorize_payment``."""
    return _set_status(step["output"]["id"], "voided")


@step(description="Takes the money that was set aside")
def capture_payment(payment: dict[str, Any], card: str) -> dict[str, Any]:
    """Take the money; ``capture_refused`` for good if the card has expired since it was set aside."""
    if card == "expired":
        raise StepFailed("the card has expired since the money was set aside", "capture_refused")
    return _set_status(payment["id"], "captured")


@step(description="Pays back what capture_payment took")
def refund_payment(step: dict[str, Any]) -> dict[str, Any]:
    """Undo ``capture_payment``."""
    return _set_status(step["input"]["payment"]["id"], "refunded")


def _set_status(payment_id: str, status: str) -> dict[str, Any]:
    with books() as connection:
        connection.execute("UPDATE payments SET status = ? WHERE id = ?", [status, payment_id])
    return {"id": payment_id, "status": status}
