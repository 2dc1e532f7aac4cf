"""Step types: described once, bound by name, held to what they promise."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import InvalidValue, RetryStep, StepFailed, StepTypeBroken
from squidmesh.model.values import encode
from squidmesh.steps.contract import (
    MissingInput,
    StepType,
    Success,
    bind,
    check_input,
    check_output,
    describe,
    normalise_output,
    step,
)

if TYPE_CHECKING:
    from squidmesh.steps.context import StepContext

AMOUNT = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


def described(call) -> StepType:
    """Return the step type that a callable is."""
    return describe("billing.charge", call, "billing.steps:charge of billing 1.0")


def test_a_step_type_says_what_it_is():
    """Everything the linter, the CLI and the worker ask about is read once."""

    @step(input_schema=AMOUNT, output_schema={"type": "object"})
    def charge(amount: int, ctx: StepContext, currency: str = "EUR") -> dict:
        """Charge the customer's card.

        In one currency.
        """
        return {}

    step_type = described(charge)
    assert (step_type.name, step_type.origin) == ("billing.charge", "billing.steps:charge of billing 1.0")
    assert step_type.call is charge
    assert step_type.description == "Charge the customer's card."
    assert [parameter.name for parameter in step_type.parameters] == ["amount", "currency"]
    assert (step_type.context_parameter, step_type.accepts_rest, step_type.is_async) == ("ctx", False, False)
    assert step_type.input_schema == AMOUNT
    assert step_type.output_schema == {"type": "object"}


def test_the_decorator_returns_the_function_itself():
    """A step stays an ordinary function, to be called plainly in tests."""

    def charge(amount): ...

    assert step(description="Charges")(charge) is charge
    assert described(charge).description == "Charges"


def test_the_decorator_is_optional():
    """Any callable is a step type."""
    assert described(lambda amount: {}).parameters[0].name == "amount"


def test_the_decorator_reaches_through_methods_and_objects():
    """Marks of methods, and the docstring of a callable object's class, are found."""

    class Gateway:
        """Talks to the bank."""

        def __call__(self, amount): ...

        @step(description="Charges")
        def charge(self, amount): ...

    assert described(Gateway().charge).description == "Charges"
    assert described(Gateway()).description == "Talks to the bank."


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (17, "is a int, which cannot be called"),
        (lambda a, /: {}, "parameter 'a' is positional-only"),
        (step(input_schema=3)(lambda **rest: {}), "its input_schema is not a JSON Schema: expected a JSON Schema"),
        (step(output_schema={"type": "objekt"})(lambda **rest: {}), "its output_schema is not a JSON Schema: type: "),
    ],
)
def test_what_cannot_be_a_step_type_is_said_when_it_is_described(call, reason: str):
    """Not in the middle of a run."""
    with pytest.raises(StepTypeBroken) as caught:
        described(call)
    assert caught.value.name == "billing.charge"
    assert reason in caught.value.reason


class Recording(Mapping):
    """A mapping that remembers which values were asked for, as one that parses lazily would have to parse."""

    def __init__(self, values: dict) -> None:
        self.values_ = values
        self.read: list[str] = []

    def __getitem__(self, key):
        self.read.append(key)
        return self.values_[key]

    def __contains__(self, key):
        return key in self.values_

    def __iter__(self):
        return iter(self.values_)

    def __len__(self):
        return len(self.values_)


def test_only_what_is_named_is_read(context):
    """A large context costs a step only the keys that it takes."""
    values = Recording({"amount": 5, "huge": "…", "currency": "CHF"})
    step_type = described(lambda amount, currency="EUR", note=None: {})
    assert bind(step_type, values, context) == {"amount": 5, "currency": "CHF"}
    assert values.read == ["amount", "currency"]


def test_kwargs_take_the_rest(context):
    """And only the rest: a named parameter is given once."""
    step_type = described(lambda amount, **rest: {})
    assert bind(step_type, {"amount": 5, "b": 1, "c": 2}, context) == {"amount": 5, "b": 1, "c": 2}


def test_the_context_goes_to_its_parameter(context):
    """Even if the input has a key of that name."""

    def charge(amount, ctx: StepContext, **rest): ...

    arguments = bind(described(charge), {"amount": 5, "ctx": "input", "other": 1}, context)
    assert arguments == {"amount": 5, "ctx": context, "other": 1}


def test_null_is_a_value(context):
    """A key that is there with null is bound, not replaced by the default."""
    assert bind(described(lambda amount=5: {}), {"amount": None}, context) == {"amount": None}


def test_every_missing_parameter_is_named(context):
    """Defaults fill what they can; the rest is reported together."""
    with pytest.raises(MissingInput) as caught:
        bind(described(lambda a, b, c=1: {}), {"c": 2}, context)
    assert caught.value.parameters == ("a", "b")
    assert str(caught.value) == "nothing provides a, b"
    assert pickle.loads(pickle.dumps(caught.value)).parameters == ("a", "b")


