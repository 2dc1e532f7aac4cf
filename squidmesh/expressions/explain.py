"""The library's findings in words that an author can act on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from squidmesh.errors import suggestion
from squidmesh.expressions.problem import Problem, ProblemKind, problem_at
from squidmesh.expressions.slips import KNOWN_FUNCTIONS, name_hint, syntax_hint
from squidmesh.model.path import ROOTS

if TYPE_CHECKING:
    from squidmesh.expressions.engine import Finding
    from squidmesh.expressions.variables import Variables

_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"[Nn]o matching overloads? (?:for|found :) '?([^\s'(]+)'?(?: applied to ')?\((.*?)\)'?$")
_SELECT = re.compile(r"expression of type '([^']+)' cannot be the operand of a select operation")
_MISSING_KEY = re.compile(r'Key not found in map : "(.*)"')
_NAME = re.compile(r"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*")
_ARITHMETIC = {"+", "-", "*", "/", "%"}
_KINDS = {
    "int": "a whole number",
    "int64": "a whole number",
    "uint": "an unsigned whole number",
    "double": "a number with a decimal point",
    "string": "a text",
    "bool": "true or false",
    "bytes": "bytes",
    "null_type": "null",
    "timestamp": "a time",
    "google.protobuf.Timestamp": "a time",
    "duration": "a duration",
    "google.protobuf.Duration": "a duration",
    "list": "a list",
    "map": "a map",
}


def is_syntax(finding: Finding) -> bool:
    """Return whether the text could not even be parsed, so that further findings are noise."""
    return "Syntax error" in finding.message or "recursion" in finding.message


def is_follow_up(finding: Finding, findings: tuple[Finding, ...], text: str, variables: Variables) -> bool:
    """Return whether a finding only follows from another one: an unknown operand, an unknown macro's variable."""
    if "*error*" in finding.message:
        return True
    name = _UNDECLARED.search(finding.message)
    if name is None or _is_function(finding, text) or not any(_is_function(other, text) for other in findings):
        return False
    root = name[1].partition(".")[0]
    return root not in ROOTS and not _is_known_below(root, variables)


def explain_finding(finding: Finding, text: str, variables: Variables) -> Problem:
    """Return a finding as a problem."""
    message = finding.message
    if is_syntax(finding):
        return _explain_syntax(finding, text)
    undeclared = _UNDECLARED.search(message)
    if undeclared:
        return _explain_undeclared(undeclared[1], finding, text, variables)
    overload = _OVERLOAD.search(message)
    if overload:
        return _overload_problem(overload, finding, text)
    select = _SELECT.search(message)
    if select:
        return problem_at(text, ProblemKind.TYPE, f"{_kind(select[1])} has no fields", finding.offset)
    if "has() argument" in message:
        return _explain_has(finding, text, variables)
    if "int literal" in message:
        message = "this whole number does not fit into 64 bits"
    return problem_at(text, ProblemKind.SYNTAX, message, finding.offset)


def explain_number_mix(finding: Finding, text: str) -> Problem | None:
    """Return a problem if arithmetic mixes whole numbers and decimals, which fails in every run; else None."""
    overload = _OVERLOAD.search(finding.message)
    if overload is None or _symbol(overload[1]) not in _ARITHMETIC:
        return None
    if {part.strip() for part in overload[2].split(",")} != {"int", "double"}:
        return None
    return _overload_problem(overload, finding, text)


def explain_evaluation(reason: str, text: str) -> str:
    """Return why an evaluation failed, for the run's history."""
    missing = _MISSING_KEY.search(reason)
    if missing:
        return f"{missing[1]!r} is not there; guard it with has(...): {text:.200}"
    overload = _OVERLOAD.search(reason)
    if overload:
        hint = "; test it first: x != null && …" if "null" in overload[2] else None
        return f"{_operator_message(overload[1], overload[2], hint)}: {text:.200}"
    return f"{reason:.500}: {text:.200}"


def unknown_key(root: str, key: str, variables: Variables) -> str:
    """Return what to say of a key that is not below ``root``."""
    match root:
        case "payload":
            return f"no trigger declares the payload field {key!r}"
        case "context":
            return f"nothing before this place provides {key!r}"
        case "failure" if not variables.failure:
            return "no failure can be known here: no 'error' route leads to this place"
        case _:
            return f"{root!r} has no {key!r}"


def _explain_syntax(finding: Finding, text: str) -> Problem:
    if "recursion" in finding.message:
        message = "the expression is nested too deeply (32 levels); let a step decide and test its output"
        return problem_at(text, ProblemKind.SYNTAX, message)
    hint = syntax_hint(text, finding.offset)
    if hint:
        return problem_at(text, ProblemKind.SYNTAX, hint.message, hint.offset, hint.length)
    if text[finding.offset : finding.offset + 1] in {"'", '"'} and "token recognition" in finding.message:
        return problem_at(text, ProblemKind.SYNTAX, "a quote is opened here and never closed", finding.offset)
    if "<EOF>' expecting" in finding.message or finding.offset >= len(text.rstrip()):
        return problem_at(text, ProblemKind.SYNTAX, "the expression ends too early", len(text.rstrip()), 1)
    found = _NAME.match(text, finding.offset)
    shown = found[0] if found else text[finding.offset : finding.offset + 1]
    message = f"{shown!r} cannot stand here in an expression"
    return problem_at(text, ProblemKind.SYNTAX, message, finding.offset, len(shown))


