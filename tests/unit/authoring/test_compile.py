"""From a document to a workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squidmesh.authoring.compile import compile_document
from squidmesh.authoring.document import read_document
from squidmesh.authoring.schema import check_shape
from squidmesh.model import definition
from squidmesh.model.definition import Routes, Step, Transition, Workflow

HEAD = "workflow: billing.reminder\ntriggers: {by_hand: {manual: {}}}\n"


def compiled(text: str) -> Workflow:
    """Return the workflow of a text whose shape is right."""
    document, found = read_document(text, "x.yaml")
    assert document is not None
    assert (found, check_shape(document).diagnostics) == ([], ())
    return compile_document(document)


def step(body: str, head: str = HEAD) -> Step:
    """Return the step that a flow mapping declares."""
    return compiled(f"{head}steps:\n  one: {{{body}}}\n").steps["one"]


def uses(body: str, head: str = HEAD) -> definition.Uses:
    """Return the action of a ``uses`` step with these further keys."""
    action = step("uses: a.b" + (f", {body}" if body else ""), head).action
    assert isinstance(action, definition.Uses)
    return action


def field(body: str) -> definition.Field:
    """Return the payload field that a flow mapping declares."""
    text = f"workflow: a\ntriggers:\n  t: {{manual: , payload: {{f: {{{body}}}}}}}\nsteps: {{s: {{uses: a}}}}\n"
    return compiled(text).triggers["t"].payload["f"]


def test_a_bare_step_has_every_default() -> None:
    """What a file leaves out is what the model calls default."""
    assert step("uses: a.b") == Step(action=definition.Uses(step_type="a.b"))


@pytest.mark.parametrize(
    ("body", "action"),
    [
        ("log: {message: hi}", definition.Log(message="hi")),
        ("log: {message: hi, level: error}", definition.Log(message="hi", level=definition.LogLevel.ERROR)),
        ("wait: 90s", definition.Wait(duration=timedelta(seconds=90))),
        ("wait: {until: payload.due}", definition.Wait(until="payload.due")),
        ("pause: ", definition.Pause()),
        ("pause: {title: Look, deadline: 2d}", definition.Pause(title="Look", deadline=timedelta(days=2))),
        ("approval: {}", definition.Approval()),
        (
            "approval: {title: Pay, deadline: 1h, on_deadline: fail}",
            definition.Approval(title="Pay", deadline=timedelta(hours=1), on_deadline=definition.OnDeadline.FAIL),
        ),
    ],
)
def test_built_in_steps(body: str, action: definition.Action) -> None:
    """Each kind is the action of its name; nothing after the key is an empty mapping."""
    assert step(body).action == action


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        ("other", Routes(ok=(Transition(to="other"),))),
        ("{to: other}", Routes(ok=(Transition(to="other"),))),
        ("[{when: a, to: b}, {to: c}]", Routes(ok=(Transition(to="b", when="a"), Transition(to="c")))),
        (
            "{ok: b, error: {to: c, recovery: undo}, deadline: [{to: d}]}",
            Routes(
                ok=(Transition(to="b"),),
                error=(Transition(to="c", recovery=definition.Recovery.UNDO),),
                deadline=(Transition(to="d"),),
            ),
        ),
        ("{error: fail}", Routes(error=(Transition(to="fail"),))),
    ],
)
def test_every_form_of_next_is_routes(text: str, routes: Routes) -> None:
    """A name, a list and a mapping mean transitions by outcome; names that lead nowhere are kept."""
    assert step(f"uses: a.b, next: {text}").next == routes


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("", None),
        (", input: ", {}),
        (", input: {}", {}),
        (", input: [a, b]", {"a": "a", "b": "b"}),
        (", input: {x: a.b, y: payload}", {"x": "a.b", "y": "payload"}),
    ],
)
def test_input_is_a_mapping_of_parameter_to_path(body: str, value: Any) -> None:
    """No input is the whole context, an empty one is nothing."""
    assert step("uses: a.b" + body).input == value


def test_everything_that_a_step_may_say() -> None:
    """Keys of the file arrive in the fields of their names."""
    found = step(
        "uses: a.b, with: {x: 1}, output: out, when: payload.a, after: [two], allow_failure: true, queue: slow, "
        "priority: 3, description: One, timeout: 5s, compensate: a.undo, on_worker_lost: pause, transaction: true"
    )
    action = definition.Uses(
        step_type="a.b",
        constants={"x": 1},
        timeout=timedelta(seconds=5),
        compensate="a.undo",
        on_worker_lost=definition.OnWorkerLost.PAUSE,
        transaction=True,
    )
    assert found == Step(
        action=action,
        output="out",
        when="payload.a",
        after=("two",),
        allow_failure=True,
        queue="slow",
        priority=3,
        description="One",
    )


@pytest.mark.parametrize(
    ("body", "compensatable"),
    [("", True), ("compensatable: false", False), ("irreversible: true", False), ("irreversible: false", True)],
)
def test_irreversible_implies_not_compensatable(body: str, compensatable: bool) -> None:
    """What cannot be undone has no reliable way to be undone."""
    assert uses(body).compensatable is compensatable


def test_backoff_defaults_to_exponential_with_jitter() -> None:
    """Without backoff, delays grow from 1s to 1m."""
    assert uses("retry: {max_attempts: 3}").retry == definition.RetryPolicy(max_attempts=3)
    assert uses("retry: {max_attempts: 3, backoff: {type: linear, min: 0s, max: 5s, jitter: false}}").retry == (
        definition.RetryPolicy(
            max_attempts=3,
            backoff=definition.Backoff(
                type=definition.BackoffType.LINEAR, min=timedelta(), max=timedelta(seconds=5), jitter=False
            ),
        )
    )


DEFAULTS = HEAD + "queue: everywhere\ndefaults: {retry: {max_attempts: 4}, timeout: 9s, queue: usual}\n"


def test_defaults_hold_for_uses_steps_that_do_not_say() -> None:
    """Retry, time-out and queue come from the defaults, each by itself."""
    action = uses("", DEFAULTS)
    assert (action.retry.max_attempts, action.timeout) == (4, timedelta(seconds=9))
    action = uses("retry: {max_attempts: 1}, timeout: 1s", DEFAULTS)
    assert (action.retry.max_attempts, action.timeout) == (1, timedelta(seconds=1))


@pytest.mark.parametrize(
    ("body", "queue"),
    [("uses: a.b, queue: own", "own"), ("uses: a.b", "usual"), ("log: {message: hi}", "everywhere")],
)
def test_the_nearest_queue_wins(body: str, queue: str) -> None:
    """A step's own, then the defaults' for uses steps, then the workflow's."""
    assert step(body, DEFAULTS).queue == queue
    assert step("log: {message: hi}").queue == "default"


