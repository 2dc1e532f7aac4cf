"""Starting: what a start leaves behind, idempotency keys, defaults of the moment, definitions pinned by hash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.errors import (
    IdempotencyConflict,
    InvalidPayload,
    InvalidValue,
    TriggerNotFound,
    TriggerRequired,
    WorkflowNotFound,
)
from squidmesh.runtime import start
from squidmesh.runtime.start import prepare_start, start_in
from tests.integration.hand_worker import nothing

if TYPE_CHECKING:
    from tests.integration.bench import Bench

INVOICE = """
workflow: billing.remind
triggers:
  by_hand:
    manual: {}
    payload:
      invoice: {type: string}
      at: {type: string, default: {now: iso8601}}
      day: {type: string, default: {today: iso8601}}
      tone: {type: string, default: kind}
      more: {type: map, required: false, properties: {at: {type: string, default: {now: iso8601}}}}
      lines:
        type: list
        required: false
        items: {type: map, properties: {at: {type: string, default: {now: iso8601}}}}
steps: {send: {uses: t.send, next: complete}}
"""


def count(bench: Bench) -> tuple[int, int]:
    """Return how many runs and step runs there are."""
    (row,) = bench.rows(
        "SELECT (SELECT count(*) FROM squidmesh.runs) AS runs, (SELECT count(*) FROM squidmesh.step_runs) AS steps"
    )
    return row["runs"], row["steps"]


def test_a_second_start_with_the_key_returns_the_first_run(bench: Bench):
    """Though a default of the moment differs between the two, and whether the key's run has ended or not."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    payload = {"invoice": "i1", "more": {}, "lines": [{}, {"at": "then"}]}
    first = mesh.start_run("billing.remind", payload, idempotency_key="k")
    bench.worker(mesh).drain()
    second = mesh.start_run("billing.remind", payload, idempotency_key="k")
    assert (second.id, second.status) == (first.id, "completed")
    assert second.payload["at"] == first.payload["at"]
    assert count(bench) == (1, 1)


def test_a_repetition_is_judged_by_what_was_given(bench: Bench):
    """A default that a deploy changed between the two, a null, or a default written out makes no other request."""
    payload: dict[str, Any] = {"invoice": "i1", "lines": [{"at": None}], "more": None}
    first = bench.mesh(INVOICE, {"t.send": nothing}).start_run("billing.remind", payload, idempotency_key="k")
    deployed = bench.mesh(INVOICE.replace("default: kind", "default: firm"), {"t.send": nothing})
    again = {"lines": [{}], "invoice": "i1"}
    assert deployed.start_run("billing.remind", again, idempotency_key="k").id == first.id
    written = first.payload | {"tone": "kind"}
    assert deployed.start_run("billing.remind", dict(written), idempotency_key="k").id == first.id
    with pytest.raises(IdempotencyConflict):
        deployed.start_run("billing.remind", payload | {"tone": "firm"}, idempotency_key="k")


@pytest.mark.parametrize(
    "other",
    [
        {"invoice": "i2"},
        {"invoice": "i1", "tone": "firm"},
        {"invoice": "i1", "tone": ""},
        {"invoice": "i1", "at": "2024-01-01T00:00:00+00:00"},
        {"invoice": "i1", "more": {}},
        {"invoice": "i1", "lines": [{}]},
    ],
)
def test_the_key_with_another_payload_conflicts(bench: Bench, other: dict[str, Any]):
    """What the caller gave differs: the error names the run that has the key, and nothing is started."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    first = mesh.start_run("billing.remind", {"invoice": "i1"}, idempotency_key="k")
    with pytest.raises(IdempotencyConflict) as caught:
        mesh.start_run("billing.remind", other, idempotency_key="k")
    assert (caught.value.key, caught.value.run_id) == ("k", str(first.id))
    assert count(bench) == (1, 1)


def test_keys_belong_to_their_workflow_and_none_is_no_key(bench: Bench):
    """The same key on another workflow starts a run, and starts without a key never meet."""
    mesh = bench.mesh(
        INVOICE + "---\n" + INVOICE.strip().replace("billing.remind", "billing.other"), {"t.send": nothing}
    )
    for name in ("billing.remind", "billing.other"):
        mesh.start_run(name, {"invoice": "i"}, idempotency_key="k")
        mesh.start_run(name, {"invoice": "i"})
    assert count(bench) == (4, 4)


def test_only_the_start_that_made_the_run_tells_of_it(bench: Bench):
    """``run.created`` is told once a run."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    heard: list[str] = []
    mesh.on("run.created", lambda event: heard.append(event["run_id"]))
    with ThreadPoolExecutor(4) as pool:
        starts = list(
            pool.map(lambda _: mesh.start_run("billing.remind", {"invoice": "i"}, idempotency_key="k"), range(4))
        )
    assert heard == [str(starts[0].id)]


