"""A violation of the schema before and after it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from squidmesh.authoring.document import Place

EXCLUDED = frozenset({"SM201", "SM204", "SM207", "SM212", "SM213"})  # a key that does not belong where it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What the validator found: ``keyword`` of the schema asks for ``limit``, and ``value`` at ``path`` breaks it.

    ``parent`` is the mapping or list that ``value`` stands in; ``is_key`` whether ``value`` is a key of it. ``root`` is
    all of the file's data.
    """

    keyword: str
    limit: Any
    value: Any
    path: Place
    parent: Any
    schema: Mapping[str, Any]
    is_key: bool
    root: Any

    @property
    def title(self) -> str:
        """How the schema calls what it asks for."""
        return str(self.schema.get("title", ""))

    @property
    def is_duration(self) -> bool:
        """Whether a duration is asked for."""
        return "duration" in self.title or self.title == "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A violation in words, at a place of the data.

    ``rename`` is the key that was meant. ``harmless`` is whether the data can be compiled as it is.
    """

    code: str
    message: str
    path: Place
    on_key: bool = False
    rename: str | None = None
    harmless: bool = False


def violation_of(error: ValidationError, data: Any) -> Violation:
    """Return an error of the validator as a value of ours; a bad key stands in the path that leads to it."""
    path = tuple(error.absolute_path)
    is_key = "propertyNames" in error.absolute_schema_path
    if is_key:
        path = (*path, str(error.instance))
    parent = data
    for segment in path[:-1]:
        parent = parent[segment]
    return Violation(
        keyword=str(error.validator),
        limit=error.validator_value,
        value=error.instance,
        path=path,
        parent=parent,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        is_key=is_key,
        root=data,
    )
