"""What a step sees: payload and outputs, by key and by path, each reader with copies of its own."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidmesh.model.definition import Log, Step
from squidmesh.model.path import MISSING
from squidmesh.runtime.preparation import build_snapshot
from squidmesh.runtime.snapshot import Snapshot, StepInput
from squidmesh.store.outputs import StoredOutput
from tests.unit.runtime.claimed import MOMENT, definition, facts, workflow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(max_size=5), JSON, max_size=4)
PLAIN = Step(action=Log(message=""))
STORED = Step(action=Log(message=""), output="kept")


def test_outputs_are_merged_or_kept_under_their_key():
    """Later ones win; the payload itself stays as it was."""
    first = Snapshot.of_run(facts({"a": 1, "b": 2}))
    after = first.with_output(PLAIN, '{"a": 3, "c": 4}').with_output(STORED, '{"d": 5}')
    assert after.context() == {"a": 3, "b": 2, "c": 4, "kept": {"d": 5}}
    assert after.payload() == first.context() == {"a": 1, "b": 2}


@given(OBJECT, st.lists(OBJECT, max_size=4))
def test_a_chained_snapshot_equals_one_read_from_the_store(payload: dict, outputs: list[dict]):
    """Growing step by step or built at once, in whatever order the rows come back."""
    steps = "".join(f"s{n}: {{log: {{message: x}}, next: s{n + 1}}}\n" for n in range(len(outputs)))
    made = definition(workflow(f"{steps}s{len(outputs)}: {{log: {{message: x}}, next: complete}}"))
    start = Snapshot.of_run(facts(payload))
    chained = start
    for n, output in enumerate(outputs):
        chained = chained.with_output(made.workflow.steps[f"s{n}"], json.dumps(output))
    rows = [
        StoredOutput(run_id=facts().id, step=f"s{n}", seq=n + 1, scheduled_seq=n, output=json.dumps(output))
        for n, output in enumerate(outputs)
    ]
    assert build_snapshot(made, start, rows[::-1]).context() == chained.context()
    assert json.dumps(build_snapshot(made, start, rows).context()) == json.dumps(chained.context())


@given(OBJECT)
def test_without_input_a_step_takes_every_key_as_it_is(payload: dict):
    """Any text may be a key: none is read as a path."""
    taken = StepInput(PLAIN, {}, Snapshot.of_run(facts(payload)))
    assert dict(taken) == payload
    assert len(taken) == len(payload)
    assert all(name in taken for name in payload)


def test_paths_name_what_a_step_takes():
    """By parameter; a path that leads nowhere is left out; constants come on top."""
    step = Step(action=Log(message=""), input={"sku": "order.items.0.sku", "gone": "order.x", "run": "run.id"})
    snapshot = Snapshot.of_run(facts({"order": {"items": [{"sku": "s1"}]}, "other": 1}))
    taken = StepInput(step, {"fixed": {"a": []}}, snapshot)
    assert dict(taken) == {"sku": "s1", "run": str(facts().id), "fixed": {"a": []}}
    assert "gone" not in taken
    assert "other" not in taken
    assert 5 not in taken  # type: ignore[comparison-overlap]  # any object may be asked for
    with pytest.raises(KeyError):
        taken["gone"]
    taken["fixed"]["a"].append(1)
    assert taken["fixed"] == {"a": []}


def test_what_is_not_there_is_missing():
    """The one MISSING, not a copy of it; null is a value."""
    snapshot = Snapshot.of_run(facts({"null": None}))
    assert snapshot.look_up("absent") is MISSING
    assert snapshot.look_up("failure.code") is MISSING
    assert snapshot.value_of("absent") is MISSING
    assert snapshot.look_up("null") is None


def test_every_reader_gets_a_copy():
    """Whatever is done to one is not seen by another."""
    snapshot = Snapshot.of_run(facts({"a": [1]}, failure={"details": [1]}))
    snapshot.payload()["a"].append(2)
    snapshot.context()["a"].append(2)
    snapshot.look_up("payload.a").append(2)
    snapshot.value_of("a").append(2)
    (snapshot.failure_copy() or {})["details"].append(2)
    assert (snapshot.payload(), snapshot.context()) == ({"a": [1]}, {"a": [1]})
    assert snapshot.failure == {"details": [1]}


def test_the_run_is_told_in_utc_wherever_the_database_is():
    """What a step sees does not depend on the time zone of the session that claimed it."""
    berlin = MOMENT.astimezone(timezone(timedelta(hours=2)))
    run = facts()
    moved = type(run)(**{name: getattr(run, name) for name in run.__slots__} | {"started_at": berlin})
    for each in (run, moved):
        assert Snapshot.of_run(each).run_facts()["started_at"] == "2024-05-01T09:30:00+00:00"
    assert datetime.fromisoformat(Snapshot.of_run(moved).run_facts()["started_at"]) == berlin
