"""Evaluate a compiled expression over a run's data: exactly True or False, or a failure that says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidExpression
from squidmesh.expressions import engine
from squidmesh.expressions.checking import check_syntax
from squidmesh.expressions.explain import explain_evaluation
from squidmesh.expressions.tokens import References, references
from squidmesh.model.values import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class EvaluationFailed(Exception):  # noqa: N818 - errors here are named for what happened
    """An expression has no boolean value over this data; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A compiled expression; may be shared among threads and evaluated any number of times."""

    text: str
    references: Mapping[str, References] = field(repr=False)
    _program: Any = field(repr=False)

    def evaluate(self, variables: Mapping[str, Any]) -> bool:
        """Return what the expression says about ``variables``; ``EvaluationFailed`` for anything but a boolean.

        ``variables`` has the mappings ``payload``, ``context``, ``run`` and ``failure`` (absent or None: empty), of
        which only the keys that the expression names are touched, and ``now``, an aware datetime.
        """
        data: dict[str, Any] = {
            root: _select(root, variables.get(root), names) for root, names in self.references.items()
        }
        now = variables.get(engine.NOW)
        if now is not None:
            if now.tzinfo is None:
                raise ValueError("now must be an aware datetime")
            data[engine.NOW] = now
        kind, value = engine.evaluate(self._program, data)
        if kind == "bool" and (value is True or value is False):
            return value
        if kind == "error":
            raise EvaluationFailed(explain_evaluation(str(value), self.text))
        raise EvaluationFailed(f"the expression is {_name(kind)}, not true or false: {self.text:.200}")


@lru_cache(maxsize=2048)
def compile_expression(text: str) -> Expression:
    """Return ``text`` compiled for evaluation; ``InvalidExpression`` says what is wrong, and at which column."""
    problems = check_syntax(text)
    if problems:
        first = problems[0]
        raise InvalidExpression(text, first.message, first.column)
    program = engine.compile_for_run(text)
    return Expression(text=text, references=references(text), _program=program)


def _name(kind: str) -> str:
    return {"int": "a number", "double": "a number", "string": "a text", "null": "null"}.get(kind, f"of type {kind}")


def _select(root: str, values: Mapping[str, Any] | None, names: References) -> dict[str, Any]:
    """Return what the expression can touch of one root, found safe to hand to the library."""
    if not values:
        return {}
    keys = values if names.whole else names.keys
    selected = {key: _moment(values[key]) for key in keys if key in values}
    for key, value in selected.items():
        _admit(value, f"{root}.{key}", 1)
    return selected


def _moment(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _admit(value: Any, path: str, depth: int) -> None:
    """Refuse what the library would misread or crash on; JSON's own types only, bounded in depth and size."""
    kind = type(value)
    if kind is int:
        if not _SMALLEST <= value <= _LARGEST:
            raise EvaluationFailed(f"{path} holds an integer beyond 64 bits, which expressions cannot compare")
    elif kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise EvaluationFailed(f"{path} is nested deeper than {MAX_DEPTH} levels, which expressions cannot read")
        for inner in value.values() if kind is dict else value:
            _admit(inner, path, depth + 1)
    elif not (value is None or kind in {str, bool, float}):
        raise EvaluationFailed(f"{path} holds a {kind.__name__}, which is not JSON")
