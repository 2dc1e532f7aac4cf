"""What a step may read: only what may have run before it, and only what is known to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.authoring.lint import lint_text
from squidmesh.steps.contract import step
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
workflow: shop.order
triggers:
  by_hand:
    manual: {}
    payload: {order_id: {type: string}}
"""
CLOSED = {
    "type": "object",
    "properties": {"total": {"type": "integer"}, "state": {"type": "string"}},
    "required": ["total", "state"],
    "additionalProperties": False,
}


def anything(order_id: str) -> None:
    """Return what no file tells."""


@step(output_schema=CLOSED)
def priced(order_id: str) -> None:
    """Return what the schema says and nothing else."""


@step(output_schema={"type": "object", "properties": {"total": {"type": "integer"}}})
def roughly(order_id: str) -> None:
    """Return what the schema says, and maybe more."""


def settle(total: int) -> None:
    """Need a total."""


def collect(**rest: Any) -> None:
    """Take everything."""


@pytest.fixture
def registry(tmp_path: Path) -> StepRegistry:
    """Return the step types above as ``shop.*``."""
    functions = (anything, priced, roughly, settle, collect)
    return StepRegistry.discover(
        extra={f"shop.{function.__name__}": function for function in functions}, folder=tmp_path
    )


def codes(steps: str, registry: StepRegistry, head: str = HEAD) -> list[str]:
    """Return the codes of what is found in a workflow with these steps."""
    return [found.code for found in lint_text(f"{head}steps:\n{steps}", "x.yaml", registry=registry).diagnostics]


@pytest.mark.parametrize("name", ["anything", "roughly", "priced"])
def test_a_merged_output_may_provide_a_parameter(name: str, registry: StepRegistry) -> None:
    """After a step without output, what it returns may be there, unless its schema rules that out."""
    steps = f"  first: {{uses: shop.{name}, next: last}}\n  last: {{uses: shop.settle, next: complete}}\n"
    assert codes(steps, registry) == []


def test_a_closed_schema_says_what_is_not_there(registry: StepRegistry) -> None:
    """A schema without additional properties is believed: another key cannot come from it."""
    steps = (
        "  first: {uses: shop.priced, next: last}\n  last: {uses: shop.settle, input: {total: sum}, next: complete}\n"
    )
    assert codes(steps, registry) == ["SM405"]


def test_an_output_key_hides_what_is_inside(registry: StepRegistry) -> None:
    """With output the returned keys are below that one key, no longer beside it."""
    steps = "  first: {uses: shop.priced, output: price, next: last}\n  last: {uses: shop.settle, next: complete}\n"
    assert codes(steps, registry) == ["SM404"]
    assert codes(steps.replace("settle,", "settle, input: {total: price.total},"), registry) == []


def test_the_types_of_a_schema_reach_conditions(registry: StepRegistry) -> None:
    """A number in the output schema is no condition."""
    steps = (
        "  first: {uses: shop.priced, next: last}\n  last: {uses: shop.settle, when: context.total, next: complete}\n"
    )
    assert codes(steps, registry) == ["SM503"]


def test_siblings_see_nothing_of_each_other(registry: StepRegistry) -> None:
    """In a dependency-based workflow only the steps that are waited for count, also through others."""
    steps = """\
  price: {uses: shop.priced}
  wait: {wait: 1s, after: [price]}
  far: {uses: shop.settle, after: [wait]}
  sibling: {uses: shop.settle}
"""
    assert codes(steps, registry) == ["SM404"]


def test_any_path_counts_in_a_routed_workflow(registry: StepRegistry) -> None:
    """What one of several paths provides may be there."""
    steps = """\
  choose:
    log: {message: which}
    next:
      - {when: payload.order_id == 'a', to: price}
      - {to: settle}
  price: {uses: shop.priced, next: settle}
  settle: {uses: shop.settle, next: complete}
"""
    assert codes(steps, registry) == []


def test_a_failure_is_known_after_an_error_route_only(registry: StepRegistry) -> None:
    """The failure may be read by the steps that an error route leads to, and by those after them."""
    steps = """\
  first: {uses: shop.anything, output: one, next: {ok: fine, error: handle}}
  fine: {uses: shop.collect, input: {why: failure.code}, output: two, next: complete}
  handle: {log: {message: failed}, next: report}
  report: {uses: shop.collect, input: {why: failure.code}, output: three, next: complete}
"""
    found = lint_text(f"{HEAD}steps:\n{steps}", "x.yaml", registry=registry).diagnostics
    assert [(diagnostic.code, diagnostic.span.line) for diagnostic in found] == [("SM405", 8)]


def test_on_failure_sees_everything(registry: StepRegistry) -> None:
    """The last step may read every output, and the failure."""
    steps = """\
  first: {uses: shop.priced, output: price, next: complete}
on_failure: {uses: shop.settle, input: {total: price.total}, with: {}}
"""
    assert codes(steps, registry) == []
    assert codes(steps.replace("price.total", "prize.total"), registry) == ["SM405"]


def test_a_rejection_can_be_read_on_its_route(registry: StepRegistry) -> None:
    """A gate's decision is there on both of its routes."""
    steps = """\
  decide:
    approval: {}
    output: decision
    next:
      ok: complete
      error:
        - {when: context.decision.comment == 'later', to: complete}
        - {to: fail}
"""
    assert codes(steps, registry) == []


def test_a_field_of_one_trigger_may_be_absent(registry: StepRegistry) -> None:
    """A field that only one of two triggers declares has to be asked for before it is used."""
    head = HEAD + "  other: {manual: {}}\n"
    steps = "  first: {uses: shop.collect, when: payload.order_id == 'a', next: complete}\n"
    assert codes(steps, registry, head) == ["SM506"]
    assert (
        codes(steps.replace("payload.order_id ==", "has(payload.order_id) && payload.order_id =="), registry, head)
        == []
    )


@pytest.mark.parametrize(
    "when", ["'order_id' in payload && {}", '"order_id" in payload && {}', "has(payload.order_id) && {}"]
)
def test_a_guard_is_known_however_it_is_written(when: str, registry: StepRegistry) -> None:
    """Both quotes name a key, and has(...) asks for it as well."""
    condition = when.format("payload.order_id == 'a'").replace("'", "''")
    steps = f"  first: {{uses: shop.collect, when: '{condition}', next: complete}}\n"
    assert codes(steps, registry, HEAD + "  other: {manual: {}}\n") == []


def test_mixed_shapes_are_reported_alone(registry: StepRegistry) -> None:
    """Where the order of steps is not known, nothing is said about what they can read."""
    steps = "  first: {uses: shop.settle, next: last}\n  last: {uses: shop.settle, after: [first]}\n"
    assert codes(steps, registry) == ["SM307"]
