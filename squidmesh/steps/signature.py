"""What a callable asks for: its parameters, and which one of them takes the step's context.

Annotations are read without evaluating them as a whole, because a module may import what they name under
``TYPE_CHECKING`` only: each name is looked up in the callable's module, and one that is not there counts as
the context if its last part is ``StepContext``.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, Union

from squidmesh.steps.context import StepContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter that a step's input may fill; ``annotation`` is its text."""

    name: str
    required: bool
    default: Any = None
    annotation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The parameters of a callable; ``accepts_rest`` if it has ``**kwargs``."""

    parameters: tuple[Parameter, ...]
    accepts_rest: bool
    context_parameter: str | None
    is_async: bool


def read_signature(call: Callable[..., Any]) -> Signature:
    """Return what ``call`` asks for; ``ValueError`` if it cannot be called with keyword arguments alone."""
    namespace = _namespace(call)
    parameters: list[Parameter] = []
    contexts: list[str] = []
    accepts_rest = False
    for parameter in _signature(call).parameters.values():
        match parameter.kind:
            case inspect.Parameter.VAR_KEYWORD:
                accepts_rest = True
            case inspect.Parameter.VAR_POSITIONAL:
                pass
            case inspect.Parameter.POSITIONAL_ONLY:
                if parameter.default is inspect.Parameter.empty:
                    raise ValueError(f"parameter {parameter.name!r} is positional-only; input is passed by name")
            case _ if _names_context(parameter.annotation, namespace):
                contexts.append(parameter.name)
            case _:
                parameters.append(_describe(parameter))
    if len(contexts) > 1:
        raise ValueError(f"parameters {' and '.join(contexts)} are all annotated StepContext; one is expected")
    return Signature(
        parameters=tuple(parameters),
        accepts_rest=accepts_rest,
        context_parameter=contexts[0] if contexts else None,
        is_async=inspect.iscoroutinefunction(underlying(call)),
    )


def underlying(call: Any) -> Any:
    """Return the function that ``call`` runs: behind partials, bound methods and ``__call__``; a class as it is."""
    while True:
        match call:
            case functools.partial():
                call = call.func
            case types.MethodType():
                call = call.__func__
            case type() | types.FunctionType():
                return call
            case _:
                # Only a ``__call__`` written in Python has a module to look names up in.
                method = getattr(type(call), "__call__", None)  # noqa: B004 - the function is wanted, not the fact
                return method if isinstance(method, types.FunctionType) else call


def _namespace(call: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the names that annotations of ``call`` may use; a wrapper's are those of what it wraps."""
    function = underlying(inspect.unwrap(underlying(call)))
    if isinstance(function, type):
        return vars(sys.modules[function.__module__])
    return getattr(function, "__globals__", {})


def _signature(call: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):
        # Annotations are evaluated when asked for, and a name that is missing must not raise.
        import annotationlib  # noqa: PLC0415 - does not exist before Python 3.14

        return inspect.signature(call, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(call)


def _describe(parameter: inspect.Parameter) -> Parameter:
    required = parameter.default is inspect.Parameter.empty
    return Parameter(
        name=parameter.name,
        required=required,
        default=None if required else parameter.default,
        annotation=_text(parameter.annotation),
    )


def _text(annotation: Any) -> str | None:
    match annotation:
        case inspect.Parameter.empty:
            return None
        case str():
            return annotation
        case ForwardRef():
            return annotation.__forward_arg__
        case type():
            return annotation.__qualname__
        case _:
            return str(annotation).replace("typing.", "")


def _names_context(annotation: Any, namespace: Mapping[str, Any]) -> bool:
    match annotation:
        case str():
            return _text_names_context(annotation, namespace)
        case ForwardRef():
            return _text_names_context(annotation.__forward_arg__, namespace)
        case type():
            return issubclass(annotation, StepContext)
    if typing.get_origin(annotation) in (Union, types.UnionType, Annotated):
        # Of Annotated[X, note] the notes are any value; one that is a StepContext type is none of ours.
        members = typing.get_args(annotation)
        members = members[:1] if typing.get_origin(annotation) is Annotated else members
        return any(_names_context(member, namespace) for member in members)
    return False


def _text_names_context(text: str, namespace: Mapping[str, Any]) -> bool:
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return False
    return _node_names_context(expression, namespace)


def _node_names_context(node: ast.expr, namespace: Mapping[str, Any]) -> bool:
    match node:
        case ast.Constant(value=str() as text):
            return _text_names_context(text, namespace)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _node_names_context(left, namespace) or _node_names_context(right, namespace)
        case ast.Subscript(value=value, slice=inner) if _last_part(value) in {"Optional", "Union", "Annotated"}:
            members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            members = members[:1] if _last_part(value) == "Annotated" else members
            return any(_node_names_context(member, namespace) for member in members)
        case ast.Name() | ast.Attribute():
            found = _look_up(node, namespace)
            return _last_part(node) == StepContext.__name__ if found is None else _names_context(found, namespace)
        case _:
            return False


def _look_up(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return namespace.get(name)
        case ast.Attribute(value=value, attr=name):
            return getattr(_look_up(value, namespace), name, None)
        case _:
            return None


def _last_part(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None
