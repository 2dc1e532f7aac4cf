"""The ledger, in the application's own PostgreSQL: an entry and the step's completion commit together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from squidmesh import StepContext, StepFailed, step

# An application makes its tables by its migrations; this example has none.
TABLE = """
CREATE TABLE IF NOT EXISTS shop_ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id uuid NOT NULL,
    account text NOT NULL, cents bigint NOT NULL CHECK (cents <> 0))
"""
ACCOUNTS = ("cash", "sales", "stock", "bank")


@step(description="Checks the accounts of a booking")
def check_accounts(debit: str, credit: str) -> None:
    """Fail as ``unknown_account`` for good if one of the accounts does not exist."""
    for account in (debit, credit):
        if account not in ACCOUNTS:
            raise StepFailed(f"there is no account {account!r}; there are {', '.join(ACCOUNTS)}", "unknown_account")


@step(description="Books an amount from one account to another")
def book_entry(debit: str, credit: str, cents: int, ctx: StepContext) -> dict[str, Any]:
    """Write both halves of a booking in the transaction that completes the step: both exactly once, or neither.

    It needs no idempotency key. The connection refuses commit and rollback: they are the runtime's.
    """
    connection = ctx.connection
    assert connection is not None, "the workflow says transaction: true"
    connection.execute(text(TABLE))
    insert = text("INSERT INTO shop_ledger (run_id, account, cents) VALUES (:run, :account, :cents)")
    halves = [
        {"run": ctx.run_id, "account": debit, "cents": cents},
        {"run": ctx.run_id, "account": credit, "cents": -cents},
    ]
    connection.execute(insert, halves)
    return {"booked": len(halves)}
