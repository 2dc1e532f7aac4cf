"""A definition as JSON data and back, and the hash that identifies it."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidmesh.model import definition
from squidmesh.model.definition import (
    Approval,
    Backoff,
    Cron,
    Field,
    FieldType,
    Log,
    Pause,
    RetryPolicy,
    Routes,
    Step,
    Transition,
    Trigger,
    Uses,
    Wait,
    Workflow,
)
from squidmesh.model.document import definition_hash, from_document, to_document

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
DURATIONS = st.integers(0, 10**9).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


def optional(strategy: st.SearchStrategy) -> st.SearchStrategy:
    """Return the strategy with None beside it."""
    return st.none() | strategy


FIELDS = st.recursive(
    st.builds(
        Field,
        type=st.sampled_from(FieldType),
        required=st.booleans(),
        has_default=st.booleans(),
        default=JSON,
        dynamic_default=optional(st.sampled_from(definition.DynamicDefault)),
        enum=optional(st.lists(JSON, max_size=3).map(tuple)),
        minimum=optional(st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
        max_length=optional(st.integers(0, 10)),
        pattern=optional(TEXT),
        sensitive=st.booleans(),
    ),
    lambda inner: st.builds(
        Field,
        type=st.sampled_from([FieldType.MAP, FieldType.LIST]),
        items=optional(inner),
        properties=optional(st.dictionaries(NAMES, inner, max_size=3)),
    ),
    max_leaves=3,
)
CRONS = st.builds(
    Cron,
    expression=TEXT,
    timezone=TEXT,
    catch_up=st.sampled_from(definition.CatchUp),
    overlap=st.sampled_from(definition.Overlap),
)
TRIGGERS = st.builds(Trigger, cron=optional(CRONS), payload=st.dictionaries(NAMES, FIELDS, max_size=3))
RETRIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 9),
    backoff=st.builds(
        Backoff, type=st.sampled_from(definition.BackoffType), min=DURATIONS, max=DURATIONS, jitter=st.booleans()
    ),
)
ACTIONS = (
    st.builds(
        Uses,
        step_type=TEXT,
        constants=st.dictionaries(NAMES, JSON, max_size=3),
        retry=RETRIES,
        timeout=optional(DURATIONS),
        compensate=optional(TEXT),
        irreversible=st.booleans(),
        compensatable=st.booleans(),
        on_worker_lost=optional(st.sampled_from(definition.OnWorkerLost)),
        transaction=st.booleans(),
    )
    | st.builds(Log, message=TEXT, level=st.sampled_from(definition.LogLevel))
    | st.builds(Wait, duration=optional(DURATIONS), until=optional(TEXT))
    | st.builds(Pause, title=optional(TEXT), deadline=optional(DURATIONS))
    | st.builds(
        Approval,
        title=optional(TEXT),
        deadline=optional(DURATIONS),
        on_deadline=optional(st.sampled_from(definition.OnDeadline)),
    )
)
TRANSITIONS = st.lists(
    st.builds(Transition, to=NAMES, when=optional(TEXT), recovery=optional(st.sampled_from(definition.Recovery))),
    max_size=2,
).map(tuple)
STEPS = st.builds(
    Step,
    action=ACTIONS,
    input=optional(st.dictionaries(NAMES, TEXT, max_size=2)),
    output=optional(NAMES),
    next=optional(st.builds(Routes, ok=TRANSITIONS, error=TRANSITIONS, deadline=TRANSITIONS)),
    after=st.lists(NAMES, max_size=2).map(tuple),
    when=optional(TEXT),
    allow_failure=st.booleans(),
    queue=TEXT,
    priority=st.integers(-9, 9),
    description=optional(TEXT),
)
WORKFLOWS = st.builds(
    Workflow,
    name=TEXT,
    triggers=st.dictionaries(NAMES, TRIGGERS, max_size=2),
    steps=st.dictionaries(NAMES, STEPS, max_size=3),
    description=optional(TEXT),
    version=optional(TEXT),
    timeout=optional(DURATIONS),
    on_failure=optional(STEPS),
)


@given(WORKFLOWS)
def test_a_workflow_survives_being_stored(workflow: Workflow):
    """Written as JSON text and read back it is the same workflow, with the same hash and order."""
    stored = json.loads(json.dumps(to_document(workflow)))
    read = from_document(stored)
    assert read == workflow
    assert definition_hash(read) == definition_hash(workflow)
    assert list(read.steps) == list(workflow.steps)
    assert list(read.triggers) == list(workflow.triggers)


def small(**changes: object) -> Workflow:
    """Return a workflow of two steps, with changes."""
    steps = {"a": Step(action=Log(message="one")), "b": Step(action=Wait(duration=timedelta(seconds=90)))}
    workflow = Workflow(name="w", triggers={"manual": Trigger()}, steps=steps)
    return dataclasses.replace(workflow, **changes)


def test_a_document_says_only_what_differs_from_the_defaults():
    """Stored definitions stay short and readable."""
    assert to_document(small()) == {
        "name": "w",
        "triggers": {"manual": {}},
        "steps": {"a": {"action": {"log": {"message": "one"}}}, "b": {"action": {"wait": {"duration": "90s"}}}},
    }


def test_the_hash_does_not_depend_on_the_layout_of_the_file():
    """Reordering steps is no new definition."""
    workflow = small()
    turned = dataclasses.replace(workflow, steps=dict(reversed(workflow.steps.items())))
    assert definition_hash(turned) == definition_hash(workflow)
    assert len(definition_hash(workflow)) == 64


def test_the_hash_of_a_definition_never_changes():
    """A release that changed it would take every running workflow for a new definition."""
    assert definition_hash(small()) == "0ebad9a523732c5d42efacd6f42a93dd365ab42b8847d777656a592e42dbcd59"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "v"},
        {"version": "2"},
        {"timeout": timedelta(hours=1)},
        {"triggers": {"by_hand": Trigger()}},
        {"steps": {"a": Step(action=Log(message="two"))}},
        {"on_failure": Step(action=Uses(step_type="tell.somebody"))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_difference_is_a_new_definition(changes: dict[str, object]):
    """What a run would do differently changes the hash."""
    assert definition_hash(small(**changes)) != definition_hash(small())