def test_bound_arguments_call_the_step(context):
    """What bind returns is what the callable takes."""

    class Gateway:
        def charge(self, amount, *, ctx: StepContext, currency="EUR"):
            return {"amount": amount, "currency": currency, "step": ctx.step}

    step_type = described(Gateway().charge)
    arguments = bind(step_type, {"amount": 5, "unused": 1}, context)
    assert step_type.call(**arguments) == {"amount": 5, "currency": "EUR", "step": "charge"}


def test_input_is_checked_without_the_context(context):
    """The schema speaks of data; the context is none."""

    @step(input_schema=AMOUNT | {"additionalProperties": False})
    def charge(amount, ctx: StepContext): ...

    step_type = described(charge)
    check_input(step_type, bind(step_type, {"amount": 5}, context))
    with pytest.raises(InvalidValue) as caught:
        check_input(step_type, bind(step_type, {"amount": "5"}, context))
    assert (caught.value.path, caught.value.reason) == ("amount", "expected integer, found string")


def test_output_is_checked():
    """A step that promises a key and leaves it out has failed."""
    step_type = described(step(output_schema=AMOUNT)(lambda **rest: {}))
    check_output(step_type, {"amount": 5})
    with pytest.raises(InvalidValue, match="amount: is required"):
        check_output(step_type, {})


def test_without_schemas_anything_goes():
    """Schemas are optional, each for itself."""
    step_type = described(lambda amount: {})
    check_input(step_type, {"amount": object()})
    check_output(step_type, {"x": object()})


@dataclasses.dataclass
class Line:
    """A part of an invoice."""

    sku: str


@dataclasses.dataclass(frozen=True, slots=True)
class Invoice:
    """An output as a dataclass."""

    id: str
    lines: list[Line]
    by_sku: dict[str, Line]


class Model:
    """What a pydantic model looks like from outside."""

    def __init__(self, dumped: object) -> None:
        self.dumped = dumped

    def model_dump(self, *, mode: str) -> object:
        """Return what it holds, in JSON mode alone."""
        assert mode == "json"
        return self.dumped


@pytest.mark.parametrize(
    ("returned", "output"),
    [
        (None, {}),
        ({"a": 1}, {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Model({"a": 1}), {"a": 1}),
        (
            Invoice("inv_1", [Line("x")], {"x": Line("x")}),
            {"id": "inv_1", "lines": [{"sku": "x"}], "by_sku": {"x": {"sku": "x"}}},
        ),
        (Success({"a": 1}, delay="5s"), {"a": 1}),
        (Success(), {}),
    ],
)
def test_outputs_become_mappings(returned: object, output: dict):
    """A mapping, None, a model or a dataclass, with a delay around it or without."""
    normal = normalise_output(returned)
    assert normal == output
    assert type(normal) is dict
    assert encode(normal)


async def coroutine_step():
    """Return a coroutine when called plainly."""


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ([1], "a step returned a list: return a mapping such as {'value': ...}"),
        ("text", "a step returned a str: return a mapping"),
        (0, "a step returned a int: return a mapping"),
        (False, "a step returned a bool: return a mapping"),
        (Model([1]), "a step returned a Model: return a mapping"),
        (Line, "a step returned the class Line: return an instance of it"),
        (Model, "a step returned the class Model: return an instance of it"),
        (Success([1]), "a step returned a list: return a mapping"),
        ((x for x in ()), "a step returned a generator: return a mapping"),
        (StepFailed("no"), "a step returned a StepFailed: raise it instead"),
        (RetryStep("later", delay="5s"), "a step returned a RetryStep: raise it instead"),
        (Success(StepFailed("no")), "a step returned a StepFailed: raise it instead"),
        (ValueError("odd"), "a step returned a ValueError: raise it instead"),
    ],
)
def test_other_outputs_are_refused_with_what_to_return(returned: object, reason: str):
    """The message names what came back and what to write instead."""
    with pytest.raises(InvalidValue) as caught:
        normalise_output(returned)
    assert caught.value.path == ""
    assert caught.value.reason.startswith(reason)


def test_a_forgotten_await_is_recognised():
    """The coroutine is closed, so that no warning about it follows the error."""
    with pytest.raises(InvalidValue, match="declare the step with 'async def'"):
        normalise_output(coroutine_step())


def test_a_failure_inside_an_output_is_not_an_output_either():
    """Errors are dataclasses, but no data: the encoder refuses them, naming the place."""
    with pytest.raises(InvalidValue) as caught:
        encode(normalise_output(Invoice("x", [StepFailed("no")], {})))  # type: ignore[list-item]  # on purpose
    assert caught.value.path == "lines.0"


def test_an_endless_dataclass_is_left_to_the_encoder():
    """A hostile output is refused by its depth, not by an exhausted stack."""
    endless: list = []
    endless.append(endless)
    with pytest.raises(InvalidValue, match="nested deeper"):
        encode(normalise_output(Invoice("x", endless, {})))
