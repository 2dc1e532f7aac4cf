"""The floor: the statements of a straight workflow, one commit a step, and nothing else.

Threads with a connection each claim a run and record its five steps one by one, by psycopg alone: no workflow file, no
callable, no condition, no lease kept, no consumer. Usage: ``floor URL THREADS LANE``.
"""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg

from squidmesh.model.identity import new_id
from squidmesh.store.claims import _CLAIM
from squidmesh.store.engine import HOT_SETTINGS
from squidmesh.store.records import _RECORD
from squidmesh.store.statement import HotStatement

STEPS = ("one", "two", "three", "four", "five")
_claim, _record = HotStatement(_CLAIM), HotStatement(_RECORD)
_random = random.Random()
_EMPTY = "{}"
_CONSTANT = {
    "statuses": "{completed}",
    "outputs": r'{"{\"n\":1}"}',
    "errors": "{NULL}",
    "failures": "{NULL}",
    "attempted": "{t}",
    "delays": "{0}",
    "alive": "{1}",
    "lost": "{0}",
    "lease": "30 s",
}


def token() -> UUID:
    """Return a claim's token."""
    return UUID(int=_random.getrandbits(128), version=4)


def record(run: UUID, step_run: UUID, claim: UUID, successor: str | None, lane: int) -> tuple[UUID, UUID, list[str]]:
    """Return the id and token of the step that follows, and the arguments of the record; what is not named is empty."""
    next_id, next_token = new_id(), token()
    values = {
        "runs": f"{{{run.hex}}}",
        "run_ids": f"{{{run.hex}}}",
        "ids": f"{{{step_run.hex}}}",
        "tokens": f"{{{claim.hex}}}",
        "next_tokens": f"{{{next_token.hex}}}" if successor else "{NULL}",
        "new_items": "{1}" if successor else _EMPTY,
        "new_ids": f"{{{next_id.hex}}}" if successor else _EMPTY,
        "new_steps": f"{{{successor}}}" if successor else _EMPTY,
        "new_lanes": f"{{{lane}}}" if successor else _EMPTY,
        "new_delays": "{0}" if successor else _EMPTY,
    }
    return next_id, next_token, [(_CONSTANT | values).get(name, _EMPTY) for name in _record.names]


def loop(url: str, lane: int) -> None:
    """Claim and record until nothing is due."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(HOT_SETTINGS)
        cursor = psycopg.RawCursor(connection)
        while (claimed := claim_one(cursor, lane)) is not None:
            run, step_run, claim = claimed
            for successor in (*STEPS[1:], None):
                next_id, next_token, values = record(run, step_run, claim, successor, lane)
                cursor.execute(_record.sql, values, prepare=True)
                assert len(cursor.fetchall()) == 1, "the claim stands"
                step_run, claim = next_id, next_token


def claim_one(cursor: psycopg.RawCursor[Any], lane: int) -> tuple[UUID, UUID, UUID] | None:
    """Return (run, step run, token) of a step that is due, None when there is none."""
    values = {
        "lanes": f"{{{lane}}}",
        "priorities": "{0}",
        "solo": _EMPTY,
        "queues_as_of": "0",
        "look": "17",
        "wanted": "1",
        "lease": "30 s",
        "worker": "floor",
    }
    while True:
        claim = token()
        arguments = values | {"tokens": f"{{{claim.hex}}}"}
        cursor.execute(_claim.sql, [arguments[name] for name in _claim.names], prepare=True)
        names = [column.name for column in cursor.description or ()]
        row: dict[str, Any] = dict(zip(names, cursor.fetchall()[0], strict=True))
        if row["id"] is not None:
            return row["run_id"], row["id"], claim
        if not row["seen"]:
            return None


def main(url: str, threads: str, lane: str) -> None:
    """Work off what is due; the database's own times say how long it took."""
    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(lambda _: loop(url, int(lane)), range(int(threads))))
    print(json.dumps({}))  # noqa: T201 - its figures are in the database


if __name__ == "__main__":
    main(*sys.argv[1:])
