"""What a step type is: a callable, the names it takes and the shapes it promises."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from squidmesh.errors import InvalidValue, StepTypeBroken
from squidmesh.model.values import MAX_DEPTH
from squidmesh.steps.schema import check_value, compile_schema, schema_document
from squidmesh.steps.signature import Parameter, read_signature, underlying

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

    from squidmesh.steps.context import StepContext

__all__ = [
    "MissingInput",
    "Parameter",
    "StepType",
    "Success",
    "bind",
    "check_input",
    "check_output",
    "describe",
    "normalise_output",
    "step",
]

_MARK = "__squidmesh_step__"
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Success:
    """Returned by a step whose followers are to wait: ``delay`` is a duration such as ``"5s"``, or seconds."""

    output: Any = None
    delay: str | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepType:
    """A registered callable with its contract; ``origin`` says where it comes from."""

    name: str
    call: Callable[..., Any]
    origin: str
    description: str | None = None
    parameters: tuple[Parameter, ...] = ()
    accepts_rest: bool = False
    context_parameter: str | None = None
    is_async: bool = False
    input_schema: Mapping[str, Any] | None = None
    output_schema: Mapping[str, Any] | None = None
    input_validator: Validator | None = field(default=None, repr=False, compare=False)
    output_validator: Validator | None = field(default=None, repr=False, compare=False)


class MissingInput(Exception):  # noqa: N818 - named for what happened, like the errors of the project
    """Parameters without default that the input does not have."""

    def __init__(self, parameters: tuple[str, ...]) -> None:
        super().__init__(parameters)
        self.parameters = parameters

    def __str__(self) -> str:
        return f"nothing provides {', '.join(self.parameters)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    description: str | None
    input_schema: object
    output_schema: object


_NO_OPTIONS = _Options(description=None, input_schema=None, output_schema=None)


def step(
    *, description: str | None = None, input_schema: object = None, output_schema: object = None
) -> Callable[[_Function], _Function]:
    """Attach a description and schemas to a step's callable, which is returned unchanged.

    A schema is a JSON Schema (a mapping), or anything with ``model_json_schema()``. Without a description the
    first line of the docstring is shown.
    """
    options = _Options(description=description, input_schema=input_schema, output_schema=output_schema)

    def mark(function: _Function) -> _Function:
        setattr(function, _MARK, options)
        return function

    return mark


def describe(name: str, call: Callable[..., Any], origin: str) -> StepType:
    """Return the step type that ``call`` is; ``StepTypeBroken`` if it cannot be one."""
    if not callable(call):
        raise StepTypeBroken(name, f"{origin} is a {type(call).__name__}, which cannot be called")
    options = _options(call)
    try:
        signature = read_signature(call)
    except (TypeError, ValueError) as error:
        raise StepTypeBroken(name, f"{origin} cannot be called with named input: {error}") from error
    input_schema, input_validator = _schema(name, "input_schema", options.input_schema, "validation")
    output_schema, output_validator = _schema(name, "output_schema", options.output_schema, "serialization")
    return StepType(
        name=name,
        call=call,
        origin=origin,
        description=options.description or _first_line(call),
        parameters=signature.parameters,
        accepts_rest=signature.accepts_rest,
        context_parameter=signature.context_parameter,
        is_async=signature.is_async,
        input_schema=input_schema,
        output_schema=output_schema,
        input_validator=input_validator,
        output_validator=output_validator,
    )


def bind(step_type: StepType, values: Mapping[str, Any], context: StepContext) -> dict[str, Any]:
    """Return the keyword arguments for the call; ``MissingInput`` if a parameter without default stays empty.

    ``values`` is asked for the keys of the parameters alone, unless the callable has ``**kwargs``.
    """
    arguments = {
        parameter.name: values[parameter.name] for parameter in step_type.parameters if parameter.name in values
    }
    missing = tuple(
        parameter.name for parameter in step_type.parameters if parameter.required and parameter.name not in arguments
    )
    if missing:
        raise MissingInput(missing)
    if step_type.accepts_rest:
        arguments.update((name, values[name]) for name in values if name not in arguments)
    if step_type.context_parameter is not None:
        arguments[step_type.context_parameter] = context
    return arguments


def check_input(step_type: StepType, arguments: Mapping[str, Any]) -> None:
    """Raise ``InvalidValue`` if what ``bind`` returned breaks the step type's input schema."""
    if step_type.input_validator is not None:
        check_value(
            step_type.input_validator,
            {name: value for name, value in arguments.items() if name != step_type.context_parameter},
        )


def check_output(step_type: StepType, output: Mapping[str, Any]) -> None:
    """Raise ``InvalidValue`` if an output breaks the step type's output schema."""
    if step_type.output_validator is not None:
        check_value(step_type.output_validator, output)


def normalise_output(returned: object) -> dict[str, Any]:
    """Return what a step returned as a mapping; ``InvalidValue`` says how to convert anything else.

    What stands inside the mapping is not looked at: encoding it does that.
    """
    match returned:
        case None:
            return {}
        case BaseException():  # some are dataclasses, and would pass for an output
            raise InvalidValue("", f"a step returned a {type(returned).__name__}: raise it instead")
        case Mapping():
            return dict(returned)
        case Success():
            return normalise_output(returned.output)
    if inspect.iscoroutine(returned):
        returned.close()
        raise InvalidValue("", "a step returned a coroutine: declare the step with 'async def', or return its result")
    if isinstance(returned, type):
        raise InvalidValue("", f"a step returned the class {returned.__name__}: return an instance of it")
    if dataclasses.is_dataclass(returned):
        return _fields(returned)
    dump = getattr(returned, "model_dump", None)
    dumped = dump(mode="json") if callable(dump) else None
    if isinstance(dumped, Mapping):
        return dict(dumped)
    raise InvalidValue(
        "",
        f"a step returned a {type(returned).__name__}: return a mapping such as {{'value': ...}}, None, a dataclass "
        "or a pydantic model with fields",
    )


def _fields(instance: Any, depth: int = 1) -> dict[str, Any]:
    """Return a dataclass as a mapping, dataclasses inside it too; other values stay the objects they are."""
    return {item.name: _plain(getattr(instance, item.name), depth) for item in dataclasses.fields(instance)}


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value  # encoding refuses it, naming the place
    if dataclasses.is_dataclass(value) and not isinstance(value, type | BaseException):
        return _fields(value, depth + 1)
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    return value


def _options(call: Callable[..., Any]) -> _Options:
    for candidate in (call, underlying(call)):
        options = getattr(candidate, _MARK, None)
        if isinstance(options, _Options):
            return options
    return _NO_OPTIONS


def _schema(name: str, key: str, schema: object, mode: str) -> tuple[Mapping[str, Any] | None, Validator | None]:
    if schema is None:
        return None, None
    try:
        document = schema_document(schema, mode)
        return document, compile_schema(document)
    except ValueError as error:
        raise StepTypeBroken(name, f"its {key} is not a JSON Schema: {error}") from error


def _first_line(call: Callable[..., Any]) -> str | None:
    match call:
        case type():
            text = call.__doc__
        case functools.partial() | types.MethodType() | types.FunctionType():
            text = underlying(call).__doc__
        case _:
            text = underlying(call).__doc__ or type(call).__doc__
    return inspect.cleandoc(text or "").split("\n", 1)[0] or None
