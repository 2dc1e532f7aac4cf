"""The payload contract of a trigger: which fields a run takes, and what is wrong with a payload.

No message carries a value of the payload, since a field may be sensitive and errors are kept and shown.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidPayload, InvalidValue, suggestion
from squidmesh.model.definition import DynamicDefault, FieldType
from squidmesh.model.formats import FORMATS
from squidmesh.model.path import MISSING
from squidmesh.model.values import check, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from squidmesh.model.definition import Field

MASK = "***"
# The time a pattern takes grows with the text, for some patterns faster than the text does.
MAX_PATTERN_TEXT = 10_000
_TYPES: Mapping[FieldType, tuple[type, ...]] = {
    FieldType.STRING: (str,),
    FieldType.INTEGER: (int,),
    FieldType.FLOAT: (float, int),
    FieldType.BOOLEAN: (bool,),
    FieldType.MAP: (Mapping,),
    FieldType.LIST: (list,),
}


def apply_contract(fields: Mapping[str, Field], payload: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """Return ``payload`` with defaults applied, in the order of the contract.

    ``moment`` is the aware time that the run is for, in its own time zone: dynamic defaults are taken from
    it. A field given as None counts as not given. Raises ``InvalidPayload`` with every problem by dotted path.
    """
    if moment.tzinfo is None:
        raise ValueError("the moment that a run is for needs a time zone")
    if not isinstance(payload, Mapping):
        raise InvalidPayload({"payload": f"expected a map of fields, found {_kind(payload)}"})
    contract = _Contract(moment)
    accepted = contract.read_map(fields, payload, "")
    if contract.problems:
        raise InvalidPayload(contract.problems)
    return accepted


def mask(fields: Mapping[str, Field], payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``payload`` with each sensitive value replaced by ``***``, nested ones too."""
    return {name: _mask_value(fields[name], value) if name in fields else value for name, value in payload.items()}


def _mask_value(field: Field, value: Any) -> Any:
    if field.sensitive:
        return MASK
    if field.properties is not None and isinstance(value, Mapping):
        return mask(field.properties, value)
    if field.items is not None and isinstance(value, list):
        return [_mask_value(field.items, item) for item in value]
    return value


class _Contract:
    """One reading of a payload; ``problems`` collects what is wrong, by path."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.problems: dict[str, str] = {}

    def read_map(self, fields: Mapping[str, Field], values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        accepted: dict[str, Any] = {}
        for name, field in fields.items():
            value = self.read_field(field, values.get(name), prefix + name)
            if value is not MISSING:
                accepted[name] = value
        for name in values:
            if name not in fields:
                shown = printable(str(name), 80)
                self.problems[f"{prefix}{shown}"] = f"is not declared{suggestion(shown, tuple(fields))}"
        return accepted

    def read_field(self, field: Field, value: Any, path: str) -> Any:
        if value is None:
            value = self._default(field)
        if value is None:
            if field.required and not field.has_default:
                self.problems[path] = "is required"
            return MISSING
        return self.read_value(field, value, path)

    def read_value(self, field: Field, value: Any, path: str) -> Any:
        problem = _mistyped(field, value)
        if problem is None:
            value, problem = self._read_content(field, value, path)
        found = [problem] if problem else list(_violations(field, value))
        if found:
            self.problems[path] = "; ".join(found)
        return value

    def _read_content(self, field: Field, value: Any, path: str) -> tuple[Any, str | None]:
        if field.properties is not None and field.type is FieldType.MAP:
            return self.read_map(field.properties, value, f"{path}."), None
        if field.items is not None and field.type is FieldType.LIST:
            return [self._read_item(field.items, item, f"{path}.{index}") for index, item in enumerate(value)], None
        return value, self._unstorable(value, path)

    def _read_item(self, field: Field, item: Any, path: str) -> Any:
        # An item that is left out would move the ones behind it, so null stays where it is allowed at all.
        value = self.read_field(field, item, path)
        return None if value is MISSING else value

    def _default(self, field: Field) -> Any:
        match field.dynamic_default:
            case DynamicDefault.TODAY:
                return self.moment.date().isoformat()
            case DynamicDefault.NOW:
                return self.moment.isoformat()
            case None:
                return copy.deepcopy(field.default) if field.has_default else None

    def _unstorable(self, value: Any, path: str) -> str | None:
        try:
            check(value)
        except InvalidValue as error:
            if not error.path:
                return error.reason
            self.problems[f"{path}.{error.path}"] = error.reason
        return None


def _mistyped(field: Field, value: Any) -> str | None:
    expected = _TYPES[field.type]
    if isinstance(value, expected) and (field.type is FieldType.BOOLEAN or not isinstance(value, bool)):
        return None
    return f"expected {field.type.value}, found {_kind(value)}"


def _violations(field: Field, value: Any) -> Iterator[str]:
    if field.enum is not None and not any(_same(value, member) for member in field.enum):
        yield f"is not one of {', '.join(map(repr, field.enum))}"
    if field.minimum is not None and isinstance(value, (int, float)) and value < field.minimum:
        yield f"is less than {field.minimum}"
    if field.maximum is not None and isinstance(value, (int, float)) and value > field.maximum:
        yield f"is more than {field.maximum}"
    if isinstance(value, (str, list, Mapping)):
        yield from _length_violations(field, len(value), "characters" if isinstance(value, str) else "entries")
    if isinstance(value, str):
        yield from _text_violations(field, value)


def _length_violations(field: Field, length: int, unit: str) -> Iterator[str]:
    if field.min_length is not None and length < field.min_length:
        yield f"has {length} {unit}, fewer than {field.min_length}"
    if field.max_length is not None and length > field.max_length:
        yield f"has {length} {unit}, more than {field.max_length}"


def _text_violations(field: Field, text: str) -> Iterator[str]:
    if field.pattern is not None:
        if len(text) > MAX_PATTERN_TEXT:
            yield f"has {len(text)} characters, more than the {MAX_PATTERN_TEXT} that a pattern is tried on"
        elif not re.search(field.pattern, text):
            yield f"does not match the pattern {field.pattern!r}"
    has_format = FORMATS.get(field.format) if field.format is not None else None
    if has_format is not None and not has_format(text):
        yield f"is not a valid {field.format}"


def _same(value: Any, member: Any) -> bool:
    if isinstance(value, list) and isinstance(member, list):
        return len(value) == len(member) and all(map(_same, value, member))
    if isinstance(value, Mapping) and isinstance(member, Mapping):
        return value.keys() == member.keys() and all(_same(value[key], member[key]) for key in member)
    # In JSON, true is not 1.
    return isinstance(value, bool) == isinstance(member, bool) and bool(value == member)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    for type_, kinds in _TYPES.items():
        if isinstance(value, kinds) and (type_ is FieldType.BOOLEAN or not isinstance(value, bool)):
            return type_.value
    return f"a {type(value).__name__}"
