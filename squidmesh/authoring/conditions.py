"""Every condition of a workflow with its place, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.authoring.edges import edges, is_mixed
from squidmesh.authoring.upstream import provisions
from squidmesh.expressions import Problem, ProblemKind, Variables, check_expression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.diagnostics import Diagnostic, Severity
    from squidmesh.authoring.document import Place
    from squidmesh.authoring.rules import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A ``when``: its text, where it stands, and what is wrong with it there."""

    text: str
    path: Place
    problems: tuple[Problem, ...]


def conditions(subject: Subject) -> tuple[Condition, ...]:
    """Return the conditions of steps and of transitions."""
    return subject.once(_checked)


def _checked(subject: Subject) -> tuple[Condition, ...]:
    return tuple(_check(subject))


def _check(subject: Subject) -> Iterator[Condition]:
    known = provisions(subject)
    mixed = is_mixed(subject)
    for name, step in subject.workflow.steps.items():
        if step.when is not None:
            variables = Variables() if mixed else known.before(name).variables()
            problems = check_expression(step.when, variables)
            yield Condition(text=step.when, path=("steps", name, "when"), problems=problems)
    for edge in edges(subject):
        if edge.transition is not None and edge.transition.when is not None:
            variables = Variables() if mixed else known.after(edge.step, edge.outcome).variables()
            problems = check_expression(edge.transition.when, variables)
            yield Condition(text=edge.transition.when, path=edge.when_path, problems=problems)


def report(subject: Subject, kind: ProblemKind, code: str, severity: Severity) -> Iterator[Diagnostic]:
    """Yield the problems of one kind in all conditions."""
    for condition in conditions(subject):
        for problem in condition.problems:
            if problem.kind is kind:
                yield diagnose(subject, condition, problem, code, severity)


def diagnose(subject: Subject, condition: Condition, problem: Problem, code: str, severity: Severity) -> Diagnostic:
    """Return a problem at its place, also inside a text of several lines."""
    document, text = subject.document, problem.message
    span = document.part_span(condition.path, problem.offset, problem.length)
    if span is not None:
        return document.source.diagnostic(code, text, span, severity=severity)
    if "\n" in condition.text.strip():
        text = f"{text} (line {problem.line}, column {problem.column} of the condition)"
    return document.diagnostic(code, text, condition.path, severity=severity)
