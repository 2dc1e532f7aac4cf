"""Check an expression against what is known where it stands, without running anything."""

from __future__ import annotations

import re
from typing import Any

from squidmesh.errors import suggestion
from squidmesh.expressions import engine
from squidmesh.expressions.engine import Finding, Rejected
from squidmesh.expressions.explain import (
    explain_evaluation,
    explain_finding,
    explain_number_mix,
    is_follow_up,
    is_syntax,
    unknown_key,
)
from squidmesh.expressions.literals import check_literals
from squidmesh.expressions.problem import Problem, ProblemKind, problem_at
from squidmesh.expressions.tokens import references
from squidmesh.expressions.variables import Variables, VariableType
from squidmesh.model.path import ROOTS

# Read as ``dyn(``, of the same length, because ``has`` wants a field of a map and the names are variables here.
_HAS = re.compile(r"(?<![\w.])has(?=\s*\()")
_NUMBERS = {VariableType.INTEGER, VariableType.FLOAT}
ANYTHING = Variables()
_TYPE_NAMES = {"int": "a number", "uint": "a number", "double": "a number", "string": "a text", "null": "null"}


def check_expression(text: str, variables: Variables) -> tuple[Problem, ...]:
    """Return everything wrong with ``text`` as a condition over ``variables``, in the order of the text."""
    found = check_syntax(text, variables)
    if not found:
        found = _check_names(text, variables) or _check_value(text, variables)
    elif all(problem.kind is ProblemKind.UNKNOWN_VARIABLE for problem in found):
        # The names below the roots are declared in the other environment alone.
        places = {problem.offset for problem in found}
        found += [problem for problem in _check_names(text, variables) if problem.offset not in places]
    return tuple(sorted(found, key=lambda problem: problem.offset))


def check_syntax(text: str, variables: Variables = ANYTHING) -> list[Problem]:
    """Return what keeps ``text`` from compiling for a run; ``variables`` only serves to say it better."""
    size = len(text.encode(errors="surrogatepass"))
    if size > engine.MAX_BYTES:
        message = (
            f"the expression has {size} bytes, more than {engine.MAX_BYTES}; let a step decide and test its output"
        )
        return [problem_at(text, ProblemKind.SYNTAX, message)]
    if not text.strip():
        return [problem_at(text, ProblemKind.SYNTAX, "the expression is empty; leave 'when' out if it always holds")]
    try:
        engine.compile_for_run(text)
    except Rejected as rejected:
        return _explain(rejected.findings, text, variables)
    return []


def _check_names(text: str, variables: Variables) -> list[Problem]:
    """Return misspelt names and operators that do not fit the types of what they are applied to."""
    return _check_whole_roots(text, variables) + _check_dotted(text, variables)


def _check_whole_roots(text: str, variables: Variables) -> list[Problem]:
    """Return unknown keys below roots that are also used whole, where the library cannot tell them."""
    found = []
    for root, named in references(text).items():
        known = variables.below(root)
        if not named.whole or known is None:
            continue
        for key, offsets in named.keys.items():
            if key not in known:
                message = unknown_key(root, key, variables) + suggestion(key, known)
                length = len(root) + 1 + len(key)
                found += [problem_at(text, ProblemKind.UNKNOWN_VARIABLE, message, offset, length) for offset in offsets]
    return found


def _check_dotted(text: str, variables: Variables) -> list[Problem]:
    try:
        _compile_checked(text, variables, precise=False)
    except Rejected as rejected:
        return _explain(rejected.findings, text, variables)
    return []


def _compile_checked(text: str, variables: Variables, *, precise: bool) -> Any:
    named = references(text)
    open_roots = tuple(root for root in ROOTS if variables.below(root) is None or (root in named and named[root].whole))
    names = tuple(
        (f"{root}.{name}", kind)
        for root in ROOTS
        if root in named
        for name in sorted(named[root].keys)
        if (kind := variables.named(root).get(name)) is not None
    )
    environment = engine.check_environment(names, open_roots, precise=precise)
    return engine.compile_text(environment, _HAS.sub("dyn", text))


def _check_value(text: str, variables: Variables) -> list[Problem]:
    """Return what is wrong with the value of an expression whose names are all known."""
    problems = check_literals(text)
    if problems:
        return problems
    kind = engine.return_type(engine.compile_for_run(text))
    if kind == "dyn":
        kind = engine.return_type(_compile_checked(text, variables, precise=False))
    mixed: list[Problem] = []
    if _names_numbers(text, variables):
        try:
            precise = _compile_checked(text, variables, precise=True)
            kind = engine.return_type(precise) if kind == "dyn" else kind
        except Rejected as rejected:
            mixed = [problem for finding in rejected.findings if (problem := explain_number_mix(finding, text))]
    if mixed:
        return mixed
    if kind not in {"bool", "dyn"}:
        return [_not_boolean(text, kind)]
    return _check_constant(text)


def _not_boolean(text: str, kind: str) -> Problem:
    name = _TYPE_NAMES.get(kind, f"a {kind.partition('<')[0]}")
    message = f"the condition is {name}, not true or false; compare it with something"
    return problem_at(text, ProblemKind.NOT_BOOLEAN, message)


def _names_numbers(text: str, variables: Variables) -> bool:
    """Return whether a variable of ``text`` is known to be a number, which the first compilation leaves open."""
    return any(
        variables.named(root).get(name) in _NUMBERS for root, named in references(text).items() for name in named.keys
    )


def _check_constant(text: str) -> list[Problem]:
    """Return a problem if nothing that the run knows can change the outcome.

    Without any value a variable is an error, and what is true or false all the same does not depend on it.
    """
    kind, value = engine.evaluate(engine.compile_for_run(text), {})
    if kind == "error" and not _is_constant(text):
        return []
    if kind == "error":
        return [
            problem_at(text, ProblemKind.TYPE, f"the condition always fails: {explain_evaluation(str(value), text)}")
        ]
    if kind != "bool":
        return [_not_boolean(text, kind)]
    always = "true, so 'when' may go" if value else "false, so this never happens"
    why = "whatever the run knows" if references(text) else "it names nothing of the run"
    return [problem_at(text, ProblemKind.CONSTANT, f"the condition is always {always}; {why}")]


def _is_constant(text: str) -> bool:
    """Return whether a text names neither what a run knows nor the time."""
    try:
        engine.compile_text(engine.constant_environment(), text)
    except Rejected:
        return False
    return True


def _explain(findings: tuple[Finding, ...], text: str, variables: Variables) -> list[Problem]:
    """Return the findings in our words, without those that only follow from another."""
    syntax = [finding for finding in findings if is_syntax(finding)]
    if syntax:
        return [explain_finding(syntax[0], text, variables)]
    leading = [finding for finding in findings if not is_follow_up(finding, findings, text, variables)]
    return [explain_finding(finding, text, variables) for finding in leading or findings[:1]]
