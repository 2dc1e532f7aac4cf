"""The nightly report: what the shop's books say, as a file for each night."""

from __future__ import annotations

import json
from typing import Any

from shop.books import books, data_folder
from squidmesh import StepContext, step


@step(description="Counts the payments by status")
def count_payments() -> dict[str, Any]:
    """Return ``{by_status: {status: {count, cents}}}``."""
    query = "SELECT status, count(*), sum(cents) FROM payments GROUP BY status ORDER BY status"
    with books() as connection:
        rows = connection.execute(query).fetchall()
    return {"by_status": {status: {"count": count, "cents": cents} for status, count, cents in rows}}


@step(description="Writes the report of a night")
def write_report(payments: dict[str, Any], day: str, ctx: StepContext) -> dict[str, Any]:
    """Write ``reports/DAY.json``; the same night again replaces it."""
    path = data_folder() / "reports" / f"{day}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"day": day, "scheduled_for": (ctx.schedule or {}).get("scheduled_for"), "payments": payments}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return {"report": path.name}
