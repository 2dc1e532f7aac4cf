"""The steps of the shop's workflows, and the names that the workflows know them by."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from squidmesh import RetryStep, StepContext, StepFailed

WORKFLOWS = Path(__file__).with_name("workflows")


def check_stock(quantity: int) -> dict[str, Any]:
    """Refuse orders that no warehouse could fill."""
    if quantity > 1000:
        raise StepFailed(f"{quantity} pieces are more than there are", "out_of_stock")
    return {"in_stock": True}


def pack(seconds: float, failures: int, ctx: StepContext) -> dict[str, Any]:
    """Take a while, and fail as often as the order says: the shop's robot is moody."""
    time.sleep(seconds)
    if ctx.attempt <= failures:
        raise RetryStep(f"the robot has dropped attempt {ctx.attempt}")
    return {"attempts": ctx.attempt}


def ship(order_id: int, ctx: StepContext) -> None:
    """Mark the order as shipped, in the transaction that completes the step."""
    _set_status(ctx, order_id, "shipped")


def call_off(order_id: int, ctx: StepContext) -> None:
    """Mark the order as called off, likewise."""
    _set_status(ctx, order_id, "called off")


def count_orders(ctx: StepContext) -> dict[str, Any]:
    """Count the orders by status."""
    assert ctx.connection is not None, "the workflow says transaction: true"
    rows = ctx.connection.execute(text("SELECT status, count(*) FROM orders GROUP BY status"))
    return {"orders": {row.status: row.count for row in rows}}


def _set_status(ctx: StepContext, order_id: int, status: str) -> None:
    assert ctx.connection is not None, "the workflow says transaction: true"
    ctx.connection.execute(
        text("UPDATE orders SET status = :status, changes = changes + 1 WHERE id = :id"),
        {"status": status, "id": order_id},
    )


STEPS: Mapping[str, Callable[..., Any]] = {
    "shop.check_stock": check_stock,
    "shop.pack": pack,
    "shop.ship": ship,
    "shop.call_off": call_off,
    "shop.count_orders": count_orders,
}
