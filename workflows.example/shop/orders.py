"""Telling the customer what became of an order."""

from __future__ import annotations

from typing import Any

from shop.books import send_letter
from squidmesh import StepContext, step


@step(description="Confirms an order to its customer")
def confirm_order(order_id: str, email: str, ctx: StepContext) -> dict[str, Any]:
    """Send the confirmation, once however often it is tried."""
    return {"letter": send_letter(ctx.idempotency_key, email, f"Your order {order_id} is on its way")}


@step(description="Tells a customer that an order failed")
def report_failed_order(order_id: str, email: str, failure: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Send the reason, once however often it is tried."""
    return {"letter": send_letter(ctx.idempotency_key, email, f"Your order {order_id} failed: {failure['message']}")}
