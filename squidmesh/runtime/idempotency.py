"""Whether two starts under one idempotency key ask for the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squidmesh.model.definition import Field


def same_request(
    fields: Mapping[str, Field], given: Mapping[str, Any], fresh: Mapping[str, Any], stored: Mapping[str, Any]
) -> bool:
    """Return whether a start is a repetition of the one whose payload was ``stored``.

    ``given`` is what the caller passed now, ``fresh`` what the contract made of it. Where the caller gave nothing
    and the contract took a default of the moment, the two starts differ by their moment alone.
    """
    return all(
        _same(fields.get(name), given.get(name), fresh.get(name), stored.get(name))
        for name in fresh.keys() | stored.keys()
    )


def _same(field: Field | None, given: Any, fresh: Any, stored: Any) -> bool:
    if field is None:
        return bool(fresh == stored)
    if given is None and field.dynamic_default is not None:
        return True
    if field.properties is not None and all(isinstance(value, Mapping) for value in (given, fresh, stored)):
        return same_request(field.properties, given, fresh, stored)
    if field.items is not None and all(isinstance(value, list) for value in (given, fresh, stored)):
        items = field.items
        return len(fresh) == len(stored) and all(
            _same(items, *values) for values in zip(given, fresh, stored, strict=True)
        )
    return bool(fresh == stored)
