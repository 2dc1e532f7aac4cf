"""Moving the database's clock, where everything that the engine does reads the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

if TYPE_CHECKING:
    from datetime import datetime


def libpq(url: str) -> str:
    """Return a URL as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def set_clock(url: str, now: datetime) -> None:
    """Let the database's clock show ``now`` and go on from there."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        offset = connection.execute("SELECT extract(epoch FROM %s - clock_timestamp())", [now]).fetchone()
        connection.execute(
            "CREATE OR REPLACE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE "
            f"AS 'SELECT statement_timestamp() + {offset[0]} * interval ''1 second'''"
        )
