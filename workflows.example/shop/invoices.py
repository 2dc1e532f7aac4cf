"""Invoices: read from a file, paid or sent back once somebody has decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shop.books import books, send_letter
from squidmesh import StepContext, StepFailed, step

INVOICES = Path(__file__).resolve().parent.parent / "sample" / "invoices.json"


@step(
    description="Loads an invoice",
    output_schema={"type": "object", "required": ["id", "vendor", "cents"]},
)
def load_invoice(invoice_id: str) -> dict[str, Any]:
    """Return an invoice; ``unknown_invoice`` for good if there is none of this number."""
    invoices: list[dict[str, Any]] = json.loads(INVOICES.read_text(encoding="utf-8"))
    for invoice in invoices:
        if invoice["id"] == invoice_id:
            return invoice
    known = ", ".join(invoice["id"] for invoice in invoices)
    raise StepFailed(f"no invoice is called {invoice_id!r}; there are {known}", "unknown_invoice")


@step(description="Orders the payment of an invoice")
def order_payment(invoice: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Write the payment down, once however often it is tried."""
    payment = {"id": ctx.idempotency_key, "order_id": invoice["id"], "cents": invoice["cents"]}
    with books() as connection:
        connection.execute("INSERT OR IGNORE INTO payments VALUES (:id, :order_id, :cents, 'ordered')", payment)
    return payment


@step(description="Sends an invoice back to its vendor")
def send_back(invoice: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Tell the vendor, once however often it is tried."""
    return {"letter": send_letter(ctx.idempotency_key, invoice["vendor"], f"We do not pay invoice {invoice['id']}")}


@step(description="Asks the head of finance to look at an invoice")
def escalate(invoice: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Tell the head of finance that nobody has decided in time."""
    subject = f"Invoice {invoice['id']} waits for you"
    return {"letter": send_letter(ctx.idempotency_key, "head of finance", subject)}
