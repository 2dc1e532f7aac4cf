"""Bad input: each wrong call has an error of its own, and changes nothing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.errors import (
    ActorRequired,
    InvalidRunId,
    InvalidTransition,
    RunNotFound,
    RunNotPaused,
    WrongManualAction,
)
from squidmesh.store.tables import metadata
from tests.integration.hand_worker import nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.states
triggers: {by_hand: {manual: {}, payload: {ask: {type: boolean}}}}
steps:
  first: {uses: t.work, next: {ok: [{when: payload.ask, to: ask}, {to: hold}]}}
  ask: {approval: {}, next: {ok: hold, error: hold}}
  hold: {pause: {}, next: complete}
"""
CALLS: dict[str, Callable[[SquidMesh, Any], Any]] = {
    "inspect": lambda mesh, run: mesh.inspect_run(run, include_history=True),
    "explain": lambda mesh, run: mesh.explain_run(run),
    "approve": lambda mesh, run: mesh.approve_run(run, actor="ann"),
    "reject": lambda mesh, run: mesh.reject_run(run, actor="ann"),
    "unblock": lambda mesh, run: mesh.unblock_run(run),
    "cancel": lambda mesh, run: mesh.cancel_run(run),
    "wake": lambda mesh, run: mesh.wake_run(run),
    "replay": lambda mesh, run: mesh.replay_run(run),
}
IN_STATE: dict[str, dict[str, type[Exception]]] = {
    "pending": {
        "approve": RunNotPaused,
        "reject": RunNotPaused,
        "unblock": RunNotPaused,
        "wake": InvalidTransition,
        "replay": InvalidTransition,
    },
    "running": {
        "approve": RunNotPaused,
        "reject": RunNotPaused,
        "unblock": RunNotPaused,
        "wake": InvalidTransition,
        "replay": InvalidTransition,
    },
    "asking": {"unblock": WrongManualAction, "wake": InvalidTransition, "replay": InvalidTransition},
    "holding": {
        "approve": WrongManualAction,
        "reject": WrongManualAction,
        "wake": InvalidTransition,
        "replay": InvalidTransition,
    },
    "cancelling": {
        "approve": RunNotPaused,
        "reject": RunNotPaused,
        "unblock": RunNotPaused,
        "wake": InvalidTransition,
        "replay": InvalidTransition,
    },
    "completed": {
        "approve": RunNotPaused,  # with the decision that stands
        "reject": RunNotPaused,
        "unblock": RunNotPaused,
        "cancel": InvalidTransition,
        "wake": InvalidTransition,
    },
    "cancelled": dict.fromkeys(("approve", "reject", "unblock", "cancel", "wake"), InvalidTransition),
}


@pytest.fixture
def mesh(bench: Bench) -> SquidMesh:
    """A mesh with ``FLOW``."""
    return bench.mesh(FLOW, {"t.work": nothing})


@pytest.fixture
def unchanged(bench: Bench) -> Iterator[Callable[[], None]]:
    """Take a copy of every table when called; at the end of the test nothing may differ from it."""
    before: list[Any] = []
    yield lambda: before.append(dump(bench))
    assert [dump(bench)] == before


def dump(bench: Bench) -> dict[str, list[str]]:
    """Return every row of ours as text."""
    return {
        name: sorted(str(row) for row in bench.rows(f"SELECT * FROM {name}"))
        for name in metadata.tables
        if not name.endswith((".definitions", ".lanes"))
    }


def in_state(bench: Bench, mesh: SquidMesh, state: str) -> uuid.UUID:
    """Bring a run into a state."""
    run = mesh.start_run("shop.states", {"ask": state == "asking"}).id
    worker = bench.worker(mesh)
    match state:
        case "pending":
            pass
        case "running":
            worker.claim_one()
        case "cancelling":
            worker.claim_one()
            mesh.cancel_run(run)
        case "cancelled":
            mesh.cancel_run(run)
        case _:
            worker.drain()
    if state == "completed":
        mesh.unblock_run(run)
    return run


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("value", ["", "17", "x" * 500, "nul\x00", None, 17, b"01", ["a"]])
def test_what_is_no_run_id_is_refused(mesh: SquidMesh, unchanged: Callable[[], None], call: str, value: Any):
    """A malformed id is an ``InvalidRunId``, whatever was asked of it."""
    unchanged()
    with pytest.raises(InvalidRunId):
        CALLS[call](mesh, value)


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_run_is_not_found(mesh: SquidMesh, unchanged: Callable[[], None], call: str):
    """The id is well formed, and names no run: ``RunNotFound`` says which."""
    mesh.start_run("shop.states", {"ask": True})
    unchanged()
    unknown = uuid.uuid4()
    for given in (unknown, str(unknown)):
        with pytest.raises(RunNotFound, match=str(unknown)):
            CALLS[call](mesh, given)


@pytest.mark.parametrize(
    ("state", "call", "error"),
    [(state, call, error) for state, calls in IN_STATE.items() for call, error in calls.items()],
)
def test_an_action_in_the_wrong_state_changes_nothing(
    bench: Bench, mesh: SquidMesh, unchanged: Callable[[], None], state: str, call: str, error: type[Exception]
):
    """Each says by its error what stands in the way."""
    run = in_state(bench, mesh, state)
    unchanged()
    with pytest.raises(error):
        CALLS[call](mesh, run)


@pytest.mark.parametrize("actor", [None, "", " ", "\t\n"])
def test_somebody_must_answer_for_a_decision(
    bench: Bench, mesh: SquidMesh, unchanged: Callable[[], None], actor: str | None
):
    """Approving and rejecting need an actor who has a name."""
    run = in_state(bench, mesh, "asking")
    unchanged()
    for decide in (mesh.approve_run, mesh.reject_run):
        with pytest.raises(ActorRequired):
            decide(run, actor=actor)


@pytest.mark.parametrize("value", [1, "true", "yes", None, [True], 0])
def test_allow_irreversible_is_exactly_true_or_false(
    bench: Bench, mesh: SquidMesh, unchanged: Callable[[], None], value: Any
):
    """A value that is merely like one may be a mistake."""
    run = in_state(bench, mesh, "completed")
    unchanged()
    with pytest.raises(ValueError, match="allow_irreversible must be True or False"):
        mesh.replay_run(run, allow_irreversible=value)


@pytest.mark.parametrize("state", ["asking", "holding"])
def test_what_explain_offers_is_what_is_not_refused(bench: Bench, mesh: SquidMesh, state: str):
    """The calls that would be refused are those that it does not name, and those that it names are accepted."""
    offered = set(mesh.explain_run(in_state(bench, mesh, state)).next_actions) - {"wait"}
    assert offered == {f"{call}_run" for call in CALLS if call not in {"inspect", "explain", *IN_STATE[state]}}
    for action in offered:
        CALLS[action.removesuffix("_run")](mesh, in_state(bench, mesh, state))


@pytest.mark.parametrize(
    ("state", "step", "message"),
    [
        ("running", None, "a run that is running cannot become woken: nothing of it waits for a time"),
        ("running", "first", "a run that is running cannot become woken: step 'first' does not wait for a time"),
        ("completed", None, "a run that is completed cannot become woken: it has ended"),
    ],
)
def test_what_cannot_be_woken_says_why(bench: Bench, mesh: SquidMesh, state: str, step: str | None, message: str):
    """A run has no status that waking would give it: what is told is what is missing."""
    run = in_state(bench, mesh, state)
    with pytest.raises(InvalidTransition) as caught:
        mesh.wake_run(run, step=step)
    assert str(caught.value) == message
