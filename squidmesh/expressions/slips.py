"""Where hands used to Python, SQL or templates slip, and what the expression language calls it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from squidmesh.expressions.tokens import Token, tokens

_WORDS = {
    "and": "write && for 'and'",
    "or": "write || for 'or'",
    "not": "write ! for 'not'",
    "is": "write == for 'is'",
    "like": "write x.contains('part') or x.matches('pattern') for 'like'",
    "matches": "write x.matches('pattern')",
    "contains": "write x.contains('part')",
    "between": "write x >= 1 && x <= 10 for 'between'",
    "if": "write condition ? this : that for 'if'",
    "then": "write condition ? this : that for 'if'",
}
_SYMBOLS = {
    "=": "write == to compare",
    "===": "write == to compare",
    "!==": "write != to compare",
    "<>": "write != for 'not equal'",
    "&": "write && for 'and'",
    "|": "write || for 'or'",
    ";": "an expression has no ';' at its end",
    "#": "a comment cannot stand inside an expression",
    "{{": "an expression is no template; leave the braces out",
    "$": "names have no '$': write payload.x or context.x",
}
_SYMBOL = re.compile(r"===|!==|<>|\{\{|(?<![=!<>])=(?!=)|(?<!&)&(?!&)|(?<!\|)\|(?!\|)|[;#$]")
_UNQUOTED_KEYS = {"in", "true", "false", "null"}
_NAMES = {
    "None": "; write null",
    "nil": "; write null",
    "True": "; write true",
    "False": "; write false",
    "input": "; write payload.x for the run's payload",
    "steps": "; a step's output is in the context: context.x",
    "today": "; write now for the time of the decision",
}
KNOWN_FUNCTIONS = frozenset(
    {
        *(
            "contains",
            "startsWith",
            "endsWith",
            "matches",
            "size",
            "has",
            "all",
            "exists",
            "exists_one",
            "map",
            "filter",
        ),
        *("duration", "timestamp", "string", "int", "uint", "double", "bool", "bytes", "type", "dyn"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    }
)
_FUNCTIONS = {
    "len": "; write size(x)",
    "length": "; write size(x)",
    "count": "; write size(x)",
    "str": "; write string(x)",
    "float": "; write double(x)",
    "any": "; write x.exists(item, condition)",
    "some": "; write x.exists(item, condition)",
    "every": "; write x.all(item, condition)",
    "now": "; now is a variable: write now",
    "exists": "; write has(x) for a field, x.exists(item, condition) for a list",
    "defined": "; write has(x)",
    "startswith": "; write x.startsWith('...')",
    "endswith": "; write x.endsWith('...')",
    "includes": "; write x.contains('...')",
    "lower": "; there is no change of case: write x.matches('(?i)pattern')",
    "days": "; write duration('72h')",
    "hours": "; write duration('72h')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What to write instead of the text at ``offset``."""

    message: str
    offset: int
    length: int


def syntax_hint(text: str, offset: int) -> Hint | None:
    """Return the slip that explains a syntax error at ``offset``: there, or the first one before it."""
    slips = sorted(_word_slips(text) + _symbol_slips(text), key=lambda hint: hint.offset)
    near = [hint for hint in slips if hint.offset <= offset + 2]
    return near[0] if near else None


def name_hint(name: str, *, function: bool) -> str:
    """Return what to write for a name of another language, beginning with ``"; "``, or an empty string."""
    return (_FUNCTIONS if function else _NAMES).get(name, "")


def _word_slips(text: str) -> list[Hint]:
    found = []
    read = tokens(text)
    for before, token in zip([None, *read], read, strict=False):
        if token.kind != "name":
            continue
        selected = before is not None and before.text == "."
        if selected and before and token.text in _UNQUOTED_KEYS:
            message = f"the field {token.text!r} cannot be named with a dot; write payload['{token.text}']"
            found.append(Hint(message=message, offset=token.offset, length=len(token.text)))
        elif not selected and token.text.lower() in _WORDS and not _is_call(token, read):
            hint = _WORDS[token.text.lower()]
            found.append(Hint(message=hint, offset=token.offset, length=len(token.text)))
    return found


def _is_call(token: Token, read: list[Token]) -> bool:
    index = read.index(token)
    return token.text == "matches" and [part.text for part in read[index + 1 : index + 2]] == ["("]


def _symbol_slips(text: str) -> list[Hint]:
    masked = list(text)
    for token in tokens(text):
        if token.kind == "string":
            masked[token.offset : token.offset + len(token.text)] = " " * len(token.text)
    return [
        Hint(message=_SYMBOLS[match[0]], offset=match.start(), length=len(match[0]))
        for match in _SYMBOL.finditer("".join(masked))
    ]
