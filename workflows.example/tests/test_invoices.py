"""Approving invoices: small ones go through, large ones wait, and nobody waits for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.testing import DrivenMesh

LARGE = {"invoice_id": "inv_large"}


def test_a_small_invoice_is_paid_at_once(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """The approval is skipped where its condition is false."""
    run = mesh.start_run("shop.approve_invoice")
    mesh.drain()
    assert mesh.inspect_run(run.id).status == "completed"
    assert shop("SELECT order_id FROM payments") == ["inv_small"]


def test_a_large_invoice_is_paid_once_approved(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """Nothing is paid before somebody has approved it."""
    run = mesh.start_run("shop.approve_invoice", LARGE)
    mesh.drain()
    assert shop("SELECT order_id FROM payments") == []
    assert mesh.explain_run(run.id).details["shown"]["invoice"]["vendor"] == "Deep Sea Cables"
    mesh.approve_run(run.id, actor="grace")
    mesh.drain()
    assert shop("SELECT order_id FROM payments") == ["inv_large"]


def test_a_rejected_invoice_is_sent_back(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """A rejection takes the error route, and the run completes."""
    run = mesh.start_run("shop.approve_invoice", LARGE)
    mesh.drain()
    mesh.reject_run(run.id, actor="grace", comment="twice the price")
    mesh.drain()
    assert mesh.inspect_run(run.id).status == "completed"
    assert shop("SELECT recipient FROM letters") == ["Deep Sea Cables"]


def test_the_head_decides_when_nobody_did(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """After three days the head of finance is asked, and may take any time."""
    run = mesh.start_run("shop.approve_invoice", LARGE)
    mesh.drain(through="4d")
    assert shop("SELECT recipient FROM letters") == ["head of finance"]
    mesh.drain(through="30d")
    assert mesh.explain_run(run.id).step == "approve_as_head"
    mesh.approve_run(run.id, actor="head")
    mesh.drain()
    assert shop("SELECT order_id FROM payments") == ["inv_large"]


def test_an_unknown_invoice_fails_for_good(mesh: DrivenMesh, shop: Callable[..., list[Any]]) -> None:
    """A number that nobody knows is no reason to try again."""
    run = mesh.start_run("shop.approve_invoice", {"invoice_id": "inv_none"})
    assert mesh.drain() == ["load_invoice"]
    assert mesh.inspect_run(run.id).last_error["code"] == "unknown_invoice"