def test_on_failure_is_a_step() -> None:
    """It takes the defaults like every other uses step."""
    workflow = compiled(DEFAULTS + "steps: {one: {uses: a.b}}\non_failure: {uses: a.tell, input: [failure]}\n")
    assert workflow.on_failure == Step(
        action=definition.Uses(
            step_type="a.tell", retry=definition.RetryPolicy(max_attempts=4), timeout=timedelta(seconds=9)
        ),
        input={"failure": "failure"},
        queue="usual",
    )


def test_triggers() -> None:
    """Manual triggers have no cron; cron has its zone and policies."""
    text = """\
workflow: a
version: "7"
description: All
timeout: 2h
triggers:
  by_hand: {manual: }
  plain: {cron: "0 9 * * *"}
  full: {cron: "0 9 * * *", timezone: Europe/Berlin, catch_up: none, overlap: skip}
steps: {one: {uses: a.b}}
"""
    workflow = compiled(text)
    assert (workflow.version, workflow.description, workflow.timeout) == ("7", "All", timedelta(hours=2))
    assert dict(workflow.triggers) == {
        "by_hand": definition.Trigger(),
        "plain": definition.Trigger(cron=definition.Cron(expression="0 9 * * *")),
        "full": definition.Trigger(
            cron=definition.Cron(
                expression="0 9 * * *",
                timezone="Europe/Berlin",
                catch_up=definition.CatchUp.NONE,
                overlap=definition.Overlap.SKIP,
            )
        ),
    }


def test_a_default_makes_a_field_optional() -> None:
    """Literal or of the moment; required: true beside it changes nothing."""
    assert field("type: string") == definition.Field(type=definition.FieldType.STRING)
    literal = field("type: string, required: true, default: x")
    assert (literal.required, literal.has_default, literal.default) == (False, True, "x")
    moment = field("type: string, default: {today: iso8601}")
    assert (moment.required, moment.has_default, moment.dynamic_default) == (
        False,
        False,
        definition.DynamicDefault.TODAY,
    )


def test_a_map_like_a_moment_is_a_literal_in_a_map_field() -> None:
    """Only texts have moments."""
    found = field("type: map, default: {now: iso8601}")
    assert (found.default, found.dynamic_default) == ({"now": "iso8601"}, None)


def test_everything_that_a_field_may_say() -> None:
    """Limits, choices and nested fields arrive; 3.0 counts as a whole number."""
    found = field(
        "type: list, required: false, description: Orders, min_length: 1.0, max_length: 3, sensitive: true, "
        "items: {type: map, properties: {sku: {type: string, pattern: '^x', format: uuid, enum: [x]}, "
        "n: {type: integer, minimum: 0, maximum: 9}}}"
    )
    kinds = definition.FieldType
    assert found == definition.Field(
        type=kinds.LIST,
        required=False,
        description="Orders",
        min_length=1,
        max_length=3,
        sensitive=True,
        items=definition.Field(
            type=kinds.MAP,
            properties={
                "sku": definition.Field(type=kinds.STRING, pattern="^x", format="uuid", enum=("x",)),
                "n": definition.Field(type=kinds.INTEGER, minimum=0, maximum=9),
            },
        ),
    )
