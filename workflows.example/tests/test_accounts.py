"""Onboarding: two roots at the same time, a join, and a branch that only some take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.testing import DrivenMesh


@pytest.mark.parametrize(("plan", "subject"), [("starter", "Welcome!"), ("business", "Welcome! Grace looks after you")])
def test_a_customer_is_welcomed(plan: str, subject: str, mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """Everybody is welcomed once all is ready; a business customer has a manager by then."""
    run = mesh.start_run("shop.onboard_account", {"plan": plan})
    executed = mesh.drain()
    assert executed[-1] == "send_welcome"
    assert executed.index("activate_account") > max(map(executed.index, ["create_account", "check_company"]))
    assert mesh.inspect_run(run.id).status == "completed"
    assert shop("SELECT status FROM accounts") == ["active"]
    assert shop("SELECT subject FROM letters") == [subject]


def test_a_blocked_company_gets_no_account(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """A root that fails stops the others' followers, and the account that was made meanwhile is closed."""
    run = mesh.start_run("shop.onboard_account", {"company": "acme-fraud"})
    mesh.drain()
    ended = mesh.inspect_run(run.id)
    assert (ended.status, ended.last_error["code"]) == ("failed", "blocked_company")
    assert shop("SELECT status FROM accounts") in ([], ["closed"])
    assert shop("SELECT subject FROM letters") == []
