"""A shop on Flask and SQLAlchemy: orders and their runs are written by one transaction.

Setting: ``SHOP_DATABASE_URL``. Start it with ``gunicorn flask_shop:app`` (before the first request it runs
``prepare``), and a worker with ``squidmesh --app flask_shop:mesh run``.
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, abort, request
from fulfilment.steps import STEPS, WORKFLOWS
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from squidmesh import SquidMesh, SquidMeshError

DATABASE_URL = os.environ["SHOP_DATABASE_URL"]

# The mesh uses the shop's own pool. Neither connects before its first use, so that gunicorn may fork after this.
engine = create_engine(DATABASE_URL.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True)
new_session = sessionmaker(engine, expire_on_commit=False)
mesh = SquidMesh(engine, workflows=WORKFLOWS, steps=STEPS)
app = Flask(__name__)


class Table(DeclarativeBase):
    """The shop's own tables."""


class Order(Table):
    """One order, and the run that fulfils it."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    status: Mapped[str] = mapped_column(default="placed")
    changes: Mapped[int] = mapped_column(default=0)
    run_id: Mapped[str | None]


@app.cli.command("prepare")
def prepare() -> None:
    """Make the tables, the shop's and the mesh's: ``flask --app flask_shop prepare``."""
    Table.metadata.create_all(engine)
    mesh.migrate()


@app.post("/orders")
def place_order() -> tuple[dict[str, Any], int]:
    """Write the order and start its run: both are there once the transaction has committed, or neither."""
    new = request.get_json()
    with new_session.begin() as session:
        order = Order(quantity=new.get("quantity", 1))
        session.add(order)
        session.flush()
        run = mesh.start_run("shop.fulfil_order", {**new, "order_id": order.id}, connection=session)
        order.run_id = str(run.id)
        if order.quantity == 13:
            abort(409, "we do not sell thirteen of anything")  # rolls back the order and the run
    return {"order_id": order.id, "run_id": order.run_id}, 201


@app.get("/orders/<int:order_id>")
def show_order(order_id: int) -> dict[str, Any]:
    """Show an order, and why it is where it is."""
    order = find(order_id)
    why = mesh.explain_run(order.run_id)
    return {"status": order.status, "changes": order.changes, "run": why.status, "reason": why.reason}


@app.post("/orders/<int:order_id>/approve")
def approve_order(order_id: int) -> dict[str, Any]:
    """Approve an order; 409 if it does not wait for that (any more)."""
    order = find(order_id)
    try:
        run = mesh.approve_run(order.run_id, actor=request.get_json()["actor"])
    except SquidMeshError as error:
        abort(409, str(error))
    return {"run": run.status}


def find(order_id: int) -> Order:
    """Return an order; 404 if there is none of this number."""
    with new_session() as session:
        order = session.get(Order, order_id)
    if order is None:
        abort(404, f"no order {order_id}")
    return order
