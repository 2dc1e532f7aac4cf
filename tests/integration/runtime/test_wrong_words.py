"""What an operator says is kept as text: whatever cannot be is refused by name, by every call alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.errors import InvalidPayload, InvalidValue
from tests.integration.hand_worker import nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.words
triggers: {by_hand: {manual: {}}, daily: {cron: "0 9 * * *", timezone: UTC}}
steps:
  ask: {approval: {}, next: {ok: hold, error: hold}}
  hold: {pause: {}, next: {ok: work}}
  work: {uses: t.work, next: complete}
"""
QUEUE = {"name": "default"}
CALLS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "approve": (lambda mesh, run, **said: mesh.approve_run(run, **{"actor": "ann"} | said), ("comment", "step")),
    "reject": (lambda mesh, run, **said: mesh.reject_run(run, **{"actor": "ann"} | said), ("comment", "step")),
    "unblock": (lambda mesh, run, **said: mesh.unblock_run(run, **said), ("actor", "comment", "step")),
    "cancel": (lambda mesh, run, **said: mesh.cancel_run(run, **said), ("actor", "reason")),
    "wake": (lambda mesh, run, **said: mesh.wake_run(run, **said), ("actor", "step")),
    "replay": (lambda mesh, run, **said: mesh.replay_run(run, **said), ("actor", "from_step")),
    "pause queue": (lambda mesh, _, **said: mesh.pause_queue(**QUEUE | said), ("name", "actor", "comment")),
    "resume queue": (lambda mesh, _, **said: mesh.resume_queue(**QUEUE | said), ("name", "actor", "comment")),
    "pause": (lambda mesh, _, **said: mesh.pause_schedule("shop.words", "daily", **said), ("actor", "comment")),
    "resume": (lambda mesh, _, **said: mesh.resume_schedule("shop.words", "daily", **said), ("actor", "comment")),
}
UNKEPT: tuple[tuple[Any, str], ...] = (
    ("a\x00b", "contains a NUL character"),
    ("\ud800", "contains a lone surrogate"),
    ({"a": 1}, "is a dict, not text"),
    (object(), "is a object, not text"),
)


@pytest.fixture
def mesh(bench: Bench) -> SquidMesh:
    """A mesh with ``FLOW``."""
    return bench.mesh(FLOW, {"t.work": nothing})


@pytest.mark.parametrize("call", CALLS)
def test_words_that_cannot_be_kept_are_refused_by_name(mesh: SquidMesh, call: str):
    """One error for each argument of each call, and not what psycopg or the database say of it."""
    act, names = CALLS[call]
    run = mesh.start_run("shop.words", trigger="by_hand").id
    for name in names:
        for value, reason in UNKEPT:
            with pytest.raises(InvalidValue) as caught:
                act(mesh, run, **{name: value})
            assert (caught.value.path, caught.value.reason[: len(reason)]) == (name, reason)


@pytest.mark.parametrize("payload", [[], "", 0, False])
def test_a_payload_is_a_map_of_fields(mesh: SquidMesh, payload: Any):
    """Whatever is empty is not therefore one; for one run as for several."""
    with pytest.raises(InvalidPayload, match="payload: expected a map of fields"):
        mesh.start_run("shop.words", payload, trigger="by_hand")
    with pytest.raises(InvalidPayload, match="payload: expected a map of fields"):
        mesh.start_runs("shop.words", [payload], trigger="by_hand")


def test_no_payload_is_an_empty_one(mesh: SquidMesh):
    """Said or not."""
    assert mesh.start_run("shop.words", None, trigger="by_hand").payload == {}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"scheduled_for": "2026-01-01T00:00Z"}, "scheduled_for: must be an aware time"),
        ({"signal_id": "x" * 300}, "signal_id: must be a text of 1 to 249 characters"),
        ({"signal_id": ""}, "signal_id: must be a text of 1 to 249 characters"),
        ({"signal_id": "a\x00"}, "signal_id: contains a NUL character"),
        ({"signal_id": ["a"]}, "signal_id: must be a text"),
    ],
)
def test_what_a_schedule_cannot_fire_for_is_named(mesh: SquidMesh, wrong: dict[str, Any], words: str):
    """By the names that the caller used."""
    with pytest.raises(InvalidValue) as caught:
        mesh.fire_schedule("shop.words", "daily", **wrong)
    assert str(caught.value).startswith(words)


def test_the_longest_signal_is_kept(mesh: SquidMesh):
    """And its run found by it."""
    signal = "x" * 249
    run = mesh.fire_schedule("shop.words", "daily", signal_id=signal)
    assert mesh.fire_schedule("shop.words", "daily", signal_id=signal).id == run.id


@pytest.mark.parametrize("wrong", [None, 5, ["shop.words"], object()])
def test_what_is_no_name_starts_nothing(mesh: SquidMesh, wrong: Any):
    """A workflow and a trigger are named by texts; the message can be shown, whatever was given."""
    with pytest.raises(InvalidValue, match=r"^workflow: must be the name of a workflow, found "):
        mesh.start_run(wrong)
    if wrong is not None:
        with pytest.raises(InvalidValue, match=r"^trigger: is a \w+, not text$"):
            mesh.start_run("shop.words", trigger=wrong)
    assert mesh.list_runs() == []
