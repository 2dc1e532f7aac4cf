"""Rehearsing a replay: the answer of the real one, and nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.errors import (
    InvalidPayload,
    InvalidTransition,
    RunNotFound,
    SquidMeshError,
    TriggerNotFound,
    UnsafeReplay,
)
from squidmesh.model.identity import new_id
from tests.integration.endings.conftest import Steps, wait_for_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh

ORDER = """
    workflow: t.order
    triggers: {go: {manual: {}, payload: {order: {type: integer}}}}
    steps:
      a: {uses: t.ok, compensate: t.undo, next: pay}
      pay: {uses: t.ok, compensatable: false, next: gate}
      gate: {pause: {}, next: d}
      d: {uses: t.ok, next: complete}
"""
TABLES = ("runs", "step_runs", "attempts", "audit_events", "definitions", "lanes")


@pytest.fixture
def written(sql: Callable[..., list[tuple[Any, ...]]]) -> Callable[[], list[Any]]:
    """Return how many rows each table has."""
    return lambda: [sql(f"SELECT count(*) FROM squidmesh.{table}")[0][0] for table in TABLES]


def _cancelled_at_the_gate(mesh: SquidMesh) -> Any:
    run = mesh.start_run("t.order", {"order": 1})
    with mesh.worker():
        wait_for_status(mesh, run.id, "paused")
    return mesh.cancel_run(run.id).id


def _same_answer(mesh: SquidMesh, run_id: Any, kind: type[SquidMeshError], **asked: Any) -> str:
    """Check that the rehearsal is refused as the replay is; return why."""
    with pytest.raises(kind) as rehearsed:
        mesh.rehearse_replay(run_id, **asked)
    with pytest.raises(kind) as real:
        mesh.replay_run(run_id, **asked)
    assert str(rehearsed.value) == str(real.value)
    return str(real.value)


@pytest.mark.usefixtures("steps")
def test_what_a_replay_refuses_its_rehearsal_refuses_in_the_same_words(make_mesh: Callable[..., SquidMesh]) -> None:
    """No such run, one under way, no such step, one never reached, an effect that would be repeated."""
    mesh = make_mesh(ORDER)
    _same_answer(mesh, new_id(), RunNotFound)
    under_way = mesh.start_run("t.order", {"order": 1}).id
    assert "it has not ended" in _same_answer(mesh, under_way, InvalidTransition)
    mesh.cancel_run(under_way)
    assert "never came to it" in _same_answer(mesh, under_way, InvalidTransition, from_step="d")
    ended = _cancelled_at_the_gate(mesh)
    assert "no such step" in _same_answer(mesh, ended, InvalidTransition, from_step="gaet")
    assert "no step of it failed" in _same_answer(mesh, ended, InvalidTransition, from_step="failed")
    assert "pay" in _same_answer(mesh, ended, UnsafeReplay)
    assert "pay" in _same_answer(mesh, ended, UnsafeReplay, from_step="pay", definition="original")
    for asked in ({"allow_irreversible": "yes"}, {"definition": "newest"}):
        with pytest.raises(ValueError, match=next(iter(asked))):
            mesh.rehearse_replay(ended, **asked)


@pytest.mark.usefixtures("steps")
def test_a_rehearsal_sees_an_open_replay_and_a_newer_contract(make_mesh: Callable[..., SquidMesh]) -> None:
    """What another run may still undo is not carried over again, and a newer definition must take the payload."""
    mesh = make_mesh(ORDER)
    ended = _cancelled_at_the_gate(mesh)
    opened = mesh.replay_run(ended, from_step="gate")
    said = _same_answer(mesh, ended, InvalidTransition, from_step="gate")
    assert f"run {opened.id} has carried over step 'a'" in said
    stricter = make_mesh(ORDER.replace("order: {type: integer}", "order: {type: string}"))
    _same_answer(stricter, ended, InvalidPayload, allow_irreversible=True)
    renamed = make_mesh(ORDER.replace("{go: {manual", "{went: {manual"))
    _same_answer(renamed, ended, TriggerNotFound, allow_irreversible=True)


def test_a_rehearsal_writes_nothing(
    make_mesh: Callable[..., SquidMesh], steps: Steps, written: Callable[[], list[Any]]
) -> None:
    """Neither a run nor an audit event, nor the definition that the replay would run on and that nobody has seen."""
    ended = _cancelled_at_the_gate(make_mesh(ORDER))
    newer = make_mesh(ORDER.replace("d: {uses: t.ok,", "d: {uses: t.other, queue: elsewhere,"))
    before = written()
    newer.rehearse_replay(ended, allow_irreversible=True)
    newer.rehearse_replay(ended, from_step="gate")
    assert written() == before
    steps.calls = []
    assert newer.replay_run(ended, allow_irreversible=True).definition != newer.inspect_run(ended).definition
    assert written() != before
