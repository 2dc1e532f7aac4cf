"""The warehouse: goods are reserved for an order, and released if the order fails."""

from __future__ import annotations

from typing import Any

from shop.books import books
from squidmesh import StepContext, StepFailed, step

STOCK = {"squid-plush": 40, "ink-pot": 3}


@step(description="Reserves goods for an order", output_schema={"type": "object", "required": ["id"]})
def reserve_stock(sku: str, quantity: int, ctx: StepContext) -> dict[str, Any]:
    """Reserve goods, once however often it is tried; ``out_of_stock`` for good if there are too few."""
    reservation = {"id": ctx.idempotency_key, "sku": sku, "quantity": quantity}
    with books() as connection:
        connection.execute("BEGIN IMMEDIATE")  # two orders that count at once would both take the last piece
        query = "SELECT coalesce(sum(quantity), 0) FROM reservations WHERE sku = ? AND id <> ?"
        (taken,) = connection.execute(query, [sku, ctx.idempotency_key]).fetchone()
        left = STOCK.get(sku, 0) - taken
        if quantity > left:
            raise StepFailed(f"{quantity} of {sku} are wanted and {left} are left", "out_of_stock")
        connection.execute("INSERT OR IGNORE INTO reservations VALUES (:id, :sku, :quantity)", reservation)
    return reservation


@step(description="Releases what reserve_stock reserved")
def release_stock(step: dict[str, Any]) -> dict[str, Any]:
    """Undo ``reserve_stock``: ``step`` is ``{name, input, output}`` of the step to undo."""
    with books() as connection:
        connection.execute("DELETE FROM reservations WHERE id = ?", [step["output"]["id"]])
    return {"released": step["output"]["sku"]}
