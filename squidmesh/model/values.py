"""What may be kept as JSON: the one gate that payloads, outputs and errors pass.

Postgres refuses NUL in text, JSON has no NaN, and neither has lone surrogates; Python would write all
three. A value is checked here before it is encoded, so that a refusal names the place in the value.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from squidmesh.errors import InvalidValue

MAX_DEPTH = 100
MAX_INTEGER_DIGITS = 1000
DEFAULT_MAX_BYTES = 1024 * 1024
_CONVERSIONS = {
    "datetime": "write value.isoformat()",
    "date": "write value.isoformat()",
    "time": "write value.isoformat()",
    "timedelta": "write value.total_seconds()",
    "Decimal": "write str(value)",
    "UUID": "write str(value)",
    "bytes": "write value.decode() or base64 text",
    "set": "write sorted(value)",
    "frozenset": "write sorted(value)",
    "tuple": "write list(value)",
}
_LARGEST = 10**MAX_INTEGER_DIGITS


def encode(value: Any, *, max_bytes: int = DEFAULT_MAX_BYTES) -> str:
    """Return ``value`` as JSON text; ``InvalidValue`` names what cannot be, or that it exceeds ``max_bytes``."""
    check(value)
    # The only non-JSON types that pass the check are mappings other than dict.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=dict)
    size = len(text.encode())
    if size > max_bytes:
        raise InvalidValue("", f"is {size} bytes of JSON, more than the {max_bytes} allowed (setting max_value_bytes)")
    return text


def check(value: Any, path: str = "", depth: int = 0) -> None:
    """Raise ``InvalidValue`` with the path of the first thing in ``value`` that is not plain JSON."""
    if value is None or value is True or value is False:
        return
    kind = type(value)
    if kind is str:
        _check_text(value, path)
    elif kind is int:
        if not -_LARGEST < value < _LARGEST:
            raise InvalidValue(path, f"is an integer of more than {MAX_INTEGER_DIGITS} digits")
    elif kind is float:
        if not math.isfinite(value):
            raise InvalidValue(path, f"is {value}, which JSON cannot carry")
    elif depth >= MAX_DEPTH:
        raise InvalidValue(path, f"is nested deeper than {MAX_DEPTH} levels")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if type(key) is not str:
                raise InvalidValue(path, f"has a key that is not a string but of type {type(key).__name__}")
            _check_text(key, path)
            check(inner, f"{path}.{key}" if path else key, depth + 1)
    elif kind is list:
        for index, inner in enumerate(value):
            check(inner, f"{path}.{index}" if path else str(index), depth + 1)
    else:
        hint = _conversion(value)
        raise InvalidValue(path, f"is a {kind.__name__}, which is not JSON" + (f": {hint}" if hint else ""))


def check_texts(**texts: object) -> None:
    """Raise ``InvalidValue`` for the first argument, by its name, that is neither None nor a text that can be kept."""
    for name, text in texts.items():
        if text is None:
            continue
        if not isinstance(text, str):
            raise InvalidValue(name, f"is a {type(text).__name__}, not text")
        _check_text(text, name)


def check_moment(name: str, moment: object) -> datetime:
    """Return an argument that is an aware time; ``InvalidValue`` by its name otherwise."""
    if not isinstance(moment, datetime):
        raise InvalidValue(name, f"must be an aware time, a datetime with a time zone; found {moment!r:.80}")
    if moment.tzinfo is None:
        raise InvalidValue(name, "must be an aware time: it has no time zone")
    return moment


def _conversion(value: Any) -> str | None:
    if isinstance(value, Enum):
        return "write value.value"
    if dataclasses.is_dataclass(value):
        return "write dataclasses.asdict(value)"
    if hasattr(value, "model_dump"):
        return "write value.model_dump(mode='json')"
    return _CONVERSIONS.get(type(value).__name__)


def _check_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise InvalidValue(path, "contains a NUL character, which Postgres cannot store")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidValue(path, "contains a lone surrogate, which is not valid Unicode") from None


def printable(text: str, limit: int = 4000) -> str:
    """Return ``text`` made storable and short: NUL and lone surrogates replaced, cut after ``limit`` characters."""
    cleaned = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    return cleaned if len(cleaned) <= limit else f"{cleaned[:limit]}… ({len(cleaned)} characters)"
