"""Payload fields: from the file's data to the payload contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import DynamicDefault, Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping


def compile_fields(data: Mapping[str, Any] | None) -> dict[str, Field]:
    """Return the fields by name, in the file's order."""
    return {name: compile_field(field) for name, field in (data or {}).items()}


def compile_field(data: Mapping[str, Any]) -> Field:
    """Return one field; a default of either kind makes it optional."""
    kind = FieldType(data["type"])
    dynamic = _dynamic_default(kind, data)
    has_default = "default" in data and dynamic is None
    optional = has_default or dynamic is not None
    return Field(
        type=kind,
        required=data.get("required", True) and not optional,
        has_default=has_default,
        default=data["default"] if has_default else None,
        dynamic_default=dynamic,
        description=data.get("description"),
        enum=tuple(data["enum"]) if "enum" in data else None,
        minimum=data.get("minimum"),
        maximum=data.get("maximum"),
        min_length=_whole(data.get("min_length")),
        max_length=_whole(data.get("max_length")),
        pattern=data.get("pattern"),
        format=data.get("format"),
        items=compile_field(data["items"]) if "items" in data else None,
        properties=compile_fields(data["properties"]) if "properties" in data else None,
        sensitive=data.get("sensitive", False),
    )


def _whole(number: float | None) -> int | None:
    # JSON Schema takes 3.0 for an integer.
    return None if number is None else int(number)


def _dynamic_default(kind: FieldType, data: Mapping[str, Any]) -> DynamicDefault | None:
    default = data.get("default")
    if kind is FieldType.STRING and isinstance(default, dict):
        return DynamicDefault(next(iter(default)))
    return None
