"""Accounts: what has to be there before a customer can begin."""

from __future__ import annotations

from typing import Any

from shop.books import books, send_letter
from squidmesh import StepContext, StepFailed, step

BLOCKED = ("acme-fraud",)


@step(description="Creates an account")
def create_account(email: str, company: str) -> dict[str, Any]:
    """Create the account, once however often it is tried."""
    with books() as connection:
        connection.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?, 'new')", [email, company])
    return {"email": email}


@step(description="Closes an account that create_account made")
def close_account(step: dict[str, Any]) -> dict[str, Any]:
    """Undo ``create_account``."""
    with books() as connection:
        connection.execute("UPDATE accounts SET status = 'closed' WHERE email = ?", [step["output"]["email"]])
    return {"closed": step["output"]["email"]}


@step(description="Checks a company against the list of blocked ones")
def check_company(company: str) -> dict[str, Any]:
    """Fail as ``blocked_company`` for good if nothing may be sold to it."""
    if company in BLOCKED:
        raise StepFailed(f"{company} is on the list of blocked companies", "blocked_company")
    return {"company": company, "in_order": True}


@step(description="Activates an account whose company is in order")
def activate_account(account: dict[str, Any], check: dict[str, Any]) -> dict[str, Any]:
    """Let the account be used."""
    assert check["in_order"]
    with books() as connection:
        connection.execute("UPDATE accounts SET status = 'active' WHERE email = ?", [account["email"]])
    return {"active": account["email"]}


@step(description="Gives a business customer a person to talk to")
def assign_manager(email: str) -> dict[str, Any]:
    """Return who looks after the customer."""
    return {"name": "Grace" if sum(email.encode()) % 2 else "Ada"}


@step(description="Welcomes a customer")
def send_welcome(email: str, ctx: StepContext, manager: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send the welcome, once however often it is tried; a customer without a manager gets a shorter one."""
    subject = f"Welcome! {manager['name']} looks after you" if manager else "Welcome!"
    return {"letter": send_letter(ctx.idempotency_key, email, subject)}
