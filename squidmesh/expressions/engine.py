"""The one place that imports cel-expr-python: environments, compiling, and what its errors say.

Facts about version 0.1.3 that the package rests on, each with a test:

- ``compile`` reports every problem in the text of one ``RuntimeError``; columns count characters.
- ``eval`` hands back errors as values of type ERROR, which are truthy, and may also raise.
- A variable is converted whole when it is touched: an integer beyond 64 bits anywhere inside spoils it, and
  one of thousands of digits, or nesting of 20,000 levels, crashes the process.
- ``has(payload.x)`` is the value itself where ``payload.x`` is declared as one dotted variable.
- Environments and compiled expressions may be shared among threads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from squidmesh.expressions.variables import VariableType
from squidmesh.model.path import ROOTS

MAX_BYTES = 4096
NOW = "now"
_FINDING = re.compile(
    r"^(?:INVALID_ARGUMENT: )?ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \[INVALID_ARGUMENT\])?$", re.MULTILINE
)
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")

Declarations = tuple[tuple[str, VariableType], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of what the compiler objects to; ``offset`` counts characters of the text."""

    message: str
    offset: int


class Rejected(Exception):  # noqa: N818 - errors here are named for what happened
    """The compiler refused a text."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings


@cache
def _library() -> Any:
    from cel_expr_python import cel  # noqa: PLC0415 - 14 MB of shared object that most commands never need

    return cel


@cache
def run_environment() -> Any:
    """Return the environment in which runs evaluate: four open maps and the time of the decision."""
    cel = _library()
    kinds = cel.Type
    variables = {root: kinds.Map(kinds.STRING, kinds.DYN) for root in ROOTS}
    return cel.NewEnv(variables={**variables, NOW: kinds.TIMESTAMP})


@cache
def constant_environment() -> Any:
    """Return an environment without variables: what compiles in it is always the same."""
    return _library().NewEnv()


@lru_cache(maxsize=64)
def check_environment(names: Declarations, open_roots: tuple[str, ...], *, precise: bool) -> Any:
    """Return an environment of dotted variables; ``precise`` gives numbers their types, which rejects natural text."""
    cel = _library()
    kinds = cel.Type
    types = {
        VariableType.STRING: kinds.STRING,
        VariableType.INTEGER: kinds.INT if precise else kinds.DYN,
        VariableType.FLOAT: kinds.DOUBLE if precise else kinds.DYN,
        VariableType.BOOLEAN: kinds.BOOL,
        VariableType.LIST: kinds.LIST,
        VariableType.MAP: kinds.MAP,
        VariableType.ANY: kinds.DYN,
    }
    variables = {name: types[kind] for name, kind in names}
    variables |= {root: kinds.Map(kinds.STRING, kinds.DYN) for root in open_roots}
    return cel.NewEnv(variables={**variables, NOW: kinds.TIMESTAMP})


def compile_text(environment: Any, text: str) -> Any:
    """Return the library's compiled expression; ``Rejected`` with all that is wrong."""
    try:
        return environment.compile(text)
    except (RuntimeError, ValueError, TypeError) as error:
        raise Rejected(_findings(str(error), text)) from None


@lru_cache(maxsize=2048)
def compile_for_run(text: str) -> Any:
    """Return ``text`` compiled as runs evaluate it; ``Rejected`` with all that is wrong."""
    return compile_text(run_environment(), text)


def return_type(program: Any) -> str:
    """Return the library's name of what a compiled expression yields, in lower case: ``bool``, ``dyn``, ``string``."""
    return str(program.return_type()).lower()


def evaluate(program: Any, data: dict[str, Any]) -> tuple[str, Any]:
    """Return type and value of a compiled expression over ``data``; every kind of error comes as type ``error``."""
    try:
        result = program.eval(data=data)
        kind = str(result.type()).lower()
        value = result.value()
    except (RuntimeError, ValueError, TypeError) as error:
        return "error", _STATUS.sub("", str(error))
    if kind in {"error", "unknown"}:
        return "error", _STATUS.sub("", str(value))
    return kind, value


def _findings(report: str, text: str) -> tuple[Finding, ...]:
    found = tuple(
        Finding(message=message, offset=_offset(text, int(line), int(column)))
        for line, column, message in _FINDING.findall(report)
    )
    return found or (Finding(message=_STATUS.sub("", report.partition("\n")[0]), offset=0),)


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return max(0, min(start + column - 1, len(text)))