@pytest.mark.parametrize("key", ["", "x" * 256, "nul\x00", "lone \ud800", 5])
def test_a_key_that_cannot_be_kept_is_refused_by_name(bench: Bench, key: Any):
    """A clear error before the database is asked, and nothing left behind."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    with pytest.raises(InvalidValue, match="idempotency_key"):
        mesh.start_run("billing.remind", {"invoice": "i"}, idempotency_key=key)
    assert count(bench) == (0, 0)


@pytest.mark.parametrize(
    "value", ["nul\x00", "lone \ud800", 5, None, "x" * 2_000_000], ids=["nul", "surrogate", "type", "missing", "size"]
)
def test_a_payload_that_breaks_its_contract_leaves_nothing(bench: Bench, value: Any):
    """Refused before a run exists."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    with pytest.raises(InvalidPayload):
        mesh.start_run("billing.remind", {"invoice": value})
    with pytest.raises(InvalidPayload):
        mesh.start_runs("billing.remind", [{"invoice": "fine"}, {"invoice": value}])
    assert count(bench) == (0, 0)


def test_what_cannot_be_meant_is_refused(bench: Bench):
    """An unknown workflow, an unknown trigger, and a choice of several."""
    text = INVOICE.replace("steps:", "  also_by_hand: {manual: {}}\nsteps:")
    mesh = bench.mesh(text, {"t.send": nothing})
    with pytest.raises(WorkflowNotFound):
        mesh.start_run("billing.remin")
    with pytest.raises(TriggerNotFound):
        mesh.start_run("billing.remind", {}, trigger="by_foot")
    with pytest.raises(TriggerRequired):
        mesh.start_run("billing.remind", {})
    assert count(bench) == (0, 0)


def test_a_start_in_a_transaction_that_fails_leaves_nothing(bench: Bench):
    """The run and its steps are the transaction's: rolled back with it."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    definition = mesh.engine.definitions.register(mesh.workflows["billing.remind"])
    made = prepare_start(definition, "by_hand", {"invoice": "i"}, max_value_bytes=1000)

    def start_and_fail() -> None:
        with mesh.database.transaction() as connection:
            assert start_in(mesh.database, connection, made).created
            raise LookupError

    with pytest.raises(LookupError):
        start_and_fail()
    assert count(bench) == (0, 0)


def test_a_failing_insert_of_first_steps_takes_the_run_with_it(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """One statement: a step row that the database refuses leaves no run without steps."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    run = mesh.start_run("billing.remind", {"invoice": "i"})
    taken = bench.step_rows(run)["send"]["id"]
    ids = iter([*(start.new_id() for _ in range(1)), taken])
    monkeypatch.setattr(start, "new_id", lambda: next(ids))
    with pytest.raises(Exception, match="refused a statement"):
        mesh.start_run("billing.remind", {"invoice": "i"})
    assert count(bench) == (1, 1)


def test_many_runs_start_in_one_transaction_in_order(bench: Bench):
    """Ids come back in the order of the payloads; none at all is fine."""
    mesh = bench.mesh(INVOICE, {"t.send": nothing})
    ids = mesh.start_runs("billing.remind", [{"invoice": f"i{n}"} for n in range(300)])
    assert [mesh.inspect_run(ids[n]).payload["invoice"] for n in (0, 150, 299)] == ["i0", "i150", "i299"]
    assert ids == sorted(ids)
    assert mesh.start_runs("billing.remind", []) == []
    (row,) = bench.rows("SELECT count(DISTINCT xmin::text) AS transactions FROM squidmesh.runs")
    assert row["transactions"] == 1


def test_a_worker_without_the_file_finishes_a_run(bench: Bench):
    """The definition comes from the database, conditions and all."""
    text = INVOICE.replace("next: complete}", "when: payload.tone == 'kind', next: complete}")
    run = bench.mesh(text, {"t.send": nothing}).start_run("billing.remind", {"invoice": "i"})
    bare = bench.mesh(steps={"t.send": nothing})
    bare.__dict__["workflows"] = {}
    assert bench.worker(bare).drain() == ["send"]
    assert bare.inspect_run(run.id, include_history=True).status == "completed"


def test_a_changed_file_changes_new_runs_only(bench: Bench):
    """A run goes on by the definition that it was started with, whatever the worker has loaded."""
    old = bench.mesh(INVOICE.replace("next: complete", "next: old"). replace("}}\nsteps", "}}\nsteps") .replace(
        "old}}", "old}, old: {log: {message: old}, next: complete}}"), {"t.send": nothing})  # fmt: skip
    new = bench.mesh(INVOICE.replace("next: complete", "next: new") .replace(
        "new}}", "new}, new: {log: {message: new}, next: complete}}"), {"t.send": nothing})  # fmt: skip
    before = old.start_run("billing.remind", {"invoice": "i"})
    after = new.start_run("billing.remind", {"invoice": "i"})
    assert before.definition != after.definition
    bench.worker(new).drain()
    assert list(bench.statuses(before)) == ["send", "old"]
    assert list(bench.statuses(after)) == ["send", "new"]


def test_the_same_file_has_the_same_definition(bench: Bench):
    """Starting from two processes stores one definition and one set of lanes."""
    for _ in range(2):
        bench.mesh(INVOICE, {"t.send": nothing}).start_run("billing.remind", {"invoice": "i"})
    assert len(bench.rows("SELECT * FROM squidmesh.definitions")) == 1
    assert len(bench.rows("SELECT * FROM squidmesh.lanes")) == 1
