"""A host's huey tasks, their results and revocations as JSON: whoever writes a row can name a task and give it JSON.

huey pickles by default, which would let whoever may write a row execute anything. Every field of a row is checked
when it is read, and one that is not as we write it is refused as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from huey.registry import Message
from huey.serializer import Serializer
from huey.utils import SKIPPED, Error

from squidmesh.errors import InvalidValue
from squidmesh.model.values import check

if TYPE_CHECKING:
    from collections.abc import Callable


class HostSerializer(Serializer):  # type: ignore[misc]  # huey ships no type information
    """Writes what huey keeps as a JSON object with one key, that says what it is."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(_written(data), allow_nan=False, separators=(",", ":"), default=_plain_mapping).encode()

    def _deserialize(self, data: bytes) -> Any:
        """Return what was written; ``ValueError`` if it was not written by us."""
        try:
            content = json.loads(data, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("it is nested too deep") from None
        if not isinstance(content, dict) or len(content) != 1:
            raise ValueError("it is not an object with one key")
        ((kind, value),) = content.items()
        if kind not in _READERS:
            raise ValueError(f"it holds a {kind[:40]!r}, which is nothing that is kept here")
        return _READERS[kind](value)


def _written(data: Any) -> dict[str, Any]:
    match data:
        case Message():
            return {"task": _write_message(data)}
        case Error():
            return {"error": data.metadata}
        case tuple():  # huey writes no other than this of its own, and a result that is one is refused before
            until, once = data
            return {"revoked": {"until": until and until.isoformat(), "once": once}}
        case _ if data is SKIPPED:
            return {"skipped": True}
        case _:
            return {"value": data}


def _write_message(message: Message) -> dict[str, Any]:
    """Return a task without the fields that say nothing."""
    written = {name: value for name, value in message._asdict().items() if value is not None and name in _PLAIN}
    for name in _TIMES:
        if getattr(message, name) is not None:
            written[name] = getattr(message, name).isoformat()
    for name in _TASKS:
        if getattr(message, name) is not None:
            written[name] = _write_message(getattr(message, name))
    if message.chord_config is not None:
        chord, size, index, callback = message.chord_config
        written["chord"] = [chord, size, index, _write_message(callback)]
    return written | {
        "args": list(message.args),
        "kwargs": message.kwargs,
        "expires": _write_expiry(message.expires),
    }


def _write_expiry(expires: Any) -> Any:
    if isinstance(expires, timedelta):
        return expires.total_seconds()
    return {"at": expires.isoformat()} if isinstance(expires, datetime) else expires


def _plain_mapping(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is not JSON")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is not JSON")


def _expect(kind: type | tuple[type, ...], described: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{described} is expected instead of a {type(value).__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number is too large")
        return value

    return read


def _read_time(value: Any) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is not None:
        raise ValueError("a time has a zone, which none that is kept here has")
    return time


def _read_expiry(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return value if value is None else _number(value)
    return datetime.fromisoformat(_text(_mapping(value).get("at")))


def _read_message(value: Any) -> Message:
    content = dict(_mapping(value))
    chord = content.pop("chord", None)
    fields = {}
    for name, inner in content.items():
        if name not in _FIELDS:
            raise ValueError(f"a task has no field {name[:40]!r}")
        try:
            fields[name] = _FIELDS[name](inner)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if missing := {"id", "name", "args", "kwargs"} - set(fields):
        raise ValueError(f"a task lacks {', '.join(sorted(missing))}")
    return Message(**fields, chord_config=None if chord is None else _read_chord(chord))


def _read_args(value: Any) -> tuple[Any, ...]:
    return tuple(_sequence(value))


def _read_chord(value: Any) -> tuple[str, int, int, Message]:
    chord, size, index, callback = _sequence(value)
    return _text(chord), _integer(size), _integer(index), _read_message(callback)


def _read_revocation(value: Any) -> tuple[datetime | None, bool]:
    content = _mapping(value)
    until = content.get("until")
    return None if until is None else _read_time(until), bool(content.get("once"))


_text = _expect(str, "a text")
_integer = _expect(int, "an integer")
_number = _expect((int, float), "a number")
_mapping = _expect(dict, "an object")
_sequence = _expect(list, "a list")
_PLAIN = {
    "id": _text,
    "name": _text,
    "retries": _integer,
    "retry_delay": _number,
    "retry_backoff": _number,
    "priority": _number,
    "timeout": _number,
}
_TIMES = {"eta": _read_time, "expires_resolved": _read_time}
_TASKS = {"on_complete": _read_message, "on_error": _read_message}
_FIELDS: dict[str, Callable[[Any], Any]] = {
    **_PLAIN,
    **_TIMES,
    **_TASKS,
    "args": _read_args,
    "kwargs": _mapping,
    "expires": _read_expiry,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "task": _read_message,
    "error": lambda value: Error(_mapping(value)),
    "revoked": _read_revocation,
    "skipped": lambda _: SKIPPED,
    "value": lambda value: value,
}


def plain(value: Any) -> Any:
    """Return as JSON what huey itself puts among the arguments of a handler or of a chord's callback.

    An exception becomes a text, the failure of a chord's member a mapping with ``error``, a member that did not run
    None.
    """
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, Error):
        return dict(value.metadata)
    if value is SKIPPED:
        return None
    return [plain(inner) for inner in value] if type(value) is list else value


def refusal(value: Any) -> str | None:
    """Return why JSON cannot carry a value, None if it can."""
    try:
        check(value)
    except InvalidValue as error:
        return f"at {error.path} {error.reason}" if error.path else error.reason
    return None
