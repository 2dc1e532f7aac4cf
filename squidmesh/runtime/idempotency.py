"""What a start under an idempotency key asks for: the payload as the caller gave it, before any default.

A default may be of the moment, and a deploy may change a literal one between a start and its repetition; neither
makes it another request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squidmesh.model.definition import Field


def request_hash(fields: Mapping[str, Field], given: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of a payload as it was given: sorted keys, no white space, UTF-8.

    A declared field given as None counts as not given; a float that is a whole number as that number, as languages
    differ in how they write it.
    """
    canonical = json.dumps(_given_map(fields, given), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _given_map(fields: Mapping[str, Field], given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _given(fields.get(name), value)
        for name, value in given.items()
        if value is not None or name not in fields
    }


def _given(field: Field | None, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _given_map((field.properties if field is not None else None) or {}, value)
    if isinstance(value, list):
        items = field.items if field is not None else None
        return [_given(items, item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
