"""A plain script: make an order, fulfil it and print how it ended, with no server and no other process."""

from __future__ import annotations

import os
import sys

import psycopg
from fulfilment.steps import STEPS, WORKFLOWS

from squidmesh import SquidMesh

DATABASE_URL = os.environ["SHOP_DATABASE_URL"]
TABLE = """
CREATE TABLE IF NOT EXISTS orders (
    id serial PRIMARY KEY, quantity integer NOT NULL, status text NOT NULL DEFAULT 'placed',
    changes integer NOT NULL DEFAULT 0)
"""


def main() -> int:
    """Return the exit code: 0 if the order was shipped."""
    with SquidMesh(DATABASE_URL, workflows=WORKFLOWS, steps=STEPS) as mesh:
        mesh.migrate()
        with psycopg.connect(DATABASE_URL) as connection:
            connection.execute(TABLE)
            (order_id,) = connection.execute("INSERT INTO orders (quantity) VALUES (2) RETURNING id").fetchone()
            payload = {"order_id": order_id, "quantity": 2, "needs_approval": False}
            run = mesh.start_run("shop.fulfil_order", payload, connection=connection)
        mesh.worker(concurrency=2, burst=True).run()
        ended = mesh.inspect_run(run.id)
        sys.stdout.write(f"order {order_id}: {ended.status}\n")
        return 0 if ended.status == "completed" else 1


if __name__ == "__main__":
    raise SystemExit(main())
