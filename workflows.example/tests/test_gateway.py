"""Asking the gateway: over real HTTP, again and again, and what happens when it never says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from conftest import Watched

    from squidmesh.testing import DrivenMesh


def test_a_settled_payment_is_written_down(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """The stand-in on this machine answers as a gateway would."""
    run = mesh.start_run("shop.check_payment")
    mesh.drain()
    assert mesh.inspect_run(run.id).status == "completed"
    assert shop("SELECT status FROM payments") == ["settled"]


def test_a_gateway_that_stays_down_releases_the_order(
    mesh: DrivenMesh, shop: Callable[..., list[Any]], server: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked five times under one key; then the route of the error compensates, and says so in the history."""
    monkeypatch.setenv("SHOP_GATEWAY_URL", server.url)
    server.status = 503
    run = mesh.start_run("shop.check_payment", {"payment_id": "pay_1"})
    mesh.drain(through="1h")
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.status == "completed"
    assert [path for _, path, _, _ in server.received] == ["/payments/pay_1"] * 5
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in server.received}) == 1
    assert [event.type for event in ended.audit_events or ()] == ["compensation_routed"]
    assert shop("SELECT status FROM payments") == ["released"]


def test_a_refusal_is_not_asked_again(
    mesh: DrivenMesh, shop: Callable[..., list[Any]], server: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that will not change takes the route at once."""
    monkeypatch.setenv("SHOP_GATEWAY_URL", server.url)
    server.status = 404
    mesh.start_run("shop.check_payment", {"payment_id": "pay_1"})
    assert mesh.drain() == ["check_gateway", "release_order"]
