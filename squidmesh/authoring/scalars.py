"""Plain scalars by the YAML 1.2 core schema (YAML 1.2.2, section 10.3.2), and the ones that JSON cannot carry."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from squidmesh.model.values import MAX_INTEGER_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?([Tt]|[ \t]+)\d\d?:\d\d:\d\d(\.\d*)?([ \t]*(Z|[-+]\d\d?(:?\d\d)?))?"
)


class NotJsonError(ValueError):
    """A scalar that has no JSON value; ``code`` is its rule, the text what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def resolve_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar; ``NotJsonError`` for what other readers would make of it."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _number(text, int)
    if _RADIX.fullmatch(text):
        return _number(text, lambda digits: int(digits, 0))
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NOT_FINITE.fullmatch(text):
        raise NotJsonError("SM110", f"{text} is not a JSON number; quote it if the text is meant, or leave the key out")
    if _TIMESTAMP.fullmatch(text):
        raise NotJsonError("SM110", f"{text} is a date to many YAML readers and JSON has none; quote it: '{text}'")
    return text


def join_surrogates(text: str) -> str:
    r"""Return ``text`` with escaped surrogate pairs (``"\ud83e\udd91"``, as JSON writes them) made one character."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def check_text(text: str) -> None:
    """Raise ``NotJsonError`` for text that cannot be stored: NUL characters and lone surrogates."""
    if "\x00" in text:
        raise NotJsonError("SM116", "the text contains a NUL character, which cannot be stored; remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotJsonError("SM116", "the text contains half of a surrogate pair, which is no character") from None


def _number(text: str, convert: Callable[[str], int]) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise NotJsonError(
            "SM117", f"a number of {len(text)} digits; at most {MAX_INTEGER_DIGITS} are accepted, quote it to pass text"
        )
    return convert(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJsonError("SM110", f"{text:.40} is too large for a number; quote it if the text is meant")
    return value
