"""Literal arguments that can be tried at once: durations, times and patterns that no run would accept."""

from __future__ import annotations

import re

from squidmesh.expressions import engine
from squidmesh.expressions.engine import Rejected
from squidmesh.expressions.problem import Problem, ProblemKind, problem_at
from squidmesh.expressions.tokens import Token, tokens

_DAYS = re.compile(r"['\"](\d+)d['\"]")


def check_literals(text: str) -> list[Problem]:
    """Return what is wrong with the literals given to ``duration``, ``timestamp`` and ``matches`` in ``text``."""
    read = tokens(text)
    found = []
    for name, opening, literal, closing in zip(read, read[1:], read[2:], read[3:], strict=False):
        if (opening.text, closing.text, literal.kind) != ("(", ")", "string"):
            continue
        message = _try(name.text, literal)
        if message:
            found.append(problem_at(text, ProblemKind.TYPE, message, literal.offset, len(literal.text)))
    return found


def _try(function: str, literal: Token) -> str | None:
    match function:
        case "duration":
            days = _DAYS.fullmatch(literal.text)
            if days:
                return f"durations in expressions have no unit for days; write duration('{int(days[1]) * 24}h')"
            return _error(f"duration({literal.text})", "is not a duration; write one such as '90s', '15m' or '72h'")
        case "timestamp":
            return _error(f"timestamp({literal.text})", "is not a time; write one such as '2026-01-31T09:00:00Z'")
        case "matches":
            return _error(f"''.matches({literal.text})", "is not a regular expression (RE2 syntax)")
        case _:
            return None


def _error(call: str, message: str) -> str | None:
    """Return ``message`` about the call's literal if the call cannot be evaluated."""
    try:
        program = engine.compile_text(engine.constant_environment(), call)
    except Rejected:
        return None
    kind, _ = engine.evaluate(program, {})
    literal = call[call.index("(") + 1 : -1]
    return f"{literal:.80} {message}" if kind == "error" else None
