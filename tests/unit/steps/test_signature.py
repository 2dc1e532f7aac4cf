"""What is read off a callable, however it is written."""

from __future__ import annotations
import __future__

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any, Optional, Union

import pytest

import squidmesh.steps.context
from squidmesh.steps.context import StepContext
from squidmesh.steps.signature import Parameter, read_signature

if TYPE_CHECKING:
    from collections.abc import Callable


class Other:
    """Not the context, whatever it is called elsewhere."""


class Child(StepContext):
    """A host's own context type."""


NAMES = {
    "Alias": StepContext,
    "Annotated": Annotated,
    "Child": Child,
    "Optional": Optional,
    "Other": Other,
    "StepContext": StepContext,
    "Union": Union,
    "squidmesh": squidmesh,
}


def compiled(source: str, names: dict[str, Any], *, as_text: bool) -> Callable[..., Any]:
    """Return the function ``f`` of a module with these names, its annotations kept as text or evaluated."""
    flags = __future__.annotations.compiler_flag if as_text else 0
    module = dict(names)
    exec(compile(source, "steps.py", "exec", flags=flags, dont_inherit=True), module)
    return module["f"]


def test_parameters_are_listed_in_order_with_defaults_and_annotations():
    """Positional-or-keyword and keyword-only parameters alike; *args take no part."""

    def load(invoice_id: str, limit: int = 3, *args: int, strict, note: str | None = None): ...

    signature = read_signature(load)
    assert signature.parameters == (
        Parameter(name="invoice_id", required=True, annotation="str"),
        Parameter(name="limit", required=False, default=3, annotation="int"),
        Parameter(name="strict", required=True),
        Parameter(name="note", required=False, annotation="str | None"),
    )
    assert not signature.accepts_rest
    assert signature.context_parameter is None
    assert not signature.is_async


def test_rest_is_accepted_by_kwargs():
    """**rest is no parameter of its own."""

    def load(a, **rest: Any): ...

    signature = read_signature(load)
    assert signature.accepts_rest
    assert [parameter.name for parameter in signature.parameters] == ["a"]


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    "annotation",
    [
        "StepContext",
        "'StepContext'",
        "Optional[StepContext]",
        "Optional['StepContext']",
        "Union[None, 'StepContext']",
        "None | StepContext",
        "'StepContext | None'",
        "Annotated[StepContext, 'note']",
        "squidmesh.steps.context.StepContext",
        "Alias",
        "Child",
    ],
)
def test_the_context_is_found_by_its_annotation(annotation: str, as_text: bool):
    """Whatever the parameter's name and however the annotation is written."""
    signature = read_signature(compiled(f"def f(a, *, whatever: {annotation}): ...", NAMES, as_text=as_text))
    assert signature.context_parameter == "whatever"
    assert [parameter.name for parameter in signature.parameters] == ["a"]


@pytest.mark.parametrize(
    "annotation", ["StepContext", "squidmesh.StepContext", "StepContext | None", "Optional[squidmesh.StepContext]"]
)
def test_the_context_may_be_imported_for_the_type_checker_alone(annotation: str):
    """A name that the module does not have when it runs counts by its last part."""
    as_text = compiled(f"def f(a: Unknown, whatever: {annotation}): ...", {}, as_text=True)
    assert read_signature(as_text).context_parameter == "whatever"
    quoted = compiled(f"def f(a: 'Unknown', whatever: '{annotation}'): ...", {}, as_text=False)
    assert read_signature(quoted).context_parameter == "whatever"


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("annotation", ["Other", "list[StepContext]", "Annotated[str, StepContext]", "'('", "3", "''"])
def test_other_annotations_are_not_the_context(annotation: str, as_text: bool):
    """A container of contexts, a note, or text that is no annotation is an ordinary parameter."""
    signature = read_signature(compiled(f"def f(a: {annotation}): ...", NAMES, as_text=as_text))
    assert signature.context_parameter is None
    assert [parameter.name for parameter in signature.parameters] == ["a"]


def test_another_class_of_the_same_name_is_not_the_context():
    """What a name stands for counts, not the name."""
    assert read_signature(compiled("def f(a: StepContext): ...", {"StepContext": Other}, as_text=True)).parameters


def test_a_parameter_called_context_is_ordinary():
    """Names do not matter: a compensation takes ``context`` as data."""

    def undo(payload, context, step, failure): ...

    assert len(read_signature(undo).parameters) == 4


def test_two_contexts_are_one_too_many():
    """The slip is named when the step type is described."""

    def load(a: StepContext, b: StepContext): ...

    with pytest.raises(ValueError, match="parameters a and b are all annotated StepContext; one is expected"):
        read_signature(load)


def _tracing(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


class _Gateway:
    def __call__(self, amount: int, ctx: StepContext): ...

    def charge(self, amount: int, ctx: StepContext): ...

    @classmethod
    def of_class(cls, amount: int, ctx: StepContext): ...

    @staticmethod
    def of_nothing(amount: int, ctx: StepContext): ...

    async def later(self, amount: int, ctx: StepContext): ...


class _Invoice:
    def __init__(self, amount: int, ctx: StepContext) -> None: ...


def _charge(amount: int, ctx: StepContext, currency: str = "EUR"): ...


@pytest.mark.parametrize(
    "call",
    [
        _Gateway(),
        _Gateway().charge,
        _Gateway.of_class,
        _Gateway.of_nothing,
        _Gateway().later,
        _Invoice,
        _tracing(_charge),
        functools.partial(_tracing(_charge)),
        _tracing(_Gateway().charge),
        functools.lru_cache(_charge),
    ],
)
def test_any_kind_of_callable_is_read(call):
    """Objects, methods of all kinds, classes, partials and wrapped functions show what they take."""
    signature = read_signature(call)
    assert signature.context_parameter == "ctx"
    assert signature.parameters[0] == Parameter(name="amount", required=True, annotation="int")


def test_a_wrapper_from_elsewhere_is_read_in_the_module_of_what_it_wraps():
    """The names in an annotation are those of the module that wrote it."""
    function = compiled("def f(a, ctx: Alias): ...", {"Alias": StepContext}, as_text=True)
    assert read_signature(_tracing(function)).context_parameter == "ctx"


def test_a_partial_has_the_rest_of_the_parameters():
    """What is bound by position is gone, what is bound by name is a default."""
    signature = read_signature(functools.partial(_charge, 5, currency="CHF"))
    assert signature.parameters == (Parameter(name="currency", required=False, default="CHF", annotation="str"),)


async def _asynchronous(a): ...


class _AsyncObject:
    async def __call__(self, a): ...


@pytest.mark.parametrize("call", [_asynchronous, functools.partial(_asynchronous, 1), _AsyncObject(), _Gateway().later])
def test_async_callables_are_told_apart(call):
    """The worker runs these on its event loop."""
    assert read_signature(call).is_async


def test_a_plain_wrapper_of_an_async_function_is_plain():
    """What counts is what calling it does."""
    assert inspect.iscoroutinefunction(_asynchronous)
    assert not read_signature(_tracing(_asynchronous)).is_async


def test_positional_only_parameters_cannot_be_filled():
    """Without a default the callable can never be called by name; with one it is left alone."""

    def needs(a, /, b): ...
    def has(a=1, /, b=2): ...

    with pytest.raises(ValueError, match="parameter 'a' is positional-only; input is passed by name"):
        read_signature(needs)
    assert [parameter.name for parameter in read_signature(has).parameters] == ["b"]
