"""The shop's HTTP interface."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from django_shop.orders.models import Order
from django_shop.workflows import mesh
from squidmesh import SquidMeshError

if TYPE_CHECKING:
    from django.http import HttpRequest


def place_order(request: HttpRequest) -> JsonResponse:
    """Write the order and start its run: both are there once the transaction has committed, or neither."""
    new = json.loads(request.body)
    with transaction.atomic():
        order = Order.objects.create(quantity=new.get("quantity", 1))
        # Django's psycopg connection: the run is part of the same transaction.
        run = mesh.start_run("shop.fulfil_order", {**new, "order_id": order.pk}, connection=connection.connection)
        order.run_id = run.id
        order.save()
        if order.quantity == 13:
            transaction.set_rollback(True)  # rolls back the order and the run
            return JsonResponse({"detail": "we do not sell thirteen of anything"}, status=409)
    return JsonResponse({"order_id": order.pk, "run_id": str(run.id)}, status=201)


def show_order(_: HttpRequest, order_id: int) -> JsonResponse:
    """Show an order, and why it is where it is."""
    order = get_object_or_404(Order, pk=order_id)
    why = mesh.explain_run(order.run_id)
    return JsonResponse({"status": order.status, "changes": order.changes, "run": why.status, "reason": why.reason})


def approve_order(request: HttpRequest, order_id: int) -> JsonResponse:
    """Approve an order; 409 if it does not wait for that (any more)."""
    order = get_object_or_404(Order, pk=order_id)
    try:
        run = mesh.approve_run(order.run_id, actor=json.loads(request.body)["actor"])
    except SquidMeshError as error:
        return JsonResponse({"detail": str(error)}, status=409)
    return JsonResponse({"run": run.status})
