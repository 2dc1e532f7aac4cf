"""Values and rows made to break the engine."""

from __future__ import annotations

import json
import pickle
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from squidmesh.errors import SquidMeshError
from tests.chaos.hostility import HARMLESS, PLACES, VALUES

if TYPE_CHECKING:
    from tests.chaos.arena import Arena

_CLEAR = 10_000
_UNKNOWN = "f" * 64
_EXECUTED = f"""
SELECT s.step FROM squidmesh.step_runs s JOIN squidmesh.runs r ON r.id = s.run_id
WHERE r.id = ANY(%s) AND s.status = 'completed' AND (r.definition_hash = '{_UNKNOWN}' OR s.step !~ '^[a-z]+$')
"""


def leave_values(arena: Arena) -> None:
    """Hostile values in payload, output and exception meet a clear error: no run is stuck, no worker dies."""
    (worker,) = arena.fleet.start_ready()
    _refuse_payloads(arena)
    cases = [(value, place) for value in VALUES for place in PLACES]
    ids = arena.start("chaos.hostile", [{"value": value, "place": place} for value, place in cases])
    arena.until_all_ended()
    assert worker.alive, worker.wrote
    for (value, place), id_ in zip(cases, ids, strict=True):
        run = arena.mesh.inspect_run(id_, include_history=True)
        kept = value in HARMLESS and place in {"output", "key", "success"}
        assert (run.status == "completed") is kept, (value, place, run.last_error)
        json.dumps(run.to_dict()).encode()
        if not kept:
            assert run.last_error is not None
            assert 0 < len(str(run.last_error["message"])) < _CLEAR, (value, place)


def _refuse_payloads(arena: Arena) -> None:
    for value in VALUES:
        made = VALUES[value]()
        for payload in ({"text": made}, {"map": {"made": made}}, {"undeclared": made}, made):
            said = _refusal(arena, payload)
            assert (said is None and value in HARMLESS) or 0 < len(said or "") < _CLEAR, value


def _refusal(arena: Arena, payload: Any) -> str | None:
    try:
        run = arena.mesh.start_run("chaos.taking", payload)
    except SquidMeshError as error:
        return str(error)
    arena.acknowledge([run.id])
    return None


class Bomb:
    """What a pickle may do to whoever loads it."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def plant_rows(arena: Arena) -> None:
    """Rows that somebody wrote into the queue run nothing that is not registered, and hold up nobody else."""
    mark = arena.folder / "exploded"
    (worker,) = arena.fleet.start_ready(1, "--concurrency", "2")
    arena.start_mixed(5)
    with psycopg.connect(arena.url, autocommit=True) as attacker:
        planted = _plant(attacker, mark)
        try:
            arena.start_mixed(20)
            arena.until_all_ended()
            assert worker.alive, worker.wrote
            assert not mark.exists()
            assert arena.ask(_EXECUTED, planted) == [], "a step that no stored definition names"
        finally:
            worker.end()
            _uproot(attacker, planted)


def _uproot(attacker: psycopg.Connection[Any], planted: list[uuid.UUID]) -> None:
    """Take the rows away again: no definition explains them, and the checker knows no others."""
    for place in ("squidmesh.audit_events", "squidmesh.step_runs", "ledger.executions", "ledger.bookings"):
        attacker.execute(f"DELETE FROM {place} WHERE run_id = ANY(%s)", [planted])
    attacker.execute("DELETE FROM squidmesh.runs WHERE id = ANY(%s)", [planted])


def _plant(attacker: psycopg.Connection[Any], mark: Path) -> list[uuid.UUID]:
    """Write runs with steps, definitions and payloads of the attacker's choice; a row's own id is its run's."""
    bomb = pickle.dumps(Bomb(mark)).hex()
    code = f"__import__('os').system('touch {mark}')"
    attacker.execute("INSERT INTO squidmesh.huey_task (queue, data) VALUES ('squidmesh', decode(%s, 'hex'))", [bomb])
    (known,) = attacker.execute("SELECT min(definition_hash) FROM squidmesh.runs").fetchone() or ("",)
    lanes = [lane for (lane,) in attacker.execute("SELECT id FROM squidmesh.lanes ORDER BY id")]
    rows = [
        (hash_, step, payload, lane)
        for hash_ in (known, _UNKNOWN)
        for step in ("one", code, "os.system")
        for payload in ("{}", json.dumps({"py/object": code}), f'"{bomb[:100]}"')
        for lane in lanes[:3]
    ]
    return [_plant_run(attacker, *row) for row in rows]


def _plant_run(attacker: psycopg.Connection[Any], hash_: str, step: str, payload: str, lane: int) -> uuid.UUID:
    id_ = uuid.uuid4()
    attacker.execute(
        "INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, paused, "
        "seq, payload, created_at) VALUES (%s, 'evil', 'go', %s, 'pending', 'forward', 1, 0, 0, 0, %s, now())",
        [id_, hash_, payload],
    )
    attacker.execute(
        "INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses, open_deps, "
        "live_deps, created_at) VALUES (%s, %s, %s, 0, 'pending', %s, now(), 0, 0, 0, 1, now())",
        [id_, id_, step, lane],
    )
    return id_
