"""What a completed step adds to the context, as far as its file and its contract tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from squidmesh.expressions import VariableType
from squidmesh.model.definition import Approval, Log, Pause, Uses, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squidmesh.model.definition import Step
    from squidmesh.steps.contract import StepType

DECISION: Mapping[str, VariableType] = {
    "decision": VariableType.STRING,
    "actor": VariableType.ANY,
    "decided_at": VariableType.STRING,
    "comment": VariableType.ANY,
    "metadata": VariableType.ANY,
}
_JSON_TYPES = {"array": VariableType.LIST, "object": VariableType.MAP, "number": VariableType.FLOAT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The keys that a step adds to the context; ``open`` if there may be others."""

    keys: Mapping[str, VariableType] = field(default_factory=dict)
    open: bool = False


def output_of(step: Step, step_type: StepType | None) -> Output:
    """Return what ``step`` adds when it completes; a ``step_type`` of None is one that nothing is known of."""
    match step.action:
        case Log() | Wait():
            return Output()
        case Pause() | Approval():
            return Output(keys={step.output: VariableType.MAP} if step.output else DECISION)
        case Uses():
            if step.output:
                return Output(keys={step.output: VariableType.MAP})
            return _merged(step_type.output_schema if step_type else None)
        case action:
            assert_never(action)


def value_type(name: object) -> VariableType:
    """Return the type of values that a payload field or a JSON Schema calls ``name``."""
    if not isinstance(name, str):
        return VariableType.ANY
    if name in _JSON_TYPES:
        return _JSON_TYPES[name]
    return VariableType(name) if name in set(VariableType) else VariableType.ANY


def _merged(schema: Mapping[str, Any] | None) -> Output:
    """Return the keys of an output that is merged; a schema that does not forbid other keys leaves it open."""
    properties = schema.get("properties") if schema else None
    if schema is None or not isinstance(properties, dict):
        return Output(open=True)
    required = schema.get("required", ())
    keys = {
        name: value_type(inner.get("type")) if name in required and isinstance(inner, dict) else VariableType.ANY
        for name, inner in properties.items()
    }
    closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    return Output(keys=keys, open=not closed)