def _is_function(finding: Finding, text: str) -> bool:
    """Return whether the compiler points at the parenthesis of a call, as it does for unknown functions.

    At that of ``has(`` it points for the operand.
    """
    name = _UNDECLARED.search(finding.message)
    if name is None or text[finding.offset : finding.offset + 1] != "(":
        return False
    return text[: finding.offset].rstrip().endswith(name[1].rpartition(".")[2])


def _explain_undeclared(name: str, finding: Finding, text: str, variables: Variables) -> Problem:
    if _is_function(finding, text):
        start = max(0, finding.offset - len(name))
        message = f"there is no function {name!r} in expressions{name_hint(name, function=True)}"
        if name in KNOWN_FUNCTIONS:
            message = f"{name!r} takes other arguments than these"
        return problem_at(text, ProblemKind.UNKNOWN_VARIABLE, message, start, len(name))
    offset = next((match.start() for match in _NAME.finditer(text) if finding.offset < match.end()), 0)
    root, _, rest = name.removeprefix(".").partition(".")
    if root not in ROOTS:
        message = f"{root!r} is not known here{_where_else(root, variables)}"
        return problem_at(text, ProblemKind.UNKNOWN_VARIABLE, message, offset, len(root))
    key = rest.partition(".")[0]
    message = unknown_key(root, key, variables) + suggestion(key, variables.named(root))
    return problem_at(text, ProblemKind.UNKNOWN_VARIABLE, message, offset, len(root) + 1 + len(key))


def _explain_has(finding: Finding, text: str, variables: Variables) -> Problem:
    found = _NAME.match(text, finding.offset)
    name = found[0] if found else ""
    root = _is_known_below(name, variables)
    hint = f"has({root}.{name})" if root else "has(payload.amount)"
    message = f"has() asks whether a field is there; write it with the map that it is in: {hint}"
    return problem_at(text, ProblemKind.SYNTAX, message, finding.offset, max(len(name), 1))


def _where_else(name: str, variables: Variables) -> str:
    """Return where a bare name would be found, or what it is in other languages."""
    hint = name_hint(name, function=False)
    if hint:
        return hint
    root = _is_known_below(name, variables)
    if root:
        return f"; write {root}.{name}"
    return suggestion(name, (*ROOTS, "now")) or "; names begin with payload., context., run., failure. or are now"


def _is_known_below(name: str, variables: Variables) -> str | None:
    """Return the root below which a bare name would be found."""
    roots = ("payload", "context", "run")
    return next((root for root in roots if name in variables.named(root)), None)


def _overload_problem(overload: re.Match[str], finding: Finding, text: str) -> Problem:
    message = _operator_message(overload[1], overload[2])
    symbol = _symbol(overload[1])
    length = len(symbol) if text.startswith(symbol, finding.offset) else 1
    return problem_at(text, ProblemKind.TYPE, message, finding.offset, length)


def _operator_message(operator: str, operands: str, hint: str | None = None) -> str:
    kinds = [part.strip() for part in re.split(r",\s*(?![^(]*\))", operands)]
    names = " and ".join(_kind(kind) for kind in kinds)
    symbol = _symbol(operator)
    return f"{symbol!r} cannot be applied to {names}{hint or _operand_hint(symbol, set(kinds))}"


def _operand_hint(symbol: str, kinds: set[str]) -> str:
    if kinds & {"int", "int64"} and "double" in kinds:
        if symbol in _ARITHMETIC:
            return "; convert: double(x) * 1.08"
        return "; write the number with a decimal point (10.0), or convert: double(x)"
    if "string" in kinds and any(kind.lower().endswith("timestamp") for kind in kinds):
        return "; convert the text: timestamp(x)"
    if "string" in kinds and any(kind.lower().endswith("duration") for kind in kinds):
        return "; convert the text: duration('72h')"
    if "null_type" in kinds:
        return "; it is never null: an optional field that is not given is absent, test it with has(...)"
    if symbol == "!":
        return "; it must be true or false"
    if symbol in {"&&", "||"}:
        return "; both sides must be true or false"
    return ""


def _symbol(operator: str) -> str:
    if operator == "_[_]":
        return "[ ]"
    return operator.removeprefix("@").replace("_", "") or operator if not operator[:1].isalpha() else operator


def _kind(kind: str) -> str:
    return _KINDS.get(kind.partition("(")[0].partition("<")[0], kind)
