"""The JSON-ready form of the values that callers see."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID


class Shown:
    """Gives a frozen value its JSON-ready form: times as ISO 8601 text, ids as text, enums as their value."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the value as JSON-ready data, keys in the order of the fields."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
        return {item.name: _plain(getattr(self, item.name)) for item in fields}


def _plain(value: Any) -> Any:
    match value:
        case Shown():
            return value.to_dict()
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case Enum():
            return value.value
        case Mapping():
            return {key: _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value
