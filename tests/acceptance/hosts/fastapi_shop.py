"""A shop on FastAPI and SQLAlchemy's asyncio: orders and their runs are written by one transaction.

Settings: ``SHOP_DATABASE_URL``, and ``SHOP_WORKER=inside`` for a worker in the application's own process.
Start it with ``uvicorn fastapi_shop:app``, and a worker of its own with ``squidmesh --app fastapi_shop:mesh run``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fulfilment.steps import STEPS, WORKFLOWS
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.concurrency import run_in_threadpool

from squidmesh import SquidMesh, SquidMeshError

DATABASE_URL = os.environ["SHOP_DATABASE_URL"]

engine = create_async_engine(DATABASE_URL.replace("postgresql://", "postgresql+asyncpg://"))
new_session = async_sessionmaker(engine, expire_on_commit=False)
mesh = SquidMesh(DATABASE_URL, workflows=WORKFLOWS, steps=STEPS)


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


class NewOrder(BaseModel):
    """What a customer sends."""

    quantity: int = 1
    needs_approval: bool = True
    seconds: float = 0.0
    failures: int = 0


class Decision(BaseModel):
    """Who decides about an order."""

    actor: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables; work beside the requests, if wanted, until the server is asked to stop."""
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    await run_in_threadpool(mesh.migrate)
    worker = mesh.worker(concurrency=4) if os.environ.get("SHOP_WORKER") == "inside" else None
    if worker:
        worker.start()
    yield
    if worker:
        await run_in_threadpool(worker.stop)  # running steps may end; what does not end in time is given back
    mesh.close()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session() -> AsyncIterator[AsyncSession]:
    """Give each request a session."""
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


@app.post("/orders", status_code=201)
async def place_order(new: NewOrder, session: Session) -> dict[str, Any]:
    """Write the order and start its run: both are there once the transaction has committed, or neither."""
    async with session.begin():
        order = Order(quantity=new.quantity)
        session.add(order)
        await session.flush()
        payload = {"order_id": order.id, **new.model_dump()}
        run = await session.run_sync(lambda sync: mesh.start_run("shop.fulfil_order", payload, connection=sync))
        order.run_id = str(run.id)
        if new.quantity == 13:
            raise HTTPException(409, "we do not sell thirteen of anything")  # rolls back the order and the run
    return {"order_id": order.id, "run_id": order.run_id}


@app.get("/orders/{order_id}")
async def show_order(order_id: int, session: Session) -> dict[str, Any]:
    """Show an order, and why it is where it is."""
    order = await find(session, order_id)
    why = await run_in_threadpool(mesh.explain_run, order.run_id)
    return {"status": order.status, "changes": order.changes, "run": why.status, "reason": why.reason}


@app.post("/orders/{order_id}/approve")
async def approve_order(order_id: int, decision: Decision, session: Session) -> dict[str, Any]:
    """Approve an order; 409 if it does not wait for that (any more)."""
    order = await find(session, order_id)
    try:
        run = await run_in_threadpool(mesh.approve_run, order.run_id, actor=decision.actor)
    except SquidMeshError as error:
        raise HTTPException(409, str(error)) from error
    return {"run": run.status}


async def find(session: AsyncSession, order_id: int) -> Order:
    """Return an order; 404 if there is none of this number."""
    order = await session.get(Order, order_id)
    if order is None:
        raise HTTPException(404, f"no order {order_id}")
    return order
